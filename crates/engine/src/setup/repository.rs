//! Package repositories beside the distribution's own: added only once their key is the one that we know.

use super::error::SetupError;
use super::job::PhaseRun;
use super::packages;
use crate::host::Command;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageRepository {
    /// What its files are called: `docker`.
    pub(super) name: String,
    /// Where its key is.
    pub(super) key: String,
    /// The fingerprint of that key, forty hexadecimal digits.
    pub(super) fingerprint: String,
    /// For apt, what stands behind the options of its line: `https://… bookworm stable`. For dnf, its base address.
    pub(super) place: String,
    /// How its packages stand to those of others that have the same names.
    pub(super) priority: RepositoryPriority,
}

/// How a repository's packages stand to others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RepositoryPriority {
    /// The newer version wins.
    Ordinary,
    /// They go before all others', so that what belongs together comes from one place.
    Preferred,
}

/// Adds a repository for apt or dnf, whose packages are then taken as signed by that key and no other.
pub(super) async fn add(job: &PhaseRun<'_>, repository: &PackageRepository) -> Result<(), SetupError> {
    packages::install(job, &["ca-certificates", "curl", "gnupg"].map(str::to_owned)).await?;
    job.progress(&format!("adding the package repository `{}`", repository.name));
    let PackageRepository { name, key, fingerprint, place, priority } = repository;
    let priority = match priority {
        RepositoryPriority::Ordinary => "ordinary",
        RepositoryPriority::Preferred => "preferred",
    };
    let command = Command::new(include_str!("scripts/add-repository.sh"));
    job.run_checked(&command.args([name.as_str(), key, fingerprint, place, priority]).as_root()).await
}

/// Makes apt look into further components of the distribution's own repository.
pub(super) async fn add_components(job: &PhaseRun<'_>, id: &str, components: &[&str]) -> Result<(), SetupError> {
    let origin = match id {
        "ubuntu" => "Ubuntu",
        _ => "Debian",
    };
    job.progress(&format!("adding {} to the distribution's components", components.join(", ")));
    let words = std::iter::once(origin).chain(components.iter().copied());
    job.run_checked(&Command::new(include_str!("scripts/add-components.sh")).args(words).as_root()).await
}
