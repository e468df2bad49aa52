//! The phase `python`: a virtual environment with the repository's requirements.

use hostler_core::demand::PythonRequest;

use super::error::SetupError;
use super::job::PhaseRun;
use super::{packages, requirements};
use crate::host::remote_path;
use crate::run::Performed;

/// Marker file in the environment, written once everything is installed.
pub(super) const MARKER: &str = ".venv/hostler-fingerprint";

/// Source of the environment.
enum PythonSource {
    /// Keep the existing one, and add missing packages.
    Keep,
    /// Create it with `uv`.
    Uv,
    /// Create it with this interpreter.
    Use(String),
    /// Install these system packages first.
    SystemPackages(Vec<String>),
    /// The machine has no such version.
    Unavailable,
}

/// Creates or updates the environment of the source.
pub(super) async fn create(job: &PhaseRun<'_>, need: &PythonRequest) -> Result<Performed, SetupError> {
    check(job, need)?;
    let directory = remote_path(&job.context.paths.work);
    let fingerprint = requirements::fingerprint(job, need).await?;
    let question = job.in_dir(&directory, &format!("test -x .venv/bin/python && cat {MARKER} 2>/dev/null; exit 0"));
    if job.query(&question).await?.first() == Some(&fingerprint) && !job.context.rerun {
        return Ok(Performed::Already);
    }
    create_in(job, &directory, need, &fingerprint).await?;
    Ok(Performed::Now)
}

/// Creates `.venv` in a directory on the host, and writes its fingerprint into the marker as the last action.
pub(super) async fn create_in(
    job: &PhaseRun<'_>,
    directory: &str,
    need: &PythonRequest,
    fingerprint: &str,
) -> Result<(), SetupError> {
    let version = need.version.clone().unwrap_or_default();
    let mut found = find(job, directory, &version).await?;
    if let PythonSource::SystemPackages(packages) = &found {
        packages::install(job, packages).await?;
        found = find(job, directory, &version).await?;
    }
    let marker = format!("{directory}/{MARKER}");
    job.remove_marker(&marker).await?;
    let installer = create_environment(job, directory, found, &version).await?;
    install(job, directory, need, &installer).await?;
    job.write_marker(&marker, fingerprint).await
}

/// Prefixes a script so that it finds `uv` in directories that only login shells have in their `PATH`.
pub(super) fn with_uv_path(script: &str) -> String {
    format!("{}{script}", include_str!("scripts/uv-path.sh"))
}

/// Rejects values of a demand or repository that pip or uv could take for an option.
fn check(job: &PhaseRun<'_>, need: &PythonRequest) -> Result<(), SetupError> {
    let version = need.version.as_deref().unwrap_or("3");
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !version.split('.').all(good) {
        return Err(job.unsatisfiable(format!("`{version}` is not a Python version"), "use a version such as `3.11`"));
    }
    match need.requirements.iter().find(|requirement| requirement.starts_with('-')) {
        Some(option) => {
            let message = format!("`{option}` is an option, not a requirement");
            Err(job.unsatisfiable(message, "put options of pip into a requirement file"))
        }
        None => Ok(()),
    }
}

async fn find(job: &PhaseRun<'_>, directory: &str, version: &str) -> Result<PythonSource, SetupError> {
    let question = job.in_dir(directory, &with_uv_path(include_str!("scripts/find-python.sh")));
    let answer = job.query(&question.args([version])).await?;
    let mut words = answer.iter().flat_map(|line| line.split_whitespace());
    Ok(match (words.next(), words.next()) {
        (Some("keep"), _) => PythonSource::Keep,
        (Some("uv"), _) => PythonSource::Uv,
        (Some("use"), Some(python)) => PythonSource::Use(python.to_owned()),
        (Some("needs"), Some(first)) => {
            PythonSource::SystemPackages([first].into_iter().chain(words).map(str::to_owned).collect())
        }
        _ => PythonSource::Unavailable,
    })
}

/// Creates the environment, and returns the command that installs into it.
async fn create_environment(
    job: &PhaseRun<'_>,
    directory: &str,
    found: PythonSource,
    version: &str,
) -> Result<Vec<&'static str>, SetupError> {
    const PIP: [&str; 8] = [
        ".venv/bin/python",
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        // Byte-compiling everything takes minutes on an emulated CPU; modules are compiled at their first import anyway.
        "--no-compile",
        "--progress-bar=off",
    ];
    const UV: [&str; 5] = ["uv", "pip", "install", "--python", ".venv/bin/python"];
    match found {
        PythonSource::Keep => Ok(PIP.to_vec()),
        PythonSource::Uv => {
            job.progress("creating the Python environment with uv");
            // Include pip: many `setup` scripts use it.
            let mut command = vec!["uv", "venv", "--seed"];
            if !version.is_empty() {
                command.extend(["--python", version]);
            }
            command.push(".venv");
            run_program(job, directory, "rm -rf .venv && exec \"$@\"", &command).await?;
            Ok(UV.to_vec())
        }
        PythonSource::Use(python) => {
            job.progress(&format!("creating the Python environment with {python}"));
            run_program(job, directory, "rm -rf .venv && exec \"$@\"", &[&python, "-m", "venv", ".venv"]).await?;
            Ok(PIP.to_vec())
        }
        PythonSource::SystemPackages(_) | PythonSource::Unavailable => {
            let message = match version {
                "" => "the machine has no Python, and no package provides it".to_owned(),
                _ => format!("the machine has no Python {version}"),
            };
            Err(job.unsatisfiable(
                message,
                "request another version, use an image that has it or `uv`, or add it to `packages`",
            ))
        }
    }
}

/// Installs the requirement files in their order, then single requirements, then the repository itself in editable mode, so
/// that uploaded changes apply without another installation.
async fn install(
    job: &PhaseRun<'_>,
    directory: &str,
    need: &PythonRequest,
    installer: &[&str],
) -> Result<(), SetupError> {
    for file in &need.requirement_files {
        job.progress(&format!("installing Python packages from `{file}`"));
        run_program(job, directory, "exec \"$@\"", &[installer, &["-r", file]].concat()).await?;
    }
    if !need.requirements.is_empty() {
        job.progress(&format!("installing Python packages: {}", need.requirements.join(", ")));
        let requirements: Vec<&str> = need.requirements.iter().map(String::as_str).collect();
        run_program(job, directory, "exec \"$@\"", &[installer, &["--"], &requirements].concat()).await?;
    }
    if need.install_project {
        job.progress("installing the repository as a Python package");
        run_program(job, directory, "exec \"$@\"", &[installer, &["-e", "."]].concat()).await?;
    }
    Ok(())
}

async fn run_program(job: &PhaseRun<'_>, directory: &str, script: &str, command: &[&str]) -> Result<(), SetupError> {
    let mut command = job.in_dir(directory, &with_uv_path(script)).args(command.iter().copied());
    command.env = job.user_env();
    command.env.entry("PIP_ROOT_USER_ACTION".to_owned()).or_insert_with(|| "ignore".to_owned());
    job.run_checked(&command).await
}
