//! The pool: a folder that libvirt keeps for us, with base images, and each machine's disk, seed and console log.
//!
//! Everything goes through libvirt, so that users who may use libvirt need no right to the folder itself.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::ports::Remedy;
use hostler_core::size::Bytes;
use hostler_core::ticket::Ticket;
use virt::connect::Connect;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

use super::names::ticket_of_volume;
use super::probe::PROBE;
use super::trouble::{Trouble, found};
use super::xml::{self, BootXml, Readers, VolumeXml};
use crate::image::{Boot, Image, ImageStore};

const NAME: &str = "hostler";

/// What the names of base images' volumes begin with.
const BASE: &str = "base-";

/// Our pool at a libvirt, running.
pub(super) struct Pool<'a> {
    connect: &'a Connect,
    pool: StoragePool,
}

/// A base image, in the pool.
pub(super) struct Base {
    pub disk: String,
    pub boot: BootXml,
}

impl<'a> Pool<'a> {
    /// The pool, if there is one. It is started where it isn't running, as after a restart of the computer.
    pub fn find(connect: &'a Connect) -> Result<Option<Self>, Trouble> {
        let Some(pool) = found(connect.lookup_storage_pool_by_name(NAME), ErrorNumber::NoStoragePool)? else {
            return Ok(None);
        };
        if !pool.is_active()? {
            pool.create(virt::sys::VIR_STORAGE_POOL_CREATE_NORMAL)?;
        }
        Ok(Some(Self { connect, pool }))
    }

    /// The pool; made in a folder where there is none. Only under the site's lock.
    pub fn ensure(connect: &'a Connect, folder: &Path) -> Result<Self, Trouble> {
        if let Some(pool) = Self::find(connect)? {
            return Ok(pool);
        }
        let folder = folder.to_str().ok_or_else(|| Trouble::report("the pool's folder is not UTF-8"))?;
        let pool = connect.define_storage_pool_xml(&xml::pool(NAME, folder), 0)?;
        pool.build(0)?;
        pool.create(virt::sys::VIR_STORAGE_POOL_CREATE_NORMAL)?;
        pool.set_autostart(true)?;
        Ok(Self { connect, pool })
    }

    /// What is free of the disk that it lies on, minus what its volumes have yet to claim.
    pub fn left(&self) -> Result<Bytes, Trouble> {
        let mut claims = Vec::new();
        for volume in self.pool.list_all_volumes(0)? {
            // A base is never written to, however large the disk in it. One that went away since it was listed claims
            // nothing.
            if !volume.name()?.starts_with(BASE)
                && let Ok(info) = volume.info()
            {
                claims.push((Bytes(info.capacity), Bytes(info.allocation)));
            }
        }
        // libvirt remembers what was free when it last looked.
        self.pool.refresh(0).or_else(|error| if busy(&error) { Ok(()) } else { Err(error) })?;
        Ok(super::room::disk_left(Bytes(self.pool.info()?.available), &claims))
    }

    /// The names of all volumes.
    pub fn names(&self) -> Result<Vec<String>, Trouble> {
        Ok(self.pool.list_volumes()?)
    }

    /// Where a volume lies.
    pub fn path(&self, name: &str) -> Result<String, Trouble> {
        Ok(self.volume(name)?.ok_or_else(|| Trouble::report(format!("no volume `{name}`")))?.path()?)
    }

    /// Makes an empty volume, or a copy on write of another. Returns its path.
    pub fn make(&self, volume: &VolumeXml<'_>) -> Result<String, Trouble> {
        Ok(self.create(volume)?.path()?)
    }

    /// Makes a volume with this content, which only its owner may read. Returns its path.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<String, Trouble> {
        let capacity = Bytes(content.len() as u64);
        let volume = self.create(&VolumeXml { name, capacity, base: None, readers: Readers::Owner })?;
        self.upload(&volume, &mut Cursor::new(content), capacity.0)?;
        Ok(volume.path()?)
    }

    /// The last bytes of a volume; nothing where it is not there.
    pub fn tail(&self, name: &str, count: u64) -> Result<Vec<u8>, Trouble> {
        let Some(volume) = self.volume(name)? else { return Ok(Vec::new()) };
        let size = volume.info()?.capacity;
        let stream = Stream::new(self.connect, 0)?;
        volume.download(&stream, size.saturating_sub(count), 0, 0)?;
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
        loop {
            match usize::try_from(stream.recv(&mut buffer)?).unwrap_or(0) {
                0 => break,
                got => bytes.extend_from_slice(&buffer[..got]),
            }
        }
        stream.finish()?;
        Ok(bytes)
    }

    /// Removes a volume; one that is not there is removed already.
    pub fn remove(&self, name: &str) -> Result<(), Trouble> {
        if let Some(volume) = self.volume(name)? {
            found(volume.delete(0), ErrorNumber::NoStorageVolume)?;
        }
        Ok(())
    }

    /// Removes every volume that bears a ticket, and logs that have appeared behind libvirt's back.
    pub fn remove_all(&self, ticket: &Ticket) -> Result<(), Trouble> {
        self.pool.refresh(0).or_else(|error| if busy(&error) { Ok(()) } else { Err(error) })?;
        for name in self.names()? {
            if ticket_of_volume(&name).as_ref() == Some(ticket) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// A base image in the pool, brought there where it isn't. Only under the site's lock.
    ///
    /// libvirt can't rename a volume, so a last, empty volume says that the others are whole: after a crash in the
    /// middle it is missing, and what lies there is replaced.
    pub fn ensure_base(&self, images: &ImageStore, image: &Image) -> Result<Base, Trouble> {
        let names = BaseNames::of(image);
        if self.volume(&names.whole)?.is_none() {
            self.tidy(images);
            for (name, file) in open(&names, images, image)? {
                self.bring(name, file)?;
            }
            self.make(&base_volume(&names.whole, Bytes(0)))?;
        }
        let boot = match &image.boot {
            Boot::Disk => BootXml::Disk,
            Boot::Kernel { command_line } => BootXml::Kernel {
                kernel: self.path(&names.kernel)?,
                initrd: self.path(&names.initrd)?,
                command_line: command_line.clone(),
            },
        };
        Ok(Base { disk: self.path(&names.disk)?, boot })
    }

    /// Removes an image's base. Only under the site's lock, and only where no machine stands on it.
    pub fn remove_base(&self, image: &Image) -> Result<(), Trouble> {
        BaseNames::of(image).all().iter().try_for_each(|name| self.remove(name))
    }

    /// The tickets of the machines that stand on an image.
    pub fn standing_on(&self, image: &Image) -> Result<Vec<Ticket>, Trouble> {
        let base = BaseNames::of(image).disk;
        let copies = self.copies()?;
        Ok(copies.into_iter().filter(|(_, on)| *on == base).map(|(ticket, _)| ticket).collect())
    }

    /// Removes what nobody needs any more: bases, whole or not, that no machine stands on, of images that have been
    /// replaced or removed since, and what a guest left that was tried. Only under the site's lock.
    ///
    /// What can't be removed now takes room, and nothing else: it is removed the next time.
    pub fn tidy(&self, images: &ImageStore) {
        if let Err(trouble) = self.prune(images) {
            tracing::warn!(why = trouble.message, "the pool was not tidied up");
        }
    }

    /// Nothing is removed unless all that may be needed is known.
    fn prune(&self, images: &ImageStore) -> Result<(), Trouble> {
        let mut kept: Vec<String> = self.copies()?.into_iter().map(|(_, base)| base).collect();
        let images = images.list().map_err(|error| Trouble::report(error.to_string()))?;
        kept.extend(images.iter().map(|image| BaseNames::of(image).disk));
        leftovers(self.names()?, &kept).iter().try_for_each(|name| self.remove(name))
    }

    /// The disks of machines: their tickets, and the names of the bases that they are copies of.
    fn copies(&self) -> Result<Vec<(Ticket, String)>, Trouble> {
        let mut copies = Vec::new();
        for volume in self.pool.list_all_volumes(0)? {
            // One that went away since it was listed stands on nothing.
            let Some(xml) = found(volume.xml_desc(0), ErrorNumber::NoStorageVolume)? else { continue };
            let base = xml.split_once("<backingStore>").and_then(|(_, rest)| {
                let (path, _) = rest.split_once("<path>")?.1.split_once("</path>")?;
                Some(path.rsplit('/').next()?.to_owned())
            });
            copies.extend(ticket_of_volume(&volume.name()?).zip(base));
        }
        Ok(copies)
    }

    fn volume(&self, name: &str) -> Result<Option<StorageVol>, Trouble> {
        found(self.pool.lookup_storage_vol_by_name(name), ErrorNumber::NoStorageVolume)
    }

    fn create(&self, volume: &VolumeXml<'_>) -> Result<StorageVol, Trouble> {
        Ok(StorageVol::create_xml(&self.pool, &volume.to_string(), 0)?)
    }

    fn bring(&self, name: &str, mut file: File) -> Result<(), Trouble> {
        self.remove(name)?;
        let size = file.metadata()?.len();
        let volume = self.create(&base_volume(name, Bytes(size)))?;
        self.upload(&volume, &mut file, size)
    }

    fn upload(&self, volume: &StorageVol, from: &mut dyn Read, size: u64) -> Result<(), Trouble> {
        let stream = Stream::new(self.connect, 0)?;
        volume.upload(&stream, 0, size, 0)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(stream.finish()?);
            }
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let sent = usize::try_from(stream.send(rest)?).unwrap_or(0);
                rest = rest.get(sent..).unwrap_or_default();
            }
        }
    }
}

/// The files of an image, and what they are called in the pool.
///
/// An image may be replaced at any time: files that are open stay as they are, and the image is asked for once more
/// when all are, since a base is named by its content.
fn open<'a>(names: &'a BaseNames, images: &ImageStore, image: &Image) -> Result<Vec<(&'a str, File)>, Trouble> {
    let (kernel, initrd) = images.kernel(image);
    let mut files = vec![(names.disk.as_str(), images.disk(image))];
    if let Boot::Kernel { .. } = image.boot {
        files.extend([(names.kernel.as_str(), kernel), (names.initrd.as_str(), initrd)]);
    }
    let named = |(name, path): (&'a str, PathBuf)| match File::open(&path) {
        Ok(file) => Ok((name, file)),
        Err(error) => Err(Trouble::report(format!("`{}`: {error}", path.display()))),
    };
    let files = files.into_iter().map(named).collect();
    match images.find(&image.name) {
        Ok(Some(now)) if now == *image => files,
        _ => Err(Trouble {
            remedy: Remedy::Retry(Duration::from_secs(1)),
            ..Trouble::report(format!("the image `{}` was replaced or removed meanwhile", image.name))
        }),
    }
}

/// Of these volumes, those of bases that are not among the disks that are kept, and what a guest left that was tried.
/// Marks come first: without its mark a base is none any more, if only a part of it gets removed.
fn leftovers(mut names: Vec<String>, kept: &[String]) -> Vec<String> {
    names.retain(|name| match stem(name) {
        Some(stem) => !kept.contains(&BaseNames::of_stem(stem).disk),
        None => name.starts_with(PROBE),
    });
    names.sort_by_key(|name| !name.ends_with(".whole"));
    names
}

/// What the names of a base's volumes share, if this is one.
fn stem(name: &str) -> Option<&str> {
    let (stem, _) = name.strip_prefix(BASE)?.split_once('.')?;
    (stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(stem)
}

fn base_volume(name: &str, capacity: Bytes) -> VolumeXml<'_> {
    VolumeXml { name, capacity, base: None, readers: Readers::Everyone }
}

/// The pool can't be refreshed while a volume is being made in it. What it knew before will do.
fn busy(error: &virt::error::Error) -> bool {
    error.message().contains("asynchronous jobs")
}

/// The volumes of a base image. Named by its content: another image of the same name gets others.
struct BaseNames {
    whole: String,
    disk: String,
    kernel: String,
    initrd: String,
}

impl BaseNames {
    fn of(image: &Image) -> Self {
        Self::of_stem(image.digest.get(..32).unwrap_or(&image.digest))
    }

    fn of_stem(stem: &str) -> Self {
        let name = |suffix: &str| format!("{BASE}{stem}.{suffix}");
        Self { whole: name("whole"), disk: name("qcow2"), kernel: name("kernel"), initrd: name("initrd") }
    }

    /// In the order of removing: without its mark it is no base any more.
    fn all(&self) -> [&str; 4] {
        [&self.whole, &self.disk, &self.kernel, &self.initrd]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_needs_is_left_over() {
        let (old, new) = ("a".repeat(32), "b".repeat(32));
        let kept = format!("base-{new}.qcow2");
        let half = format!("base-{old}.kernel");
        let mark = format!("base-{old}.whole");
        let machine = "hostler-00000000000000000000000000000007-machine-a.console";
        let mine = "base-of-mine.qcow2";
        let names = [&half, &mark, &kept, &format!("base-{new}.whole"), machine, mine, "hostler-probe-42.console"];
        let names = names.iter().map(|name| name.to_string()).collect();
        assert_eq!(leftovers(names, &[kept]), [&mark, &half, "hostler-probe-42.console"]);
    }
}
