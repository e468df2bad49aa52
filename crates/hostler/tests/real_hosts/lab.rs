//! Hosts of the test world, and hostler on them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU8, Ordering};

use hostler_core::hash::sha256;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{self, Ended};

const INSTALLER: &str = include_str!("conda-installer.sh");

/// Next unused subnet of the world.
static NET: AtomicU8 = AtomicU8::new(1);

/// Hosts of one test; stopped on drop.
pub struct Lab {
    home: TempDir,
    hosts: Vec<Value>,
}

impl Lab {
    /// `count` hosts whose names start with `prefix`.
    pub fn new(prefix: &str, count: u8) -> Self {
        Self::with(prefix, count, &[])
    }

    /// `count` hosts with further options of the world.
    pub fn with(prefix: &str, count: u8, options: &[&str]) -> Self {
        assert_eq!(
            std::env::var("HOSTLER_WORLD").as_deref(),
            Ok("hosts"),
            "run this by `tests/worlds/hosts run cargo test -p hostler --features real-hosts --test real_hosts`"
        );
        let net = NET.fetch_add(1, Ordering::Relaxed);
        let lab = |number: u8| (format!("{prefix}{number}"), format!("198.19.{net}.{number}"));
        for (name, address) in (1..=count).map(lab) {
            world(&[&["add", &name, &address], options].concat());
        }
        let listed: Vec<Value> = serde_json::from_slice(&world(&["list"])).unwrap();
        let own = |host: &Value| (1..=count).map(lab).any(|(name, _)| host["name"] == name.as_str());
        let lab = Self { home: tempfile::tempdir().unwrap(), hosts: listed.into_iter().filter(own).collect() };
        lab.write_list(&lab.hosts);
        lab
    }

    /// Name of a host.
    pub fn name(&self, index: usize) -> &str {
        self.hosts[index]["name"].as_str().unwrap()
    }

    /// Common prefix of the addresses.
    pub fn net(&self) -> &str {
        let address = self.hosts[0]["address"].as_str().unwrap();
        &address[..=address.rfind('.').unwrap()]
    }

    /// Injects or removes a fault.
    pub fn fault(&self, verb: &str, index: usize, fault: &str) {
        world(&[verb, self.name(index), fault]);
    }

    fn write_list(&self, hosts: &[Value]) {
        let key = hosts[0]["key"].as_str().unwrap();
        let mut text = format!("user = \"debian\"\nkey = \"{key}\"\n");
        for host in hosts {
            text.push_str(&format!(
                "[[host]]\nname = {}\naddress = {}\ncpus = 2\nmemory = \"1 GiB\"\n",
                host["name"], host["address"]
            ));
        }
        std::fs::write(self.list(), text).unwrap();
    }

    /// Path of the list of hosts.
    pub fn list(&self) -> PathBuf {
        self.path("hosts.toml")
    }

    /// A path below the test's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// hostler with a temporary home directory.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args).env("HOME", self.home.path()).env("HOSTLER_DATA_DIR", self.path("data"));
        command.env("HOSTLER_CONFIG", self.path("config.toml")).env_remove("XDG_DATA_HOME");
        if !self.path("config.toml").exists() {
            let text = format!("local.enabled = false\nssh.hosts = \"{}\"\n", self.list().display());
            std::fs::write(self.path("config.toml"), text).unwrap();
        }
        command
    }

    /// Runs hostler with `--events json`.
    pub fn run(&self, args: &[&str]) -> Ended {
        process::start(self.command(&[args, &["--events", "json"]].concat())).wait()
    }

    /// Writes a demand file for these hosts.
    pub fn demand(&self, name: &str, text: &str) -> String {
        let path = self.path(&format!("{name}.yaml"));
        std::fs::write(&path, format!("name: {name}\non: [ssh]\n{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a small conda installer; returns its keys for a demand.
    pub fn conda(&self) -> String {
        let path = self.path("conda-installer.sh");
        std::fs::write(&path, INSTALLER).unwrap();
        let sha256 = sha256(INSTALLER);
        format!("{{installer: {}, sha256: {sha256}, python: '3.11', packages: [numpy=1.26]}}", path.display())
    }

    /// Runs a command on the hosts with `hostler exec`.
    pub fn exec(&self, options: &[&str], words: &[&str]) -> Output {
        let list = self.list().display().to_string();
        let mut args = vec!["exec", "--hosts", &list];
        args.extend_from_slice(options);
        args.push("--");
        args.extend_from_slice(words);
        self.command(&args).output().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let names: Vec<&str> = self.hosts.iter().filter_map(|host| host["name"].as_str()).collect();
        world(&[&["remove"], names.as_slice()].concat());
    }
}

/// Standard error of a program.
pub fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output of a program.
pub fn stdout_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Outcome of each phase on each machine: `docker on pipe-1` with `now`, `already` or `not_needed`.
pub fn outcomes(events: &str) -> Vec<(String, String)> {
    let mut titles = BTreeMap::new();
    let mut outcomes = Vec::new();
    for event in events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str() {
            Some("started") => drop(titles.insert(text("step"), text("title"))),
            Some("done") => outcomes.push((titles[&text("step")].clone(), text("how"))),
            _ => {}
        }
    }
    outcomes
}

/// Facts of a host with these devices on its bus: class, vendor, device.
pub fn facts(devices: &[&str]) -> TempDir {
    let facts = tempfile::tempdir().unwrap();
    std::fs::set_permissions(facts.path(), PermissionsExt::from_mode(0o755)).unwrap();
    for (number, ids) in devices.iter().enumerate() {
        let device = facts.path().join(format!("pci/0000:3b:00.{number}"));
        std::fs::create_dir_all(&device).unwrap();
        for (file, id) in ["class", "vendor", "device"].iter().zip(ids.split(' ')) {
            std::fs::write(device.join(file), format!("{id}\n")).unwrap();
        }
    }
    facts
}

/// Adds a program below `/usr/local` of the host.
pub fn program(facts: &TempDir, directory: &str, name: &str, text: &str) {
    let place = facts.path().join("root/usr/local").join(directory);
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(place.join(name), PermissionsExt::from_mode(0o755)).unwrap();
}

fn world(args: &[&str]) -> Vec<u8> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/worlds/hosts");
    let output = Command::new(script).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", stderr_of(&output));
    output.stdout
}
