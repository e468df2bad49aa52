//! Package repositories beside the distribution's own: added only once their key is the one that we know.

use super::error::SetupError;
use super::job::Job;
use super::packages;
use crate::host::Command;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// What its files are called: `docker`.
    pub(super) name: String,
    /// Where its key is.
    pub(super) key: String,
    /// The fingerprint of that key, forty hexadecimal digits.
    pub(super) fingerprint: String,
    /// For apt, what stands behind the address of the repository and its options: `https://… bookworm stable`.
    pub(super) place: String,
}

/// Adds a repository for apt, whose packages are then taken as signed by that key and no other.
pub(super) async fn add(job: &Job<'_>, repository: &Repository) -> Result<(), SetupError> {
    packages::install(job, &["ca-certificates", "curl", "gnupg"].map(str::to_owned)).await?;
    job.progress(&format!("adding the package repository `{}`", repository.name));
    let Repository { name, key, fingerprint, place } = repository;
    let command = Command::new(include_str!("scripts/add-repository.sh"));
    job.must(&command.args([name, key, fingerprint, place]).as_root()).await
}
