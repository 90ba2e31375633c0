//! How far a long run is: a bar on standard error, where that is a terminal.

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of bytes, or nothing at all.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    is_shown: bool,
    expected: u64,
}

/// A run that is over sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

impl Progress {
    /// A bar that appears when a run takes long.
    #[must_use]
    pub fn on_terminal() -> Self {
        Self { bar: ProgressBar::hidden(), started: Instant::now(), state: RefCell::default() }
    }

    /// There are so many bytes more to be read.
    pub fn expect(&self, size_bytes: u64) {
        let mut state = self.state.borrow_mut();
        state.expected += size_bytes;
        self.bar.set_length(state.expected);
    }

    /// What is read now.
    pub fn at(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// So many bytes were read.
    pub fn advance(&self, size_bytes: u64) {
        let mut state = self.state.borrow_mut();
        if !state.is_shown && self.started.elapsed() > PATIENCE && Term::stderr().is_term() {
            state.is_shown = true;
            let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {wide_msg}");
            self.bar.set_style(style.expect("the template is right"));
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(size_bytes);
    }

    /// A line on standard error, above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// `out`, before each write to which the bar steps aside.
    pub fn over<'p>(&'p self, out: impl Write + 'p) -> impl Write + 'p {
        Aside { progress: self, out: io::BufWriter::with_capacity(64 << 10, out) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Aside<'p, W: Write> {
    progress: &'p Progress,
    out: io::BufWriter<W>,
}

impl<W: Write> Write for Aside<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.out.buffer().len() + bytes.len() > self.out.capacity() {
            self.flush()?;
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let out = &mut self.out;
        self.progress.bar.suspend(|| out.flush())
    }
}
