//! The directory of images, and the files of each.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use hostler_core::hash::hexadecimal;
use hostler_core::size::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{ImageError, file_error};
use crate::blocking::blocking;

/// An image, as described by its `image.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its name in the store.
    pub name: String,
    /// The user to log in as.
    pub user: String,
    /// Architecture, in the spelling of `uname -m`.
    pub arch: String,
    /// Its way to boot.
    pub boot: Boot,
    /// Virtual size of its disk.
    pub disk: Bytes,
    /// The smallest memory that it boots with.
    pub memory: Bytes,
    /// SHA-256 of its disk file. Images of equal digest are the same, also across stores.
    pub digest: String,
    /// Its origin: an address, a path, or the recipe that it was built with.
    pub origin: String,
}

/// Way in which an image boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Boot {
    /// The firmware starts the boot loader on its disk.
    Disk,
    /// QEMU starts its kernel and initrd, which are separate files.
    Kernel {
        /// The kernel's command line.
        command_line: String,
    },
}

/// A store of images in a directory.
#[derive(Debug, Clone)]
pub struct ImageStore {
    root: PathBuf,
}

impl ImageStore {
    /// The store in a directory, which need not exist. Reading creates nothing.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// All images, sorted by name. Leaves out images that can't be read; see [`Self::unreadable`].
    pub fn list(&self) -> Result<Vec<Image>, ImageError> {
        Ok(self.names()?.iter().filter_map(|name| self.find(name).ok().flatten()).collect())
    }

    /// Images whose `image.json` can't be read, with the error. They can be removed, or built again.
    pub fn unreadable(&self) -> Result<Vec<(String, ImageError)>, ImageError> {
        let why = |name: String| self.find(&name).err().map(|error| (name, error));
        Ok(self.names()?.into_iter().filter_map(why).collect())
    }

    /// Sorted names. Drafts and images that are being removed have names that are not valid for images.
    fn names(&self) -> Result<Vec<String>, ImageError> {
        let directory = self.images();
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(file_error(&directory, "read"))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(file_error(&directory, "read"))?.file_name();
            names.extend(name.to_str().and_then(|name| checked_name(name).ok()));
        }
        names.sort();
        Ok(names)
    }

    /// Finds an image by name.
    pub fn find(&self, name: &str) -> Result<Option<Image>, ImageError> {
        let path = self.directory(&checked_name(name)?).join("image.json");
        match fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(|error| file_error(&path, "read")(error.into()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(&path, "read")(error)),
        }
    }

    /// Runs work on the store on a blocking thread. Dropping the future does not stop the work.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, ImageError> {
        let store = self.clone();
        blocking(move || work(&store)).await
    }

    /// Removes an image, readable or not. The caller has checked that no machine uses it.
    pub fn remove(&self, name: &str) -> Result<(), ImageError> {
        self.remove_locked(&self.lock_image(name)?)
    }

    /// Locks an image: nothing else adds, builds or removes it until the lock is dropped. Blocks while another process holds
    /// the lock.
    pub(crate) fn lock_image(&self, name: &str) -> Result<LockedImage, ImageError> {
        let name = checked_name(name)?;
        Ok(LockedImage { _lock: self.lock(&name)?, name })
    }

    /// Removes an image under its lock.
    pub(crate) fn remove_locked(&self, lock: &LockedImage) -> Result<(), ImageError> {
        let name = &lock.name;
        // Renamed first: a crash during the removal must not leave half an image under its name.
        let (directory, trash) = (self.directory(name), self.images().join(format!(".old-{name}")));
        if !directory.exists() {
            return Err(ImageError::Missing(name.clone()));
        }
        remove_tree(&trash)?;
        fs::rename(&directory, &trash).map_err(file_error(&directory, "removed"))?;
        remove_tree(&trash)
    }

    /// Path of an image's disk.
    pub fn disk(&self, image: &Image) -> PathBuf {
        self.directory(&image.name).join("disk.qcow2")
    }

    /// Paths of the kernel and the initrd, for an image of [`Boot::Kernel`].
    pub fn kernel(&self, image: &Image) -> (PathBuf, PathBuf) {
        let directory = self.directory(&image.name);
        (directory.join("kernel"), directory.join("initrd"))
    }

    fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.images().join(name)
    }

    /// Takes the lock of a name, which is held until it is dropped or the process ends. Every change of the store happens
    /// under such a lock, so this also creates the store's directories.
    pub(super) fn lock(&self, name: &str) -> Result<fs::File, ImageError> {
        for directory in [self.images(), self.locks()] {
            fs::create_dir_all(&directory).map_err(file_error(&directory, "created"))?;
        }
        let path = self.locks().join(name);
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(file_error(&path, "opened"))?;
        file.lock().map_err(file_error(&path, "locked"))?;
        Ok(file)
    }

    /// Creates an empty directory for a new image. The caller holds the lock of its name.
    pub(super) fn draft(&self, name: &str) -> Result<PathBuf, ImageError> {
        let draft = self.images().join(format!(".new-{name}"));
        remove_tree(&draft)?;
        fs::create_dir(&draft).map_err(file_error(&draft, "created"))?;
        Ok(draft)
    }

    /// Moves a finished draft into place, after all of it is synced to disk: a power failure leaves either the old image or
    /// the new one. The caller holds the lock of its name.
    pub(super) fn publish(&self, draft: &Path, image: &Image) -> Result<(), ImageError> {
        let json = draft.join("image.json");
        let text = serde_json::to_vec_pretty(image).map_err(|error| file_error(&json, "written")(error.into()))?;
        fs::write(&json, text).map_err(file_error(&json, "written"))?;
        sync_directory(draft)?;
        let (directory, trash) = (self.directory(&image.name), self.images().join(format!(".old-{}", image.name)));
        remove_tree(&trash)?;
        if directory.exists() {
            fs::rename(&directory, &trash).map_err(file_error(&directory, "replaced"))?;
        }
        fs::rename(draft, &directory).map_err(file_error(&directory, "written"))?;
        sync(&self.images())?;
        remove_tree(&trash)
    }
}

/// The lock of an image's name.
#[derive(Debug)]
pub(crate) struct LockedImage {
    name: String,
    _lock: fs::File,
}

/// Syncs a directory and all files in it to disk.
fn sync_directory(directory: &Path) -> Result<(), ImageError> {
    for entry in fs::read_dir(directory).map_err(file_error(directory, "read"))? {
        sync(&entry.map_err(file_error(directory, "read"))?.path())?;
    }
    sync(directory)
}

fn sync(path: &Path) -> Result<(), ImageError> {
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(file_error(path, "written"))
}

pub(super) fn checked_name(name: &str) -> Result<String, ImageError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let good = (1..=60).contains(&name.len())
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(allowed);
    if good { Ok(name.to_owned()) } else { Err(ImageError::BadName(name.to_owned())) }
}

pub(super) fn remove_tree(path: &Path) -> Result<(), ImageError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error(path, "removed")(error)),
        _ => Ok(()),
    }
}

/// SHA-256 of a file, in hexadecimal digits.
pub(super) fn digest_of(path: &Path) -> Result<String, ImageError> {
    let mut file = fs::File::open(path).map_err(file_error(path, "read"))?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(file_error(path, "read"))? {
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

    fn some_store(directory: &tempfile::TempDir) -> ImageStore {
        let store = ImageStore::new(directory.path());
        store.lock("a").unwrap();
        store
    }

    #[test]
    fn reading_creates_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = ImageStore::new(directory.path());
        assert_eq!(store.list().unwrap(), []);
        assert!(store.unreadable().unwrap().is_empty() && store.find("a").unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn image_appears_and_disappears_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let store = some_store(&directory);
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
    fn unreadable_image_is_listed_separately_and_can_be_removed() {
        let directory = tempfile::tempdir().unwrap();
        let store = some_store(&directory);
        for name in ["broken", "whole"] {
            store.publish(&store.draft(name).unwrap(), &some_image(name)).unwrap();
        }
        fs::write(store.directory("broken").join("image.json"), "").unwrap();
        store.draft("c").unwrap();
        assert_eq!(store.list().unwrap(), [some_image("whole")]);
        let unreadable: Vec<String> = store.unreadable().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(unreadable, ["broken"]);
        assert!(matches!(store.find("broken"), Err(ImageError::File { .. })));
        store.remove("broken").unwrap();
        assert_eq!(store.find("broken").unwrap(), None);
    }

    #[test]
    fn draft_left_by_a_crash_is_ignored_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let store = some_store(&directory);
        fs::write(store.draft("a").unwrap().join("disk.qcow2"), "half").unwrap();
        assert_eq!(store.list().unwrap(), []);
        assert_eq!(fs::read_dir(store.draft("a").unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn names_are_safe_file_names() {
        for bad in ["", "..", ".new-a", "a/b", "-x", "A", "a b", &"a".repeat(61)] {
            assert!(matches!(checked_name(bad), Err(ImageError::BadName(_))), "{bad:?}");
        }
        assert!(checked_name("debian-12.5").is_ok());
    }
}
