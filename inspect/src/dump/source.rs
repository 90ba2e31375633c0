//! A file that is read in pieces, and says so to the progress bar.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;

use crate::progress::Progress;

/// A file, or what stands for one.
pub struct Source<'p> {
    input: Box<dyn Input>,
    size_bytes: u64,
    progress: Option<&'p Progress>,
    /// How far it was read, for the progress bar.
    seen: u64,
    has_failed: bool,
}

/// What a source reads from.
pub trait Input: Read + Seek {}

impl<T: Read + Seek> Input for T {}

impl<'p> Source<'p> {
    /// Opens a file whose reading is progress.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn open(path: &Path, progress: &'p Progress) -> io::Result<Self> {
        let mut source = Source::open_quietly(path)?;
        source.progress = Some(progress);
        progress.at(&path.display().to_string());
        Ok(source)
    }

    /// Opens a file that is looked into on the way.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn open_quietly(path: &Path) -> io::Result<Self> {
        Self::over(File::open(path)?)
    }

    /// Reads from `input`.
    ///
    /// # Errors
    /// Where its end can't be found.
    pub fn over(mut input: impl Input + 'static) -> io::Result<Self> {
        let size_bytes = input.seek(SeekFrom::End(0))?;
        Ok(Self { input: Box::new(input), size_bytes, progress: None, seen: 0, has_failed: false })
    }

    /// Of the file when it was opened.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Whether an error came from reading it.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// At most `size_bytes` from byte `at` on; fewer only where the file ends.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn read(&mut self, at: u64, size_bytes: usize) -> io::Result<Bytes> {
        let result = self.try_read(at, size_bytes);
        self.has_failed |= result.is_err();
        if let Some(progress) = self.progress
            && at + size_bytes as u64 > self.seen
        {
            let end = (at + size_bytes as u64).min(self.size_bytes);
            progress.advance(end.saturating_sub(self.seen));
            self.seen = self.seen.max(end);
        }
        result
    }

    fn try_read(&mut self, at: u64, size_bytes: usize) -> io::Result<Bytes> {
        self.input.seek(SeekFrom::Start(at))?;
        let left = usize::try_from(self.size_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(size_bytes.min(left));
        self.input.by_ref().take(size_bytes as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}
