//! Tests of package repositories: scripts run with another directory instead of `/etc`.

use tempfile::TempDir;

use super::*;

const PLACE: &str = "https://packages.example.org/linux stable main";

/// Adds the repository on a machine with these files in `etc`. Neither package lists nor keys are downloaded.
fn add(files: &[(&str, &str)], programs: &[(&str, &str)]) -> (TempDir, Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let (etc, bin) = (dir.path().join("etc"), dir.path().join("bin"));
    for (name, text) in files {
        std::fs::create_dir_all(etc.join(name).parent().unwrap()).unwrap();
        std::fs::write(etc.join(name), text).unwrap();
    }
    for name in ["apt/apt.conf.d", "apt/sources.list.d", "yum.repos.d"] {
        std::fs::create_dir_all(etc.join(name)).unwrap();
    }
    for (name, text) in programs {
        program(&bin.join(name), text);
    }
    let apt = format!("Dir::Etc \"{0}/apt\";\n", etc.display());
    std::fs::write(dir.path().join("apt.conf"), apt).unwrap();
    let script = include_str!("../scripts/add-repository.sh").replace("/etc/", &format!("{}/", etc.display()));
    let args = ["docker", "https://packages.example.org/key", "ABCD", PLACE, "ordinary"];
    let mut adding = here(&script, &args);
    adding.env("APT_CONFIG", dir.path().join("apt.conf"));
    let path = std::env::var("PATH").unwrap();
    let path = if programs.iter().any(|(name, _)| *name == "apt-get") { format!(":{path}") } else { String::new() };
    adding.env("PATH", format!("{}{path}", bin.display()));
    let (status, output) = said(&mut adding);
    (dir, status, output)
}

/// This computer's apt, except for updates of package lists.
const APT: (&str, &str) =
    ("apt-get", "case \"$*\" in *update) echo fetched ;; *) exec /usr/bin/apt-get \"$@\" ;; esac");
const KEY: [(&str, &str); 2] = [
    ("curl", "for last; do :; done; while test $# -gt 1; do test \"$1\" != --output || echo key >\"$2\"; shift; done"),
    ("gpg", "case \"$*\" in *show-keys*) echo fpr:::::::::ABCD: ;; esac"),
];

#[test]
fn configured_repository_is_not_added_twice() {
    let programs = [&[APT], KEY.as_slice()].concat();
    let line = "deb [arch=amd64] https://packages.example.org/linux/ stable main\n";
    let stanza = "Types: deb\nURIs: https://packages.example.org/linux\nSuites: stable\nComponents: main\n";
    for (name, text) in [("apt/sources.list", line), ("apt/sources.list.d/own.sources", stanza)] {
        let (dir, status, output) = add(&[(name, text)], &programs);
        assert!(status == Some(0) && output.contains("apt already has https://packages.example.org/linux"), "{output}");
        assert!(!dir.path().join("etc/apt/sources.list.d/hostler-docker.list").exists());
    }
}

#[test]
fn entries_ignored_by_apt_do_not_count() {
    let programs = [&[APT], KEY.as_slice()].concat();
    let line = "deb https://packages.example.org/linux stable main\n";
    let off = "Types: deb\nURIs: https://packages.example.org/linux\nSuites: stable\nComponents: main\nEnabled: no\n";
    let ignored = [
        ("apt/sources.list.d/docker.list.save", line),
        ("apt/sources.list.d/docker.list.distUpgrade", line),
        ("apt/sources.list.d/docker.sources", off),
        ("apt/sources.list", "# deb https://packages.example.org/linux stable main\n"),
    ];
    let (dir, status, output) = add(&ignored, &programs);
    assert!(status == Some(0) && output.ends_with("fetched\n"), "{output}");
    let list = std::fs::read_to_string(dir.path().join("etc/apt/sources.list.d/hostler-docker.list")).unwrap();
    assert!(list.contains(PLACE), "{list}");
}

#[test]
fn dnf_repository_trusts_only_its_key() {
    // A `PATH` without apt.
    let links = ["cat", "awk", "grep", "mkdir", "mktemp", "rm", "install", "cp"];
    let links = links.map(|name| (name, format!("PATH=/usr/bin:/bin exec {name} \"$@\"")));
    let links: Vec<(&str, &str)> = links.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (dir, status, output) = add(&[], &[links.as_slice(), &KEY].concat());
    assert_eq!(status, Some(0), "{output}");
    let text = std::fs::read_to_string(dir.path().join("etc/yum.repos.d/hostler-docker.repo")).unwrap();
    let key = dir.path().join("etc/pki/rpm-gpg/RPM-GPG-KEY-hostler-docker");
    for line in [format!("baseurl={PLACE}"), format!("gpgkey=file://{}", key.display()), "gpgcheck=1".to_owned()] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
    assert_eq!(std::fs::read_to_string(key).unwrap(), "key\n");
}

#[test]
fn key_with_another_fingerprint_is_rejected() {
    let (dir, status, output) = add(&[], &[APT, KEY[0], ("gpg", "echo fpr:::::::::EF01:")]);
    assert!(status == Some(65) && output.contains("has the fingerprint EF01, not ABCD"), "{output}");
    assert!(!dir.path().join("etc/apt/sources.list.d/hostler-docker.list").exists());
}
