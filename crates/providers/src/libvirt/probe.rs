//! Whether the processor's help with virtual machines works: tried, not assumed.
//!
//! On some computers `/dev/kvm` can be opened and makes machines, and yet none of them boots. So a small guest is
//! started once, whose only act is to say that it runs. The answer is kept until the computer or QEMU changes.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::size::Bytes;
use jiff::{SignedDuration, Timestamp};
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
    /// What an offer's label [`LABEL`] says.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Emulation { .. } => "emulation",
        }
    }

    /// What to tell the user, if anything.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Kvm => None,
            Self::Emulation { why } => Some(format!("machines are emulated, which is slow: {why}")),
        }
    }
}

/// The label by which offers say how machines run, where that has been tried: `kvm` or `emulation`.
pub const LABEL: &str = "accelerator";

/// How long a guest may take to say that it runs. With the processor's help it takes one second.
const DEADLINE: Duration = Duration::from_secs(12);

/// The line that the initrd of our images prints when it finds `hostler.probe` on the kernel's command line.
const MARKER: &str = "hostler-probe-ok";

/// What the names of such guests and of their logs begin with; a process's id follows.
pub(super) const PROBE: &str = "hostler-probe-";

/// How long a guest that said nothing in time counts as an answer: the computer may only have been busy.
const DOUBT: SignedDuration = SignedDuration::from_hours(24);

/// An answer as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// What it is an answer for.
    key: String,
    pub accelerator: Accelerator,
    /// When to try again, where the answer may be wrong.
    until: Option<Timestamp>,
}

impl Kept {
    fn holds(&self, key: &str, now: Timestamp) -> bool {
        self.key == key && self.until.is_none_or(|until| now < until)
    }
}

/// Which of the kept answers will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Any that holds.
    Kept,
    /// One that is beyond doubt; else it is tried anew.
    Sure,
}

impl Ask {
    /// Whether this one will.
    pub fn takes(self, kept: &Kept) -> bool {
        self == Self::Kept || kept.until.is_none()
    }
}

/// What came of trying.
#[derive(Debug, PartialEq, Eq)]
enum Tried {
    /// The guest said that it runs.
    Runs,
    /// It can't run, and why.
    Fails(String),
    /// It said nothing in time, and didn't end either.
    Silent,
}

impl Tried {
    fn answer(self, key: String, now: Timestamp) -> Kept {
        let (why, until) = match self {
            Self::Runs => return Kept { key, accelerator: Accelerator::Kvm, until: None },
            Self::Fails(why) => (why, None),
            Self::Silent => {
                let why = format!("a guest that was tried with /dev/kvm did not boot in {}s", DEADLINE.as_secs());
                (why, now.checked_add(DOUBT).ok())
            }
        };
        Kept { key, accelerator: Accelerator::Emulation { why }, until }
    }
}

/// What an answer holds for: until the next boot (another kernel, firmware or host below), or another QEMU.
fn key(connect: &Connect) -> Result<String, Trouble> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Ok(format!("boot {}, qemu {}", boot.trim(), connect.hyp_version()?))
}

/// The answer that is kept, if it still holds.
pub(super) fn kept(connect: &Connect, file: &Path) -> Result<Option<Kept>, Trouble> {
    let Ok(text) = fs::read(file) else { return Ok(None) };
    let Ok(kept) = serde_json::from_slice::<Kept>(&text) else { return Ok(None) };
    Ok(kept.holds(&key(connect)?, Timestamp::now()).then_some(kept))
}

/// Tries it, and keeps the answer. Only under the site's lock. Without an image of ours there is nothing to try with:
/// libvirt is believed, and nothing is kept. The pool, in this folder, is made only to try.
pub(super) fn probe(connect: &Connect, pool: &Path, images: &ImageStore, file: &Path) -> Result<Accelerator, Trouble> {
    let list = images.list().map_err(|error| Trouble::report(error.to_string()))?;
    let tried = if !connect.capabilities()?.contains("<domain type='kvm'") {
        Tried::Fails("this computer has no working /dev/kvm".to_owned())
    } else if let Some(image) = list.iter().find(|image| matches!(image.boot, Boot::Kernel { .. })) {
        attempt(connect, &Pool::ensure(connect, pool)?, images, image)?
    } else {
        return Ok(Accelerator::Kvm);
    };
    let answer = tried.answer(key(connect)?, Timestamp::now());
    keep(file, &answer)?;
    Ok(answer.accelerator)
}

fn keep(file: &Path, kept: &Kept) -> Result<(), Trouble> {
    // Who has nothing there yet only looks, and is told the same the next time.
    if !file.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    let text = serde_json::to_vec(kept).map_err(|error| Trouble::report(error.to_string()))?;
    // Renamed into place: another process may be reading.
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&draft, text)?;
    Ok(fs::rename(&draft, file)?)
}

fn attempt(connect: &Connect, pool: &Pool<'_>, images: &ImageStore, image: &Image) -> Result<Tried, Trouble> {
    let base = pool.ensure_base(images, image)?;
    let BootXml::Kernel { kernel, initrd, command_line } = base.boot else {
        return Err(Trouble::report("the image has no kernel"));
    };
    let boot = BootXml::Kernel { kernel, initrd, command_line: format!("{command_line} hostler.probe") };
    let name = format!("{PROBE}{}", std::process::id());
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
    answer
}

/// Starts a guest that lives no longer than our connection, and hears what it says.
fn boots(
    connect: &Connect,
    pool: &Pool<'_>,
    xml: &dyn Fn(&Accelerator) -> String,
    log: &str,
) -> Result<Tried, Trouble> {
    let start = |accelerator: &Accelerator| {
        connect.create_domain_xml(&xml(accelerator), virt::sys::VIR_DOMAIN_START_AUTODESTROY)
    };
    let domain = match start(&Accelerator::Kvm) {
        Ok(domain) => domain,
        Err(error) => {
            // Where no guest starts at all, that is no answer about /dev/kvm.
            start(&Accelerator::Emulation { why: String::new() })?.destroy()?;
            return Ok(Tried::Fails(format!("no guest starts with /dev/kvm: {}", cause(error.message()))));
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

fn listen(pool: &Pool<'_>, domain: &Domain, log: &str) -> Result<Tried, Trouble> {
    let end = Instant::now() + DEADLINE;
    loop {
        // Asked before the log is read: what it said last is then in the log.
        let running = domain.is_active().unwrap_or(false);
        if String::from_utf8_lossy(&pool.tail(log, 4096)?).contains(MARKER) {
            return Ok(Tried::Runs);
        }
        if !running {
            return Ok(Tried::Fails("a guest that was tried with /dev/kvm broke down".to_owned()));
        }
        if Instant::now() > end {
            return Ok(Tried::Silent);
        }
        sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_guest_that_was_only_slow_is_tried_again() {
        let (noon, key) = (at("2026-11-21T12:00:00Z"), || "boot 1".to_owned());
        let silent = Tried::Silent.answer(key(), noon);
        assert_eq!(silent.accelerator.label(), "emulation");
        assert!(silent.holds("boot 1", at("2026-11-22T11:59:59Z")));
        assert!(!silent.holds("boot 1", at("2026-11-22T12:00:00Z")), "a day later");
        assert!(Ask::Kept.takes(&silent) && !Ask::Sure.takes(&silent), "whoever asks for a check has it tried");
        for sure in [Tried::Runs, Tried::Fails("it broke down".to_owned())] {
            let sure = sure.answer(key(), noon);
            assert!(sure.holds("boot 1", at("2027-11-21T12:00:00Z")) && Ask::Sure.takes(&sure));
            assert!(!sure.holds("boot 2", noon), "until the computer starts anew");
        }
    }

    #[test]
    fn an_answer_is_kept_only_where_something_is_kept_already() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Tried::Runs.answer("boot 1".to_owned(), at("2026-11-21T12:00:00Z"));
        keep(&folder.path().join("none/accelerator.json"), &kept).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        keep(&folder.path().join("accelerator.json"), &kept).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

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
