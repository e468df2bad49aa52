//! A user of the world: a data directory of its own, the product's binary, and the observer, who sees all projects.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{self, Ended, Running};

/// The hosts are few, and knobs turn for everybody: one test at a time has the world.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How long services may show what they have removed.
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

    /// As another entry of the world's `clouds.yaml`.
    pub fn of(cloud: &'static str) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().expect("a directory");
        // This computer has no libvirt in there, which a sweep would rightly complain about.
        let config = home.path().join(".config/hostler");
        std::fs::create_dir_all(&config).expect("made");
        std::fs::write(config.join("config.toml"), "[local]\nenabled = false\n").expect("written");
        Self { home, before: observe(), cloud, zone: "UTC", _turn: turn }
    }

    /// Somewhere else on earth.
    pub fn in_zone(mut self, zone: &'static str) -> Self {
        self.zone = zone;
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn demand(&self, name: &str, text: &str) -> String {
        let path = self.path(&format!("{name}.yaml"));
        std::fs::write(&path, format!("name: {name}\non: [openstack]\n{text}")).expect("written");
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

    /// The observer sees just what there was before; soon, for services show for a moment what they have removed.
    #[track_caller]
    pub fn assert_nothing_left(&self, what: &str) {
        let begun = Instant::now();
        while observe() != self.before {
            // Each look takes a second.
            if begun.elapsed() > SETTLES {
                assert_eq!(observe(), self.before, "{what}");
            }
        }
    }
}

/// What a failed test left is put back, and so are the knobs.
impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = Command::new(WORLD).arg("reset").output();
        }
    }
}

/// Turns a knob of the world.
pub fn knob(args: &[&str]) {
    let output = Command::new(WORLD).arg("knob").args(args).output().expect("the world is there");
    assert!(output.status.success(), "knob {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// All that exists in all projects.
pub fn observe() -> String {
    let output = Command::new(WORLD).arg("observe").output().expect("the world is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("utf-8")
}

/// The ordinary client, as a user.
pub fn openstack(cloud: &str, args: &[&str]) -> String {
    let output = Command::new("openstack").env("OS_CLOUD", cloud).args(args).output().expect("openstack runs");
    assert!(output.status.success(), "openstack {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("utf-8")
}
