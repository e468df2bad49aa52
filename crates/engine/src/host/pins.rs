//! Host keys of persistent hosts, pinned at the first contact across deployments, in a `known_hosts` file.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hostler_core::ports::Address;

use super::key::HostKey;

/// The host keys of a `known_hosts` file that hostler maintains.
#[derive(Debug, Clone)]
pub struct KnownHosts {
    path: PathBuf,
    /// Line number and key by host pattern.
    keys: BTreeMap<String, (usize, HostKey)>,
}

impl KnownHosts {
    /// Path of the file in a data directory.
    pub fn path_in(data: &Path) -> PathBuf {
        data.join("hosts/known_hosts")
    }

    /// Reads the file; a missing file is empty. The first of several lines for a host counts. Blocks on the disk.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut keys = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if let Some((place, key)) = line.split_once(' ')
                && let Ok(key) = key.parse()
            {
                keys.entry(place.to_owned()).or_insert((index + 1, key));
            }
        }
        Ok(Self { path: path.to_owned(), keys })
    }

    /// Pinned key of a host; `None` before the first contact.
    pub fn get(&self, address: &Address) -> Option<&HostKey> {
        self.keys.get(&pattern(address)).map(|(_, key)| key)
    }

    /// Hint for a host whose key has changed: the line to remove. `None` for a host without a pinned key.
    pub fn changed_key_hint(&self, address: &Address) -> Option<String> {
        let (line, _) = self.keys.get(&pattern(address))?;
        let path = self.path.display();
        Some(format!(
            "if the host was reinstalled on purpose, remove line {line} of `{path}`; \
             otherwise the connection may be intercepted: do not log in"
        ))
    }

    /// Adds the keys of hosts that have none yet, with one append per call, so that lines of several processes don't mix.
    /// Blocks on the disk.
    pub fn add<'k>(&self, seen: impl IntoIterator<Item = (&'k Address, &'k HostKey)>) -> io::Result<()> {
        let new = seen.into_iter().filter(|(address, _)| !self.keys.contains_key(&pattern(address)));
        let text: String = new.map(|(address, key)| format!("{} {key}\n", pattern(address))).collect();
        if text.is_empty() {
            return Ok(());
        }
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        file.write_all(text.as_bytes())
    }
}

/// Host pattern as OpenSSH writes it.
fn pattern(address: &Address) -> String {
    if address.port == 22 { address.host.clone() } else { format!("[{}]:{}", address.host, address.port) }
}

#[cfg(test)]
mod tests {
    use super::super::generate_keypair;
    use super::*;

    #[test]
    fn first_key_of_a_host_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts/known_hosts");
        let key = || generate_keypair("x").unwrap().public.parse::<HostKey>().unwrap();
        let (first, second) = (key(), key());
        let at = |port| Address { host: "10.0.0.1".to_owned(), port };
        KnownHosts::read(&path).unwrap().add([(&at(22), &first), (&at(2222), &second)]).unwrap();
        KnownHosts::read(&path).unwrap().add([(&at(22), &second)]).unwrap();
        let pins = KnownHosts::read(&path).unwrap();
        assert_eq!((pins.get(&at(22)), pins.get(&at(2222)), pins.get(&at(23))), (Some(&first), Some(&second), None));
        assert!(pins.changed_key_hint(&at(2222)).unwrap().contains("remove line 2 of"));
        assert!(fs::read_to_string(path).unwrap().contains("\n[10.0.0.1]:2222 ssh-ed25519 "));
    }
}
