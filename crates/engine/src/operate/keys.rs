//! The SSH key of a deployment: a new one, or the user's own.

use std::path::{Path, PathBuf};

use hostler_core::plan::{Plan, ResourceKind};
use hostler_core::ports::ResourceDetails;

use super::disk::{copy_private, create_private};
use super::{OperateError, Operator};
use crate::blocking::blocking;
use crate::deploy::{Files, KeySource};
use crate::host::Identity;
use crate::store::{Record, Store};

/// The SSH key of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRequest {
    /// Origin of the key.
    pub source: KeySource,
    /// A file that the private half of a new key is copied to.
    pub copy: Option<PathBuf>,
}

impl KeyRequest {
    /// The user's own key, in this file. The public half is read from the private one. Blocks on the disk.
    ///
    /// # Errors
    /// If the file cannot be used as a key.
    pub fn own(path: &Path) -> Result<Self, OperateError> {
        // Some tools name the public half.
        let private =
            if path.extension().is_some_and(|it| it == "pub") { path.with_extension("") } else { path.into() };
        let public = Identity::read(&private)
            .and_then(|identity| identity.public())
            .map_err(|source| OperateError::UnusableKey { file: private.clone(), source })?;
        Ok(Self { source: KeySource::UserPair { private, public }, copy: None })
    }

    /// A new key pair, whose private half is also written to this new file. Blocks on the disk.
    ///
    /// # Errors
    /// [`OperateError::KeyExists`] if the file exists.
    #[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
    pub fn new_in(path: PathBuf) -> Result<Self, OperateError> {
        match path.exists() {
            true => Err(OperateError::KeyExists(path)),
            false => Ok(Self { source: KeySource::Generated, copy: Some(path) }),
        }
    }

    /// Creates the directory of the copy, for its owner only, before anything is created at a site.
    pub(super) async fn create_directory(&self) -> Result<(), OperateError> {
        let Some(directory) = self.copy.as_deref().and_then(Path::parent).map(Path::to_owned) else { return Ok(()) };
        blocking(move || create_private(&directory).map_err(|source| OperateError::KeyDirectory { directory, source }))
            .await
    }

    /// Writes the copy, readable by its owner only. An existing file is never overwritten.
    pub(super) async fn write_copy(&self, store: &Store, record: &Record) -> Result<(), OperateError> {
        let Some(copy) = self.copy.clone() else { return Ok(()) };
        let key = Files::at(store.files_of(record.id)).private_key();
        let (from, to) = (key.clone(), copy.clone());
        blocking(move || copy_private(&from, &to)).await.map_err(|source| {
            let deployment = record.name.clone();
            OperateError::KeyCopy { deployment, copy, key, source }.leaving(record)
        })
    }
}

impl Operator {
    /// Fails if a key that the plan uses is registered with another public half than the local one: no one could log in to
    /// the machines, which already cost money.
    pub(super) async fn check_key(&self, key: &KeyRequest, plan: &Plan) -> Result<(), OperateError> {
        let KeySource::UserPair { public, private } = &key.source else { return Ok(()) };
        for (_, spec) in plan.machines() {
            let (Some(name), Some(site)) = (&spec.existing.keypair, self.sites.get(&spec.site)) else { continue };
            let keypairs = site.resources(ResourceKind::Keypair).await?;
            let registered = keypairs.iter().find(|keypair| keypair.reference == *name);
            let registered = registered.ok_or_else(|| OperateError::UnknownResource {
                kind: ResourceKind::Keypair,
                text: name.to_string(),
                nearest: None,
            })?;
            match &registered.details {
                Some(ResourceDetails::Keypair { public_key }) if is_same(public_key, public) => {}
                _ => {
                    let (key, site) = (name.clone(), spec.site.clone());
                    return Err(OperateError::OtherKey { key, site, file: private.clone() });
                }
            }
        }
        Ok(())
    }
}

/// Compares type and key; the comment does not matter.
fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace().take(2).eq(other.split_whitespace().take(2))
}
