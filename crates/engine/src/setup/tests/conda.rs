//! conda's installer, where another attempt at it was before.

use std::path::Path;

use hostler_core::hash::sha256;
use tempfile::TempDir;

use super::*;

/// An installer whose conda answers before it is at its end, as real ones do. It fails where the file `fail` is beside it.
const INSTALLER: &str = r#"
test "$1 $2 $3" = "-b -f -p" || exit 2
mkdir -p "$4/bin"
printf '#!/bin/sh\n' >"$4/bin/conda"
chmod +x "$4/bin/conda"
test ! -e "${0%/*}/fail" || exit 7
echo whole >"$4/whole"
"#;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.in_dir("installer.sh"), INSTALLER).unwrap();
        place
    }

    fn in_dir(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn prefix(&self) -> PathBuf {
        self.in_dir("miniforge3")
    }

    fn install(&self) -> (Option<i32>, String) {
        // The installer is removed once it has done its work.
        std::fs::write(self.in_dir("installer.sh"), INSTALLER).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (file, prefix) = (text(&self.in_dir("installer.sh")), text(&self.prefix()));
        said(&mut here(include_str!("../scripts/install-conda.sh"), &[&file, "", &sha256(INSTALLER), &prefix]))
    }

    /// What the check says first.
    fn missing(&self) -> String {
        let prefix = self.prefix();
        said(&mut here(include_str!("../scripts/has-conda.sh"), &[prefix.to_str().unwrap(), "work", "x"])).1
    }
}

#[test]
fn an_installer_that_was_cut_off_is_run_again() {
    let place = Place::new();
    std::fs::write(place.in_dir("fail"), "").unwrap();
    // As if it had been cut off before the mark was made.
    std::fs::create_dir(place.prefix()).unwrap();
    assert_eq!(place.install().0, Some(7));
    std::fs::write(place.prefix().join("half"), "").unwrap();
    assert!(place.missing().starts_with("conda is missing"), "though it answers: {}", place.missing());
    std::fs::remove_file(place.in_dir("fail")).unwrap();
    assert_eq!(place.install().0, Some(0));
    assert!(place.prefix().join("whole").exists() && !place.prefix().join("half").exists());
    assert!(place.missing().starts_with("the environment"), "{}", place.missing());
}

#[test]
fn what_is_installed_is_never_removed() {
    let place = Place::new();
    assert_eq!(place.install().0, Some(0));
    std::fs::create_dir_all(place.prefix().join("envs/mine")).unwrap();
    // Somebody breaks it.
    std::fs::remove_file(place.prefix().join("bin/conda")).unwrap();
    let (status, told) = place.install();
    assert_eq!((status, told.contains("move it away")), (Some(73), true), "{told}");
    assert!(place.prefix().join("envs/mine").exists() && place.prefix().join("whole").exists());
}

#[test]
fn an_environment_is_never_removed_whatever_else_is_there() {
    let place = Place::new();
    std::fs::write(place.in_dir("fail"), "").unwrap();
    assert_eq!(place.install().0, Some(7));
    // It answers, so that somebody may use it before we come back.
    std::fs::create_dir_all(place.prefix().join("envs/mine")).unwrap();
    let (status, told) = place.install();
    assert_eq!((status, told.contains("there are environments")), (Some(73), true), "{told}");
    assert!(place.prefix().join("envs/mine").exists());
}

/// conda as far as environments go: to create one removes what is there by that name.
const CONDA: &str = r#"#!/bin/sh
verb=$1
while test "$1" != --name; do shift; done
at=${0%/bin/conda}/envs/$2
test "$verb" != create || rm -rf "$at"
mkdir -p "$at/conda-meta"
echo "$verb" >>"$at/done"
test ! -e "${0%/*}/fail"
"#;

#[test]
fn an_environment_that_somebody_else_has_made_is_neither_removed_nor_changed() {
    let place = Place::new();
    let conda = place.prefix().join("bin/conda");
    std::fs::create_dir_all(place.prefix().join("bin")).unwrap();
    std::fs::write(&conda, CONDA).unwrap();
    std::fs::set_permissions(&conda, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let prefix = place.prefix();
    let make = |name: &str| {
        let script = include_str!("../scripts/make-conda-environment.sh");
        said(&mut here(script, &[prefix.to_str().unwrap(), name, "wishes", "", "", "numpy"]))
    };
    let done = |name: &str| std::fs::read_to_string(prefix.join("envs").join(name).join("done")).unwrap();
    std::fs::create_dir_all(prefix.join("envs/mine/conda-meta")).unwrap();
    std::fs::write(prefix.join("envs/mine/done"), "by me\n").unwrap();
    let (status, told) = make("mine");
    assert_eq!((status, told.contains("somebody else has made"), done("mine").as_str()), (Some(73), true, "by me\n"));
    // One of ours is made once, and from then on brought to what is wished; also where that was cut off.
    std::fs::write(prefix.join("bin/fail"), "").unwrap();
    assert_eq!(make("ours").0, Some(1));
    std::fs::remove_file(prefix.join("bin/fail")).unwrap();
    assert_eq!((make("ours").0, make("ours").0), (Some(0), Some(0)));
    assert_eq!(done("ours"), "create\ninstall\ninstall\n");
}
