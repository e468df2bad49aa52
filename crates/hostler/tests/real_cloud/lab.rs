//! A user of the world: a temporary data directory, the binary, and an observer of all projects.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{self, Ended, Running};

/// Tests run one at a time: hosts are few, and faults affect all.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Time for which services may list deleted resources.
const SETTLES: Duration = Duration::from_secs(20);

const WORLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/worlds/openstack");

pub struct Lab {
    home: TempDir,
    before: String,
    cloud: &'static str,
    zone: &'static str,
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    pub fn new() -> Self {
        Self::of("alice")
    }

    /// A user of another cloud in the world's `clouds.yaml`.
    pub fn of(cloud: &'static str) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().expect("a directory");
        // There is no libvirt inside the world, which a sweep would report as unreachable.
        let config = home.path().join(".config/hostler");
        std::fs::create_dir_all(&config).expect("made");
        std::fs::write(config.join("config.toml"), "[local]\nenabled = false\n").expect("a writable file");
        Self { home, before: observe(), cloud, zone: "UTC", _turn: turn }
    }

    /// Sets the time zone.
    pub fn in_zone(mut self, zone: &'static str) -> Self {
        self.zone = zone;
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn demand(&self, name: &str, text: &str) -> String {
        let path = self.path(&format!("{name}.yaml"));
        std::fs::write(&path, format!("name: {name}\non: [openstack]\n{text}")).expect("a writable file");
        path.to_str().expect("utf-8").to_owned()
    }

    pub fn start(&self, args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args).env("HOME", self.home.path()).env("HOSTLER_DATA_DIR", self.path("data"));
        command.env_remove("XDG_CONFIG_HOME").env("NO_COLOR", "1").env("TZ", self.zone).env("OS_CLOUD", self.cloud);
        process::start(command)
    }

    pub fn hostler(&self, args: &[&str]) -> Ended {
        let began = Instant::now();
        let ended = self.start(args).wait();
        println!("{:7.1} s  {:?}  hostler {}", began.elapsed().as_secs_f32(), ended.code, args.join(" "));
        ended
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let ended = self.hostler(&[args, &["-o", "json"]].concat()).succeeds();
        serde_json::from_str(&ended.out).expect("one JSON document on stdout")
    }

    /// Waits until the observer lists what it listed before.
    #[track_caller]
    pub fn assert_nothing_left(&self, what: &str) {
        let begun = Instant::now();
        while observe() != self.before {
            // Each observation takes a second.
            if begun.elapsed() > SETTLES {
                assert_eq!(observe(), self.before, "{what}");
            }
        }
    }
}

/// Deletes resources that a failed test left, and resets all faults.
impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = Command::new(WORLD).arg("reset").output();
        }
    }
}

/// Sets a fault or parameter of the world.
pub fn knob(args: &[&str]) {
    let output = Command::new(WORLD).arg("knob").args(args).output().expect("the world is there");
    assert!(output.status.success(), "knob {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// All resources of all projects.
pub fn observe() -> String {
    let output = Command::new(WORLD).arg("observe").output().expect("the world is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("utf-8")
}

/// Output of the `openstack` client, as a user.
pub fn openstack(cloud: &str, args: &[&str]) -> String {
    let output = Command::new("openstack").env("OS_CLOUD", cloud).args(args).output().expect("openstack runs");
    assert!(output.status.success(), "openstack {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("utf-8")
}
