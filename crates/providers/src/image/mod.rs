//! The store of base images: disks that machines' disks are copied on write from.
//!
//! Each image is one folder, `images/NAME/{image.json,disk.qcow2,kernel,initrd}`, which appears whole or not at all:
//! it is made beside its place and renamed. Writers of one name exclude each other by a lock on a file, which ends with
//! the process that holds it.

mod add;
mod build;
mod disk;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use hostler_core::hash::hexadecimal;
use hostler_core::size::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use add::{AddImage, Source};
pub use build::DEFAULT_IMAGE;

use crate::http::HttpError;

/// What is known of an image: the content of its `image.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its name in the store.
    pub name: String,
    /// The user to log in as.
    pub user: String,
    /// Architecture, as `uname -m` says it.
    pub arch: String,
    /// How it boots.
    pub boot: Boot,
    /// The size of the disk as a guest sees it.
    pub disk: Bytes,
    /// The least memory that it boots with.
    pub memory: Bytes,
    /// The SHA-256 of the disk's file: two stores' images of one digest are the same.
    pub digest: String,
    /// Where it came from: an address, a path, or what it was built of.
    pub origin: String,
}

/// How an image boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Boot {
    /// By the firmware, from its own disk.
    Disk,
    /// By the kernel and initrd that lie beside it.
    Kernel {
        /// The kernel's command line.
        command_line: String,
    },
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The name would not be a safe file name.
    #[error(
        "`{0}` is not an image name: use 1 to 60 lower-case letters, digits, dots and hyphens, beginning with a letter"
    )]
    BadName(String),
    /// There is no image of that name.
    #[error("no image `{0}` in the store")]
    Missing(String),
    /// There is one already.
    #[error("there is an image `{0}` already")]
    Exists(String),
    /// There is no recipe of that name.
    #[error("no recipe for an image `{0}`: there is one for `debian-12`")]
    NoRecipe(String),
    /// The content is not what was promised.
    #[error("`{what}` has the SHA-256 {found}, not {wanted}")]
    Digest {
        /// The file or address.
        what: String,
        /// As given by the user.
        wanted: String,
        /// As computed.
        found: String,
    },
    /// It is not a disk that can be used.
    #[error("`{file}` can't be used as a disk: {why}")]
    BadDisk {
        /// The file or address.
        file: String,
        /// Why not.
        why: String,
    },
    /// A program that is needed is not installed.
    #[error("`{program}` is not installed; on Debian or Ubuntu: apt-get install {package}")]
    NoProgram {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// A program failed.
    #[error("`{program}` failed ({status}); its last words:\n{tail}")]
    Program {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// The end of what it said.
        tail: String,
    },
    /// A file could not be read or written.
    #[error("`{path}` could not be {doing}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried, as `read`.
        doing: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A download failed.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// A folder of images.
#[derive(Debug, Clone)]
pub struct ImageStore {
    root: PathBuf,
}

impl ImageStore {
    /// The store in a folder. Nothing is made yet: whoever only looks finds no images where there is no folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Every image, in the order of their names. One that can't be read is passed over; see [`Self::unreadable`].
    pub fn list(&self) -> Result<Vec<Image>, ImageError> {
        Ok(self.names()?.iter().filter_map(|name| self.find(name).ok().flatten()).collect())
    }

    /// The names of the images whose `image.json` can't be read, and why. They can be removed, or built anew.
    pub fn unreadable(&self) -> Result<Vec<(String, ImageError)>, ImageError> {
        let why = |name: String| self.find(&name).err().map(|error| (name, error));
        Ok(self.names()?.into_iter().filter_map(why).collect())
    }

    /// In order. Drafts, and what is being removed, have names that are none.
    fn names(&self) -> Result<Vec<String>, ImageError> {
        let folder = self.images();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(at(&folder, "read"))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(at(&folder, "read"))?.file_name();
            names.extend(name.to_str().and_then(|name| checked(name).ok()));
        }
        names.sort();
        Ok(names)
    }

    /// An image by its name.
    pub fn find(&self, name: &str) -> Result<Option<Image>, ImageError> {
        let path = self.folder(&checked(name)?).join("image.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| at(&path, "read")(error.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path, "read")(error)),
        }
    }

    /// Removes an image, whole or broken. Whether machines still stand on it, the caller has asked before.
    pub fn remove(&self, name: &str) -> Result<(), ImageError> {
        self.remove_held(&self.hold(name)?)
    }

    /// Keeps an image as it is until this is dropped: waits for whoever makes or removes it now.
    pub(crate) fn hold(&self, name: &str) -> Result<Held, ImageError> {
        let name = checked(name)?;
        Ok(Held { _lock: self.lock(&name)?, name })
    }

    /// Removes the image that is held.
    pub(crate) fn remove_held(&self, held: &Held) -> Result<(), ImageError> {
        let name = &held.name;
        // Out of sight first: a crash in the middle must not leave half an image under its name.
        let (folder, trash) = (self.folder(name), self.images().join(format!(".old-{name}")));
        if !folder.exists() {
            return Err(ImageError::Missing(name.clone()));
        }
        remove_tree(&trash)?;
        fs::rename(&folder, &trash).map_err(at(&folder, "removed"))?;
        remove_tree(&trash)
    }

    /// Where an image's disk lies.
    pub fn disk(&self, image: &Image) -> PathBuf {
        self.folder(&image.name).join("disk.qcow2")
    }

    /// Where the kernel and the initrd of an image that boots by them lie.
    pub fn kernel(&self, image: &Image) -> (PathBuf, PathBuf) {
        let folder = self.folder(&image.name);
        (folder.join("kernel"), folder.join("initrd"))
    }

    fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.images().join(name)
    }

    /// Held until it is dropped, or the process ends. All that is made or removed is so under it: the store's folders
    /// are there from now on.
    fn lock(&self, name: &str) -> Result<fs::File, ImageError> {
        for folder in [self.images(), self.locks()] {
            fs::create_dir_all(&folder).map_err(at(&folder, "made"))?;
        }
        let path = self.locks().join(name);
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(at(&path, "opened"))?;
        file.lock().map_err(at(&path, "locked"))?;
        Ok(file)
    }

    /// An empty folder to make an image in. Only under the lock of its name.
    fn draft(&self, name: &str) -> Result<PathBuf, ImageError> {
        let draft = self.images().join(format!(".new-{name}"));
        remove_tree(&draft)?;
        fs::create_dir(&draft).map_err(at(&draft, "made"))?;
        Ok(draft)
    }

    /// Puts a finished draft in its place, once all of it is on the disk: a computer that loses its power has either
    /// the old image or the new one. Only under the lock of its name.
    fn publish(&self, draft: &Path, image: &Image) -> Result<(), ImageError> {
        let json = draft.join("image.json");
        let text = serde_json::to_vec_pretty(image).map_err(|error| at(&json, "written")(error.into()))?;
        fs::write(&json, text).map_err(at(&json, "written"))?;
        sync_folder(draft)?;
        let (folder, trash) = (self.folder(&image.name), self.images().join(format!(".old-{}", image.name)));
        remove_tree(&trash)?;
        if folder.exists() {
            fs::rename(&folder, &trash).map_err(at(&folder, "replaced"))?;
        }
        fs::rename(draft, &folder).map_err(at(&folder, "written"))?;
        sync(&self.images())?;
        remove_tree(&trash)
    }
}

/// An image that nobody else makes or removes meanwhile.
#[derive(Debug)]
pub(crate) struct Held {
    name: String,
    _lock: fs::File,
}

/// Has a folder and all files in it written to the disk.
fn sync_folder(folder: &Path) -> Result<(), ImageError> {
    for entry in fs::read_dir(folder).map_err(at(folder, "read"))? {
        sync(&entry.map_err(at(folder, "read"))?.path())?;
    }
    sync(folder)
}

fn sync(path: &Path) -> Result<(), ImageError> {
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(at(path, "written"))
}

/// Makes an I/O error say which file it was about.
fn at<'a>(path: &'a Path, doing: &'static str) -> impl Fn(std::io::Error) -> ImageError + 'a {
    move |source| ImageError::File { path: path.to_owned(), doing, source }
}

fn checked(name: &str) -> Result<String, ImageError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let good = (1..=60).contains(&name.len())
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(allowed);
    if good { Ok(name.to_owned()) } else { Err(ImageError::BadName(name.to_owned())) }
}

fn remove_tree(path: &Path) -> Result<(), ImageError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(path, "removed")(error)),
        _ => Ok(()),
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
fn digest_of(path: &Path) -> Result<String, ImageError> {
    let mut file = fs::File::open(path).map_err(at(path, "read"))?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(at(path, "read"))? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_image(name: &str) -> Image {
        Image {
            name: name.to_owned(),
            user: "debian".into(),
            arch: "x86_64".into(),
            boot: Boot::Disk,
            disk: Bytes::gib(1),
            memory: Bytes::mib(256),
            digest: "00".into(),
            origin: "a test".into(),
        }
    }

    fn some_store(folder: &tempfile::TempDir) -> ImageStore {
        let store = ImageStore::new(folder.path());
        store.lock("a").unwrap();
        store
    }

    #[test]
    fn looking_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::new(folder.path());
        assert_eq!(store.list().unwrap(), []);
        assert!(store.unreadable().unwrap().is_empty() && store.find("a").unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_image_appears_whole_and_goes_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = some_store(&folder);
        let draft = store.draft("a").unwrap();
        assert_eq!(store.list().unwrap(), []);
        store.publish(&draft, &some_image("a")).unwrap();
        assert_eq!(store.find("a").unwrap(), Some(some_image("a")));
        assert_eq!(store.list().unwrap(), [some_image("a")]);
        store.remove("a").unwrap();
        assert!(matches!(store.remove("a"), Err(ImageError::Missing(_))));
        assert_eq!(fs::read_dir(store.images()).unwrap().count(), 0);
    }

    #[test]
    fn an_image_that_can_t_be_read_is_told_of_and_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = some_store(&folder);
        for name in ["broken", "whole"] {
            store.publish(&store.draft(name).unwrap(), &some_image(name)).unwrap();
        }
        fs::write(store.folder("broken").join("image.json"), "").unwrap();
        store.draft("c").unwrap();
        assert_eq!(store.list().unwrap(), [some_image("whole")]);
        let unreadable: Vec<String> = store.unreadable().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(unreadable, ["broken"]);
        assert!(matches!(store.find("broken"), Err(ImageError::File { .. })));
        store.remove("broken").unwrap();
        assert_eq!(store.find("broken").unwrap(), None);
    }

    #[test]
    fn a_draft_left_by_a_crash_is_no_image_and_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = some_store(&folder);
        fs::write(store.draft("a").unwrap().join("disk.qcow2"), "half").unwrap();
        assert_eq!(store.list().unwrap(), []);
        assert_eq!(fs::read_dir(store.draft("a").unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn names_are_file_names() {
        for bad in ["", "..", ".new-a", "a/b", "-x", "A", "a b", &"a".repeat(61)] {
            assert!(matches!(checked(bad), Err(ImageError::BadName(_))), "{bad:?}");
        }
        assert!(checked("debian-12.5").is_ok());
    }
}
