//! The tree of files to scan. The caller reads it from disk, within limits.

use std::collections::BTreeMap;

use super::finding::{Confidence, ScanProblem};

/// Limits of a scan. Exceeding one is reported as a [`ScanProblem`] and is never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimits {
    /// Maximum number of files and directories.
    pub entries: usize,
    /// Maximum depth of directories.
    pub depth: usize,
    /// Maximum size in bytes of a file that is read.
    pub file_bytes: u64,
    /// Maximum sum of bytes read.
    pub total_bytes: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { entries: 200_000, depth: 40, file_bytes: 1 << 20, total_bytes: 64 << 20 }
    }
}

/// A tree of files: all names, and the contents of the files that a scan [`wants`](super::wants).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileTree {
    /// Size in bytes of each file, by path relative to the top with `/` as separator.
    pub files: BTreeMap<String, u64>,
    /// Contents of the wanted files.
    pub contents: BTreeMap<String, Vec<u8>>,
    /// Files that the caller skipped.
    pub problems: Vec<ScanProblem>,
}

impl FileTree {
    /// Text of a wanted file; `None` if it was not read or is not text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        decode(self.contents.get(path)?)
    }
}

/// Decodes UTF-8, or UTF-16 with a byte order mark: PowerShell writes the output of `pip freeze` in UTF-16.
fn decode(bytes: &[u8]) -> Option<String> {
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok()?.to_owned(),
        bytes => std::str::from_utf8(bytes).ok()?.to_owned(),
    };
    (!text.contains('\0')).then_some(text)
}

/// Directories with third-party code or build results, which say nothing about the repository.
const VENDORED: [&str; 14] = [
    "__pycache__",
    "build",
    "dist",
    "external",
    "node_modules",
    "site-packages",
    "submodules",
    "target",
    "third-party",
    "third_party",
    "thirdparty",
    "vendor",
    "vendored",
    "venv",
];

/// Directories that are not about the repository's main workload.
const AUXILIARY: [&str; 14] = [
    "benchmark",
    "benchmarks",
    "demo",
    "demos",
    "doc",
    "docs",
    "example",
    "examples",
    "sample",
    "samples",
    "test",
    "testing",
    "tests",
    "tutorials",
];

/// Directories whose files conventionally describe the whole repository.
const TOP_LEVEL_EQUIVALENTS: [&str; 2] = [".devcontainer", "docker"];

/// Relevance of a file for the whole repository, according to its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRole {
    /// At the top level, or in a directory that is equivalent to it.
    TopLevel,
    /// In a nested directory of the repository's own code.
    Nested,
    /// In a directory of tests, documentation or examples.
    Auxiliary,
    /// In third-party code or a hidden directory.
    Vendored,
}

impl FileRole {
    /// Role of the file at a path.
    pub fn of(path: &str) -> Self {
        let (directories, _) = split(path);
        let hidden = |directory: &str| directory.starts_with('.') && !TOP_LEVEL_EQUIVALENTS.contains(&directory);
        if directories.iter().any(|directory| hidden(directory) || VENDORED.contains(directory)) {
            Self::Vendored
        } else if directories.iter().any(|directory| AUXILIARY.contains(directory)) {
            Self::Auxiliary
        } else if directories.iter().all(|directory| TOP_LEVEL_EQUIVALENTS.contains(directory)) {
            Self::TopLevel
        } else {
            Self::Nested
        }
    }

    /// Confidence of a finding, given the `confidence` that it would have at the top level.
    pub fn lower(self, confidence: Confidence) -> Confidence {
        match (self, confidence) {
            (Self::TopLevel, confidence) => confidence,
            (Self::Nested, Confidence::Stated) => Confidence::Implied,
            _ => Confidence::Guessed,
        }
    }
}

/// Directories of a path, and its file name.
pub(super) fn split(path: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_and_binary_is_not() {
        for (bytes, text) in [
            (&b"torch\r\n"[..], Some("torch\r\n")),
            (b"\xef\xbb\xbftorch", Some("torch")),
            (b"\xff\xfet\0o\0", Some("to")),
            (b"\xfe\xff\0t\0o", Some("to")),
            (b"\x7fELF\0\0", None),
            (b"\xff\x00", None),
        ] {
            assert_eq!(decode(bytes).as_deref(), text);
        }
    }

    #[test]
    fn directory_decides_the_confidence() {
        use Confidence::{Guessed, Implied, Stated};
        for (path, stated, implied) in [
            ("requirements.txt", Stated, Implied),
            (".devcontainer/devcontainer.json", Stated, Implied),
            ("docker/Dockerfile", Stated, Implied),
            ("jobs/train.sbatch", Implied, Guessed),
            ("examples/train.sbatch", Guessed, Guessed),
            ("src/tests/train.sbatch", Guessed, Guessed),
        ] {
            let role = FileRole::of(path);
            assert_eq!((role.lower(Stated), role.lower(Implied)), (stated, implied), "{path}");
        }
        for path in ["third_party/cub/a.cu", ".venv/lib/x/requirements.txt", "a/node_modules/b/Dockerfile"] {
            assert_eq!(FileRole::of(path), FileRole::Vendored, "{path}");
        }
    }
}
