//! Claims of deployments on listed hosts: one small file per claimed host, on this computer.
//!
//! Invariant: no two deployments claim one host, whatever processes run and whenever they end. A file is created complete
//! and only if none exists. It is removed only after its ticket was checked under the lock.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use hostler_core::ports::Address;
use hostler_core::ticket::Ticket;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The directory of claim files.
#[derive(Debug, Clone)]
pub(super) struct ClaimStore {
    dir: PathBuf,
}

/// A deployment's claim on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The ticket of the machine.
    pub(super) ticket: Ticket,
    /// The host's name in the list at the time of the claim.
    pub(super) host: String,
    /// The host's address, which identifies it.
    pub(super) address: Address,
}

/// Outcome of an attempt to claim a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClaimOutcome {
    /// The ticket holds this host, from now on or already.
    Claimed(Claim),
    /// Another ticket holds the host.
    HeldByOther(Claim),
}

impl ClaimStore {
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Claims a host, unless another ticket holds it. A ticket that holds a host already keeps that one.
    pub(super) fn claim(&self, request: &Claim) -> io::Result<ClaimOutcome> {
        let _lock = self.lock()?;
        if let Some(existing) = self.all()?.into_iter().find(|claim| claim.ticket == request.ticket) {
            return Ok(ClaimOutcome::Claimed(existing));
        }
        let mut draft = NamedTempFile::new_in(&self.dir)?;
        draft.write_all(serde_json::to_string(request)?.as_bytes())?;
        draft.as_file().sync_all()?;
        match draft.persist_noclobber(self.path(&request.address)) {
            Ok(_) => {
                File::open(&self.dir)?.sync_all()?;
                Ok(ClaimOutcome::Claimed(request.clone()))
            }
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => match self.of(&request.address)? {
                Some(other) => Ok(ClaimOutcome::HeldByOther(other)),
                None => Err(error.error),
            },
            Err(error) => Err(error.error),
        }
    }

    /// Releases a host. `false` if another ticket holds it; `true` also if no ticket does.
    pub(super) fn release(&self, address: &str, ticket: &Ticket) -> io::Result<bool> {
        let _lock = self.lock()?;
        let Some(claim) = self.all()?.into_iter().find(|claim| claim.address.to_string() == address) else {
            return Ok(true);
        };
        if claim.ticket != *ticket {
            return Ok(false);
        }
        fs::remove_file(self.path(&claim.address))?;
        File::open(&self.dir)?.sync_all()?;
        Ok(true)
    }

    /// The claim on a host.
    pub(super) fn of(&self, address: &Address) -> io::Result<Option<Claim>> {
        read(&self.path(address))
    }

    /// All claims, sorted by file name.
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

    /// Excludes other processes until it is dropped, or this process ends.
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
    fn concurrent_claims_on_a_host_succeed_once() {
        let dir = tempfile::tempdir().unwrap();
        let claims = ClaimStore::at(dir.path().join("claims"));
        let (threads, hosts) = (8, 4);
        let start = Barrier::new(threads);
        let counts: Vec<usize> = std::thread::scope(|scope| {
            let spawn = |deployment: usize| {
                let (claims, start) = (&claims, &start);
                scope.spawn(move || {
                    start.wait();
                    let outcome = |host: &u16| claims.claim(&claim(deployment as u128, *host)).unwrap();
                    (1..=hosts).filter(|host| matches!(outcome(host), ClaimOutcome::Claimed(_))).count()
                })
            };
            let running: Vec<_> = (0..threads).map(spawn).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(counts.iter().sum::<usize>(), usize::from(hosts), "{counts:?}");
        assert_eq!(claims.all().unwrap().len(), usize::from(hosts));
    }

    #[test]
    fn ticket_keeps_its_host_and_alone_can_release_it() {
        let dir = tempfile::tempdir().unwrap();
        let claims = ClaimStore::at(dir.path().to_owned());
        let first = claim(1, 5);
        assert_eq!(claims.claim(&first).unwrap(), ClaimOutcome::Claimed(first.clone()));
        // After a new plan the same step may request another host.
        let elsewhere = Claim { address: claim(1, 6).address, ..first.clone() };
        assert_eq!(claims.claim(&elsewhere).unwrap(), ClaimOutcome::Claimed(first.clone()));
        assert!(!claims.release("10.0.0.1:5", &claim(2, 5).ticket).unwrap());
        assert!(claims.release("10.0.0.1:5", &first.ticket).unwrap());
        assert!(claims.release("10.0.0.1:5", &first.ticket).unwrap());
        assert_eq!(claims.all().unwrap(), []);
    }
}
