//! The phase `python`: a virtual environment with the repository's own requirements.

use hostler_core::demand::PythonNeed;

use super::error::SetupError;
use super::job::PhaseRun;
use super::{packages, requirements};
use crate::host::remote_path;
use crate::run::Performed;

/// Stands in the environment, written once all is installed.
pub(super) const NOTE: &str = ".venv/hostler-fingerprint";

/// How an environment is come by.
enum PythonSource {
    /// It is there; what is missing in it is added.
    Keep,
    /// `uv` makes it.
    Uv,
    /// An interpreter makes it.
    Use(String),
    /// Nobody can before these packages are installed.
    Requirements(Vec<String>),
    /// There is no such version.
    Nothing,
}

/// Makes the environment of the source, or brings it to what is wanted.
pub(super) async fn make(job: &PhaseRun<'_>, need: &PythonNeed) -> Result<Performed, SetupError> {
    check(job, need)?;
    let place = remote_path(&job.context.paths.work);
    let fingerprint = requirements::fingerprint(job, need)?;
    let question = job.in_dir(&place, &format!("test -x .venv/bin/python && cat {NOTE} 2>/dev/null; exit 0"));
    if job.query(&question).await?.first() == Some(&fingerprint) && !job.context.rerun {
        return Ok(Performed::Already);
    }
    make_at(job, &place, need, &fingerprint).await?;
    Ok(Performed::Now)
}

/// Makes an environment as `.venv` of a directory on the host, and notes in it, last, what it was made of.
pub(super) async fn make_at(
    job: &PhaseRun<'_>,
    place: &str,
    need: &PythonNeed,
    made_of: &str,
) -> Result<(), SetupError> {
    let wish = need.version.clone().unwrap_or_default();
    let mut found = find(job, place, &wish).await?;
    if let PythonSource::Requirements(packages) = &found {
        packages::install(job, packages).await?;
        found = find(job, place, &wish).await?;
    }
    let note = format!("{place}/{NOTE}");
    job.remove_marker(&note).await?;
    let installer = create(job, place, found, &wish).await?;
    install(job, place, need, &installer).await?;
    job.write_marker(&note, made_of).await
}

/// A script that finds `uv` also where only login shells do.
pub(super) fn finding_uv(script: &str) -> String {
    format!("{}{script}", include_str!("scripts/uv-path.sh"))
}

/// What comes from a demand or a repository must not be taken for an option.
fn check(job: &PhaseRun<'_>, need: &PythonNeed) -> Result<(), SetupError> {
    let version = need.version.as_deref().unwrap_or("3");
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !version.split('.').all(good) {
        return Err(job.unsatisfiable(format!("`{version}` is no version of Python"), "use a version as `3.11`"));
    }
    match need.requirements.iter().find(|requirement| requirement.starts_with('-')) {
        Some(option) => {
            let message = format!("`{option}` is an option, no requirement");
            Err(job.unsatisfiable(message, "put options of pip into a requirement file"))
        }
        None => Ok(()),
    }
}

async fn find(job: &PhaseRun<'_>, place: &str, wish: &str) -> Result<PythonSource, SetupError> {
    let question = job.in_dir(place, &finding_uv(include_str!("scripts/find-python.sh")));
    let answer = job.query(&question.args([wish])).await?;
    let mut words = answer.iter().flat_map(|line| line.split_whitespace());
    Ok(match (words.next(), words.next()) {
        (Some("keep"), _) => PythonSource::Keep,
        (Some("uv"), _) => PythonSource::Uv,
        (Some("use"), Some(python)) => PythonSource::Use(python.to_owned()),
        (Some("needs"), Some(first)) => {
            PythonSource::Requirements([first].into_iter().chain(words).map(str::to_owned).collect())
        }
        _ => PythonSource::Nothing,
    })
}

/// Makes the environment, and answers with the words that install into it.
async fn create(
    job: &PhaseRun<'_>,
    place: &str,
    found: PythonSource,
    wish: &str,
) -> Result<Vec<&'static str>, SetupError> {
    const PIP: [&str; 8] = [
        ".venv/bin/python",
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        // Compiling everything at once takes an emulated processor minutes; what is used is compiled at its first use.
        "--no-compile",
        "--progress-bar=off",
    ];
    const UV: [&str; 5] = ["uv", "pip", "install", "--python", ".venv/bin/python"];
    match found {
        PythonSource::Keep => Ok(PIP.to_vec()),
        PythonSource::Uv => {
            job.progress("making the environment with uv");
            // Seeded with pip, as many a `setup` uses it.
            let mut words = vec!["uv", "venv", "--seed"];
            if !wish.is_empty() {
                words.extend(["--python", wish]);
            }
            words.push(".venv");
            program(job, place, "rm -rf .venv && exec \"$@\"", &words).await?;
            Ok(UV.to_vec())
        }
        PythonSource::Use(python) => {
            job.progress(&format!("making the environment with {python}"));
            program(job, place, "rm -rf .venv && exec \"$@\"", &[&python, "-m", "venv", ".venv"]).await?;
            Ok(PIP.to_vec())
        }
        PythonSource::Requirements(_) | PythonSource::Nothing => {
            let message = match wish {
                "" => "the machine has no Python, and its packages bring none".to_owned(),
                _ => format!("the machine has no Python {wish}"),
            };
            Err(job.unsatisfiable(
                message,
                "wish another version, use an image that has it or `uv`, or add it to `packages`",
            ))
        }
    }
}

/// Requirement files in their order, then single requirements, then the repository itself, in place: what is brought
/// later counts without installing it again.
async fn install(job: &PhaseRun<'_>, place: &str, need: &PythonNeed, installer: &[&str]) -> Result<(), SetupError> {
    for file in &need.requirement_files {
        job.progress(&format!("installing the requirements of `{file}`"));
        program(job, place, "exec \"$@\"", &[installer, &["-r", file]].concat()).await?;
    }
    if !need.requirements.is_empty() {
        job.progress(&format!("installing {}", need.requirements.join(", ")));
        let requirements: Vec<&str> = need.requirements.iter().map(String::as_str).collect();
        program(job, place, "exec \"$@\"", &[installer, &["--"], &requirements].concat()).await?;
    }
    if need.install_project {
        job.progress("installing the repository itself");
        program(job, place, "exec \"$@\"", &[installer, &["-e", "."]].concat()).await?;
    }
    Ok(())
}

async fn program(job: &PhaseRun<'_>, place: &str, script: &str, words: &[&str]) -> Result<(), SetupError> {
    let mut command = job.in_dir(place, &finding_uv(script)).args(words.iter().copied());
    command.env = job.user_env();
    command.env.entry("PIP_ROOT_USER_ACTION".to_owned()).or_insert_with(|| "ignore".to_owned());
    job.run_checked(&command).await
}
