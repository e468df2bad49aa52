use hostler_core::demand::PythonRequest;

use super::*;

/// A source whose requirements need no network.
const PROJECT: [(&str, &str); 3] = [
    ("requirements.txt", "-r more/base.txt\n"),
    ("more/base.txt", "# nothing yet\n"),
    ("app.py", "print('hello from the environment')\n"),
];

fn need() -> PythonRequest {
    PythonRequest { requirement_files: vec!["requirements.txt".to_owned()], ..PythonRequest::default() }
}

#[tokio::test]
async fn environment_is_created_once_and_active_in_scripts() {
    let bench = Bench::new().await.with_source(&PROJECT);
    bench.perform(&Phase::Source).await.unwrap();
    let python = Phase::Python(need());
    assert!(!bench.already(&python).await);
    assert!(bench.already(&python).await);

    bench.seen.0.lock().unwrap().clear();
    bench.perform(&run("set -u; python -c 'import sys; print(sys.prefix)'; python app.py")).await.unwrap();
    let prefix = bench.work_file(".venv").display().to_string();
    assert_eq!(bench.output(), [prefix.as_str(), "hello from the environment"]);

    // Another upload of the source keeps the environment, and a change of an included file counts.
    std::fs::write(bench.source.as_ref().unwrap().join("more/base.txt"), "# changed\n").unwrap();
    assert!(!bench.already(&Phase::Source).await);
    assert!(!bench.already(&python).await);

    // A missing included file is reported by pip.
    std::fs::write(bench.source.as_ref().unwrap().join("more/base.txt"), "-r ${NONE}.txt\n").unwrap();
    bench.perform(&Phase::Source).await.unwrap();
    let error = bench.perform(&python).await.unwrap_err();
    assert!(matches!(*error.cause, Cause::Exited(..)), "{error}");
    std::fs::write(bench.source.as_ref().unwrap().join("more/base.txt"), "# changed\n").unwrap();
    bench.perform(&Phase::Source).await.unwrap();

    std::fs::remove_file(bench.work_file(".venv/bin/python")).unwrap();
    assert!(!bench.already(&python).await, "a broken environment is created again");
}

/// A build backend that produces an editable wheel without dependencies.
const BACKEND: &str = r#"
import os, zipfile
def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "thing-1.0-py3-none-any.whl"
    info = "thing-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("thing.pth", os.getcwd() + "/src\n")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
"#;

#[tokio::test]
async fn repository_is_installed_in_editable_mode() {
    let project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
    let files = [("pyproject.toml", project), ("backend.py", BACKEND), ("src/thing.py", "value = 1\n")];
    let bench = Bench::new().await.with_source(&files);
    bench.perform(&Phase::Source).await.unwrap();
    let python = Phase::Python(PythonRequest { install_project: true, ..PythonRequest::default() });
    assert!(!bench.already(&python).await);
    std::fs::write(bench.source.as_ref().unwrap().join("src/thing.py"), "value = 2\n").unwrap();
    bench.perform(&Phase::Source).await.unwrap();
    assert!(bench.already(&python).await, "code changes need no installation");
    bench.seen.0.lock().unwrap().clear();
    bench.perform(&run("cd / && python -c 'import thing; print(thing.value)'")).await.unwrap();
    assert_eq!(bench.output(), ["2"]);
}

#[tokio::test]
async fn failed_change_of_an_environment_is_repaired() {
    let bench = Bench::new().await.with_source(&PROJECT);
    bench.perform(&Phase::Source).await.unwrap();
    assert!(!bench.already(&Phase::Python(need())).await);
    let other = PythonRequest { requirements: vec!["./no-such-directory".to_owned()], ..need() };
    bench.perform(&Phase::Python(other)).await.unwrap_err();
    assert!(!bench.already(&Phase::Python(need())).await);
}

#[tokio::test]
async fn unavailable_requirement_fails_each_time() {
    let bench = Bench::new().await.with_source(&PROJECT);
    bench.perform(&Phase::Source).await.unwrap();
    let need = PythonRequest { requirements: vec!["./no-such-directory".to_owned()], ..PythonRequest::default() };
    for _ in 0..2 {
        let error = bench.perform(&Phase::Python(need.clone())).await.unwrap_err();
        assert!(matches!(*error.cause, Cause::Exited(..)), "{error}");
    }
}

#[tokio::test]
async fn invalid_requests_fail_before_any_change() {
    let bench = Bench::new().await.with_source(&PROJECT);
    let refused = async |need: PythonRequest| bench.perform(&Phase::Python(need)).await.unwrap_err().to_string();
    let version = |version: &str| PythonRequest { version: Some(version.to_owned()), ..PythonRequest::default() };
    assert!(refused(version("3.x; touch y")).await.contains("is not a Python version"));
    assert!(refused(version("3.99")).await.ends_with("the machine has no Python 3.99"));
    let option = PythonRequest { requirements: vec!["--index-url=x".to_owned()], ..PythonRequest::default() };
    assert!(refused(option).await.contains("is an option"));
    for file in ["../x.txt", "/etc/passwd"] {
        let need = PythonRequest { requirement_files: vec![file.to_owned()], ..PythonRequest::default() };
        assert!(refused(need).await.contains("is not part of the source"));
    }
    let source = bench.source.as_ref().unwrap();
    std::os::unix::fs::symlink("/dev/zero", source.join("endless.txt")).unwrap();
    let endless = PythonRequest { requirement_files: vec!["endless.txt".to_owned()], ..PythonRequest::default() };
    assert!(refused(endless).await.contains("leads out of the source"));
    let missing = PythonRequest { requirement_files: vec!["none.txt".to_owned()], ..PythonRequest::default() };
    assert!(refused(missing).await.contains("can't be read"));
}
