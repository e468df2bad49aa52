use std::collections::VecDeque;

use async_trait::async_trait;
use hostler_core::setup::{RunAs, SystemRequest};

use super::*;
use crate::host::{
    Command, DownloadReport, FileSelection, HostError, OutputSink, ProcessExit, Stream, SyncOptions, SyncReport,
    UploadReport,
};

/// A host that answers from a list, and records the commands.
#[derive(Default)]
pub(super) struct Scripted {
    answers: Mutex<VecDeque<(u32, &'static str)>>,
    commands: Mutex<Vec<Command>>,
}

impl Scripted {
    /// Answers, each an exit status and output.
    pub(super) fn new(answers: &[(u32, &'static str)]) -> Self {
        Self { answers: Mutex::new(answers.iter().copied().collect()), ..Self::default() }
    }

    /// Commands so far.
    pub(super) fn commands(&self) -> Vec<Command> {
        self.commands.lock().unwrap().clone()
    }
}

/// Runs a phase on a host with these answers, each an exit status and output. Returns the result and all commands.
pub(super) async fn answering(
    answers: &[(u32, &'static str)],
    phase: &Phase,
) -> (Result<Performed, SetupError>, Vec<Command>) {
    let bench = Bench::new().await;
    // Skip the pauses between attempts.
    tokio::time::pause();
    let session = Scripted::new(answers);
    let outcome = bench.perform_on(&session, phase).await;
    tokio::time::resume();
    assert!(session.answers.lock().unwrap().is_empty(), "all answers are used");
    (outcome, session.commands.into_inner().unwrap())
}

#[async_trait]
impl Session for Scripted {
    fn machine(&self) -> &str {
        "digits"
    }

    fn host_key(&self) -> Option<HostKey> {
        None
    }

    async fn run(&self, command: &Command, output: OutputSink<'_>) -> Result<ProcessExit, HostError> {
        self.commands.lock().unwrap().push(command.clone());
        let (status, text) = self.answers.lock().unwrap().pop_front().expect("no more answers");
        text.lines().for_each(|line| output(Stream::Stdout, line));
        Ok(ProcessExit::Status(status))
    }

    async fn upload(&self, _: &Path, _: &str, _: FileSelection) -> Result<UploadReport, HostError> {
        unreachable!()
    }

    async fn download(&self, _: &str, _: &Path) -> Result<DownloadReport, HostError> {
        unreachable!()
    }

    async fn sync_up(&self, _: &Path, _: &str, _: &SyncOptions) -> Result<SyncReport, HostError> {
        unreachable!()
    }

    async fn sync_down(&self, _: &str, _: &Path, _: &SyncOptions) -> Result<SyncReport, HostError> {
        unreachable!()
    }
}

fn packages(names: &[&str]) -> Phase {
    Phase::Packages { packages: names.iter().map(|name| (*name).to_owned()).collect() }
}

async fn installed(answers: &[(u32, &'static str)]) -> (Result<Performed, SetupError>, Vec<Command>) {
    answering(answers, &packages(&["tar", "jq"])).await
}

#[tokio::test]
async fn installed_packages_are_skipped() {
    let bench = Bench::new().await;
    assert!(bench.already(&packages(&["tar", "coreutils"])).await);
    assert!(bench.output().is_empty());
}

#[tokio::test]
async fn only_missing_packages_are_installed_as_root() {
    let (outcome, commands) = installed(&[(0, "apt\njq"), (0, ""), (0, "apt")]).await;
    assert!(outcome.unwrap() == Performed::Now);
    assert_eq!(
        (commands[1].user, commands[1].limit),
        (RunAs::Root, None),
        "only the phase has a limit, which the demand sets"
    );
    assert!(commands[1].args.ends_with(&["apt".to_owned(), "jq".to_owned()]), "{:?}", commands[1].args);
}

#[tokio::test]
async fn failing_mirror_is_retried() {
    let (outcome, _) =
        installed(&[(0, "apt\njq"), (100, "E: Failed to fetch"), (100, "E: Could not get lock"), (0, ""), (0, "apt")])
            .await;
    assert!(outcome.unwrap() == Performed::Now);
}

#[tokio::test]
async fn unknown_package_is_not_retried() {
    let (outcome, _) = installed(&[(0, "apt\njq"), (100, "E: Unable to locate package jq")]).await;
    let error = outcome.unwrap_err();
    assert!(error.hint.unwrap().contains("check the name"));
}

#[tokio::test]
async fn package_unknown_to_old_lists_is_retried() {
    let stale = "E: Unable to locate package jq\n== updating the package lists\nE: Failed to fetch";
    let (outcome, _) = installed(&[(0, "apt\njq"), (100, stale), (0, ""), (0, "apt")]).await;
    assert!(outcome.unwrap() == Performed::Now);
}

#[tokio::test]
async fn package_unknown_to_new_lists_is_not_retried() {
    let fresh = "== updating the package lists\nE: Unable to locate package jq";
    let (outcome, _) = installed(&[(0, "apt\njq"), (100, fresh)]).await;
    assert!(outcome.unwrap_err().hint.unwrap().contains("check the name"));
}

#[tokio::test]
async fn package_is_retried_if_lists_could_not_be_updated() {
    let none = "== updating the package lists\nW: Failed to fetch http://x  Temporary failure resolving\nE: Unable to locate package jq";
    let (outcome, _) = installed(&[(0, "apt\njq"), (100, none), (0, ""), (0, "apt")]).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
}

#[test]
fn script_announces_list_updates_as_expected() {
    let said = format!("echo \"{}\" >&2\n", crate::setup::packages::UPDATING_LISTS);
    assert!(include_str!("../scripts/install-packages.sh").contains(&said));
}

#[tokio::test]
async fn still_missing_packages_are_named() {
    let (outcome, _) = installed(&[(0, "apt\njq"), (0, "0 newly installed"), (0, "apt\njq")]).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(*error.cause, Cause::CheckFailed(..)) && error.to_string().ends_with("`jq` is not installed"),
        "{error}"
    );
}

#[tokio::test]
async fn zypper_notices_count_as_success_if_nothing_is_missing() {
    let skipped = "Some of the repositories have not been refreshed";
    let (outcome, _) = installed(&[(0, "zypper\njq"), (106, skipped), (0, "zypper")]).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    let again = [(0, "zypper\njq"), (106, skipped), (0, "zypper\njq"), (0, ""), (0, "zypper")];
    assert_eq!(installed(&again).await.0.unwrap(), Performed::Now, "the package may be in the skipped repository");
    let (outcome, _) = installed(&[(0, "apt\njq"), (100, "E: Unable to locate package jq")]).await;
    assert!(outcome.is_err(), "the statuses are zypper's only");
}

#[tokio::test]
async fn hint_names_packages_key_only_for_requested_packages() {
    let answers = [(0, "dnf"), (0, "dnf\ngit"), (1, "Error: Unable to find a match\nNo match for argument: git")];
    let (outcome, _) = answering(&answers, &Phase::System(SystemRequest::default())).await;
    let hint = outcome.unwrap_err().hint.unwrap();
    assert!(hint.contains("another image") && !hint.contains("`packages`"), "{hint}");
}

#[test]
fn provided_package_counts_as_installed() {
    let dir = tempfile::tempdir().unwrap();
    program(&dir.path().join("apt-get"), "echo 'Inst ssh-tool (1.0 Debian)'");
    program(
        &dir.path().join("apt-cache"),
        "case $3 in real) echo '  Candidate: 1.0' ;; *) echo '  Candidate: (none)' ;; esac",
    );
    let query = "case $3 in tar) echo installed ;; '') printf '%s\\n' 'installed old (= 1:2), real' 'not-installed gone' ;; esac";
    program(&dir.path().join("dpkg-query"), query);
    let script = crate::setup::packages::MISSING;
    let mut look = here(script, &["tar", "old", "real", "gone", "none", "ssh-server^"]);
    look.env("PATH", format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap()));
    assert_eq!(said(&mut look).1, "apt\nreal\ngone\nnone\nssh-server^\n");
}

#[tokio::test]
async fn machine_without_package_manager_is_reported() {
    let (outcome, _) = installed(&[(0, "none")]).await;
    assert!(outcome.unwrap_err().to_string().contains("no supported package manager"));
}

#[tokio::test]
async fn package_name_cannot_be_an_option_or_a_removal() {
    let bench = Bench::new().await;
    for bad in ["-o=x", "a b", "", "$(x)", "openssh-server-"] {
        let error = bench.perform(&packages(&[bad])).await.unwrap_err();
        assert!(matches!(*error.cause, Cause::Unsatisfiable(_)), "{error}");
    }
}
