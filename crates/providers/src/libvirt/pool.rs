//! The storage pool `hostler`: base images, and the disk, seed and console log of each machine.
//!
//! All access is through libvirt, so a user who may use libvirt needs no permission for the directory itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::ports::Remedy;
use hostler_core::size::Bytes;
use hostler_core::ticket::Ticket;

use super::capacity;
use super::error::{CallFailure, found};
use super::names::{PROBE_PREFIX, ticket_of_volume};
use super::rpc::{Connection, ErrorCode, RpcError, StoragePool, Volume};
use super::xml::{self, BootXml, Readers, VolumeXml};
use crate::image::{Boot, Image, ImageStore};

const NAME: &str = "hostler";

/// Prefix of the names of base images' volumes.
const BASE_PREFIX: &str = "base-";

/// Bytes to read from an image at a time.
const UPLOAD_BUFFER: usize = 1 << 20;

/// The pool, running.
pub(super) struct Pool<'c> {
    pool: StoragePool<'c>,
}

/// A base image in the pool.
pub(super) struct BaseImage {
    /// Path of its disk.
    pub disk: String,
    pub boot: BootXml,
}

impl<'c> Pool<'c> {
    /// The pool, if it is defined. Starts it if it is not running, as after a restart of the host.
    pub fn find(connection: &'c Connection) -> Result<Option<Self>, CallFailure> {
        let Some(pool) = found(connection.pool_by_name(NAME), ErrorCode::NO_STORAGE_POOL)? else {
            return Ok(None);
        };
        if !pool.is_active()? {
            pool.start()?;
        }
        Ok(Some(Self { pool }))
    }

    /// The pool, defined in this directory if there is none yet. The caller holds the site's lock.
    pub fn ensure(connection: &'c Connection, directory: &Path) -> Result<Self, CallFailure> {
        if let Some(pool) = Self::find(connection)? {
            return Ok(pool);
        }
        let directory = directory
            .to_str()
            .ok_or_else(|| CallFailure::unexpected("the path of the pool's directory is not UTF-8"))?;
        let pool = connection.define_pool(&xml::pool(NAME, directory))?;
        pool.build()?;
        pool.start()?;
        pool.enable_autostart()?;
        Ok(Self { pool })
    }

    /// Disk for further volumes: free space of the file system, minus what existing volumes may still grow by.
    pub fn uncommitted(&self) -> Result<Bytes, CallFailure> {
        let mut sizes = Vec::new();
        for volume in self.pool.volumes()? {
            // A base image is never written to, so it does not grow to its capacity.
            if volume.name().starts_with(BASE_PREFIX) {
                continue;
            }
            let size = found(volume.size(), ErrorCode::NO_STORAGE_VOLUME)?;
            sizes.extend(size.map(|size| (Bytes(size.capacity), Bytes(size.allocation))));
        }
        self.refresh()?;
        Ok(capacity::uncommitted_disk(Bytes(self.pool.available()?), &sizes))
    }

    /// Names of all volumes.
    pub fn names(&self) -> Result<Vec<String>, CallFailure> {
        Ok(self.pool.volumes()?.iter().map(|volume| volume.name().to_owned()).collect())
    }

    /// Path of a volume's file.
    pub fn path(&self, name: &str) -> Result<String, CallFailure> {
        Ok(self.volume(name)?.ok_or_else(|| CallFailure::unexpected(format!("no volume `{name}`")))?.path()?)
    }

    /// Creates an empty volume, or a copy-on-write copy of another. Returns its path.
    pub fn create(&self, volume: &VolumeXml<'_>) -> Result<String, CallFailure> {
        Ok(self.pool.create_volume(&volume.to_string())?.path()?)
    }

    /// Creates a volume with this content that only its owner may read. Returns its path.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<String, CallFailure> {
        let capacity = Bytes(content.len() as u64);
        let xml = VolumeXml { name, capacity, base: None, readers: Readers::Owner }.to_string();
        let volume = self.pool.create_volume(&xml)?;
        let upload = volume.upload(capacity.0)?;
        upload.send(content)?;
        upload.finish()?;
        Ok(volume.path()?)
    }

    /// Last `count` bytes of a volume. Empty if there is no such volume.
    pub fn tail(&self, name: &str, count: usize) -> Result<Vec<u8>, CallFailure> {
        let Some(volume) = self.volume(name)? else { return Ok(Vec::new()) };
        let offset = volume.size()?.capacity.saturating_sub(count as u64);
        Ok(volume.download(offset)?.read_last(count)?)
    }

    /// Deletes a volume. Succeeds if there is no such volume.
    pub fn delete(&self, name: &str) -> Result<(), CallFailure> {
        if let Some(volume) = self.volume(name)? {
            found(volume.delete(), ErrorCode::NO_STORAGE_VOLUME)?;
        }
        Ok(())
    }

    /// Deletes every volume whose name carries the ticket, including logs that QEMU has created without libvirt.
    pub fn delete_all(&self, ticket: &Ticket) -> Result<(), CallFailure> {
        self.refresh()?;
        for name in self.names()? {
            if ticket_of_volume(&name).as_ref() == Some(ticket) {
                self.delete(&name)?;
            }
        }
        Ok(())
    }

    /// A base image, uploaded if it is not in the pool yet. The caller holds the site's lock.
    ///
    /// libvirt can't rename a volume, so a last, empty volume marks the others as complete. After a crash during an upload
    /// the mark is missing, and the volumes are replaced.
    pub fn ensure_base(&self, images: &ImageStore, image: &Image) -> Result<BaseImage, CallFailure> {
        let names = BaseNames::of(image);
        if self.volume(&names.mark)?.is_none() {
            self.delete_unused(images);
            for (name, file) in open(&names, images, image)? {
                self.upload_base(name, file)?;
            }
            self.create(&base_volume(&names.mark, Bytes(0)))?;
        }
        let boot = match &image.boot {
            Boot::Disk => BootXml::Disk,
            Boot::Kernel { command_line } => BootXml::Kernel {
                kernel: self.path(&names.kernel)?,
                initrd: self.path(&names.initrd)?,
                command_line: command_line.clone(),
            },
        };
        Ok(BaseImage { disk: self.path(&names.disk)?, boot })
    }

    /// Deletes the volumes of a base image. The caller holds the site's lock and has checked that no machine uses it.
    pub fn delete_base(&self, image: &Image) -> Result<(), CallFailure> {
        BaseNames::of(image).all().iter().try_for_each(|name| self.delete(name))
    }

    /// Tickets of the machines whose disks are copies of an image.
    pub fn machines_on(&self, image: &Image) -> Result<Vec<Ticket>, CallFailure> {
        let base = BaseNames::of(image).disk;
        let copies = self.copies()?;
        Ok(copies.into_iter().filter(|(_, on)| *on == base).map(|(ticket, _)| ticket).collect())
    }

    /// Deletes base images that no machine uses and no image of the store needs, complete or not, and logs of probes. The
    /// caller holds the site's lock.
    ///
    /// A failure wastes disk until the next time and does nothing else.
    pub fn delete_unused(&self, images: &ImageStore) {
        if let Err(failure) = self.try_delete_unused(images) {
            tracing::warn!(error = failure.message, "unused volumes were not deleted");
        }
    }

    /// Deletes nothing unless everything that may be in use is known.
    fn try_delete_unused(&self, images: &ImageStore) -> Result<(), CallFailure> {
        let mut used: Vec<String> = self.copies()?.into_iter().map(|(_, base)| base).collect();
        let images = images.list().map_err(|error| CallFailure::unexpected(error.to_string()))?;
        used.extend(images.iter().map(|image| BaseNames::of(image).disk));
        unused(self.names()?, &used).iter().try_for_each(|name| self.delete(name))
    }

    /// Disks of machines: the ticket, and the name of the base disk that it is a copy of.
    fn copies(&self) -> Result<Vec<(Ticket, String)>, CallFailure> {
        let mut copies = Vec::new();
        for volume in self.pool.volumes()? {
            let Some(xml) = found(volume.xml(), ErrorCode::NO_STORAGE_VOLUME)? else { continue };
            let base = xml.split_once("<backingStore>").and_then(|(_, rest)| {
                let (path, _) = rest.split_once("<path>")?.1.split_once("</path>")?;
                Some(path.rsplit('/').next()?.to_owned())
            });
            copies.extend(ticket_of_volume(volume.name()).zip(base));
        }
        Ok(copies)
    }

    fn volume(&self, name: &str) -> Result<Option<Volume<'c>>, CallFailure> {
        found(self.pool.volume_by_name(name), ErrorCode::NO_STORAGE_VOLUME)
    }

    /// Reads the directory again. While libvirt creates a volume it can't, and what it knows must do.
    fn refresh(&self) -> Result<(), CallFailure> {
        match self.pool.refresh() {
            Err(RpcError::Libvirt(error)) if error.message.contains("asynchronous jobs") => Ok(()),
            refreshed => Ok(refreshed?),
        }
    }

    fn upload_base(&self, name: &str, mut file: File) -> Result<(), CallFailure> {
        self.delete(name)?;
        let size = file.metadata()?.len();
        let volume = self.pool.create_volume(&base_volume(name, Bytes(size)).to_string())?;
        let upload = volume.upload(size)?;
        let mut buffer = vec![0; UPLOAD_BUFFER];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(upload.finish()?),
                count => upload.send(&buffer[..count])?,
            }
        }
    }
}

/// Opens the files of an image. Returns each with the name of its volume.
///
/// An image may be replaced at any time. Open files keep their content, so the image is read again once all are open: a
/// base is named by its content.
fn open<'a>(names: &'a BaseNames, images: &ImageStore, image: &Image) -> Result<Vec<(&'a str, File)>, CallFailure> {
    let (kernel, initrd) = images.kernel(image);
    let mut files = vec![(names.disk.as_str(), images.disk(image))];
    if let Boot::Kernel { .. } = image.boot {
        files.extend([(names.kernel.as_str(), kernel), (names.initrd.as_str(), initrd)]);
    }
    let open = |(name, path): (&'a str, PathBuf)| match File::open(&path) {
        Ok(file) => Ok((name, file)),
        Err(error) => Err(CallFailure::unexpected(format!("`{}`: {error}", path.display()))),
    };
    let files = files.into_iter().map(open).collect();
    match images.find(&image.name) {
        Ok(Some(now)) if now == *image => files,
        _ => Err(CallFailure {
            remedy: Remedy::Retry(Duration::from_secs(1)),
            ..CallFailure::unexpected(format!("the image `{}` was replaced or removed meanwhile", image.name))
        }),
    }
}

/// Volumes of bases whose disk is not in use, and logs of probes. Marks come first: a base without its mark is not
/// complete, so an interrupted deletion leaves no base that looks usable.
fn unused(mut names: Vec<String>, used: &[String]) -> Vec<String> {
    names.retain(|name| match base_stem(name) {
        Some(stem) => !used.contains(&BaseNames::of_stem(stem).disk),
        None => name.starts_with(PROBE_PREFIX),
    });
    names.sort_by_key(|name| !name.ends_with(".complete"));
    names
}

/// The part that the names of a base's volumes share. `None` if this is not one of them.
fn base_stem(name: &str) -> Option<&str> {
    let (stem, _) = name.strip_prefix(BASE_PREFIX)?.split_once('.')?;
    (stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(stem)
}

fn base_volume(name: &str, capacity: Bytes) -> VolumeXml<'_> {
    VolumeXml { name, capacity, base: None, readers: Readers::Everyone }
}

/// Names of a base image's volumes. They are made from its content: another image of the same name has others.
struct BaseNames {
    /// Empty volume that exists once the others are complete.
    mark: String,
    disk: String,
    kernel: String,
    initrd: String,
}

impl BaseNames {
    fn of(image: &Image) -> Self {
        Self::of_stem(image.digest.get(..32).unwrap_or(&image.digest))
    }

    fn of_stem(stem: &str) -> Self {
        let name = |suffix: &str| format!("{BASE_PREFIX}{stem}.{suffix}");
        Self { mark: name("complete"), disk: name("qcow2"), kernel: name("kernel"), initrd: name("initrd") }
    }

    /// All of them, in the order of deletion.
    fn all(&self) -> [&str; 4] {
        [&self.mark, &self.disk, &self.kernel, &self.initrd]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_volumes_are_those_of_bases_and_probes_only() {
        let (old, new) = ("a".repeat(32), "b".repeat(32));
        let used = format!("base-{new}.qcow2");
        let partial = format!("base-{old}.kernel");
        let mark = format!("base-{old}.complete");
        let machine = "hostler-00000000000000000000000000000007-machine-a.console";
        let other = "base-of-mine.qcow2";
        let probe = "hostler-probe-42.console";
        let names = [&partial, &mark, &used, &format!("base-{new}.complete"), machine, other, probe];
        let names = names.iter().map(|name| name.to_string()).collect();
        assert_eq!(unused(names, &[used]), [&mark, &partial, probe]);
    }
}
