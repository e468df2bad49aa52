//! Local files of operations. Everything here blocks on the disk.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::host::write_private;

/// Number of runs whose logs are kept, per deployment and for listed hosts.
const KEPT_RUNS: usize = 10;
/// Number of bytes read at a time, backwards from the end of a log.
const PART: u64 = 1 << 16;

/// Creates a directory for the logs of one run, and deletes those of all but the last [`KEPT_RUNS`] runs.
pub(super) fn create_logs(all: &Path, now: Timestamp) -> io::Result<PathBuf> {
    fs::create_dir_all(all)?;
    let mut runs: Vec<_> = fs::read_dir(all)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    runs.sort();
    for old in runs.iter().rev().skip(KEPT_RUNS - 1) {
        fs::remove_dir_all(old)?;
    }
    let logs = all.join(now.strftime("%Y%m%dT%H%M%S.%6fZ").to_string());
    fs::create_dir(&logs)?;
    Ok(logs)
}

/// Creates a directory with mode 0700, and its parents.
pub(super) fn create_private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Copies a private key to a new file, readable by its owner only.
pub(super) fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    write_private(to, &fs::read_to_string(from)?.into())
}

/// Name and text of the first of these files that a directory has. A symbolic link is ignored: it may point anywhere. The
/// error names the file that cannot be read.
pub(super) fn first_file<'n>(top: &Path, names: &[&'n str]) -> Result<Option<(&'n str, String)>, (PathBuf, io::Error)> {
    let is_file = |name: &&&str| top.join(name).symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let Some(name) = names.iter().find(is_file) else { return Ok(None) };
    let path = top.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((name, text))),
        Err(error) => Err((path, error)),
    }
}

/// A log may be as long as the disk allows: for its last lines, only its end is read.
pub(super) fn read_end(path: &Path, lines: Option<usize>) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let mut text = Vec::new();
    let Some(lines) = lines else {
        let end = file.read_to_end(&mut text)? as u64;
        return Ok((text, end));
    };
    let end = file.seek(SeekFrom::End(0))?;
    let mut from = end;
    while from > 0 && text.iter().filter(|byte| **byte == b'\n').count() <= lines {
        let length = from.min(PART);
        from -= length;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        (&mut file).take(length).read_to_end(&mut part)?;
        part.append(&mut text);
        text = part;
    }
    Ok((last_lines(&text, lines).to_vec(), end))
}

/// The content of a file from an offset on; nothing if it cannot be read (yet).
pub(super) fn read_from(file: &Path, from: u64) -> Vec<u8> {
    let mut more = Vec::new();
    if let Ok(mut file) = File::open(file)
        && file.seek(SeekFrom::Start(from)).is_ok()
        && file.read_to_end(&mut more).is_err()
    {
        more.clear();
    }
    more
}

pub(super) fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let last: usize = text.split_inclusive(|byte| *byte == b'\n').rev().take(lines).map(<[u8]>::len).sum();
    &text[text.len() - last..]
}
