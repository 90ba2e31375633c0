//! What a process costs, as Linux counts it.

use std::fs;

use crate::error::{BenchError, During, Result};

/// Processor time of all threads of a process, those that ended included.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    /// In the program.
    pub user_s: f64,
    /// In the kernel, for the program.
    pub system_s: f64,
}

impl CpuTime {
    /// Of process `pid`, from its start until now. Linux counts in hundredths of a second.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = read(pid, "stat")?;
        let ticks_a_second = rustix::param::clock_ticks_per_second() as f64;
        parse_stat(&stat)
            .map(|(user, system)| Self {
                user_s: user as f64 / ticks_a_second,
                system_s: system as f64 / ticks_a_second,
            })
            .ok_or_else(|| BenchError::Other(format!("/proc/{pid}/stat is not as expected: {stat}")))
    }

    /// Both together.
    pub fn total_s(self) -> f64 {
        self.user_s + self.system_s
    }

    /// What was used between `earlier` and this.
    pub fn since(self, earlier: Self) -> Self {
        Self { user_s: self.user_s - earlier.user_s, system_s: self.system_s - earlier.system_s }
    }
}

/// Resident memory of a process, in megabytes of a million bytes.
pub fn resident_mb(pid: u32) -> Result<f64> {
    let status = read(pid, "status")?;
    parse_resident_kib(&status)
        .map(|kib| kib as f64 * 1024.0 / 1e6)
        .ok_or_else(|| BenchError::Other(format!("/proc/{pid}/status has no VmRSS")))
}

/// The program that a process runs; none when there is no such process any more.
pub fn program_of(pid: u32) -> Option<String> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(program.file_name()?.to_string_lossy().into_owned())
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).during(format!("reading {path} (has the broker ended?)"))
}

/// User and system time in ticks. The command's name stands in parentheses and may hold anything.
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut times = behind_name.split_whitespace().skip(11);
    Some((times.next()?.parse().ok()?, times.next()?.parse().ok()?))
}

fn parse_resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_whatever_the_process_is_called() {
        let stat = "42 (a) S 1 (b) R 1 2 3 4 5 6 7 8 9 10 1234 567 0 0 20 0";
        assert_eq!(parse_stat(stat), Some((1234, 567)));
        assert_eq!(parse_stat("42 (cut off) R 1 2"), None);
    }

    #[test]
    fn resident_memory_is_in_kibibytes() {
        assert_eq!(parse_resident_kib("Name:\tx\nVmHWM:\t  99 kB\nVmRSS:\t   12345 kB\n"), Some(12345));
    }

    #[test]
    fn this_process_has_used_memory() {
        assert!(resident_mb(std::process::id()).expect("/proc is there") > 0.1);
    }
}
