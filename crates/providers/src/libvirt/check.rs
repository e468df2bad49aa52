//! Health of the site: can this computer run machines, and if not, what must change?

use std::io::ErrorKind;
use std::path::Path;

use hostler_core::ports::{CheckResult, Health, Remedy, SiteError};

use super::error::CallFailure;
use super::images::unusable;
use super::pool::Pool;
use super::probe::{self, Freshness};
use super::rpc::{Connection, RpcError, SUPPORTED_URIS, Uri};
use super::site::Site;
use super::virtualization::Virtualization;

/// Failure to connect, with a hint that depends on the cause.
pub(super) fn unreachable(uri: &str, error: RpcError) -> CallFailure {
    let hint = match &error {
        RpcError::Uri(_) => Some(format!("supported are {SUPPORTED_URIS}")),
        RpcError::Connect { source, .. } if source.kind() == ErrorKind::PermissionDenied => Some(JOIN_GROUP.to_owned()),
        RpcError::Connect { source, .. } if source.kind() != ErrorKind::ConnectionRefused => None,
        RpcError::NoDaemon(_) | RpcError::Connect { .. } => Some(start_hint(uri)),
        RpcError::Authentication(_) => {
            Some("set `auth_unix_rw` to \"polkit\" or \"none\" in /etc/libvirt/libvirtd.conf".to_owned())
        }
        RpcError::Libvirt(error) if error.code.is_permission() => Some(JOIN_GROUP.to_owned()),
        _ => None,
    };
    let CallFailure { message, remedy, hint: known } = CallFailure::from(error);
    let hint = known.or(hint);
    // A user must act on every failure that has a hint. Others, as a daemon that restarts, may pass.
    let remedy = if hint.is_some() { Remedy::Ask } else { remedy };
    CallFailure { message: format!("libvirt does not answer at `{uri}`: {message}"), remedy, hint }
}

const JOIN_GROUP: &str =
    "add yourself to the group `libvirt` and log in again: sudo usermod --append --groups libvirt \"$USER\"";

/// Way to start the daemon of a URI, or to install it.
fn start_hint(uri: &str) -> String {
    let exists = |path: &str| Path::new(path).exists();
    let session = Uri::parse(uri).is_ok_and(|uri| uri.is_session());
    if !exists("/usr/sbin/libvirtd") && !exists("/usr/sbin/virtqemud") {
        "install libvirt; on Debian or Ubuntu: sudo apt-get install libvirt-daemon-system qemu-system-x86 qemu-utils"
            .to_owned()
    } else if session {
        let daemon = if exists("/usr/sbin/libvirtd") { "libvirtd" } else { "virtqemud" };
        format!("start your own libvirt: {daemon} --daemon")
    } else if exists("/run/systemd/system") {
        let unit = if exists("/usr/sbin/libvirtd") { "libvirtd" } else { "virtqemud.socket" };
        format!("start libvirt: sudo systemctl enable --now {unit}")
    } else {
        "start libvirt, as root: virtlogd --daemon && libvirtd --daemon".to_owned()
    }
}

/// Findings about a libvirt that answers.
pub(super) fn check(site: &Site, connection: &Connection) -> Vec<Health> {
    let mut findings = vec![
        libvirt(site, connection),
        qemu(connection),
        virtualization(site, connection),
        pool(site, connection),
        images(site),
    ];
    findings.extend(unreadable_images(site));
    findings
}

/// The only finding about a site that can't be reached.
pub(super) fn unusable_site(error: SiteError) -> Health {
    Health { result: CheckResult::Failed, finding: error.message, hint: error.hint }
}

fn good(finding: String) -> Health {
    Health { result: CheckResult::Passed, finding, hint: None }
}

fn bad(failure: CallFailure) -> Health {
    Health { result: CheckResult::Failed, finding: failure.message, hint: failure.hint }
}

fn libvirt(site: &Site, connection: &Connection) -> Health {
    let uri = &site.settings.uri;
    match connection.lib_version() {
        Ok(version) => good(format!("libvirt {} answers at `{uri}`", dotted(version))),
        Err(error) => bad(error.into()),
    }
}

/// A version in libvirt's form, a million for each major and a thousand for each minor, with dots.
fn dotted(version: u64) -> String {
    format!("{}.{}.{}", version / 1_000_000, version / 1_000 % 1_000, version % 1_000)
}

fn qemu(connection: &Connection) -> Health {
    let guest = connection.domain_capabilities("x86_64", "qemu");
    match (guest, connection.hypervisor_version()) {
        (Ok(_), Ok(version)) => good(format!("QEMU {} is installed", dotted(version))),
        _ => Health {
            result: CheckResult::Failed,
            finding: "QEMU for x86_64 is not installed".to_owned(),
            hint: Some("on Debian or Ubuntu: sudo apt-get install qemu-system-x86".to_owned()),
        },
    }
}

fn virtualization(site: &Site, connection: &Connection) -> Health {
    match site.virtualization(connection, Freshness::Conclusive) {
        Ok(Virtualization::Kvm) => {
            if matches!(probe::cached(connection, &site.settings.virtualization_cache), Ok(Some(_))) {
                return good("machines run with hardware virtualization (a test guest booted)".to_owned());
            }
            let finding = "libvirt reports hardware virtualization; no image is available yet to test it with";
            Health { result: CheckResult::Warning, finding: finding.to_owned(), hint: None }
        }
        Ok(emulation) => {
            Health { result: CheckResult::Warning, finding: emulation.note().unwrap_or_default(), hint: None }
        }
        Err(error) => bad(error),
    }
}

fn pool(site: &Site, connection: &Connection) -> Health {
    let directory = site.settings.pool.display();
    match Pool::find(connection).and_then(|pool| pool.map(|pool| pool.uncommitted()).transpose()) {
        Ok(Some(free)) => good(format!("the storage pool `hostler` has {free} free")),
        Ok(None) => good(format!("the storage pool `hostler` will be created in `{directory}`")),
        Err(error) => bad(error),
    }
}

fn images(site: &Site) -> Health {
    match site.images.list() {
        Ok(images) if images.is_empty() => Health {
            result: CheckResult::Failed,
            finding: "there is no image to boot machines from".to_owned(),
            hint: Some("build the image `debian-12`, which takes about a minute".to_owned()),
        },
        Ok(images) => {
            let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
            good(format!("images: {}", names.join(", ")))
        }
        Err(error) => bad(unusable(error)),
    }
}

/// Images that [`images`] omits. They don't affect the others.
fn unreadable_images(site: &Site) -> Vec<Health> {
    let entries = site.images.unreadable().unwrap_or_default();
    entries.into_iter().map(|(_, error)| Health { result: CheckResult::Warning, ..bad(unusable(error)) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::rpc::{ErrorCode, LibvirtError};

    fn connect(kind: ErrorKind) -> RpcError {
        RpcError::Connect { socket: "/s".into(), source: kind.into() }
    }

    fn hint(error: RpcError) -> Option<String> {
        unreachable("qemu:///system", error).hint
    }

    #[test]
    fn starting_is_suggested_only_if_no_daemon_listens() {
        let start = Some(start_hint("qemu:///system"));
        assert_eq!(hint(RpcError::NoDaemon(vec!["/s".into()])), start);
        assert_eq!(hint(connect(ErrorKind::ConnectionRefused)), start);
        assert_eq!(hint(connect(ErrorKind::TimedOut)), None);
        assert_eq!(hint(RpcError::Closed), None);
    }

    #[test]
    fn the_group_is_suggested_if_permission_is_missing() {
        let join = Some(JOIN_GROUP.to_owned());
        assert_eq!(hint(connect(ErrorKind::PermissionDenied)), join);
        let refused = LibvirtError { code: ErrorCode::AUTH_UNAVAILABLE, domain: 7, message: "no agent".to_owned() };
        assert_eq!(hint(RpcError::Libvirt(refused)), join);
    }

    #[test]
    fn a_daemon_that_restarts_is_tried_again() {
        let failure = unreachable("qemu:///system", RpcError::Closed);
        assert!(matches!(failure.remedy, Remedy::Retry(_)));
        assert_eq!(failure.message, "libvirt does not answer at `qemu:///system`: the connection to libvirt is closed");
    }

    #[test]
    fn supported_uris_are_listed_for_others() {
        let error = Uri::parse("qemu+ssh://host/system").unwrap_err();
        let failure = unreachable("qemu+ssh://host/system", error.into());
        assert_eq!(failure.remedy, Remedy::Ask);
        assert!(failure.message.ends_with("it names another host"), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("`qemu:///session`"));
    }
}
