//! The phases `docker` and `image`: the engine, and the image of the source's Dockerfile.

use hostler_core::hash::sha256;
use hostler_core::setup::{DockerFrom, DockerNeed, Manager};

use super::error::SetupError;
use super::job::PhaseRun;
use super::repository::{self, PackageRepository, RepositoryPriority};
use super::{ensure, packages};
use crate::host::{Command, FINGERPRINT_FILE, remote_path};
use crate::run::Performed;

/// The fingerprints of the keys that sign Docker's own packages, as `https://download.docker.com/linux/debian/gpg` and
/// `https://download.docker.com/linux/centos/gpg` have them.
const DEB_KEY: &str = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";
const RPM_KEY: &str = "060A61C51B558A7F742B77AAC52FEB6B621E9F35";

/// Installs the engine and its compose plugin, and makes the user one of its users.
pub(super) async fn install(job: &PhaseRun<'_>, need: &DockerNeed) -> Result<Performed, SetupError> {
    let check = Command::new(include_str!("scripts/has-docker.sh"));
    ensure::ensure(job, &check, |missing| act(job, need, missing)).await
}

async fn act(job: &PhaseRun<'_>, need: &DockerNeed, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line.starts_with("docker is missing") || line.starts_with("the compose plugin")) {
        let names = match need.from {
            DockerFrom::Distribution => of_the_distribution(job).await?,
            DockerFrom::Docker => of_docker(job).await?,
        };
        packages::install(job, &names).await?;
    }
    job.run_checked(&Command::new(include_str!("scripts/use-docker.sh")).args([job.login_user().await?]).as_root())
        .await
}

/// Distributions call the compose plugin differently, and Debian 12 has only the program before it. Of those with dnf, only
/// Fedora has an engine.
async fn of_the_distribution(job: &PhaseRun<'_>) -> Result<Vec<String>, SetupError> {
    let (engine, composes): (&str, &[&str]) = match packages::manager(job).await? {
        Manager::Apt => ("docker.io", &["docker-compose-v2", "docker-compose-plugin", "docker-compose"]),
        Manager::Dnf => ("moby-engine", &["docker-compose"]),
        Manager::Zypper => ("docker", &["docker-compose"]),
    };
    if engine == "moby-engine" && packages::first_known(job, &[engine]).await?.is_none() {
        let message = "the distribution has no package of Docker's engine".to_owned();
        return Err(job.unsatisfiable(message, "take Docker's own packages: `setup_phases: {docker: docker}`"));
    }
    // Since Debian 13 the engine only recommends its client.
    let client = packages::first_known(job, &["docker-cli"]).await?;
    let compose = packages::first_known(job, composes).await?;
    Ok(std::iter::once(engine.to_owned()).chain(client).chain(compose).collect())
}

async fn of_docker(job: &PhaseRun<'_>) -> Result<Vec<String>, SetupError> {
    let release = packages::release(job).await?;
    let Some((directory, place, fingerprint)) = place(&release) else {
        let message = format!("Docker has no packages for `{}`", release.id);
        return Err(job.unsatisfiable(message, "use `docker: distribution`, or install it in a `custom` step"));
    };
    let base = format!("https://download.docker.com/linux/{directory}");
    let (name, key, place) = ("docker".to_owned(), format!("{base}/gpg"), format!("{base}{place}"));
    let fingerprint = fingerprint.to_owned();
    let repository = PackageRepository { name, key, fingerprint, place, priority: RepositoryPriority::Ordinary };
    repository::add(job, &repository).await?;
    let names = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"];
    Ok(names.map(str::to_owned).to_vec())
}

/// Where Docker's packages for a release are: their directory, what stands behind it, and the key that signs them. What is
/// built from Red Hat's sources takes those for CentOS.
fn place(release: &packages::DistroRelease) -> Option<(&str, String, &'static str)> {
    let rpm = |directory| Some((directory, "/$releasever/$basearch/stable".to_owned(), RPM_KEY));
    match release.id.as_str() {
        id @ ("debian" | "ubuntu") => Some((id, format!(" {} stable", release.codename.as_ref()?), DEB_KEY)),
        id @ ("fedora" | "rhel" | "centos") => rpm(id),
        "rocky" | "almalinux" | "ol" => rpm("centos"),
        _ => None,
    }
}

/// Builds the image of a directory of the source, and calls it as the deployment.
pub(super) async fn build(job: &PhaseRun<'_>, directory: &str) -> Result<Performed, SetupError> {
    let name = job.context.deployment.to_string();
    let note = format!("{}/{FINGERPRINT_FILE}", remote_path(&job.context.paths.work));
    let tree = job.query(&Command::new("head -n 1 \"$1\" 2>/dev/null; exit 0").args([note])).await?.concat();
    if tree.is_empty() {
        let message = "there is no source to build an image of".to_owned();
        return Err(job.unsatisfiable(message, "name a `source` or `workdir`, or leave out `docker.build`"));
    }
    let made_of = sha256(format!("{tree} {directory}"));
    let check = Command::new(include_str!("scripts/has-image.sh")).args([&name, &made_of]);
    ensure::ensure(job, &check, |_| async {
        let script = "exec docker build --label \"hostler.source=$2\" --tag \"$1\" -- \"$3\"";
        job.run_checked(&job.in_work_dir(script).args([name.as_str(), &made_of, directory])).await
    })
    .await
}
