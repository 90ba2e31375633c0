//! A disk that fills up, a directory that may no longer be written to, files that somebody removes: the partition answers
//! KAFKA_STORAGE_ERROR, the log says what to do, and after that what was acknowledged is there.

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ottla_core::error_code::ErrorCode;
use support::load::{PartitionLedger, create_topic};
use support::{Client, Launch, TestBroker};
use tempfile::TempDir;

const MIB: usize = 1 << 20;
const SMALL_SEGMENTS: &[(&str, &str)] = &[("segment.bytes", "1048576")];

/// A small file system of its own, in namespaces of its own: mounting it needs no rights.
struct SmallDisk {
    holder: Child,
    mounted_at: PathBuf,
    nsenter: Vec<String>,
}

impl SmallDisk {
    /// `None` where this system lets nobody do that.
    fn of(size_bytes: usize, below: &Path) -> Option<Self> {
        let mounted_at = below.join("small");
        fs::create_dir(&mounted_at).unwrap();
        let script =
            format!("mount -t tmpfs -o size={size_bytes} tmpfs '{}' && echo mounted && cat", mounted_at.display());
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line != "mounted\n" {
            holder.wait().unwrap();
            return None;
        }
        let pid = holder.id().to_string();
        let nsenter = ["nsenter", "--target", &pid, "--user", "--mount", "--preserve-credentials"].map(String::from);
        Some(Self { holder, mounted_at, nsenter: nsenter.into() })
    }

    /// A path on it as other processes see it.
    fn seen_from_outside(&self, name: &str) -> PathBuf {
        let inside = self.mounted_at.strip_prefix("/").expect("it is absolute");
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside).join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Its namespaces end with it, and the file system with them.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn a_disk_that_fills_up_and_is_freed() {
    for is_killed in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::of(24 * MIB, directory.path()) else {
            return eprintln!("skipped: this system does not let a test mount a small file system (unshare, nsenter)");
        };
        let ballast = disk.seen_from_outside("ballast");
        fs::write(&ballast, vec![1; 12 * MIB]).unwrap();
        let (data, nsenter) =
            (disk.mounted_at.join("data"), disk.nsenter.iter().map(String::as_str).collect::<Vec<_>>());
        let launch = Launch { data: Some(&data), wrapper: &nsenter, ..Launch::default() };
        let broker = TestBroker::launch(directory, &launch);
        let mut client = broker.connect();
        create_topic(&mut client, "big", 1, SMALL_SEGMENTS);
        create_topic(&mut client, "other", 1, &[]);
        let (mut big, mut other) = (PartitionLedger::new("big", 0), PartitionLedger::new("other", 0));
        assert_eq!(other.produce_until_refused(broker.address(), 10), None);

        let refusal = big.produce_until_refused(broker.address(), usize::MAX).expect("the disk is small");
        assert_eq!(refusal, ErrorCode::KafkaStorageError as i16);
        assert!(broker.output().contains("big-0: offline: "), "{}", broker.output());
        assert!(broker.output().contains("free some space, and start the broker anew"), "{}", broker.output());
        fs::remove_file(&ballast).unwrap();
        assert_eq!(big.produce_until_refused(broker.address(), 1), Some(refusal), "it stays offline until the restart");

        let directory = stop(broker, is_killed);
        let broker = TestBroker::launch(directory, &launch);
        all_is_there_and_goes_on(&broker, &mut [&mut big, &mut other]);
        // Before its file system goes.
        stop(broker, true);
    }
}

#[test]
fn a_directory_that_may_no_longer_be_written_to() {
    let directory = tempfile::tempdir().unwrap();
    // Root may write anywhere, unless it gives that up.
    let no_override = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let is_root = rustix::process::geteuid().is_root();
    let wrapper: &[&str] = if is_root { &no_override } else { &[] };
    let launch = Launch { wrapper, ..Launch::default() };
    if is_root && !Command::new("setpriv").args(&no_override[1..]).arg("true").status().is_ok_and(|s| s.success()) {
        return eprintln!("skipped: root can write to any directory, and there is no setpriv to give that up");
    }
    let broker = TestBroker::launch(directory, &launch);
    let mut client = broker.connect();
    create_topic(&mut client, "locked", 1, SMALL_SEGMENTS);
    create_topic(&mut client, "other", 1, SMALL_SEGMENTS);
    let (mut locked, mut other) = (PartitionLedger::new("locked", 0), PartitionLedger::new("other", 0));
    let partition_dir = broker.data().join("locked-0");
    fs::set_permissions(&partition_dir, Permissions::from_mode(0o555)).unwrap();

    let refusal = locked.produce_until_refused(broker.address(), 10_000).expect("a new segment can't be made");
    assert_eq!(refusal, ErrorCode::KafkaStorageError as i16);
    assert_eq!(other.produce_until_refused(broker.address(), 1_000), None, "the other one goes on");
    assert!(broker.output().contains("let this process write there, and start the broker anew"), "{}", broker.output());

    fs::set_permissions(&partition_dir, Permissions::from_mode(0o755)).unwrap();
    let broker = TestBroker::launch(stop(broker, false), &launch);
    all_is_there_and_goes_on(&broker, &mut [&mut locked, &mut other]);
}

#[test]
fn a_segment_that_is_removed_while_it_is_written_to() {
    let broker = TestBroker::start();
    let mut client = broker.connect();
    create_topic(&mut client, "removed", 1, &[]);
    create_topic(&mut client, "other", 1, &[]);
    let (mut removed, mut other) = (PartitionLedger::new("removed", 0), PartitionLedger::new("other", 0));
    assert_eq!(removed.produce_until_refused(broker.address(), 100), None);
    let segment = broker.data().join("removed-0/00000000000000000000.log");
    fs::remove_file(&segment).unwrap();

    let refusal = removed.produce_until_refused(broker.address(), 1).expect("nothing more may be acknowledged");
    assert_eq!(refusal, ErrorCode::KafkaStorageError as i16);
    assert_eq!(other.produce_until_refused(broker.address(), 100), None, "the other one goes on");

    // The log says where its bytes still are.
    let output = broker.output();
    let line = output.lines().find(|line| line.contains("removed-0: offline: ")).expect("it is said");
    let copy_from = line.split(' ').find(|word| word.starts_with("/proc/")).expect("it says where");
    fs::copy(copy_from, &segment).unwrap();
    let broker = TestBroker::launch(stop(broker, false), &Launch::default());
    all_is_there_and_goes_on(&broker, &mut [&mut removed, &mut other]);
}

#[test]
fn everything_that_is_not_a_segment_may_be_removed() {
    for is_killed in [false, true] {
        let broker = TestBroker::start();
        let mut client = broker.connect();
        create_topic(&mut client, "robbed", 1, SMALL_SEGMENTS);
        let mut robbed = PartitionLedger::new("robbed", 0);
        assert_eq!(robbed.produce_until_refused(broker.address(), 1_000), None);
        remove_all_but_segments(&broker.data().join("robbed-0"));
        assert_eq!(robbed.produce_until_refused(broker.address(), 1_000), None);

        let directory = stop(broker, is_killed);
        remove_all_but_segments(&directory.path().join("data/robbed-0"));
        for checkpoint in ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"] {
            let _ = fs::remove_file(directory.path().join("data").join(checkpoint));
        }
        let broker = TestBroker::launch(directory, &Launch::default());
        all_is_there_and_goes_on(&broker, &mut [&mut robbed]);
    }
}

fn remove_all_but_segments(partition_dir: &Path) {
    for entry in fs::read_dir(partition_dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            fs::remove_file(path).unwrap();
        }
    }
}

fn stop(broker: TestBroker, is_killed: bool) -> TempDir {
    if is_killed {
        return broker.kill();
    }
    let (status, _, directory) = broker.terminate();
    assert!(status.success(), "{status}");
    directory
}

fn all_is_there_and_goes_on(broker: &TestBroker, ledgers: &mut [&mut PartitionLedger]) {
    let mut client: Client = broker.connect();
    for ledger in ledgers {
        ledger.settle(&mut client);
        assert_eq!(ledger.produce_until_refused(broker.address(), 10), None, "it goes on");
        ledger.settle(&mut client);
    }
}
