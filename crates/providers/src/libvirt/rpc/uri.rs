//! URIs of libvirt, and the sockets that they lead to.

use std::path::{Path, PathBuf};

/// A URI of a libvirt on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::libvirt) struct Uri {
    scope: UriScope,
    /// Socket that the URI names instead of the usual ones.
    socket: Option<PathBuf>,
}

/// Owner of a daemon and of its virtual machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UriScope {
    /// The host.
    System,
    /// One user.
    Session,
}

/// The user that this process runs as, for the URI `qemu:///session`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::libvirt) struct User {
    /// Number of the user. 0 is root, whose session is the system.
    pub id: u32,
    /// Directory for the user's sockets: `$XDG_RUNTIME_DIR`.
    pub runtime_dir: PathBuf,
}

impl User {
    /// The user of this process. `runtime_dir` is the value of `$XDG_RUNTIME_DIR`; if `None`, systemd's default.
    pub fn current(runtime_dir: Option<&Path>) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let id = std::fs::metadata("/proc/self")?.uid();
        let runtime_dir = runtime_dir.map_or_else(|| format!("/run/user/{id}").into(), Path::to_owned);
        Ok(Self { id, runtime_dir })
    }
}

/// A URI that this client does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(in crate::libvirt) struct UnsupportedUri {
    reason: String,
}

/// The URIs that are supported, for error messages.
pub(in crate::libvirt) const SUPPORTED_URIS: &str =
    "`qemu:///system`, `qemu:///session`, or one of these with `?socket=PATH`";

impl Uri {
    /// Reads `qemu[+unix]:///(system|session)[?socket=PATH]`.
    pub fn parse(text: &str) -> Result<Self, UnsupportedUri> {
        let unsupported = |reason: String| UnsupportedUri { reason };
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| unsupported("it is not of the form `qemu:///system`".to_owned()))?;
        let (driver, transport) = scheme.split_once('+').unwrap_or((scheme, "unix"));
        if driver != "qemu" {
            return Err(unsupported(format!("its driver is `{driver}`, not `qemu`")));
        }
        let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = location.split_once('/').unwrap_or((location, ""));
        if transport != "unix" || !host.is_empty() {
            return Err(unsupported("it names another host".to_owned()));
        }
        let scope = match path {
            "system" => UriScope::System,
            "session" => UriScope::Session,
            path => return Err(unsupported(format!("its path is `/{path}`, not `/system` or `/session`"))),
        };
        let mut socket = None;
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("socket", path)) => socket = Some(PathBuf::from(percent_decoded(path))),
                _ => return Err(unsupported(format!("its parameter `{parameter}` is unknown"))),
            }
        }
        Ok(Self { scope, socket })
    }

    /// The URI as the daemon's driver opens it.
    pub fn name(&self) -> &'static str {
        match self.scope {
            UriScope::System => "qemu:///system",
            UriScope::Session => "qemu:///session",
        }
    }

    /// True if the daemon belongs to one user.
    pub fn is_session(&self) -> bool {
        self.scope == UriScope::Session
    }

    /// Sockets at which a daemon may listen, in the order of libvirt's own client: the one of the modular daemon for
    /// QEMU, which forwards calls about networks and storage, then the one of libvirtd.
    pub fn sockets(&self, user: &User) -> Vec<PathBuf> {
        if let Some(socket) = &self.socket {
            return vec![socket.clone()];
        }
        let directory = match self.scope {
            UriScope::Session if user.id != 0 => user.runtime_dir.join("libvirt"),
            UriScope::Session | UriScope::System => PathBuf::from("/var/run/libvirt"),
        };
        ["virtqemud-sock", "libvirt-sock"].iter().map(|name| directory.join(name)).collect()
    }
}

/// Decodes `%2F` and its like. Other text is unchanged.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(uri: &str, id: u32) -> Vec<String> {
        let user = User { id, runtime_dir: "/run/user/7".into() };
        Uri::parse(uri).unwrap().sockets(&user).iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn modular_daemon_comes_before_libvirtd() {
        let system = ["/var/run/libvirt/virtqemud-sock", "/var/run/libvirt/libvirt-sock"];
        assert_eq!(sockets("qemu:///system", 7), system);
        assert_eq!(sockets("qemu+unix:///system", 0), system);
        assert_eq!(sockets("qemu:///session", 0), system, "root has no session of its own");
        let session = ["/run/user/7/libvirt/virtqemud-sock", "/run/user/7/libvirt/libvirt-sock"];
        assert_eq!(sockets("qemu:///session", 7), session);
        assert_eq!(sockets("qemu:///session?socket=/tmp/a%20b%zz", 7), ["/tmp/a b%zz"]);
    }

    #[test]
    fn other_uris_are_unsupported() {
        let reason = |uri| Uri::parse(uri).unwrap_err().reason;
        assert_eq!(reason("system"), "it is not of the form `qemu:///system`");
        assert_eq!(reason("xen:///system"), "its driver is `xen`, not `qemu`");
        assert_eq!(reason("qemu:///nowhere"), "its path is `/nowhere`, not `/system` or `/session`");
        assert_eq!(reason("qemu+ssh://me@host/system"), "it names another host");
        assert_eq!(reason("qemu+tls:///system"), "it names another host");
        assert_eq!(reason("qemu://host/system"), "it names another host");
        assert_eq!(reason("qemu:///system?mode=legacy"), "its parameter `mode=legacy` is unknown");
    }
}
