//! Tests of the conda installer after an interrupted attempt, and of environments.

use hostler_core::hash::sha256;
use tempfile::TempDir;

use super::*;

/// An installer whose `conda` works before the installation is complete, as the real one's does. It fails if a file `fail` is
/// in its directory.
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
        // The script removes the installer after a success.
        std::fs::write(self.in_dir("installer.sh"), INSTALLER).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (file, prefix) = (text(&self.in_dir("installer.sh")), text(&self.prefix()));
        said(&mut here(include_str!("../scripts/install-conda.sh"), &[&file, "", &sha256(INSTALLER), &prefix]))
    }

    /// Output of the check.
    fn missing(&self) -> String {
        let prefix = self.prefix();
        said(&mut here(include_str!("../scripts/has-conda.sh"), &[prefix.to_str().unwrap(), "work", "x"])).1
    }
}

#[test]
fn interrupted_installation_is_repeated() {
    let place = Place::new();
    std::fs::write(place.in_dir("fail"), "").unwrap();
    // As if interrupted before the mark was written.
    std::fs::create_dir(place.prefix()).unwrap();
    assert_eq!(place.install().0, Some(7));
    std::fs::write(place.prefix().join("half"), "").unwrap();
    assert!(place.missing().starts_with("conda is missing"), "although `conda` works: {}", place.missing());
    std::fs::remove_file(place.in_dir("fail")).unwrap();
    assert_eq!(place.install().0, Some(0));
    assert!(place.prefix().join("whole").exists() && !place.prefix().join("half").exists());
    assert!(place.missing().starts_with("the conda environment"), "{}", place.missing());
}

#[test]
fn existing_installation_is_never_removed() {
    let place = Place::new();
    assert_eq!(place.install().0, Some(0));
    std::fs::create_dir_all(place.prefix().join("envs/mine")).unwrap();
    // The user breaks it.
    std::fs::remove_file(place.prefix().join("bin/conda")).unwrap();
    let (status, output) = place.install();
    assert_eq!((status, output.contains("move it away")), (Some(73), true), "{output}");
    assert!(place.prefix().join("envs/mine").exists() && place.prefix().join("whole").exists());
}

#[test]
fn environment_of_an_incomplete_installation_is_kept() {
    let place = Place::new();
    std::fs::write(place.in_dir("fail"), "").unwrap();
    assert_eq!(place.install().0, Some(7));
    // conda works, so the user may create an environment before the next attempt.
    std::fs::create_dir_all(place.prefix().join("envs/mine")).unwrap();
    let (status, output) = place.install();
    assert_eq!((status, output.contains("contains environments")), (Some(73), true), "{output}");
    assert!(place.prefix().join("envs/mine").exists());
}

/// A `conda` that only manages environments: `create` removes an existing one of that name, as the real one does.
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
fn foreign_environment_is_neither_removed_nor_changed() {
    let place = Place::new();
    let conda = place.prefix().join("bin/conda");
    std::fs::create_dir_all(place.prefix().join("bin")).unwrap();
    std::fs::write(&conda, CONDA).unwrap();
    std::fs::set_permissions(&conda, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let prefix = place.prefix();
    let make = |name: &str| {
        let script = include_str!("../scripts/make-conda-environment.sh");
        said(&mut here(script, &[prefix.to_str().unwrap(), name, "fingerprint", "", "", "numpy"]))
    };
    let done = |name: &str| std::fs::read_to_string(prefix.join("envs").join(name).join("done")).unwrap();
    std::fs::create_dir_all(prefix.join("envs/mine/conda-meta")).unwrap();
    std::fs::write(prefix.join("envs/mine/done"), "by me\n").unwrap();
    let (status, output) = make("mine");
    assert_eq!(
        (status, output.contains("was not created by hostler"), done("mine").as_str()),
        (Some(73), true, "by me\n")
    );
    // Our own environment is created once and updated from then on, also after an interrupted attempt.
    std::fs::write(prefix.join("bin/fail"), "").unwrap();
    assert_eq!(make("ours").0, Some(1));
    std::fs::remove_file(prefix.join("bin/fail")).unwrap();
    assert_eq!((make("ours").0, make("ours").0), (Some(0), Some(0)));
    assert_eq!(done("ours"), "create\ninstall\ninstall\n");
}
