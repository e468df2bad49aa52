use hostler_core::demand::PythonNeed;

use super::*;

/// A source whose requirements need nothing from anywhere.
const PROJECT: [(&str, &str); 3] = [
    ("requirements.txt", "-r more/base.txt\n"),
    ("more/base.txt", "# nothing yet\n"),
    ("app.py", "print('hello from the environment')\n"),
];

fn need() -> PythonNeed {
    PythonNeed { requirement_files: vec!["requirements.txt".to_owned()], ..PythonNeed::default() }
}

#[tokio::test]
async fn an_environment_is_made_once_and_scripts_find_it_active() {
    let bench = Bench::new().await.with_source(&PROJECT);
    bench.perform(&Phase::Source).await.unwrap();
    let python = Phase::Python(need());
    assert!(!bench.already(&python).await);
    assert!(bench.already(&python).await);

    bench.seen.0.lock().unwrap().clear();
    bench.perform(&run("set -u; python -c 'import sys; print(sys.prefix)'; python app.py")).await.unwrap();
    let prefix = bench.at_work(".venv").display().to_string();
    assert_eq!(bench.output(), [prefix.as_str(), "hello from the environment"]);

    // The source may be put again without the environment being lost, and an included file counts.
    std::fs::write(bench.source.as_ref().unwrap().join("more/base.txt"), "# changed\n").unwrap();
    assert!(!bench.already(&Phase::Source).await);
    assert!(!bench.already(&python).await);

    // What it includes and is not there is pip's matter.
    std::fs::write(bench.source.as_ref().unwrap().join("more/base.txt"), "-r ${NONE}.txt\n").unwrap();
    bench.perform(&Phase::Source).await.unwrap();
    let error = bench.perform(&python).await.unwrap_err();
    assert!(matches!(*error.cause, Cause::Exited(..)), "{error}");
    std::fs::write(bench.source.as_ref().unwrap().join("more/base.txt"), "# changed\n").unwrap();
    bench.perform(&Phase::Source).await.unwrap();

    std::fs::remove_file(bench.at_work(".venv/bin/python")).unwrap();
    assert!(!bench.already(&python).await, "a broken environment is made anew");
}

/// A build backend that makes an editable wheel out of nothing.
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
async fn the_repository_itself_is_installed_in_place() {
    let project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
    let files = [("pyproject.toml", project), ("backend.py", BACKEND), ("src/thing.py", "value = 1\n")];
    let bench = Bench::new().await.with_source(&files);
    bench.perform(&Phase::Source).await.unwrap();
    let python = Phase::Python(PythonNeed { install_project: true, ..PythonNeed::default() });
    assert!(!bench.already(&python).await);
    std::fs::write(bench.source.as_ref().unwrap().join("src/thing.py"), "value = 2\n").unwrap();
    bench.perform(&Phase::Source).await.unwrap();
    assert!(bench.already(&python).await, "its code counts as it is put");
    bench.seen.0.lock().unwrap().clear();
    bench.perform(&run("cd / && python -c 'import thing; print(thing.value)'")).await.unwrap();
    assert_eq!(bench.output(), ["2"]);
}

#[tokio::test]
async fn an_environment_that_a_change_has_failed_in_is_brought_back() {
    let bench = Bench::new().await.with_source(&PROJECT);
    bench.perform(&Phase::Source).await.unwrap();
    assert!(!bench.already(&Phase::Python(need())).await);
    let other = PythonNeed { requirements: vec!["./no-such-directory".to_owned()], ..need() };
    bench.perform(&Phase::Python(other)).await.unwrap_err();
    assert!(!bench.already(&Phase::Python(need())).await);
}

#[tokio::test]
async fn a_requirement_that_cannot_be_had_fails_and_is_tried_again() {
    let bench = Bench::new().await.with_source(&PROJECT);
    bench.perform(&Phase::Source).await.unwrap();
    let need = PythonNeed { requirements: vec!["./no-such-directory".to_owned()], ..PythonNeed::default() };
    for _ in 0..2 {
        let error = bench.perform(&Phase::Python(need.clone())).await.unwrap_err();
        assert!(matches!(*error.cause, Cause::Exited(..)), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_wished_is_said_before_anything_is_done() {
    let bench = Bench::new().await.with_source(&PROJECT);
    let refused = async |need: PythonNeed| bench.perform(&Phase::Python(need)).await.unwrap_err().to_string();
    let version = |version: &str| PythonNeed { version: Some(version.to_owned()), ..PythonNeed::default() };
    assert!(refused(version("3.x; touch y")).await.contains("is no version of Python"));
    assert!(refused(version("3.99")).await.ends_with("the machine has no Python 3.99"));
    let option = PythonNeed { requirements: vec!["--index-url=x".to_owned()], ..PythonNeed::default() };
    assert!(refused(option).await.contains("is an option"));
    for file in ["../x.txt", "/etc/passwd"] {
        let need = PythonNeed { requirement_files: vec![file.to_owned()], ..PythonNeed::default() };
        assert!(refused(need).await.contains("is not part of the source"));
    }
    let source = bench.source.as_ref().unwrap();
    std::os::unix::fs::symlink("/dev/zero", source.join("endless.txt")).unwrap();
    let endless = PythonNeed { requirement_files: vec!["endless.txt".to_owned()], ..PythonNeed::default() };
    assert!(refused(endless).await.contains("leads out of the source"));
    let missing = PythonNeed { requirement_files: vec!["none.txt".to_owned()], ..PythonNeed::default() };
    assert!(refused(missing).await.contains("can't be read"));
}
