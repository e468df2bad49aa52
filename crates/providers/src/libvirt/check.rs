//! Whether this computer can run machines, and if not, what to do.

use std::path::Path;
use std::process::Command;

use hostler_core::ports::{Health, SiteError, Verdict};
use hostler_core::size::Bytes;
use virt::connect::Connect;
use virt::error::Error;

use super::images::unusable;
use super::pool::Pool;
use super::probe::{self, Ask};
use super::trouble::Trouble;
use super::{Accelerator, Inner};

/// libvirt didn't answer: why, as far as can be told, and what to do.
pub(super) fn unreachable(uri: &str, error: &Error) -> Trouble {
    let message = error.message();
    let hint = if message.contains("Permission denied") || message.contains("authentication") {
        "add yourself to the group `libvirt` and log in again: sudo usermod -aG libvirt \"$USER\"".to_owned()
    } else if !installed() {
        "install it; on Debian or Ubuntu: sudo apt-get install libvirt-daemon-system qemu-system-x86 qemu-utils"
            .to_owned()
    } else if !nobody_listens(message) {
        format!("`virsh --connect {uri} version` asks the same of it, without hostler")
    } else if Path::new("/run/systemd/system").exists() {
        "start it: sudo systemctl enable --now libvirtd".to_owned()
    } else {
        "start it, as root: virtlogd --daemon && libvirtd --daemon".to_owned()
    };
    Trouble::ask(format!("libvirt does not answer at `{uri}`: {message}"), hint)
}

/// Whether the socket is missing, or left by a daemon that has ended: it isn't running, whatever else may be wrong.
fn nobody_listens(message: &str) -> bool {
    message.contains("socket")
        && ["No such file or directory", "Connection refused"].iter().any(|why| message.contains(why))
}

fn installed() -> bool {
    ["/usr/sbin/libvirtd", "/usr/sbin/virtqemud"].iter().any(|path| Path::new(path).exists())
}

/// The findings, with libvirt reached.
pub(super) fn check(inner: &Inner, connect: &Connect) -> Vec<Health> {
    let mut findings =
        vec![libvirt(inner, connect), qemu(connect), accelerator(inner, connect), pool(inner, connect), images(inner)];
    findings.extend(unreadable(inner));
    findings
}

/// A finding that says why the site can't be used.
pub(super) fn bad(error: SiteError) -> Health {
    Health { verdict: Verdict::Bad, finding: error.message, hint: error.hint }
}

/// What is free of the file system that a folder will be made on; nothing where that can't be told.
pub(super) fn free_below(folder: &Path) -> Bytes {
    let Some(there) = folder.ancestors().find(|path| path.exists()) else { return Bytes(0) };
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(there).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let free = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(0);
    super::room::disk_left(Bytes(free), &[])
}

fn good(finding: String) -> Health {
    Health { verdict: Verdict::Good, finding, hint: None }
}

fn trouble(trouble: Trouble) -> Health {
    Health { verdict: Verdict::Bad, finding: trouble.message, hint: trouble.hint }
}

fn libvirt(inner: &Inner, connect: &Connect) -> Health {
    let uri = &inner.settings.uri;
    match connect.lib_version() {
        Ok(version) => good(format!("libvirt {} answers at `{uri}`", dotted(version))),
        Err(error) => trouble(error.into()),
    }
}

/// libvirt's version numbers: a million for each major, a thousand for each minor.
fn dotted(version: u32) -> String {
    format!("{}.{}.{}", version / 1_000_000, version / 1_000 % 1_000, version % 1_000)
}

fn qemu(connect: &Connect) -> Health {
    let guest = connect.domain_capabilities(None, Some("x86_64"), None, Some("qemu"), 0);
    match (guest, connect.hyp_version()) {
        (Ok(_), Ok(version)) => good(format!("QEMU {} is there", dotted(version))),
        _ => Health {
            verdict: Verdict::Bad,
            finding: "there is no QEMU for x86_64".to_owned(),
            hint: Some("on Debian or Ubuntu: sudo apt-get install qemu-system-x86".to_owned()),
        },
    }
}

fn accelerator(inner: &Inner, connect: &Connect) -> Health {
    match inner.accelerator(connect, Ask::Sure) {
        Ok(Accelerator::Kvm) => {
            if matches!(probe::kept(connect, &inner.settings.accelerator), Ok(Some(_))) {
                return good("machines run with the processor's help (a guest was tried)".to_owned());
            }
            let finding = "libvirt says that machines run with the processor's help; the first machine will tell";
            Health { verdict: Verdict::Note, finding: finding.to_owned(), hint: None }
        }
        Ok(emulation) => Health { verdict: Verdict::Note, finding: emulation.note().unwrap_or_default(), hint: None },
        Err(error) => trouble(error),
    }
}

fn pool(inner: &Inner, connect: &Connect) -> Health {
    let folder = inner.settings.pool.display();
    match Pool::find(connect).and_then(|pool| pool.map(|pool| pool.left()).transpose()) {
        Ok(Some(left)) => good(format!("the storage pool `hostler` has {left} left")),
        Ok(None) => good(format!("the storage pool `hostler` will be made in `{folder}`")),
        Err(error) => trouble(error),
    }
}

fn images(inner: &Inner) -> Health {
    match inner.images.list() {
        Ok(images) if images.is_empty() => Health {
            verdict: Verdict::Bad,
            finding: "there is no image to boot".to_owned(),
            hint: Some("`hostler image build debian-12` makes one in about a minute".to_owned()),
        },
        Ok(images) => {
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            good(format!("images: {}", names.join(", ")))
        }
        Err(error) => trouble(unusable(error)),
    }
}

/// Those that [`images`] passes over. Others can be used all the same.
fn unreadable(inner: &Inner) -> Vec<Health> {
    let entries = inner.images.unreadable().unwrap_or_default();
    entries.into_iter().map(|(_, error)| Health { verdict: Verdict::Note, ..trouble(unusable(error)) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_started_only_where_none_listens() {
        let socket = "Failed to connect socket to '/var/run/libvirt/libvirt-sock'";
        assert!(nobody_listens(&format!("{socket}: No such file or directory")));
        assert!(nobody_listens(&format!("{socket}: Connection refused")));
        assert!(!nobody_listens("no connection driver available for qemu:///nowhere"));
        assert!(!nobody_listens("End of file while reading data: Input/output error"));
    }
}
