//! A test user with a temporary data directory, the binary, and `virsh` as observer.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tempfile::TempDir;

use crate::process::{self, Ended, Running};

/// Machines share this computer's CPUs: tests run one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub struct Lab {
    home: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    pub fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().expect("a directory");
        let lab = Self { home, _turn: turn };
        let images = std::env::var_os("HOSTLER_TEST_IMAGES").expect("$HOSTLER_TEST_IMAGES names the base images");
        let data = lab.path("data");
        std::fs::create_dir(&data).expect("made");
        let linked = Command::new("cp").args(["-a", "--reflink=auto"]).arg(images).arg(data.join("images")).status();
        assert!(linked.expect("cp runs").success());
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn demand(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a writable file");
        path.to_str().expect("utf-8").to_owned()
    }

    pub fn copy_of(&self, directory: &str) -> PathBuf {
        let to = self.path("copy");
        assert!(Command::new("cp").args(["-r", directory]).arg(&to).status().expect("cp runs").success());
        to
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args);
        command.env("HOME", self.home.path()).env("HOSTLER_DATA_DIR", self.path("data"));
        command.env_remove("XDG_CONFIG_HOME").env("NO_COLOR", "1");
        command
    }

    pub fn start(&self, args: &[&str]) -> Running {
        process::start(self.command(args))
    }

    pub fn hostler(&self, args: &[&str]) -> Ended {
        let began = Instant::now();
        let ended = self.start(args).wait();
        println!("{:7.1} s  {:?}  hostler {}", began.elapsed().as_secs_f32(), ended.code, args.join(" "));
        ended
    }

    pub fn virsh(&self, args: &[&str]) -> String {
        let output =
            Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).output().expect("virsh runs");
        assert!(output.status.success(), "virsh {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("utf-8")
    }

    /// All machines, networks and volumes that the observer lists, except base volumes, which are kept on purpose.
    pub fn everything_at_the_site(&self) -> Vec<String> {
        let names = |text: String| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let mut all = names(self.virsh(&["list", "--all", "--name"]));
        all.extend(names(self.virsh(&["net-list", "--all", "--name"])));
        if self.virsh(&["pool-list", "--all", "--name"]).contains("hostler") {
            all.extend(names(self.virsh(&["vol-list", "hostler"])));
        }
        all.retain(|name| !name.is_empty() && !name.starts_with("base-"));
        all
    }

    #[track_caller]
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.everything_at_the_site(), Vec::<String>::new());
        let swept = self.hostler(&["sweep", "--dry-run", "-o", "json"]).succeeds();
        let found: serde_json::Value = serde_json::from_str(&swept.out).expect("JSON");
        for kind in ["orphans", "expired", "abandoned"] {
            assert_eq!(found[kind].as_array().map(Vec::len), Some(0), "{found:#}");
        }
    }
}

/// Deletes resources that a failed test left.
impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let names = |args: &[&str]| -> Vec<String> {
                let output = Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).output();
                let text =
                    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
                text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
            };
            let run = |args: &[&str]| {
                let _ = Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).output();
            };
            for domain in names(&["list", "--all", "--name"]) {
                run(&["destroy", &domain]);
                run(&["undefine", &domain, "--remove-all-storage"]);
            }
            for network in names(&["net-list", "--all", "--name"]) {
                run(&["net-destroy", &network]);
                run(&["net-undefine", &network]);
            }
            for volume in names(&["vol-list", "hostler"]) {
                if let Some(name) = volume.split_whitespace().next().filter(|name| !name.starts_with("base-")) {
                    run(&["vol-delete", name, "hostler"]);
                }
            }
        }
    }
}
