//! The phases `docker` and `image`: the engine, and the image of the source's Dockerfile.

use hostler_core::hash::sha256;
use hostler_core::setup::{DockerFrom, DockerNeed, Manager};

use super::error::SetupError;
use super::job::Job;
use super::repository::{self, Rank, Repository};
use super::{packages, recipe};
use crate::host::{Command, TREE_NOTE, remote_path};
use crate::run::Performed;

/// The fingerprint of the key that signs Docker's own packages.
const KEY: &str = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";

/// Installs the engine and its compose plugin, and makes the user one of its users.
pub(super) async fn install(job: &Job<'_>, need: &DockerNeed) -> Result<Performed, SetupError> {
    let check = Command::new(include_str!("scripts/has-docker.sh"));
    recipe::settle(job, &check, |missing| act(job, need, missing)).await
}

async fn act(job: &Job<'_>, need: &DockerNeed, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line.starts_with("docker is missing") || line.starts_with("the compose plugin")) {
        let names = match need.from {
            DockerFrom::Distribution => of_the_distribution(job).await?,
            DockerFrom::Docker => of_docker(job).await?,
        };
        packages::install(job, &names).await?;
    }
    job.must(&Command::new(include_str!("scripts/use-docker.sh")).args([job.user().await?]).as_root()).await
}

/// Distributions call the compose plugin differently, and Debian 12 has only the program before it.
async fn of_the_distribution(job: &Job<'_>) -> Result<Vec<String>, SetupError> {
    let (engine, composes): (&str, &[&str]) = match packages::manager(job).await? {
        Manager::Apt => ("docker.io", &["docker-compose-v2", "docker-compose-plugin", "docker-compose"]),
        Manager::Dnf => ("moby-engine", &["docker-compose"]),
        Manager::Zypper => ("docker", &["docker-compose"]),
    };
    // Since Debian 13 the engine only recommends its client.
    let client = packages::first_known(job, &["docker-cli"]).await?;
    let compose = packages::first_known(job, composes).await?;
    Ok(std::iter::once(engine.to_owned()).chain(client).chain(compose).collect())
}

async fn of_docker(job: &Job<'_>) -> Result<Vec<String>, SetupError> {
    if packages::manager(job).await? != Manager::Apt {
        let message = "Docker's own repository is added on Debian and Ubuntu only".to_owned();
        return Err(job.refuse(message, "use `docker: distribution`, or add the repository in a `custom` step"));
    }
    let release = packages::release(job).await?;
    let (id, codename) = (release.id, release.codename);
    let Some(codename) = codename.filter(|_| matches!(id.as_str(), "debian" | "ubuntu")) else {
        let message = format!("Docker has no packages for `{id}`");
        return Err(job.refuse(message, "use `docker: distribution`"));
    };
    let base = format!("https://download.docker.com/linux/{id}");
    let (key, place) = (format!("{base}/gpg"), format!("{base} {codename} stable"));
    let (name, fingerprint) = ("docker".to_owned(), KEY.to_owned());
    let repository = Repository { name, key, fingerprint, place, rank: Rank::Ordinary };
    repository::add(job, &repository).await?;
    let names = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"];
    Ok(names.map(str::to_owned).to_vec())
}

/// Builds the image of a directory of the source, and calls it as the deployment.
pub(super) async fn build(job: &Job<'_>, directory: &str) -> Result<Performed, SetupError> {
    let name = job.context.deployment.to_string();
    let note = format!("{}/{TREE_NOTE}", remote_path(&job.context.places.work));
    let tree = job.ask(&Command::new("head -n 1 \"$1\" 2>/dev/null; exit 0").args([note])).await?.concat();
    if tree.is_empty() {
        let message = "there is no source to build an image of".to_owned();
        return Err(job.refuse(message, "name a `source` or `workdir`, or leave out `docker.build`"));
    }
    let made_of = sha256(format!("{tree} {directory}"));
    let check = Command::new(include_str!("scripts/has-image.sh")).args([&name, &made_of]);
    recipe::settle(job, &check, |_| async {
        let script = "exec docker build --label \"hostler.source=$2\" --tag \"$1\" -- \"$3\"";
        job.must(&job.at_work(script).args([name.as_str(), &made_of, directory])).await
    })
    .await
}
