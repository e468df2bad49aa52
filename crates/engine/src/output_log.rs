//! All that a program on a host wrote, in a file on this computer; and its last lines, in bounded memory.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What was written so far. The file is only its owner's to read.
#[derive(Debug)]
pub struct OutputLog {
    path: PathBuf,
    /// Absent once it could not be written to any more.
    file: Option<File>,
    tail: VecDeque<String>,
    longest_tail: usize,
    lines: u64,
}

impl OutputLog {
    /// Goes on at the end of a file, which is made where there is none; keeps so many last lines at hand.
    pub fn open(path: &Path, longest_tail: usize) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { path: path.to_owned(), file: Some(file), tail: VecDeque::new(), longest_tail, lines: 0 })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// Once, where the file can't be written to: it ends there. A full disk here must not end what runs over there.
    pub fn add(&mut self, line: &str) -> io::Result<()> {
        if self.tail.len() == self.longest_tail {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
        self.lines += 1;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(format!("{line}\n").as_bytes()).inspect_err(|_| self.file = None)
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// How many lines were added.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_keeps_all_and_memory_keeps_the_end() {
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
    fn a_full_disk_is_told_once() {
        let mut transcript = OutputLog::open(Path::new("/dev/full"), 2).unwrap();
        assert!(transcript.add("a").is_err());
        transcript.add("b").unwrap();
        assert_eq!(transcript.tail(), ["a", "b"]);
    }
}
