//! Additional package repositories, added only if their signing key has the expected fingerprint.

use super::error::SetupError;
use super::job::PhaseRun;
use super::packages;
use crate::host::Command;

/// A package repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageRepository {
    /// Base name of its files: `docker`.
    pub(super) name: String,
    /// URL of its signing key.
    pub(super) key: String,
    /// Fingerprint of the key, 40 hexadecimal digits.
    pub(super) fingerprint: String,
    /// For apt, the end of its line, after the options: `https://… bookworm stable`. For dnf, its base URL.
    pub(super) location: String,
    /// Priority of its packages over those of the same name elsewhere.
    pub(super) priority: RepositoryPriority,
}

/// Priority of a repository's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RepositoryPriority {
    /// The newest version of all repositories is installed.
    Ordinary,
    /// Its packages take precedence over all others, so that related packages come from one repository.
    Preferred,
}

/// Adds a repository for apt or dnf. Its packages must be signed by its key.
pub(super) async fn add(job: &PhaseRun<'_>, repository: &PackageRepository) -> Result<(), SetupError> {
    packages::install(job, &["ca-certificates", "curl", "gnupg"].map(str::to_owned)).await?;
    job.progress(&format!("adding the package repository `{}`", repository.name));
    let PackageRepository { name, key, fingerprint, location, priority } = repository;
    let priority = match priority {
        RepositoryPriority::Ordinary => "ordinary",
        RepositoryPriority::Preferred => "preferred",
    };
    let command = Command::new(include_str!("scripts/add-repository.sh"));
    job.run_checked(&command.args([name.as_str(), key, fingerprint, location, priority]).as_root()).await
}

/// Enables further components of the distribution's own repository in apt.
pub(super) async fn add_components(job: &PhaseRun<'_>, id: &str, components: &[&str]) -> Result<(), SetupError> {
    let origin = match id {
        "ubuntu" => "Ubuntu",
        _ => "Debian",
    };
    job.progress(&format!("enabling the distribution's components {}", components.join(", ")));
    let args = std::iter::once(origin).chain(components.iter().copied());
    job.run_checked(&Command::new(include_str!("scripts/add-components.sh")).args(args).as_root()).await
}
