//! Local files of a deployment: key pairs, SSH configuration, logs.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

use std::path::{Path, PathBuf};

use hostler_core::name::DeploymentId;
use hostler_core::plan::{MachineSpec, Phase};
use secrecy::SecretString;

use crate::host::{self, BadKey, HostKey, Identity, Keypair, SshConfigEntry, Target, known_hosts, ssh_config};
use crate::store::{StoreError, make_private_dir};

/// The reason why a deployment's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The directory cannot be created.
    #[error(transparent)]
    Directory(#[from] StoreError),
    /// A file cannot be read, written or deleted.
    #[error("`{path}` can't be {doing}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The attempted use, such as `read`.
        doing: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// A key pair cannot be generated or read.
    #[error("the key pair in `{path}` can't be used", path = path.display())]
    Key {
        /// The directory, or the file of a key of the user.
        path: PathBuf,
        /// The reason.
        source: BadKey,
    },
    /// A machine cannot be described in an `ssh_config`.
    #[error("the SSH configuration `{path}` can't be written: {reason}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// The directory of a deployment. Methods that return a `Result` block on the disk.
#[derive(Debug, Clone)]
pub struct Files {
    dir: PathBuf,
}

impl Files {
    /// A deployment's directory, which may not exist.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Opens a deployment's directory, and creates it if it is missing.
    pub fn open(dir: PathBuf) -> Result<Self, FilesError> {
        make_private_dir(&dir)?;
        Ok(Self { dir })
    }

    /// Generates the deployment's key pair, unless it has one. The public key is written last: if its file exists, the pair
    /// is complete.
    pub fn generate_keys_if_missing(&self, id: DeploymentId) -> Result<(), FilesError> {
        if self.public_path().exists() {
            return Ok(());
        }
        self.generate_pair(&format!("hostler-{}", id.short()), &self.private_key(), &self.public_path())
    }

    fn generate_pair(&self, comment: &str, private: &Path, public: &Path) -> Result<(), FilesError> {
        let key = |source| FilesError::Key { path: self.dir.clone(), source };
        let pair = host::generate_keypair(comment).map_err(key)?;
        remove(private)?;
        host::write_private(private, &pair.private).map_err(|source| file(private, "written", source))?;
        self.write(public, &format!("{}\n", pair.public))
    }

    /// The key pair that the deployment's machines use to log in to each other. Generated if missing.
    pub fn peer_keypair(&self, id: DeploymentId) -> Result<Keypair, FilesError> {
        let (private, public) = (self.peer_key_path(), self.peer_key_path().with_extension("pub"));
        if !public.exists() {
            self.generate_pair(&format!("hostler-{}-peers", id.short()), &private, &public)?;
        }
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|source| file(path, "read", source));
        Ok(Keypair { private: SecretString::from(read(&private)?), public: read(&public)?.trim().to_owned() })
    }

    fn peer_key_path(&self) -> PathBuf {
        self.dir.join("peer_key")
    }

    /// Stores a public key whose private key is not on this computer.
    pub fn store_public_key(&self, public: &str) -> Result<(), FilesError> {
        if self.public_path().exists() {
            return Ok(());
        }
        self.write(&self.public_path(), &format!("{}\n", public.trim()))
    }

    /// Uses a key pair of the user. The private key is linked, not copied: only the link is deleted with the deployment.
    pub fn link_keys(&self, private: &Path, public: &str) -> Result<(), FilesError> {
        if self.public_path().exists() {
            return Ok(());
        }
        Identity::read(private).map_err(|source| FilesError::Key { path: private.to_owned(), source })?;
        let path = self.private_key();
        remove(&path)?;
        std::os::unix::fs::symlink(private, &path).map_err(|source| file(&path, "written", source))?;
        self.store_public_key(public)
    }

    /// The file of the private key, readable by its owner only.
    pub fn private_key(&self) -> PathBuf {
        self.dir.join("key")
    }

    fn public_path(&self) -> PathBuf {
        self.dir.join("key.pub")
    }

    /// The configuration file for `ssh -F`.
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

    /// The directory of the logs. `MACHINE/PHASE.log` in it has all output of a phase on a machine.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The log of a phase on a machine.
    pub fn log(&self, machine: &str, phase: &Phase) -> PathBuf {
        self.logs().join(machine).join(format!("{}.log", phase.log_name()))
    }

    /// The file of the private key for a machine: the deployment's, unless its site names another.
    pub fn key_for(&self, spec: &MachineSpec) -> PathBuf {
        spec.existing.identity.as_ref().map_or_else(|| self.private_key(), PathBuf::from)
    }

    /// The private key for a machine.
    pub fn identity_for(&self, spec: &MachineSpec) -> Result<Identity, FilesError> {
        let path = self.key_for(spec);
        Identity::read(&path).map_err(|source| FilesError::Key { path, source })
    }

    /// Replaces the files that `ssh` needs: `ssh_config` and `known_hosts`, with these machines and their keys.
    pub fn write_ssh(&self, targets: &[(Target, PathBuf)]) -> Result<(), FilesError> {
        let known = self.dir.join("known_hosts");
        let pins = targets.iter().filter_map(|(target, _)| Some((target.machine.as_str(), target.pinned.as_ref()?)));
        self.write(&known, &known_hosts::<'_>(pins.collect::<Vec<(&str, &HostKey)>>()))?;
        let entries: Vec<SshConfigEntry<'_>> =
            targets.iter().map(|(target, key)| SshConfigEntry { target, identity: key.clone() }).collect();
        let path = self.ssh_config();
        let text = ssh_config(&entries, &known)
            .map_err(|error| FilesError::Config { path: path.clone(), reason: error.to_string() })?;
        self.write(&path, &text)
    }

    /// Deletes the keys and the SSH configuration of a deployment that is down. The logs stay.
    pub fn remove_secrets(&self) -> Result<(), FilesError> {
        let peer_key = self.peer_key_path();
        let peer_public = peer_key.with_extension("pub");
        let (key, config) = (self.private_key(), self.ssh_config());
        let all = [key, self.public_path(), config, self.dir.join("known_hosts"), peer_key, peer_public];
        all.iter().try_for_each(|path| remove(path))
    }

    /// Replaces a file atomically: readers see the old text or the new one.
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
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(path, "deleted", error)),
        _ => Ok(()),
    }
}

fn file(path: &Path, doing: &'static str, source: std::io::Error) -> FilesError {
    FilesError::File { path: path.to_owned(), doing, source }
}
