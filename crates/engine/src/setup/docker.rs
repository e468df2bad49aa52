//! The phases `docker` and `image`: the Docker engine, and the image of the source's Dockerfile.

use hostler_core::hash::sha256;
use hostler_core::setup::{DockerRepository, DockerRequest, PackageManager};

use super::error::SetupError;
use super::job::PhaseRun;
use super::repository::{self, PackageRepository, RepositoryPriority};
use super::{ensure, packages};
use crate::host::{Command, FINGERPRINT_FILE, remote_path};
use crate::run::Performed;

/// Fingerprints of the keys that sign Docker's own packages, published at `https://download.docker.com/linux/debian/gpg`
/// and `https://download.docker.com/linux/centos/gpg`.
const DEB_KEY: &str = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";
const RPM_KEY: &str = "060A61C51B558A7F742B77AAC52FEB6B621E9F35";

/// Installs the engine and its compose plugin, and adds the user to the group `docker`.
pub(super) async fn install(job: &PhaseRun<'_>, need: &DockerRequest) -> Result<Performed, SetupError> {
    let check = Command::new(include_str!("scripts/has-docker.sh"));
    ensure::ensure(job, &check, |missing| act(job, need, missing)).await
}

async fn act(job: &PhaseRun<'_>, need: &DockerRequest, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line.starts_with("docker is missing") || line.starts_with("the compose plugin")) {
        let names = match need.from {
            DockerRepository::Distribution => distribution_packages(job).await?,
            DockerRepository::Docker => docker_packages(job).await?,
        };
        packages::install(job, &names).await?;
    }
    job.run_checked(&Command::new(include_str!("scripts/use-docker.sh")).args([job.login_user().await?]).as_root())
        .await
}

/// Packages of the distribution. The compose plugin's package name varies, and Debian 12 has only its predecessor, the program
/// `docker-compose`. Of the distributions with dnf, only Fedora packages the engine.
async fn distribution_packages(job: &PhaseRun<'_>) -> Result<Vec<String>, SetupError> {
    let (engine, composes): (&str, &[&str]) = match packages::manager(job).await? {
        PackageManager::Apt => ("docker.io", &["docker-compose-v2", "docker-compose-plugin", "docker-compose"]),
        PackageManager::Dnf => ("moby-engine", &["docker-compose"]),
        PackageManager::Zypper => ("docker", &["docker-compose"]),
    };
    if engine == "moby-engine" && packages::first_available(job, &[engine]).await?.is_none() {
        let message = "the distribution has no package of the Docker engine".to_owned();
        return Err(job.unsatisfiable(message, "use Docker's own packages: `setup_phases: {docker: docker}`"));
    }
    // Since Debian 13 the engine only recommends its client.
    let client = packages::first_available(job, &["docker-cli"]).await?;
    let compose = packages::first_available(job, composes).await?;
    Ok(std::iter::once(engine.to_owned()).chain(client).chain(compose).collect())
}

async fn docker_packages(job: &PhaseRun<'_>) -> Result<Vec<String>, SetupError> {
    let release = packages::release(job).await?;
    let Some((directory, suffix, fingerprint)) = repository_of(&release) else {
        let message = format!("Docker publishes no packages for `{}`", release.id);
        return Err(job.unsatisfiable(message, "set `docker: distribution`, or install it in a `custom` step"));
    };
    let base = format!("https://download.docker.com/linux/{directory}");
    let (name, key, location) = ("docker".to_owned(), format!("{base}/gpg"), format!("{base}{suffix}"));
    let fingerprint = fingerprint.to_owned();
    let repository = PackageRepository { name, key, fingerprint, location, priority: RepositoryPriority::Ordinary };
    repository::add(job, &repository).await?;
    let names = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"];
    Ok(names.map(str::to_owned).to_vec())
}

/// Docker's repository for a release: directory, suffix of the repository line, and signing key. Rebuilds of Red Hat's sources
/// use the packages for CentOS.
fn repository_of(release: &packages::DistroRelease) -> Option<(&str, String, &'static str)> {
    let rpm = |directory| Some((directory, "/$releasever/$basearch/stable".to_owned(), RPM_KEY));
    match release.id.as_str() {
        id @ ("debian" | "ubuntu") => Some((id, format!(" {} stable", release.codename.as_ref()?), DEB_KEY)),
        id @ ("fedora" | "rhel" | "centos") => rpm(id),
        "rocky" | "almalinux" | "ol" => rpm("centos"),
        _ => None,
    }
}

/// Builds the image of a directory of the source, and tags it with the deployment's name.
pub(super) async fn build(job: &PhaseRun<'_>, directory: &str) -> Result<Performed, SetupError> {
    let name = job.context.deployment.to_string();
    let file = format!("{}/{FINGERPRINT_FILE}", remote_path(&job.context.paths.work));
    let tree = job.query(&Command::new("head -n 1 \"$1\" 2>/dev/null; exit 0").args([file])).await?.concat();
    if tree.is_empty() {
        let message = "no source was uploaded to build an image from".to_owned();
        return Err(job.unsatisfiable(message, "set `source` or `workdir`, or remove `docker.build`"));
    }
    let fingerprint = sha256(format!("{tree} {directory}"));
    let check = Command::new(include_str!("scripts/has-image.sh")).args([&name, &fingerprint]);
    ensure::ensure(job, &check, |_| async {
        let script = "exec docker build --label \"hostler.source=$2\" --tag \"$1\" -- \"$3\"";
        job.run_checked(&job.in_work_dir(script).args([name.as_str(), &fingerprint, directory])).await
    })
    .await
}
