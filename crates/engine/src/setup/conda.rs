//! The phase `conda`: conda in the user's home directory, and an environment that login shells activate.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use hostler_core::hash::hexadecimal;
use hostler_core::setup::{CondaInstaller, CondaRequest};
use sha2::{Digest as _, Sha256};

use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use super::{ensure, requirements, source};
use crate::blocking::blocking;
use crate::host::{Command, FileSelection, Shell, remote_path};
use crate::run::Performed;

/// Installation directory, as in Miniforge's documentation.
const PREFIX: &str = "~/miniforge3";

/// Release installed if the demand names no installer, with the SHA-256 of its files.
const MINIFORGE: &str =
    "https://github.com/conda-forge/miniforge/releases/download/26.3.2-3/Miniforge3-26.3.2-3-Linux-";
const MINIFORGE_SHA256: [(&str, &str); 2] = [
    ("x86_64", "848194851a98903134187fbb4ab50efe87b003e0c0f808f97644b7524a62bf2c"),
    ("aarch64", "2c113a69297e612b01ca0f320c22a3107a11f2ab9b573d79ac868a175945ce29"),
];

/// Installs conda if missing, and creates or updates the environment.
pub(super) async fn install(job: &PhaseRun<'_>, need: &CondaRequest) -> Result<Performed, SetupError> {
    let fingerprint = fingerprint(job, need).await?;
    let check = Command::new(include_str!("scripts/has-conda.sh"))
        .args([remote_path(PREFIX), need.name.clone(), fingerprint.clone()])
        .shell(Shell::LoginBash);
    ensure::ensure(job, &check, |missing| act(job, need, &fingerprint, missing)).await
}

async fn act(
    job: &PhaseRun<'_>,
    need: &CondaRequest,
    fingerprint: &str,
    missing: Vec<String>,
) -> Result<(), SetupError> {
    if missing.iter().any(|line| line.starts_with("conda is missing")) {
        run_installer(job, need.installer.as_ref()).await?;
    }
    make_environment(job, need, fingerprint).await?;
    let text = include_str!("scripts/conda-profile.sh").replace("@ENVIRONMENT@", &need.name);
    let home = job.query(&Command::new("echo \"$HOME\"")).await?.concat();
    let user = job.login_user().await?;
    let text = text.replace("@USER@", &user).replace("@PREFIX@", &format!("{home}/miniforge3"));
    job.run_checked(&Command::new(include_str!("scripts/write-profile.sh")).args(["conda", &text]).as_root()).await
}

/// Runs the installer after verifying its checksum. The machine downloads it, or it is uploaded from this computer.
async fn run_installer(job: &PhaseRun<'_>, requested: Option<&CondaInstaller>) -> Result<(), SetupError> {
    let installer = match requested {
        Some(installer) => installer.clone(),
        None => pinned(job).await?,
    };
    let file = format!("{}/{}/conda-installer.sh", remote_path(&job.context.paths.state), job.context.deployment);
    if !installer.is_remote() {
        job.progress(&format!("uploading the conda installer `{}`", installer.from));
        let here = source::local_path(job, &installer.from).await?;
        verify_local(job, &here, &installer).await?;
        job.session.upload(&here, &file, FileSelection::All).await.map_err(|error| job.host_error(error))?;
    }
    job.progress("running the conda installer");
    let address = if installer.is_remote() { installer.from.as_str() } else { "" };
    let command = Command::new(include_str!("scripts/install-conda.sh"));
    let args = [file.as_str(), address, &installer.sha256, &remote_path(PREFIX)].map(str::to_owned);
    match job.run_checked(&command.args(args)).await {
        Err(error) if is_wrong_checksum(&error) => {
            let hint = "compare `sha256` with the publisher's checksum; if the file was tampered with, don't use it";
            Err(SetupError { hint: Some(hint.to_owned()), ..error })
        }
        other => other,
    }
}

/// Verifies the checksum of a local installer, before it leaves this computer.
async fn verify_local(job: &PhaseRun<'_>, file: &Path, installer: &CondaInstaller) -> Result<(), SetupError> {
    let path = file.to_owned();
    let digest = blocking(move || sha256_of(&path)).await;
    match digest {
        Ok(found) if found == installer.sha256 => Ok(()),
        Ok(found) => {
            let wanted = &installer.sha256;
            let message = format!("the SHA-256 of `{}` is {found}, not {wanted}: it was not run", file.display());
            Err(job.unsatisfiable(message, "compare `sha256` with the publisher's checksum"))
        }
        Err(error) => {
            let message = format!("the installer `{}` can't be read: {error}", file.display());
            Err(job.unsatisfiable(message, "correct `setup_phases.conda` in the demand"))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "called on blocking threads")]
fn sha256_of(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// True for the exit status with which the script reports a wrong checksum.
fn is_wrong_checksum(error: &SetupError) -> bool {
    matches!(&*error.cause, Cause::Exited(crate::host::ProcessExit::Status(65), _))
}

async fn pinned(job: &PhaseRun<'_>) -> Result<CondaInstaller, SetupError> {
    let arch = job.query(&Command::new("uname -m")).await?.concat();
    match MINIFORGE_SHA256.iter().find(|(known, _)| *known == arch) {
        Some((_, sha256)) => Ok(CondaInstaller { from: format!("{MINIFORGE}{arch}.sh"), sha256: (*sha256).to_owned() }),
        None => {
            let message = format!("hostler has no pinned conda installer for the architecture `{arch}`");
            Err(job.unsatisfiable(message, "name an installer: `setup_phases: {conda: {installer: …, sha256: …}}`"))
        }
    }
}

async fn make_environment(job: &PhaseRun<'_>, need: &CondaRequest, fingerprint: &str) -> Result<(), SetupError> {
    job.progress(&format!("creating the conda environment `{}`", need.name));
    let python = need.python.as_ref().map(|version| format!("python={version}"));
    let file = match &need.file {
        Some(file) => upload_file(job, file).await?,
        None => String::new(),
    };
    let channels = need.channels.join("\n");
    let words = [remote_path(PREFIX), need.name.clone(), fingerprint.to_owned(), file, channels].into_iter();
    let command = Command::new(include_str!("scripts/make-conda-environment.sh"));
    let command = command.args(words.chain(python).chain(need.packages.iter().cloned()));
    job.run_checked(&command.shell(Shell::LoginBash)).await
}

/// Uploads the environment file. The phase `source`, which uploads the rest, runs later.
async fn upload_file(job: &PhaseRun<'_>, file: &str) -> Result<String, SetupError> {
    let text = requirements::read_named(job, Path::new(file)).await?;
    let there = format!("{}/{}/conda-environment.yml", remote_path(&job.context.paths.state), job.context.deployment);
    let text = String::from_utf8_lossy(&text).into_owned();
    let write = "mkdir -p \"${1%/*}\" && printf '%s' \"$2\" >\"$1\"";
    job.run_checked(&Command::new(write).args([there.clone(), text])).await?;
    Ok(there)
}

/// Hash of the requested environment and the content of its file.
async fn fingerprint(job: &PhaseRun<'_>, need: &CondaRequest) -> Result<String, SetupError> {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(need).unwrap_or_default());
    if let Some(file) = &need.file {
        hash.update(requirements::read_named(job, Path::new(file)).await?);
    }
    Ok(hexadecimal(&hash.finalize()))
}
