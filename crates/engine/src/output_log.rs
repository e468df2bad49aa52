//! The output of a remote program: whole in a local file, its last lines in memory.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A log file that is appended to (mode 600), and the last lines added to it.
#[derive(Debug)]
pub struct OutputLog {
    path: PathBuf,
    /// `None` after a failed write.
    file: Option<File>,
    tail: VecDeque<String>,
    tail_lines: usize,
    lines: u64,
}

impl OutputLog {
    /// Opens a file for appending, and creates it and its directory if missing. Keeps `tail_lines` lines in memory.
    pub fn open(path: &Path, tail_lines: usize) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { path: path.to_owned(), file: Some(file), tail: VecDeque::new(), tail_lines, lines: 0 })
    }

    /// Appends a line. Called on threads that drive futures: the write of one line reaches the page cache only, and writing
    /// here keeps the lines in order and slows a program down that floods its output.
    ///
    /// # Errors
    /// On the first failed write only. The file ends there, later lines reach only the tail: a full local disk must not
    /// stop a remote program.
    pub fn add(&mut self, line: &str) -> io::Result<()> {
        if self.tail.len() == self.tail_lines {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
        self.lines += 1;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(format!("{line}\n").as_bytes()).inspect_err(|_| self.file = None)
    }

    /// Last lines, oldest first.
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// Number of lines added.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_holds_all_lines_and_memory_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/log");
        let mut transcript = OutputLog::open(&path, 2).unwrap();
        for line in ["a", "b", "c"] {
            transcript.add(line).unwrap();
        }
        assert_eq!((transcript.tail(), transcript.lines()), (vec!["b".to_owned(), "c".to_owned()], 3));
        OutputLog::open(&path, 2).unwrap().add("d").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "a\nb\nc\nd\n");
    }

    #[test]
    fn full_disk_is_reported_once() {
        let mut transcript = OutputLog::open(Path::new("/dev/full"), 2).unwrap();
        assert!(transcript.add("a").is_err());
        transcript.add("b").unwrap();
        assert_eq!(transcript.tail(), ["a", "b"]);
    }
}
