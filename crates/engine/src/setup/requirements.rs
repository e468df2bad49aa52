//! The fingerprint of a Python environment's requirements.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use hostler_core::demand::PythonRequest;
use hostler_core::hash::hexadecimal;
use sha2::{Digest as _, Sha256};

use super::error::SetupError;
use super::job::PhaseRun;
use crate::blocking::blocking;

/// Files that determine the installation of the repository itself.
const PROJECT: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// Maximum length of a requirement file: 1 MiB.
const MAX_BYTES: u64 = 1 << 20;

/// Hash of the requested Python packages, and of the content of all files that they name or include.
///
/// A file named by the demand must exist. A file that is only included counts as absent if it can't be read: pip reports the
/// error in its own words.
pub(super) async fn fingerprint(job: &PhaseRun<'_>, need: &PythonRequest) -> Result<String, SetupError> {
    let (source, need) = (job.context.source.map(Path::to_owned), need.clone());
    blocking(move || hash(source.as_deref(), &need)).await.map_err(|problem| problem.error(job))
}

fn hash(source: Option<&Path>, need: &PythonRequest) -> Result<String, FileProblem> {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(need).unwrap_or_default());
    let mut seen = BTreeSet::new();
    let mut included_files = Vec::new();
    for file in need.requirement_files.iter().map(PathBuf::from) {
        let text = read_from(source, &file)?;
        included_files.extend(included(&file, &text));
        add(&mut hash, &file, Some(&text));
        seen.insert(file);
    }
    let read = |file: &Path| source.and_then(|source| read_inside(source, file).ok());
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
pub(super) async fn read_named(job: &PhaseRun<'_>, file: &Path) -> Result<Vec<u8>, SetupError> {
    let (source, path) = (job.context.source.map(Path::to_owned), file.to_owned());
    blocking(move || read_from(source.as_deref(), &path)).await.map_err(|problem| problem.error(job))
}

/// A file of the demand that can't be used.
enum FileProblem {
    /// It is not inside the source, or there is no source.
    Outside(PathBuf),
    /// It can't be read.
    Unreadable(PathBuf, io::Error),
}

impl FileProblem {
    fn error(self, job: &PhaseRun<'_>) -> SetupError {
        match self {
            Self::Outside(file) => {
                let message = format!("the file `{}` is not part of the source", file.display());
                job.unsatisfiable(message, "name files by their path relative to the top of the source")
            }
            Self::Unreadable(file, error) => {
                let message = format!("the file `{}` can't be read: {error}", file.display());
                job.unsatisfiable(message, "check its name in the demand, or remove it")
            }
        }
    }
}

fn read_from(source: Option<&Path>, file: &Path) -> Result<Vec<u8>, FileProblem> {
    let outside = || FileProblem::Outside(file.to_owned());
    let source = source.ok_or_else(outside)?;
    if file.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    read_inside(source, file).map_err(|error| FileProblem::Unreadable(source.join(file), error))
}

/// Reads a regular file of the source, of at most [`MAX_BYTES`]. A link may lead to a device or a pipe, which has no end.
#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
fn read_inside(source: &Path, file: &Path) -> io::Result<Vec<u8>> {
    let path = source.join(file).canonicalize()?;
    if !path.starts_with(source.canonicalize()?) {
        return Err(io::Error::other("it leads out of the source"));
    }
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    File::open(&path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is longer than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// Files that a requirement file includes with `-r` and `-c`, relative to the top of the source. Files outside are left out.
fn included(file: &Path, text: &[u8]) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(text);
    let base = file.parent().unwrap_or(Path::new(""));
    text.lines().filter_map(included_name).filter_map(|name| clean(&base.join(name))).collect()
}

/// File name after an option, as pip parses it: `-r x`, `-rx`, `--requirement x`, `--requirement=x`, also in quotes.
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

/// A path without `..`; `None` if it leads out. pip reports the error then.
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
    fn only_regular_files_of_the_source_are_read() {
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
        for (name, why) in
            [("outer", "leads out"), ("zero", "leads out"), ("pipe", "not a regular"), ("more", "not a regular")]
        {
            assert!(read(name).unwrap_err().contains(why), "{name}");
        }
        assert!(read("long.txt").unwrap_err().contains("longer than"));
        assert!(read("loop").is_err() && read("${VAR}.txt").is_err());
    }
}
