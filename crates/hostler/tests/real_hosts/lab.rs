//! Hosts of the world, and hostler at work on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Hosts that nobody else has; they end with the value.
pub struct Lab {
    home: TempDir,
    hosts: Vec<Value>,
}

impl Lab {
    /// So many hosts, whose names begin with `prefix`; `net` is a part of the world's addresses that no other lab has.
    pub fn new(prefix: &str, net: u8, count: u8) -> Self {
        Self::with(prefix, net, count, &[])
    }

    /// The same, with options of the world's for each.
    pub fn with(prefix: &str, net: u8, count: u8, options: &[&str]) -> Self {
        assert_eq!(
            std::env::var("HOSTLER_WORLD").as_deref(),
            Ok("hosts"),
            "run this by `tests/worlds/hosts run cargo test -p hostler --features real-hosts --test real_hosts`"
        );
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

    /// The name of a host.
    pub fn name(&self, index: usize) -> &str {
        self.hosts[index]["name"].as_str().unwrap()
    }

    /// Breaks something on a host, or mends it.
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

    /// The list of the hosts.
    pub fn list(&self) -> PathBuf {
        self.path("hosts.toml")
    }

    /// A path of the lab's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// hostler with a home of its own.
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

    /// Runs a command on the hosts by `hostler exec`.
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

/// What a program wrote to its standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a program wrote to its standard output.
pub fn written(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn world(args: &[&str]) -> Vec<u8> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/worlds/hosts");
    let output = Command::new(script).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    output.stdout
}
