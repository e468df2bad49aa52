//! The tree of files that a scan looks at: read by the edge, within limits.

use std::collections::BTreeMap;

use super::finding::{Confidence, Problem};

/// How much of a tree is looked at. What lies beyond is a [`Problem`], never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At most so many files and folders.
    pub entries: usize,
    /// At most so many folders deep.
    pub depth: usize,
    /// Files of more bytes are not read.
    pub file_bytes: u64,
    /// No file is read that would bring the sum of all above so many bytes.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 200_000, depth: 40, file_bytes: 1 << 20, total_bytes: 64 << 20 }
    }
}

/// A tree of files: every name, and the contents of those that a scan [`wants`](super::wants).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Each file's path, relative to the top with `/` between its parts, and its size in bytes.
    pub files: BTreeMap<String, u64>,
    /// The contents of the wanted files.
    pub contents: BTreeMap<String, Vec<u8>>,
    /// What the edge skipped.
    pub problems: Vec<Problem>,
}

impl Tree {
    /// The text of a wanted file; nothing where it was not read or is no text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        decode(self.contents.get(path)?)
    }
}

/// Bytes as text: UTF-8, or UTF-16 where a mark says so, as PowerShell writes what `pip freeze` says.
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

/// Folders that hold other people's code, or what was built: nothing in there speaks for the repository.
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

/// Folders whose files speak for something else than the repository's own work.
const ASIDE: [&str; 14] = [
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

/// Folders whose files are by custom meant as if they lay at the top.
const AS_TOP: [&str; 2] = [".devcontainer", "docker"];

/// How much a file speaks for the whole tree, by where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top, or in a folder that stands for it.
    Top,
    /// In a folder of the repository's own code.
    Deeper,
    /// Among tests, documents and examples.
    Aside,
    /// In code that is not the repository's own, or in a hidden folder.
    Vendored,
}

impl Place {
    /// Where a path lies.
    pub fn of(path: &str) -> Self {
        let (folders, _) = split(path);
        let hidden = |folder: &str| folder.starts_with('.') && !AS_TOP.contains(&folder);
        if folders.iter().any(|folder| hidden(folder) || VENDORED.contains(folder)) {
            Self::Vendored
        } else if folders.iter().any(|folder| ASIDE.contains(folder)) {
            Self::Aside
        } else if folders.iter().all(|folder| AS_TOP.contains(folder)) {
            Self::Top
        } else {
            Self::Deeper
        }
    }

    /// How sure something is that a file at this place would say with `confidence` at the top.
    pub fn lower(self, confidence: Confidence) -> Confidence {
        match (self, confidence) {
            (Self::Top, sure) => sure,
            (Self::Deeper, Confidence::Stated) => Confidence::Implied,
            _ => Confidence::Guessed,
        }
    }
}

/// The folders of a path, and the file's own name.
pub(super) fn split(path: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_and_binaries_are_not() {
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
    fn where_a_file_lies_decides_what_it_speaks_for() {
        use Confidence::{Guessed, Implied, Stated};
        for (path, stated, implied) in [
            ("requirements.txt", Stated, Implied),
            (".devcontainer/devcontainer.json", Stated, Implied),
            ("docker/Dockerfile", Stated, Implied),
            ("jobs/train.sbatch", Implied, Guessed),
            ("examples/train.sbatch", Guessed, Guessed),
            ("src/tests/train.sbatch", Guessed, Guessed),
        ] {
            let place = Place::of(path);
            assert_eq!((place.lower(Stated), place.lower(Implied)), (stated, implied), "{path}");
        }
        for path in ["third_party/cub/a.cu", ".venv/lib/x/requirements.txt", "a/node_modules/b/Dockerfile"] {
            assert_eq!(Place::of(path), Place::Vendored, "{path}");
        }
    }
}
