//! A temporary home directory for hostler, and the `openstack` client as observer.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A home directory in which only the world's cloud is configured.
pub struct Home {
    dir: TempDir,
    /// Unique name of this test's resources.
    pub name: String,
}

impl Home {
    pub fn new(stem: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("h").rand_bytes(5).tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), "[local]\nenabled = false\n").unwrap();
        let unique = dir.path().file_name().unwrap().to_string_lossy().to_ascii_lowercase();
        Self { name: format!("{stem}-{unique}"), dir }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args).current_dir(self.dir.path()).stdin(std::process::Stdio::null());
        command.env("HOME", self.dir.path()).env("HOSTLER_DATA_DIR", self.file("data"));
        command.env("HOSTLER_CONFIG", self.file("config.toml"));
        command.output().unwrap()
    }

    /// The JSON document on standard output, and the exit code.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> (Value, i32) {
        let output = self.run(&[args, &["-o", "json"]].concat());
        let value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        (value, output.status.code().unwrap())
    }

    /// The JSON document of a command that must succeed.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> Value {
        let (value, code) = self.json(args);
        assert_eq!(code, 0, "{args:?}: {value:#}");
        value
    }
}

impl Drop for Home {
    /// Deletes resources that a failed test left.
    fn drop(&mut self) {
        drop(self.run(&["down", "--all", "--yes"]));
    }
}

/// A lease created by the `openstack` client, deleted on drop.
pub struct Lease(pub String);

impl Drop for Lease {
    fn drop(&mut self) {
        drop(Command::new("openstack").args(["reservation", "lease", "delete", &self.0]).output());
    }
}

/// Output of the `openstack` client.
#[track_caller]
pub fn openstack(args: &[&str]) -> String {
    let output = Command::new("openstack").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A column of a list of the `openstack` client.
#[track_caller]
pub fn seen(kind: &[&str], column: &str) -> String {
    openstack(&[kind, &["list", "-f", "value", "-c", column]].concat())
}
