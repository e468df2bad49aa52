//! Tests of Python and Docker packages of different distributions.

use hostler_core::setup::{DockerRepository, DockerRequest, InterpreterRequest, RunAs};

use super::packages::answering;
use super::*;
use crate::host::Command;

/// Arguments of a command, without those of the lock.
fn args(command: &Command) -> &[String] {
    &command.args[3..]
}

async fn python(answers: &[(u32, &'static str)]) -> Vec<Command> {
    let (outcome, commands) =
        answering(answers, &Phase::Interpreter(InterpreterRequest { version: Some("3.11".to_owned()) })).await;
    assert_eq!(outcome.unwrap(), Performed::Now);
    commands
}

const NONE: (u32, &str) = (1, "python3.11 (3.11) with venv is missing");

#[tokio::test]
async fn fedoras_additional_pythons_bundle_pip() {
    let commands = python(&[
        NONE,
        (0, "dnf"),
        (0, "python3.11"),
        (0, ""),
        (0, "dnf\npython3.11"),
        (0, "installed"),
        (0, "dnf"),
        (0, ""),
        (0, ""),
    ])
    .await;
    assert_eq!(
        (args(&commands[2]), args(&commands[5])),
        (
            ["python3.11".to_owned(), "python311".to_owned()].as_slice(),
            ["dnf".to_owned(), "python3.11".to_owned()].as_slice()
        )
    );
    assert!(commands[7].args[2].contains("-m ensurepip") && commands[7].user == RunAs::Root, "{:?}", commands[7]);
}

#[tokio::test]
async fn suse_package_names_are_used_for_python() {
    let commands = python(&[
        NONE,
        (0, "zypper"),
        (0, "python311"),
        (0, "python311-pip"),
        (0, "zypper\npython311\npython311-pip"),
        (0, "installed"),
        (0, "zypper"),
        (0, ""),
    ])
    .await;
    assert_eq!(args(&commands[5]), ["zypper", "python311", "python311-pip"]);
}

#[tokio::test]
async fn unavailable_python_is_reported() {
    let need = InterpreterRequest { version: Some("3.11".to_owned()) };
    let (outcome, _) = answering(&[NONE, (0, "dnf"), (0, "")], &Phase::Interpreter(need)).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("has no `python3.11`") && error.hint.is_some(), "{error}");
}

fn docker(from: DockerRepository) -> Phase {
    Phase::Docker(DockerRequest { from, build: None })
}

const NO_DOCKER: (u32, &str) = (1, "docker is missing");

#[tokio::test]
async fn distribution_without_docker_engine_is_reported_with_a_hint() {
    let (outcome, _) = answering(&[NO_DOCKER, (0, "dnf"), (0, "")], &docker(DockerRepository::Distribution)).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("no package of the Docker engine"), "{error}");
    assert!(error.hint.unwrap().contains("docker: docker"));
}

#[tokio::test]
async fn docker_packages_for_dnf_use_the_rpm_key() {
    let places = [("rocky", "centos"), ("fedora", "fedora")];
    for (id, directory) in places {
        let release: &'static str =
            if id == "rocky" { "id rocky\nversion 9.5\ncodename " } else { "id fedora\nversion 42" };
        let answers = [
            NO_DOCKER,
            (0, release),
            (0, "dnf"),
            (0, ""),
            (0, "dnf\ndocker-ce"),
            (0, "installed"),
            (0, "dnf"),
            (0, "me"),
            (0, ""),
            (0, ""),
        ];
        let (outcome, commands) = answering(&answers, &docker(DockerRepository::Docker)).await;
        assert_eq!(outcome.unwrap(), Performed::Now);
        let base = format!("https://download.docker.com/linux/{directory}");
        let [_, key, fingerprint, place, _] = args(&commands[3]) else { panic!("{:?}", commands[3]) };
        assert_eq!((key, place), (&format!("{base}/gpg"), &format!("{base}/$releasever/$basearch/stable")));
        assert_eq!(fingerprint, "060A61C51B558A7F742B77AAC52FEB6B621E9F35");
    }
}
