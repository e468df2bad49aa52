//! Whether the processor's help with virtual machines works: tried, not assumed.
//!
//! On some computers `/dev/kvm` can be opened and makes machines, and yet none of them boots. So a small guest is
//! started once, whose only act is to say that it runs. The answer is kept until the computer or QEMU changes.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::size::Bytes;
use serde::{Deserialize, Serialize};
use virt::connect::Connect;
use virt::domain::Domain;

use super::pool::Pool;
use super::trouble::Trouble;
use super::xml::{BootXml, DomainXml, Readers, VolumeXml};
use crate::image::{Boot, Image, ImageStore};

/// How guests run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accelerator {
    /// With the processor's help.
    Kvm,
    /// Each instruction translated, some 20 times slower.
    Emulation {
        /// Why not with the processor's help.
        why: String,
    },
}

impl Accelerator {
    /// What to tell the user, if anything.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Kvm => None,
            Self::Emulation { why } => Some(format!("machines are emulated, which is slow: {why}")),
        }
    }
}

/// How long a guest may take to say that it runs. With the processor's help it takes one second.
const DEADLINE: Duration = Duration::from_secs(12);

/// The line that the initrd of our images prints when it finds `hostler.probe` on the kernel's command line.
const MARKER: &str = "hostler-probe-ok";

/// An answer as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// What it is an answer for.
    key: String,
    accelerator: Accelerator,
}

/// What an answer holds for: until the next boot (another kernel, firmware or host below), or another QEMU.
fn key(connect: &Connect) -> Result<String, Trouble> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Ok(format!("boot {}, qemu {}", boot.trim(), connect.hyp_version()?))
}

/// The answer that is kept, if it still holds.
pub(super) fn kept(connect: &Connect, file: &Path) -> Result<Option<Accelerator>, Trouble> {
    let Ok(text) = fs::read(file) else { return Ok(None) };
    let Ok(kept) = serde_json::from_slice::<Kept>(&text) else { return Ok(None) };
    Ok((kept.key == key(connect)?).then_some(kept.accelerator))
}

/// Tries it, and keeps the answer. Only under the site's lock. Without an image of ours there is nothing to try with,
/// and nothing is kept.
pub(super) fn probe(
    connect: &Connect,
    pool: &Pool<'_>,
    images: &ImageStore,
    file: &Path,
) -> Result<Accelerator, Trouble> {
    let list = images.list().map_err(|error| Trouble::report(error.to_string()))?;
    let accelerator = if !connect.capabilities()?.contains("<domain type='kvm'/>") {
        Accelerator::Emulation { why: "this computer has no working /dev/kvm".to_owned() }
    } else if let Some(image) = list.iter().find(|image| matches!(image.boot, Boot::Kernel { .. })) {
        attempt(connect, pool, images, image)?
    } else {
        let why = "there is no image to try /dev/kvm with; `hostler image build debian-12` makes one";
        return Ok(Accelerator::Emulation { why: why.to_owned() });
    };
    keep(file, &Kept { key: key(connect)?, accelerator: accelerator.clone() })?;
    Ok(accelerator)
}

fn keep(file: &Path, kept: &Kept) -> Result<(), Trouble> {
    let text = serde_json::to_vec(kept).map_err(|error| Trouble::report(error.to_string()))?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Renamed into place: another process may be reading.
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&draft, text)?;
    Ok(fs::rename(&draft, file)?)
}

fn attempt(connect: &Connect, pool: &Pool<'_>, images: &ImageStore, image: &Image) -> Result<Accelerator, Trouble> {
    let base = pool.ensure_base(images, image)?;
    let BootXml::Kernel { kernel, initrd, command_line } = base.boot else {
        return Err(Trouble::report("the image has no kernel"));
    };
    let boot = BootXml::Kernel { kernel, initrd, command_line: format!("{command_line} hostler.probe") };
    let name = format!("hostler-probe-{}", std::process::id());
    let log = format!("{name}.console");
    pool.remove(&log)?;
    let console = pool.make(&VolumeXml { name: &log, capacity: Bytes(0), base: None, readers: Readers::Owner })?;
    let xml = |accelerator: &Accelerator| {
        let machine = None;
        DomainXml {
            name: &name,
            accelerator,
            cpus: 1,
            memory: Bytes::mib(256),
            boot: &boot,
            console: &console,
            machine,
        }
        .to_string()
    };
    let answer = boots(connect, pool, &xml, &log);
    pool.remove(&log)?;
    Ok(match answer? {
        None => Accelerator::Kvm,
        Some(why) => Accelerator::Emulation { why },
    })
}

/// Starts a guest that lives no longer than our connection. `None` where it said that it runs, or else why not.
fn boots(
    connect: &Connect,
    pool: &Pool<'_>,
    xml: &dyn Fn(&Accelerator) -> String,
    log: &str,
) -> Result<Option<String>, Trouble> {
    let start = |accelerator: &Accelerator| {
        connect.create_domain_xml(&xml(accelerator), virt::sys::VIR_DOMAIN_START_AUTODESTROY)
    };
    let domain = match start(&Accelerator::Kvm) {
        Ok(domain) => domain,
        Err(error) => {
            // Where no guest starts at all, that is no answer about /dev/kvm.
            start(&Accelerator::Emulation { why: String::new() })?.destroy()?;
            return Ok(Some(format!("no guest starts with /dev/kvm: {}", cause(error.message()))));
        }
    };
    let said = listen(pool, &domain, log);
    // It may have ended by itself.
    let _ = domain.destroy();
    said
}

/// The line that matters: libvirt quotes all that QEMU said, each line with a time and QEMU's name before it.
fn cause(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    ["monitor: ", "qemu-system-x86_64: "].iter().fold(line, |line, end| line.split_once(end).map_or(line, |(_, it)| it))
}

fn listen(pool: &Pool<'_>, domain: &Domain, log: &str) -> Result<Option<String>, Trouble> {
    let end = Instant::now() + DEADLINE;
    loop {
        // Asked before the log is read: what it said last is then in the log.
        let running = domain.is_active().unwrap_or(false);
        if String::from_utf8_lossy(&pool.tail(log, 4096)?).contains(MARKER) {
            return Ok(None);
        }
        if !running {
            return Ok(Some("a guest that was tried with /dev/kvm broke down".to_owned()));
        }
        if Instant::now() > end {
            return Ok(Some(format!("a guest that was tried with /dev/kvm did not boot in {}s", DEADLINE.as_secs())));
        }
        sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_qemu_said_the_cause_is_shown() {
        let message = "internal error: process exited while connecting to monitor: 2026-11-21T03:34:18.307364Z \
                       qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nqemu-system-x86_64: Assertion failed";
        assert_eq!(cause(message), "error: failed to set MSR 0x10a to 0x69");
        let message = "internal error: process exited while connecting to monitor: Could not access KVM kernel module";
        assert_eq!(cause(message), "Could not access KVM kernel module");
        assert_eq!(cause("Cannot access /dev/kvm"), "Cannot access /dev/kvm");
    }
}
