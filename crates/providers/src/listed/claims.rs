//! Who has which of the listed hosts: one small file a host on this computer.
//!
//! Invariant: a file is made whole and only where there is none, so two deployments never take one host, whoever is
//! first and whenever a process ends. What is removed is looked at under a lock first.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use hostler_core::ports::Address;
use hostler_core::ticket::Ticket;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The directory of the claims.
#[derive(Debug, Clone)]
pub(super) struct Claims {
    dir: PathBuf,
}

/// A host that a deployment has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// Whose.
    pub(super) ticket: Ticket,
    /// The host's name in the list, when it was taken.
    pub(super) host: String,
    /// Where it is.
    pub(super) address: Address,
}

/// What came of a wish for a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is ours, now or already.
    Ours(Claim),
    /// Another has it.
    Theirs(Claim),
}

impl Claims {
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Takes a host, unless another has it. A ticket that has a host already keeps that one.
    pub(super) fn take(&self, wish: &Claim) -> io::Result<Taken> {
        let _lock = self.lock()?;
        if let Some(held) = self.all()?.into_iter().find(|held| held.ticket == wish.ticket) {
            return Ok(Taken::Ours(held));
        }
        let mut draft = NamedTempFile::new_in(&self.dir)?;
        draft.write_all(serde_json::to_string(wish)?.as_bytes())?;
        draft.as_file().sync_all()?;
        match draft.persist_noclobber(self.path(&wish.address)) {
            Ok(_) => {
                File::open(&self.dir)?.sync_all()?;
                Ok(Taken::Ours(wish.clone()))
            }
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => match self.of(&wish.address)? {
                Some(held) => Ok(Taken::Theirs(held)),
                None => Err(error.error),
            },
            Err(error) => Err(error.error),
        }
    }

    /// Gives a host back; `false` where another has it.
    pub(super) fn give_back(&self, address: &str, ticket: &Ticket) -> io::Result<bool> {
        let _lock = self.lock()?;
        let Some(held) = self.all()?.into_iter().find(|held| held.address.to_string() == address) else {
            return Ok(true);
        };
        if held.ticket != *ticket {
            return Ok(false);
        }
        fs::remove_file(self.path(&held.address))?;
        File::open(&self.dir)?.sync_all()?;
        Ok(true)
    }

    /// Who has a host.
    pub(super) fn of(&self, address: &Address) -> io::Result<Option<Claim>> {
        read(&self.path(address))
    }

    /// All claims, in the order of their files.
    pub(super) fn all(&self) -> io::Result<Vec<Claim>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        paths.sort();
        paths.iter().filter_map(|path| read(path).transpose()).collect()
    }

    fn path(&self, address: &Address) -> PathBuf {
        self.dir.join(format!("{}_{}.json", address.host, address.port))
    }

    /// Held until it is dropped, or the process ends.
    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(&self.dir)?;
        let file = File::create(self.dir.join("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

fn read(path: &Path) -> io::Result<Option<Claim>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let unreadable = |error| io::Error::new(ErrorKind::InvalidData, format!("`{}`: {error}", path.display()));
    serde_json::from_str(&text).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use hostler_core::name::DeploymentId;
    use hostler_core::ticket::StepId;

    use super::*;

    fn claim(deployment: u128, host: u16) -> Claim {
        let ticket = Ticket {
            deployment: DeploymentId::from_bits(deployment),
            step: StepId::new(format!("machine-{host}")).unwrap(),
        };
        Claim { ticket, host: format!("n{host}"), address: Address { host: "10.0.0.1".to_owned(), port: host } }
    }

    #[test]
    fn of_many_at_once_exactly_one_gets_each_host() {
        let dir = tempfile::tempdir().unwrap();
        let claims = Claims::at(dir.path().join("claims"));
        let (takers, hosts) = (8, 4);
        let start = Barrier::new(takers);
        let had: Vec<usize> = std::thread::scope(|scope| {
            let take = |taker: usize| {
                let (claims, start) = (&claims, &start);
                scope.spawn(move || {
                    start.wait();
                    let mine = |host: &u16| claims.take(&claim(taker as u128, *host)).unwrap();
                    (1..=hosts).filter(|host| matches!(mine(host), Taken::Ours(_))).count()
                })
            };
            let running: Vec<_> = (0..takers).map(take).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(had.iter().sum::<usize>(), usize::from(hosts), "{had:?}");
        assert_eq!(claims.all().unwrap().len(), usize::from(hosts));
    }

    #[test]
    fn a_ticket_keeps_its_host_and_only_it_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let claims = Claims::at(dir.path().to_owned());
        let first = claim(1, 5);
        assert_eq!(claims.take(&first).unwrap(), Taken::Ours(first.clone()));
        // Planned anew, the same step may ask for another host.
        let elsewhere = Claim { address: claim(1, 6).address, ..first.clone() };
        assert_eq!(claims.take(&elsewhere).unwrap(), Taken::Ours(first.clone()));
        assert!(!claims.give_back("10.0.0.1:5", &claim(2, 5).ticket).unwrap());
        assert!(claims.give_back("10.0.0.1:5", &first.ticket).unwrap());
        assert!(claims.give_back("10.0.0.1:5", &first.ticket).unwrap());
        assert_eq!(claims.all().unwrap(), []);
    }
}
