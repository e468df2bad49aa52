//! Adding an existing image: from a file, or from an address with a checksum.

use std::path::{Path, PathBuf};

use hostler_core::size::Bytes;

use super::disk::{self, CheckedDisk};
use super::error::{ImageError, file_error};
use super::store::{Boot, Image, ImageStore, checked_name, digest_of, remove_tree};
use crate::blocking::blocking;
use crate::http::{self, ProgressFn};

/// Limit of a download, above the size of any real image: an endless response must not fill the disk.
const MAX_DOWNLOAD: Bytes = Bytes::gib(64);

/// Origin of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A file on this computer.
    File {
        /// Its path.
        path: PathBuf,
        /// The expected SHA-256, in hexadecimal digits.
        sha256: Option<String>,
    },
    /// An `http` or `https` address.
    Url {
        /// The address.
        url: String,
        /// The expected SHA-256, in hexadecimal digits. Required: a server is not trusted with its own content.
        sha256: String,
    },
}

/// An image to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddImage {
    /// Its name in the store.
    pub name: String,
    /// Its origin.
    pub source: ImageSource,
    /// The login user, for whom its cloud-init installs the key.
    pub user: String,
}

impl ImageStore {
    /// Adds an image that boots from its own disk and reads a NoCloud seed, as distributions' cloud images do.
    pub async fn add(&self, request: &AddImage, progress: ProgressFn<'_>) -> Result<Image, ImageError> {
        let name = checked_name(&request.name)?;
        let new = name.clone();
        let begin = move |store: &Self| {
            let lock = store.lock(&new)?;
            match store.find(&new)? {
                Some(_) => Err(ImageError::Exists(new)),
                None => Ok((lock, store.draft(&new)?)),
            }
        };
        let (_lock, draft) = self.blocking(begin).await?;
        let added = self.add_in(&draft, &name, request, progress).await;
        if added.is_err() {
            self.blocking(move |_| remove_tree(&draft)).await?;
        }
        added
    }

    async fn add_in(
        &self,
        draft: &Path,
        name: &str,
        request: &AddImage,
        progress: ProgressFn<'_>,
    ) -> Result<Image, ImageError> {
        let (file, origin) = fetch(draft, &request.source, progress).await?;
        let found = disk::check(&file, &origin).await?;
        progress("copying the disk");
        let to = draft.join("disk.qcow2");
        disk::convert(&file, &found, &to).await?;
        // Only a download is removed. A file of the user's is outside the draft, and stays.
        let download = draft.join("download");
        match tokio::fs::remove_file(&download).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(file_error(&download, "removed")(error));
            }
            _ => {}
        }
        let image = describe(name, request, origin, &found, self.blocking(move |_| digest_of(&to)).await?);
        let draft = draft.to_owned();
        self.blocking(move |store| store.publish(&draft, &image).map(|()| image)).await
    }
}

fn describe(name: &str, request: &AddImage, origin: String, disk: &CheckedDisk, digest: String) -> Image {
    Image {
        name: name.to_owned(),
        user: request.user.clone(),
        arch: std::env::consts::ARCH.to_owned(),
        boot: Boot::Disk,
        disk: disk.size,
        memory: Bytes::mib(512),
        digest,
        origin,
    }
}

/// The source file, verified against its digest, and a description of its origin.
async fn fetch(draft: &Path, source: &ImageSource, progress: ProgressFn<'_>) -> Result<(PathBuf, String), ImageError> {
    match source {
        ImageSource::File { path, sha256 } => {
            let file = std::path::absolute(path).map_err(file_error(path, "found"))?;
            let shown = file.display().to_string();
            tokio::fs::File::open(&file).await.map_err(file_error(path, "read"))?;
            if let Some(expected) = sha256 {
                progress("verifying the digest");
                let source = file.clone();
                verify_digest(&shown, expected, blocking(move || digest_of(&source)).await?)?;
            }
            Ok((file, shown))
        }
        ImageSource::Url { url, sha256 } => {
            let file = draft.join("download");
            progress("downloading");
            let actual = http::download(url, &file, MAX_DOWNLOAD, progress).await?;
            verify_digest(url, sha256, actual)?;
            Ok((file, url.clone()))
        }
    }
}

fn verify_digest(source: &str, expected: &str, actual: String) -> Result<(), ImageError> {
    if expected.eq_ignore_ascii_case(&actual) {
        return Ok(());
    }
    Err(ImageError::Digest { origin: source.to_owned(), expected: expected.to_owned(), actual })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn add(content: &[u8], sha256: Option<String>) -> (Result<Image, ImageError>, usize) {
        let directory = tempfile::tempdir().unwrap();
        let store = ImageStore::new(directory.path().join("store"));
        let path = directory.path().join("given");
        std::fs::write(&path, content).unwrap();
        let source = ImageSource::File { path, sha256 };
        let added = store.add(&AddImage { name: "mine".into(), source, user: "ubuntu".into() }, &|_| {}).await;
        let left = std::fs::read_dir(directory.path().join("store/images")).unwrap().count();
        (added, left)
    }

    #[tokio::test]
    async fn file_becomes_an_image() {
        let (image, _) = add(&[0; 4096], None).await;
        let image = image.unwrap();
        assert_eq!((image.disk, image.boot, image.user.as_str()), (Bytes(4096), Boot::Disk, "ubuntu"));
    }

    #[tokio::test]
    async fn file_with_a_wrong_digest_is_rejected_and_leaves_nothing() {
        let (image, left) = add(&[0; 4096], Some("00".into())).await;
        assert!(matches!(image, Err(ImageError::Digest { .. })));
        assert_eq!(left, 0);
    }
}
