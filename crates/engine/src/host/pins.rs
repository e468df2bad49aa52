//! Host keys of hosts that no deployment knows: pinned at the first contact, in a file of OpenSSH's format.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hostler_core::ports::Address;

use super::HostKey;

/// The keys in a `known_hosts` file of ours.
#[derive(Debug)]
pub struct KnownHosts {
    path: PathBuf,
    /// By place, with the line that says so.
    keys: BTreeMap<String, (usize, HostKey)>,
}

impl KnownHosts {
    /// Where they are kept, below the user's data directory.
    pub fn path_in(data: &Path) -> PathBuf {
        data.join("hosts/known_hosts")
    }

    /// Reads the file; one that isn't there is empty. Of several lines for a place the first counts.
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

    /// The key of a host, if it was ever met.
    pub fn get(&self, address: &Address) -> Option<&HostKey> {
        self.keys.get(&place(address)).map(|(_, key)| key)
    }

    /// What to do where the key of a host is another one now.
    pub fn how_to_forget(&self, address: &Address) -> Option<String> {
        let (line, _) = self.keys.get(&place(address))?;
        let path = self.path.display();
        Some(format!(
            "if it was reinstalled on purpose, remove line {line} of `{path}`; \
             otherwise somebody may be listening in between: don't log in"
        ))
    }

    /// Adds those that are new. Each call is one write at the end of the file, so that processes don't mix their lines.
    pub fn add<'k>(&self, met: impl IntoIterator<Item = (&'k Address, &'k HostKey)>) -> io::Result<()> {
        let new = met.into_iter().filter(|(address, _)| !self.keys.contains_key(&place(address)));
        let text: String = new.map(|(address, key)| format!("{} {key}\n", place(address))).collect();
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

/// As OpenSSH writes it.
fn place(address: &Address) -> String {
    if address.port == 22 { address.host.clone() } else { format!("[{}]:{}", address.host, address.port) }
}

#[cfg(test)]
mod tests {
    use super::super::generate_keypair;
    use super::*;

    #[test]
    fn the_first_key_of_a_place_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts/known_hosts");
        let key = || generate_keypair("x").unwrap().public.parse::<HostKey>().unwrap();
        let (first, second) = (key(), key());
        let at = |port| Address { host: "10.0.0.1".to_owned(), port };
        KnownHosts::read(&path).unwrap().add([(&at(22), &first), (&at(2222), &second)]).unwrap();
        KnownHosts::read(&path).unwrap().add([(&at(22), &second)]).unwrap();
        let pins = KnownHosts::read(&path).unwrap();
        assert_eq!((pins.get(&at(22)), pins.get(&at(2222)), pins.get(&at(23))), (Some(&first), Some(&second), None));
        assert!(pins.how_to_forget(&at(2222)).unwrap().contains("remove line 2 of"));
        assert!(fs::read_to_string(path).unwrap().contains("\n[10.0.0.1]:2222 ssh-ed25519 "));
    }
}
