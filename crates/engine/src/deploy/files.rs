//! A deployment's own files on this computer: its key pair, what `ssh` needs to log in, and the logs.

use std::path::{Path, PathBuf};

use hostler_core::name::DeploymentId;
use hostler_core::plan::{MachineSpec, Phase};
use secrecy::SecretString;

use crate::host::{self, BadKey, HostKey, Identity, Keypair, SshConfigEntry, Target, known_hosts, ssh_config};
use crate::store::{StoreError, make_private_dir};

/// Why a deployment's files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The directory can't be made.
    #[error(transparent)]
    Directory(#[from] StoreError),
    /// A file can't be read or written.
    #[error("`{path}` can't be {doing}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The key pair can't be made or read.
    #[error("the key pair in `{path}` can't be used", path = path.display())]
    Key {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: BadKey,
    },
    /// A machine can't stand in an `ssh_config`.
    #[error("no `ssh_config` can be written to `{path}`: {why}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// The directory of a deployment.
#[derive(Debug, Clone)]
pub struct Files {
    dir: PathBuf,
}

impl Files {
    /// A deployment's directory, whether it is there or not.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Opens a deployment's directory, which is made where there is none.
    pub fn open(dir: PathBuf) -> Result<Self, FilesError> {
        make_private_dir(&dir)?;
        Ok(Self { dir })
    }

    /// Makes the deployment's key pair, unless it has one. The public key is written last: where it stands, the pair is
    /// whole.
    pub fn make_keys_where_missing(&self, id: DeploymentId) -> Result<(), FilesError> {
        if self.public_path().exists() {
            return Ok(());
        }
        self.make_pair(&format!("hostler-{}", id.short()), &self.private_key(), &self.public_path())
    }

    fn make_pair(&self, comment: &str, private: &Path, public: &Path) -> Result<(), FilesError> {
        let key = |source| FilesError::Key { path: self.dir.clone(), source };
        let pair = host::generate_keypair(comment).map_err(key)?;
        remove(private)?;
        host::write_private(private, &pair.private).map_err(|source| file(private, "written", source))?;
        self.write(public, &format!("{}\n", pair.public))
    }

    /// The key pair by which the deployment's machines log in to each other, made where there is none.
    pub fn peer_keypair(&self, id: DeploymentId) -> Result<Keypair, FilesError> {
        let (private, public) = (self.peer_key_path(), self.peer_key_path().with_extension("pub"));
        if !public.exists() {
            self.make_pair(&format!("hostler-{}-between", id.short()), &private, &public)?;
        }
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|source| file(path, "read", source));
        Ok(Keypair { private: SecretString::from(read(&private)?), public: read(&public)?.trim().to_owned() })
    }

    fn peer_key_path(&self) -> PathBuf {
        self.dir.join("between")
    }

    /// Keeps a public key whose private half is nowhere known here.
    pub fn keep_public_key(&self, public: &str) -> Result<(), FilesError> {
        if self.public_path().exists() {
            return Ok(());
        }
        self.write(&self.public_path(), &format!("{}\n", public.trim()))
    }

    /// Uses a key pair of the user's own. The private half stays where it is, behind a link: when the deployment is over,
    /// only the link goes.
    pub fn link_keys(&self, private: &Path, public: &str) -> Result<(), FilesError> {
        if self.public_path().exists() {
            return Ok(());
        }
        Identity::read(private).map_err(|source| FilesError::Key { path: private.to_owned(), source })?;
        let path = self.private_key();
        remove(&path)?;
        std::os::unix::fs::symlink(private, &path).map_err(|source| file(&path, "written", source))?;
        self.keep_public_key(public)
    }

    /// The private key, which only its owner can read.
    pub fn private_key(&self) -> PathBuf {
        self.dir.join("key")
    }

    fn public_path(&self) -> PathBuf {
        self.dir.join("key.pub")
    }

    /// The configuration to give to `ssh -F`.
    pub fn ssh_config(&self) -> PathBuf {
        self.dir.join("ssh_config")
    }

    /// The public key, one line.
    pub fn public_key(&self) -> Result<String, FilesError> {
        let path = self.public_path();
        let text = std::fs::read_to_string(&path).map_err(|source| file(&path, "read", source))?;
        Ok(text.trim().to_owned())
    }

    /// The key to log in with.
    pub fn identity(&self) -> Result<Identity, FilesError> {
        Identity::read(&self.private_key()).map_err(|source| FilesError::Key { path: self.dir.clone(), source })
    }

    /// The directory of the logs: `MACHINE/PHASE.log` in it keeps all that a phase wrote on a machine.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The log of a phase on a machine.
    pub fn log(&self, machine: &str, phase: &Phase) -> PathBuf {
        self.logs().join(machine).join(format!("{}.log", phase.log_name()))
    }

    /// The file with the key that lets us in to a machine: the deployment's, unless the machine takes another.
    pub fn key_for(&self, spec: &MachineSpec) -> PathBuf {
        spec.uses.identity.as_ref().map_or_else(|| self.private_key(), PathBuf::from)
    }

    /// The key that lets us in to a machine.
    pub fn identity_for(&self, spec: &MachineSpec) -> Result<Identity, FilesError> {
        let path = self.key_for(spec);
        Identity::read(&path).map_err(|source| FilesError::Key { path, source })
    }

    /// Writes what `ssh` needs to log in to these machines, each with its key, and to no others.
    pub fn write_ssh(&self, targets: &[(Target, PathBuf)]) -> Result<(), FilesError> {
        let known = self.dir.join("known_hosts");
        let pins = targets.iter().filter_map(|(target, _)| Some((target.machine.as_str(), target.pinned.as_ref()?)));
        self.write(&known, &known_hosts::<'_>(pins.collect::<Vec<(&str, &HostKey)>>()))?;
        let entries: Vec<SshConfigEntry<'_>> =
            targets.iter().map(|(target, key)| SshConfigEntry { target, identity: key.clone() }).collect();
        let path = self.ssh_config();
        let text = ssh_config(&entries, &known)
            .map_err(|error| FilesError::Config { path: path.clone(), why: error.to_string() })?;
        self.write(&path, &text)
    }

    /// Removes the keys once there is nothing left to log in to; the logs stay.
    pub fn remove_secrets(&self) -> Result<(), FilesError> {
        let between = self.peer_key_path();
        let public = between.with_extension("pub");
        let (key, config) = (self.private_key(), self.ssh_config());
        let all = [key, self.public_path(), config, self.dir.join("known_hosts"), between, public];
        all.iter().try_for_each(|path| remove(path))
    }

    /// Replaces a file at once: whoever reads it sees the old text or the new one.
    fn write(&self, path: &Path, text: &str) -> Result<(), FilesError> {
        use std::io::Write as _;
        let written = tempfile::NamedTempFile::new_in(&self.dir).and_then(|mut temporary| {
            temporary.write_all(text.as_bytes())?;
            temporary.as_file().sync_all()?;
            temporary.persist(path).map_err(|error| error.error)?;
            Ok(())
        });
        written.map_err(|source| file(path, "written", source))
    }
}

fn remove(path: &Path) -> Result<(), FilesError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(path, "removed", error)),
        _ => Ok(()),
    }
}

fn file(path: &Path, doing: &'static str, source: std::io::Error) -> FilesError {
    FilesError::File { path: path.to_owned(), doing, source }
}
