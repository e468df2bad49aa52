//! Settings of the site.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::name::SiteId;

/// Connection to libvirt, and files of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibvirtSettings {
    /// Name of the site.
    pub site: SiteId,
    /// URI of libvirt: `qemu:///system` or `qemu:///session`, with `?socket=PATH` if its socket is elsewhere.
    pub uri: String,
    /// Directory of the user's sockets, for `qemu:///session`: `$XDG_RUNTIME_DIR`. If `None`, `/run/user/UID`.
    pub runtime_dir: Option<PathBuf>,
    /// Directory of the storage pool, if the pool is not defined yet. libvirt creates it.
    pub pool: PathBuf,
    /// File with the cached result of the test of `/dev/kvm`.
    pub virtualization_cache: PathBuf,
    /// File of the lock that every process of this computer shares.
    pub lock: PathBuf,
    /// Script for the first boot of every machine; see [`trust`](super::trust).
    pub trust: String,
    /// Time for a machine to shut down before its power is cut.
    pub shutdown_timeout: Duration,
}

impl LibvirtSettings {
    /// Defaults for the libvirt of this computer. `state` is a directory of the user, for the cached test of `/dev/kvm`.
    pub fn new(site: SiteId, state: &Path) -> Self {
        Self {
            site,
            uri: "qemu:///system".to_owned(),
            runtime_dir: None,
            pool: "/var/lib/libvirt/images/hostler".into(),
            virtualization_cache: state.join("virtualization.json"),
            lock: "/run/lock/hostler-local.lock".into(),
            trust: String::new(),
            shutdown_timeout: Duration::from_secs(60),
        }
    }
}
