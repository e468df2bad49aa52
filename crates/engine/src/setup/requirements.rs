//! What a Python environment is made of, as one hash.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use hostler_core::demand::PythonNeed;
use hostler_core::hash::hexadecimal;
use sha2::{Digest as _, Sha256};

use super::error::SetupError;
use super::job::PhaseRun;

/// What says how the repository itself is installed.
const PROJECT: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// No requirement file that somebody wrote is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// The hash of all wishes and of the content of all files that they name, and that those include.
///
/// A file that the demand names must be there. One that is only included counts as absent where it can't be read: what
/// is to be thought of it, pip knows better.
pub(super) fn fingerprint(job: &PhaseRun<'_>, need: &PythonNeed) -> Result<String, SetupError> {
    let mut hash = Sha256::new();
    let wishes = serde_json::to_vec(need).unwrap_or_default();
    hash.update(wishes);
    let mut seen = BTreeSet::new();
    let mut included_files = Vec::new();
    for file in need.requirement_files.iter().map(PathBuf::from) {
        let text = read_named(job, &file)?;
        included_files.extend(included(&file, &text));
        add(&mut hash, &file, Some(&text));
        seen.insert(file);
    }
    let read = |file: &Path| job.context.source.and_then(|source| read_inside(source, file).ok());
    while let Some(file) = included_files.pop() {
        if seen.insert(file.clone()) {
            let text = read(&file);
            included_files.extend(included(&file, text.as_deref().unwrap_or_default()));
            add(&mut hash, &file, text.as_deref());
        }
    }
    if need.install_project {
        PROJECT.map(Path::new).iter().for_each(|file| add(&mut hash, file, read(file).as_deref()));
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn add(hash: &mut Sha256, file: &Path, text: Option<&[u8]>) {
    let length = text.map_or("absent".to_owned(), |text| text.len().to_string());
    hash.update(format!("\0{} {length}\0", file.display()));
    hash.update(text.unwrap_or_default());
}

/// Reads a file that the demand names.
pub(super) fn read_named(job: &PhaseRun<'_>, file: &Path) -> Result<Vec<u8>, SetupError> {
    let outside = || {
        let message = format!("the file `{}` is not part of the source", file.display());
        job.unsatisfiable(message, "name files by their path from the top of the source")
    };
    let source = job.context.source.ok_or_else(outside)?;
    if file.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    read_inside(source, file).map_err(|error| {
        let message = format!("the file `{}` can't be read: {error}", source.join(file).display());
        job.unsatisfiable(message, "check its name in the demand, or leave it out")
    })
}

/// Reads a file of the source. Nothing but a plain file of a sensible length, wherever links lead: a device or a pipe has
/// no end.
fn read_inside(source: &Path, file: &Path) -> io::Result<Vec<u8>> {
    let path = source.join(file).canonicalize()?;
    if !path.starts_with(source.canonicalize()?) {
        return Err(io::Error::other("it leads out of the source"));
    }
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut text = Vec::new();
    File::open(&path)?.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(text)
}

/// The files that a requirement file includes by `-r` and `-c`, from the top of the source, as far as they are in it.
fn included(file: &Path, text: &[u8]) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(text);
    let base = file.parent().unwrap_or(Path::new(""));
    text.lines().filter_map(included_name).filter_map(|name| clean(&base.join(name))).collect()
}

/// The name after an option, as pip takes it: `-r x`, `-rx`, `--requirement x`, `--requirement=x`, also in quotes.
fn included_name(line: &str) -> Option<&str> {
    let line = line.split(" #").next().unwrap_or_default().trim();
    let long = ["--requirement", "--constraint"].iter().find_map(|option| line.strip_prefix(option));
    let name = match long {
        Some(rest) => rest.strip_prefix(['=', ' ', '\t'])?,
        None => ["-r", "-c"].iter().find_map(|option| line.strip_prefix(option))?,
    };
    let name = name.trim();
    let bare = ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(bare.unwrap_or(name)).filter(|name| !name.is_empty() && !name.contains("://"))
}

/// A path without `..`, if it stays inside. One that leads out is pip's to refuse.
fn clean(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir if out.pop() => {}
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_files_are_found() {
        let text = b"-r base.txt # and more\n--constraint=../c.txt\nnumpy\n-r https://x.org/r.txt\n-r ../../out.txt\n\
            -rshort.txt\n-r \"with space.txt\"\n--requirement '${VAR}.txt'\n--requirements x.txt\n-r\n";
        let found = included(Path::new("requirements/dev.txt"), text);
        let inside = ["short.txt", "with space.txt", "${VAR}.txt"].map(|name| Path::new("requirements").join(name));
        let expected: Vec<PathBuf> =
            ["requirements/base.txt", "c.txt"].into_iter().map(PathBuf::from).chain(inside).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_plain_files_of_the_source_are_read() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        std::fs::create_dir_all(source.join("more")).unwrap();
        std::fs::write(source.join("more/base.txt"), "numpy").unwrap();
        std::fs::write(source.join("long.txt"), vec![b'#'; 1 << 21]).unwrap();
        std::fs::write(dir.path().join("outside.txt"), "torch").unwrap();
        let links = [("inner", "more/base.txt"), ("outer", "../outside.txt"), ("zero", "/dev/zero"), ("loop", "loop")];
        links.iter().for_each(|(name, to)| symlink(to, source.join(name)).unwrap());
        let made = std::process::Command::new("mkfifo").arg(source.join("pipe")).status().unwrap();
        assert!(made.success());

        let read = |name: &str| read_inside(&source, Path::new(name)).map_err(|error| error.to_string());
        assert_eq!(read("inner").unwrap(), b"numpy");
        for (name, why) in [("outer", "leads out"), ("zero", "leads out"), ("pipe", "no plain"), ("more", "no plain")] {
            assert!(read(name).unwrap_err().contains(why), "{name}");
        }
        assert!(read("long.txt").unwrap_err().contains("longer than"));
        assert!(read("loop").is_err() && read("${VAR}.txt").is_err());
    }
}
