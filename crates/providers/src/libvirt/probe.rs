//! Hardware virtualization: tested, not assumed.
//!
//! On some hosts `/dev/kvm` can be opened and creates guests, but none of them boots. So the test starts a small guest, which
//! only prints a marker. The result is cached until the host restarts or QEMU changes.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::size::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::{CallFailure, found};
use super::names::PROBE_PREFIX;
use super::pool::Pool;
use super::rpc::{Connection, Domain, ErrorCode, StartFlags};
use super::virtualization::Virtualization;
use super::xml::{BootXml, DomainXml, Readers, VolumeXml};
use crate::image::{Boot, Image, ImageStore};

/// Time for the test guest to print its marker. With KVM it takes one second.
const BOOT_TIMEOUT: Duration = Duration::from_secs(12);

/// Line that the initrd of hostler's images prints if `hostler.probe` is on the kernel's command line.
const MARKER: &str = "hostler-probe-ok";

/// Age at which a timeout is tested again: the host may only have been busy.
const TIMEOUT_VALIDITY: SignedDuration = SignedDuration::from_hours(24);

/// A result in the cache file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CachedResult {
    /// Boot id of the host and version of QEMU at the time of the test.
    key: String,
    pub virtualization: Virtualization,
    /// Time of the next test. `None` for a conclusive result.
    expires: Option<Timestamp>,
}

impl CachedResult {
    fn is_valid(&self, key: &str, now: Timestamp) -> bool {
        self.key == key && self.expires.is_none_or(|expires| now < expires)
    }
}

/// Cached results that a caller accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Any valid one.
    Cached,
    /// A conclusive one. After a timeout the test runs again.
    Conclusive,
}

impl Freshness {
    /// True if the caller accepts this result.
    pub fn accepts(self, result: &CachedResult) -> bool {
        self == Self::Cached || result.expires.is_none()
    }
}

/// Outcome of a test.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The guest printed the marker.
    Booted,
    /// The guest can't run with KVM, for this reason.
    Failed(String),
    /// The guest neither printed the marker nor ended in time.
    TimedOut,
}

impl Outcome {
    fn result(self, key: String, now: Timestamp) -> CachedResult {
        let (reason, expires) = match self {
            Self::Booted => return CachedResult { key, virtualization: Virtualization::Kvm, expires: None },
            Self::Failed(reason) => (reason, None),
            Self::TimedOut => {
                let reason = format!("a test guest with /dev/kvm did not boot within {}s", BOOT_TIMEOUT.as_secs());
                (reason, now.checked_add(TIMEOUT_VALIDITY).ok())
            }
        };
        CachedResult { key, virtualization: Virtualization::Emulation { reason }, expires }
    }
}

/// Scope of a result: until the next boot (another kernel, firmware or outer host), or another QEMU.
fn key(connection: &Connection) -> Result<String, CallFailure> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Ok(format!("boot {}, qemu {}", boot.trim(), connection.hypervisor_version()?))
}

/// The cached result, if it is valid.
pub(super) fn cached(connection: &Connection, file: &Path) -> Result<Option<CachedResult>, CallFailure> {
    let Ok(text) = fs::read(file) else { return Ok(None) };
    let Ok(result) = serde_json::from_slice::<CachedResult>(&text) else { return Ok(None) };
    Ok(result.is_valid(&key(connection)?, Timestamp::now()).then_some(result))
}

/// Runs the test and caches its result. The caller holds the site's lock.
///
/// Without an image of hostler's there is no guest to test with: libvirt's word is taken, and nothing is cached. The pool
/// is created in its directory only if a test runs.
pub(super) fn test(
    connection: &Connection,
    pool: &Path,
    images: &ImageStore,
    file: &Path,
) -> Result<Virtualization, CallFailure> {
    let list = images.list().map_err(|error| CallFailure::unexpected(error.to_string()))?;
    let outcome = if !connection.capabilities()?.contains("<domain type='kvm'") {
        Outcome::Failed("this computer has no working /dev/kvm".to_owned())
    } else if let Some(image) = list.iter().find(|image| matches!(image.boot, Boot::Kernel { .. })) {
        boot_guest(connection, &Pool::ensure(connection, pool)?, images, image)?
    } else {
        return Ok(Virtualization::Kvm);
    };
    let result = outcome.result(key(connection)?, Timestamp::now());
    cache(file, &result)?;
    Ok(result.virtualization)
}

/// Writes the cache file, unless its directory does not exist: a caller that only reads must not create a user's data
/// directory.
fn cache(file: &Path, result: &CachedResult) -> Result<(), CallFailure> {
    if !file.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    let text = serde_json::to_vec(result).map_err(|error| CallFailure::unexpected(error.to_string()))?;
    // Renamed into place: another process may be reading.
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    fs::write(&draft, text)?;
    Ok(fs::rename(&draft, file)?)
}

fn boot_guest(
    connection: &Connection,
    pool: &Pool<'_>,
    images: &ImageStore,
    image: &Image,
) -> Result<Outcome, CallFailure> {
    let base = pool.ensure_base(images, image)?;
    let BootXml::Kernel { kernel, initrd, command_line } = base.boot else {
        return Err(CallFailure::unexpected("the image has no kernel"));
    };
    let boot = BootXml::Kernel { kernel, initrd, command_line: format!("{command_line} hostler.probe") };
    let name = format!("{PROBE_PREFIX}{}", std::process::id());
    let log = format!("{name}.console");
    pool.delete(&log)?;
    let console = pool.create(&VolumeXml { name: &log, capacity: Bytes(0), base: None, readers: Readers::Owner })?;
    let xml = |virtualization: &Virtualization| {
        DomainXml {
            name: &name,
            virtualization,
            cpus: 1,
            memory: Bytes::mib(256),
            boot: &boot,
            console: &console,
            machine: None,
        }
        .to_string()
    };
    let outcome = run_guest(connection, pool, &xml, &log);
    pool.delete(&log)?;
    outcome
}

/// Starts a guest that ends with the connection, and waits for its marker.
fn run_guest(
    connection: &Connection,
    pool: &Pool<'_>,
    xml: &dyn Fn(&Virtualization) -> String,
    log: &str,
) -> Result<Outcome, CallFailure> {
    let start =
        |virtualization: &Virtualization| connection.create_domain(&xml(virtualization), StartFlags::Autodestroy);
    let domain = match start(&Virtualization::Kvm) {
        Ok(domain) => domain,
        Err(error) => {
            // If emulated guests don't start either, the cause is not KVM.
            start(&Virtualization::Emulation { reason: String::new() })?.destroy()?;
            return Ok(Outcome::Failed(format!("no guest starts with /dev/kvm: {}", cause(&error.to_string()))));
        }
    };
    let outcome = await_marker(pool, &domain, log);
    // Fails if the guest has ended by itself.
    let _ = domain.destroy();
    outcome
}

/// The decisive part of libvirt's message, which quotes QEMU's output with a time and QEMU's name before each line.
fn cause(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    ["monitor: ", "qemu-system-x86_64: "].iter().fold(line, |line, end| line.split_once(end).map_or(line, |(_, it)| it))
}

fn await_marker(pool: &Pool<'_>, domain: &Domain<'_>, log: &str) -> Result<Outcome, CallFailure> {
    let end = Instant::now() + BOOT_TIMEOUT;
    loop {
        // Queried before the log is read, so that the log of a guest that has ended is complete.
        let running = found(domain.is_active(), ErrorCode::NO_DOMAIN)?.unwrap_or(false);
        if String::from_utf8_lossy(&pool.tail(log, 4096)?).contains(MARKER) {
            return Ok(Outcome::Booted);
        }
        if !running {
            return Ok(Outcome::Failed("a test guest with /dev/kvm exited before it booted".to_owned()));
        }
        if Instant::now() > end {
            return Ok(Outcome::TimedOut);
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
    fn a_timeout_expires_and_other_results_hold_until_the_next_boot() {
        let (noon, key) = (at("2026-11-21T12:00:00Z"), || "boot 1".to_owned());
        let slow = Outcome::TimedOut.result(key(), noon);
        assert_eq!(slow.virtualization.label(), "emulation");
        assert!(slow.is_valid("boot 1", at("2026-11-22T11:59:59Z")));
        assert!(!slow.is_valid("boot 1", at("2026-11-22T12:00:00Z")), "a day later");
        assert!(Freshness::Cached.accepts(&slow) && !Freshness::Conclusive.accepts(&slow));
        for outcome in [Outcome::Booted, Outcome::Failed("it ended".to_owned())] {
            let conclusive = outcome.result(key(), noon);
            assert!(conclusive.is_valid("boot 1", at("2027-11-21T12:00:00Z")));
            assert!(Freshness::Conclusive.accepts(&conclusive));
            assert!(!conclusive.is_valid("boot 2", noon));
        }
    }

    #[test]
    fn caching_does_not_create_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let result = Outcome::Booted.result("boot 1".to_owned(), at("2026-11-21T12:00:00Z"));
        cache(&directory.path().join("none/virtualization.json"), &result).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        cache(&directory.path().join("virtualization.json"), &result).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn cause_is_taken_from_the_output_of_qemu() {
        let message = "internal error: process exited while connecting to monitor: 2026-11-21T03:34:18.307364Z \
                       qemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\nqemu-system-x86_64: Assertion failed";
        assert_eq!(cause(message), "error: failed to set MSR 0x10a to 0x69");
        let message = "internal error: process exited while connecting to monitor: Could not access KVM kernel module";
        assert_eq!(cause(message), "Could not access KVM kernel module");
        assert_eq!(cause("Cannot access /dev/kvm"), "Cannot access /dev/kvm");
    }
}
