//! SSH keys: login keys and host keys.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey, ssh_key};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// A key can't be read or generated.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    /// The text is not a key.
    #[error("the text is not a {0} in OpenSSH format")]
    Invalid(&'static str, #[source] ssh_key::Error),
    /// The private key is protected by a passphrase.
    #[error("the private key has a passphrase, which is not supported")]
    HasPassphrase,
    /// The file can't be read.
    #[error("the private key `{0}` can't be read")]
    File(String, #[source] io::Error),
    /// Generating or encoding a key failed.
    #[error("the key could not be generated")]
    Generate(#[source] ssh_key::Error),
}

/// A key pair as text.
#[derive(Debug)]
pub struct Keypair {
    /// Private key in OpenSSH format, without a passphrase.
    pub private: SecretString,
    /// Public key, one line: `ssh-ed25519 AAAA… comment`.
    pub public: String,
}

/// Generates an Ed25519 key pair from the system's random source.
pub fn generate_keypair(comment: &str) -> Result<Keypair, BadKey> {
    let mut key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(BadKey::Generate)?;
    key.set_comment(comment);
    let private = key.to_openssh(LineEnding::LF).map_err(BadKey::Generate)?;
    let public = key.public_key().to_openssh().map_err(BadKey::Generate)?;
    Ok(Keypair { private: SecretString::from(private.as_str()), public })
}

/// Writes a private key to a new file that only its owner can read.
///
/// # Errors
/// An existing file is an error: a key is never overwritten.
#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
pub fn write_private(path: &Path, private: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(private.expose_secret().as_bytes())?;
    file.sync_all()
}

/// A private key for logging in.
pub struct Identity(Arc<PrivateKey>);

impl Identity {
    /// Parses a private key in OpenSSH format.
    pub fn from_text(private: &SecretString) -> Result<Self, BadKey> {
        let key =
            PrivateKey::from_openssh(private.expose_secret()).map_err(|error| BadKey::Invalid("private key", error))?;
        if key.is_encrypted() { Err(BadKey::HasPassphrase) } else { Ok(Self(Arc::new(key))) }
    }

    /// Reads a private key from a file.
    #[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
    pub fn read(path: &Path) -> Result<Self, BadKey> {
        let text = std::fs::read_to_string(path).map_err(|error| BadKey::File(path.display().to_string(), error))?;
        Self::from_text(&SecretString::from(text))
    }

    pub(super) fn key(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.0)
    }
}

impl Identity {
    /// The public key, one line in OpenSSH format.
    pub fn public(&self) -> Result<String, BadKey> {
        self.0.public_key().to_openssh().map_err(BadKey::Generate)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.0.public_key().fingerprint(HashAlg::Sha256))
    }
}

/// Public key of a host, without a comment: `ssh-ed25519 AAAA…`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostKey(Box<PublicKey>);

impl HostKey {
    /// Fingerprint as OpenSSH prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
}

impl From<&PublicKey> for HostKey {
    fn from(key: &PublicKey) -> Self {
        Self(Box::new(PublicKey::from(key.key_data().clone())))
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_openssh().unwrap_or_default())
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({self})")
    }
}

impl FromStr for HostKey {
    type Err = BadKey;
    fn from_str(line: &str) -> Result<Self, BadKey> {
        let key = PublicKey::from_openssh(line).map_err(|error| BadKey::Invalid("public key", error))?;
        Ok(Self::from(&key))
    }
}

impl TryFrom<String> for HostKey {
    type Error = BadKey;
    fn try_from(line: String) -> Result<Self, BadKey> {
        line.parse()
    }
}

impl From<HostKey> for String {
    fn from(key: HostKey) -> String {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn generated_pair_parses_and_debug_output_hides_it() {
        let pair = generate_keypair("hostler digits").unwrap();
        assert!(pair.public.starts_with("ssh-ed25519 ") && pair.public.ends_with(" hostler digits"), "{}", pair.public);
        let identity = Identity::from_text(&pair.private).unwrap();
        let public: HostKey = pair.public.parse().unwrap();
        assert_eq!(HostKey::from(identity.key().public_key()), public);
        assert!(!format!("{pair:?} {identity:?}").contains("BEGIN"));
    }

    #[test]
    fn private_key_file_is_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let first = generate_keypair("a").unwrap();
        write_private(&path, &first.private).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = write_private(&path, &generate_keypair("b").unwrap().private);
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(Identity::read(&path).is_ok());
    }

    #[test]
    fn host_key_round_trips_through_text() {
        let key: HostKey = generate_keypair("comment").unwrap().public.parse().unwrap();
        assert!(!key.to_string().contains("comment"));
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<HostKey>(&json).unwrap(), key);
        assert!("ssh-ed25519 zzz".parse::<HostKey>().is_err());
    }
}
