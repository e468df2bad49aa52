//! The phase `conda`: conda in the user's home, and an environment that login shells find active.

use std::path::Path;

use hostler_core::hash::hexadecimal;
use hostler_core::setup::{CondaNeed, Installer};
use sha2::{Digest as _, Sha256};

use super::error::{Cause, SetupError};
use super::job::PhaseRun;
use super::{ensure, requirements, source};
use crate::host::{Command, FileSelection, Shell, remote_path};
use crate::run::Performed;

/// Where it is installed, as Miniforge's own documentation has it.
const PREFIX: &str = "~/miniforge3";

/// The release that is taken where no installer is wished, and what its files must be.
const MINIFORGE: &str =
    "https://github.com/conda-forge/miniforge/releases/download/26.3.2-3/Miniforge3-26.3.2-3-Linux-";
const MINIFORGE_SHA256: [(&str, &str); 2] = [
    ("x86_64", "848194851a98903134187fbb4ab50efe87b003e0c0f808f97644b7524a62bf2c"),
    ("aarch64", "2c113a69297e612b01ca0f320c22a3107a11f2ab9b573d79ac868a175945ce29"),
];

/// Installs conda where it is missing, and brings the environment to what is wished.
pub(super) async fn install(job: &PhaseRun<'_>, need: &CondaNeed) -> Result<Performed, SetupError> {
    let wishes = fingerprint(job, need)?;
    let check = Command::new(include_str!("scripts/has-conda.sh"))
        .args([remote_path(PREFIX), need.name.clone(), wishes.clone()])
        .shell(Shell::LoginBash);
    ensure::ensure(job, &check, |missing| act(job, need, &wishes, missing)).await
}

async fn act(job: &PhaseRun<'_>, need: &CondaNeed, wishes: &str, missing: Vec<String>) -> Result<(), SetupError> {
    if missing.iter().any(|line| line.starts_with("conda is missing")) {
        run_installer(job, need.installer.as_ref()).await?;
    }
    make_environment(job, need, wishes).await?;
    let text = include_str!("scripts/conda-profile.sh").replace("@ENVIRONMENT@", &need.name);
    let home = job.query(&Command::new("echo \"$HOME\"")).await?.concat();
    let user = job.login_user().await?;
    let text = text.replace("@USER@", &user).replace("@PREFIX@", &format!("{home}/miniforge3"));
    job.run_checked(&Command::new(include_str!("scripts/write-profile.sh")).args(["conda", &text]).as_root()).await
}

/// Runs the installer once its checksum holds: fetched by the machine, or brought from this computer.
async fn run_installer(job: &PhaseRun<'_>, wished: Option<&Installer>) -> Result<(), SetupError> {
    let installer = match wished {
        Some(installer) => installer.clone(),
        None => pinned(job).await?,
    };
    let file = format!("{}/{}/conda-installer.sh", remote_path(&job.context.paths.state), job.context.deployment);
    if !installer.is_remote() {
        job.progress(&format!("bringing the installer `{}`", installer.from));
        let here = source::here(job, &installer.from)?;
        right_here(job, &here, &installer)?;
        job.session.upload(&here, &file, FileSelection::All).await.map_err(|error| job.host_error(error))?;
    }
    job.progress("running conda's installer");
    let address = if installer.is_remote() { installer.from.as_str() } else { "" };
    let command = Command::new(include_str!("scripts/install-conda.sh"));
    let args = [file.as_str(), address, &installer.sha256, &remote_path(PREFIX)].map(str::to_owned);
    match job.run_checked(&command.args(args)).await {
        Err(error) if is_checksum(&error) => {
            let hint = "compare `sha256` with what the publisher says; if the file was tampered with, don't use it";
            Err(SetupError { hint: Some(hint.to_owned()), ..error })
        }
        other => other,
    }
}

/// Whether a file of this computer is the installer that was wished. Nothing else leaves this computer.
fn right_here(job: &PhaseRun<'_>, here: &Path, installer: &Installer) -> Result<(), SetupError> {
    let mend = "mend `setup_phases.conda` in the demand";
    let read = std::fs::File::open(here).and_then(|mut file| {
        let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match std::io::Read::read(&mut file, &mut part)? {
                0 => return Ok(hexadecimal(&hash.finalize())),
                length => hash.update(&part[..length]),
            }
        }
    });
    match read {
        Ok(found) if found == installer.sha256 => Ok(()),
        Ok(found) => {
            let wanted = &installer.sha256;
            let message = format!("the SHA-256 of `{}` is {found}, and not {wanted}: it was not run", here.display());
            Err(job.unsatisfiable(message, "compare `sha256` with what the publisher says"))
        }
        Err(error) => {
            Err(job.unsatisfiable(format!("the installer `{}` can't be read: {error}", here.display()), mend))
        }
    }
}

/// How the installing script says that the file is another.
fn is_checksum(error: &SetupError) -> bool {
    matches!(&*error.cause, Cause::Exited(crate::host::ProcessExit::Status(65), _))
}

async fn pinned(job: &PhaseRun<'_>) -> Result<Installer, SetupError> {
    let arch = job.query(&Command::new("uname -m")).await?.concat();
    match MINIFORGE_SHA256.iter().find(|(known, _)| *known == arch) {
        Some((_, sha256)) => Ok(Installer { from: format!("{MINIFORGE}{arch}.sh"), sha256: (*sha256).to_owned() }),
        None => {
            let message = format!("there is no pinned installer of conda for `{arch}`");
            Err(job.unsatisfiable(message, "name one: `setup_phases: {conda: {installer: …, sha256: …}}`"))
        }
    }
}

async fn make_environment(job: &PhaseRun<'_>, need: &CondaNeed, wishes: &str) -> Result<(), SetupError> {
    job.progress(&format!("making the environment `{}`", need.name));
    let python = need.python.as_ref().map(|version| format!("python={version}"));
    let file = match &need.file {
        Some(file) => bring_file(job, file).await?,
        None => String::new(),
    };
    let channels = need.channels.join("\n");
    let words = [remote_path(PREFIX), need.name.clone(), wishes.to_owned(), file, channels].into_iter();
    let command = Command::new(include_str!("scripts/make-conda-environment.sh"));
    let command = command.args(words.chain(python).chain(need.packages.iter().cloned()));
    job.run_checked(&command.shell(Shell::LoginBash)).await
}

/// The source itself comes later: a conda environment is there before whatever needs it.
async fn bring_file(job: &PhaseRun<'_>, file: &str) -> Result<String, SetupError> {
    let text = requirements::read_named(job, Path::new(file))?;
    let there = format!("{}/{}/conda-environment.yml", remote_path(&job.context.paths.state), job.context.deployment);
    let text = String::from_utf8_lossy(&text).into_owned();
    let write = "mkdir -p \"${1%/*}\" && printf '%s' \"$2\" >\"$1\"";
    job.run_checked(&Command::new(write).args([there.clone(), text])).await?;
    Ok(there)
}

/// Everything that the environment is made of.
fn fingerprint(job: &PhaseRun<'_>, need: &CondaNeed) -> Result<String, SetupError> {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(need).unwrap_or_default());
    if let Some(file) = &need.file {
        hash.update(requirements::read_named(job, Path::new(file))?);
    }
    Ok(hexadecimal(&hash.finalize()))
}
