//! What a Python environment is made of, as one hash.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use hostler_core::demand::PythonNeed;
use sha2::{Digest as _, Sha256};

use super::error::SetupError;
use super::job::Job;

/// What says how the repository itself is installed.
const PROJECT: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// The hash of all wishes and of the content of all files that they name, and that those include.
pub(super) fn fingerprint(job: &Job<'_>, need: &PythonNeed) -> Result<String, SetupError> {
    let mut hash = Sha256::new();
    let wishes = serde_json::to_vec(need).unwrap_or_default();
    hash.update(wishes);
    let mut files: Vec<PathBuf> = need.requirement_files.iter().map(PathBuf::from).collect();
    let mut seen = BTreeSet::new();
    while let Some(file) = files.pop() {
        if !seen.insert(file.clone()) {
            continue;
        }
        let text = read(job, &file)?;
        files.extend(included(&file, &text));
        add(&mut hash, &file, &text);
    }
    if let (true, Some(source)) = (need.install_project, job.context.source) {
        for name in PROJECT {
            let text = std::fs::read(source.join(name)).unwrap_or_default();
            add(&mut hash, Path::new(name), &text);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn add(hash: &mut Sha256, file: &Path, text: &[u8]) {
    hash.update(format!("\0{} {}\0", file.display(), text.len()));
    hash.update(text);
}

fn read(job: &Job<'_>, file: &Path) -> Result<Vec<u8>, SetupError> {
    let outside = file.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    let path = match job.context.source {
        Some(source) if !outside => source.join(file),
        _ => {
            let message = format!("the requirement file `{}` is not part of the source", file.display());
            return Err(job.refuse(message, "name files by their path from the top of the source"));
        }
    };
    std::fs::read(&path).map_err(|error| {
        let message = format!("the requirement file `{}` can't be read: {error}", path.display());
        job.refuse(message, "check its name in the demand, or leave it out")
    })
}

/// The files that a requirement file includes by `-r` and `-c`, from the top of the source, as far as they are in it.
fn included(file: &Path, text: &[u8]) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(text);
    let options = ["-r", "-c", "--requirement", "--constraint"];
    let name = |line: &str| {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let rest = options.iter().find_map(|option| line.strip_prefix(option)?.strip_prefix([' ', '=', '\t']));
        rest.map(|rest| rest.trim().to_owned()).filter(|name| !name.is_empty() && !name.contains("://"))
    };
    let base = file.parent().unwrap_or(Path::new(""));
    text.lines().filter_map(name).filter_map(|name| clean(&base.join(name))).collect()
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
        let text =
            b"-r base.txt # and more\n--constraint=../c.txt\nnumpy\n-r https://x.org/r.txt\n-r ../../out.txt\n-rfoo\n";
        let found = included(Path::new("requirements/dev.txt"), text);
        assert_eq!(found, [PathBuf::from("requirements/base.txt"), PathBuf::from("c.txt")]);
    }
}
