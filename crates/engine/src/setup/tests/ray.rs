//! Tests of Ray next to other Ray processes. The processes are shells under the names of Ray's programs.

use std::io::BufRead as _;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use hostler_core::setup::RayRequest;
use tempfile::TempDir;

use super::*;
use crate::setup::ray::{RUNS, START, home};

const CLUSTER: &str = "192.0.2.1:6379";
const OWN: &str = "192.0.2.2";

/// A program that runs until it is dropped.
struct Runs(Child);

impl Runs {
    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// The child process whose id the program printed.
    fn started(&mut self) -> Started {
        let mut line = String::new();
        std::io::BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Started(line.trim().to_owned())
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        // At the end of its input it ends itself and its child.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

struct Started(String);

impl Started {
    fn is_alive(&self) -> bool {
        std::fs::read(format!("/proc/{}/cmdline", self.0)).is_ok_and(|words| !words.is_empty())
    }
}

/// Ray's per-machine program, from the Ray in `environment`, with one child.
fn raylet(environment: &Path) -> Runs {
    let at = environment.join("lib/python3.11/site-packages/ray/core/src/ray/raylet/raylet");
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::copy("/bin/sh", &at).unwrap();
    let words = [format!("--node_ip_address={OWN}"), format!("--gcs-address={CLUSTER}"), "--last=1".to_owned()];
    let mut program = Program::new(at);
    Runs(
        program
            .args(["-c", "sleep 1000 & echo $!; read end; kill $!", "raylet"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    )
}

/// A directory of our environments, one of them with a `ray` that prints its arguments.
fn homes() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("our state/ray-2.60.0");
    program(&home.join(".venv/bin/ray"), "echo \"$@\"");
    (dir, home)
}

fn runs(home: &Path) -> bool {
    said(&mut here(RUNS, &[home.to_str().unwrap(), CLUSTER, OWN])).0 == Some(0)
}

#[test]
fn only_the_requested_ray_version_counts_as_running() {
    let (dir, home) = homes();
    let _others = raylet(&dir.path().join("venv"));
    let _old = raylet(&home.with_file_name("ray-2.50.0").join(".venv"));
    let _longer = raylet(&home.with_file_name("ray-2.60.0-python3.11").join(".venv"));
    assert!(!runs(&home), "the others have the same addresses");
    let _ours = raylet(&home.join(".venv"));
    assert!(runs(&home));
    // A home directory may be a link.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(home.parent().unwrap(), &link).unwrap();
    assert!(runs(&link.join("ray-2.60.0")));
}

#[test]
fn our_old_ray_is_stopped_and_other_ray_processes_keep_running() {
    let (dir, home) = homes();
    let mut others = raylet(&dir.path().join("venv"));
    let mut old = raylet(&home.with_file_name("ray-2.50.0").join(".venv"));
    let (of_others, of_old) = (others.started(), old.started());
    let args = [home.to_str().unwrap(), CLUSTER, OWN, "worker", "8265"];
    let (status, output) = said(&mut here(START, &args));
    assert_eq!((status, output.starts_with("start --address=192.0.2.1:6379")), (Some(0), true), "{output}");
    assert!(!old.is_alive() && !of_old.is_alive());
    assert!(others.is_alive() && of_others.is_alive());
}

#[test]
fn port_in_use_is_reported_with_running_processes() {
    let (dir, home) = homes();
    let mut others = raylet(&dir.path().join("venv"));
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    let cluster = taken.to_string();
    let args = [home.to_str().unwrap(), &cluster, "127.0.0.1", "head", "1"];
    let (status, output) = said(&mut here(START, &args));
    assert_eq!(status, Some(73), "{output}");
    assert!(output.contains(&format!("the port {} is in use", taken.port())), "{output}");
    assert!(output.contains(&format!("others {} {}", others.0.id(), dir.path().display())), "{output}");
    assert!(others.is_alive());
    drop(held);
    assert!(said(&mut here(START, &args)).1.starts_with("start --head"));
}

#[tokio::test]
async fn python_versions_have_separate_environments() {
    let need = |python: Option<&str>| RayRequest { python: python.map(str::to_owned), ..RayRequest::default() };
    let bench = Bench::new().await;
    let homes =
        bench.in_context(async |context| [None, Some("3.10"), Some("3.11")].map(|one| home(context, &need(one))));
    let [plain, ten, eleven] = homes.await;
    assert!(plain.ends_with("/ray-2.60.0") && ten.ends_with("-python3.10") && eleven.ends_with("-python3.11"));
}

#[test]
fn incomplete_installation_counts_as_missing() {
    let (_dir, home) = homes();
    program(&home.join(".venv/bin/python"), "echo 2.60.0");
    let note = home.join(".venv/note");
    let has = || {
        let args = [home.to_str().unwrap(), "2.60.0", note.to_str().unwrap(), "ray[default]==2.60.0"];
        said(&mut here(include_str!("../scripts/has-ray.sh"), &args)).0
    };
    assert_eq!(has(), Some(1), "Ray is installed, but its dependencies may be missing");
    std::fs::write(&note, "ray[default]==2.60.0\n").unwrap();
    assert_eq!(has(), Some(0));
}
