//! Adding an image that somebody else made: a file, or an address with its checksum.

use std::path::{Path, PathBuf};

use hostler_core::size::Bytes;

use super::disk::{self, Checked};
use super::{Boot, Image, ImageError, ImageStore, at, checked, digest_of, remove_tree};
use crate::http::{self, Progress};

/// No image that people boot is larger; an address that never ends must not fill the disk.
const LARGEST: Bytes = Bytes::gib(64);

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this computer.
    File {
        /// Where.
        path: PathBuf,
        /// The SHA-256 that it must have, in hexadecimal digits.
        sha256: Option<String>,
    },
    /// An `http` or `https` address.
    Url {
        /// Where.
        url: String,
        /// The SHA-256 that it must have, in hexadecimal digits: a server is not taken at its word.
        sha256: String,
    },
}

/// An image to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddImage {
    /// Its name in the store.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// The user to log in as: the one that its cloud-init gives the key to.
    pub user: String,
}

impl ImageStore {
    /// Adds an image that boots from its own disk and reads a NoCloud seed, as the cloud images of the distributions do.
    pub async fn add(&self, wanted: &AddImage, progress: Progress<'_>) -> Result<Image, ImageError> {
        let name = checked(&wanted.name)?;
        let _lock = self.lock(&name)?;
        if self.find(&name)?.is_some() {
            return Err(ImageError::Exists(name));
        }
        let draft = self.draft(&name)?;
        let made = self.add_in(&draft, &name, wanted, progress).await;
        if made.is_err() {
            remove_tree(&draft)?;
        }
        made
    }

    async fn add_in(
        &self,
        draft: &Path,
        name: &str,
        wanted: &AddImage,
        progress: Progress<'_>,
    ) -> Result<Image, ImageError> {
        let (file, origin) = fetch(draft, &wanted.source, progress).await?;
        let found = disk::check(&file, &origin).await?;
        progress("copying the disk");
        let to = draft.join("disk.qcow2");
        disk::convert(&file, &found, &to).await?;
        // A download has served its purpose; the user's own file lies elsewhere, and stays.
        let download = draft.join("download");
        if download.exists() {
            std::fs::remove_file(&download).map_err(at(&download, "removed"))?;
        }
        let image = describe(name, wanted, origin, &found, digest_of(&to)?);
        self.publish(draft, &image)?;
        Ok(image)
    }
}

fn describe(name: &str, wanted: &AddImage, origin: String, found: &Checked, digest: String) -> Image {
    Image {
        name: name.to_owned(),
        user: wanted.user.clone(),
        arch: std::env::consts::ARCH.to_owned(),
        boot: Boot::Disk,
        disk: found.size,
        memory: Bytes::mib(512),
        digest,
        origin,
    }
}

/// The file as it came, checked against its digest, and how to call where it came from.
async fn fetch(draft: &Path, source: &Source, progress: Progress<'_>) -> Result<(PathBuf, String), ImageError> {
    match source {
        Source::File { path, sha256 } => {
            let file = std::path::absolute(path).map_err(at(path, "found"))?;
            let shown = file.display().to_string();
            std::fs::File::open(&file).map_err(at(path, "read"))?;
            if let Some(wanted) = sha256 {
                progress("checking the digest");
                compare(&shown, wanted, digest_of(&file)?)?;
            }
            Ok((file, shown))
        }
        Source::Url { url, sha256 } => {
            let file = draft.join("download");
            progress("downloading");
            let found = http::download(url, &file, LARGEST, progress).await?;
            compare(url, sha256, found)?;
            Ok((file, url.clone()))
        }
    }
}

fn compare(what: &str, wanted: &str, found: String) -> Result<(), ImageError> {
    if wanted.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(ImageError::Digest { what: what.to_owned(), wanted: wanted.to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn add(content: &[u8], sha256: Option<String>) -> (Result<Image, ImageError>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::new(folder.path().join("store"));
        let path = folder.path().join("given");
        std::fs::write(&path, content).unwrap();
        let source = Source::File { path, sha256 };
        let made = store.add(&AddImage { name: "mine".into(), source, user: "ubuntu".into() }, &|_| {}).await;
        let left = std::fs::read_dir(folder.path().join("store/images")).unwrap().count();
        (made, left)
    }

    #[tokio::test]
    async fn a_file_becomes_an_image() {
        let (image, _) = add(&[0; 4096], None).await;
        let image = image.unwrap();
        assert_eq!((image.disk, image.boot, image.user.as_str()), (Bytes(4096), Boot::Disk, "ubuntu"));
    }

    #[tokio::test]
    async fn a_file_with_another_digest_is_refused_and_leaves_nothing() {
        let (image, left) = add(&[0; 4096], Some("00".into())).await;
        assert!(matches!(image, Err(ImageError::Digest { .. })));
        assert_eq!(left, 0);
    }
}
