//! The Debian package, installed on a host with a minimal Debian.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Lab, stderr_of, stdout_of};
use crate::process::shell;

/// Builds the package without compression, which would take a minute.
fn build(directory: PathBuf) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/deb");
    let mut command = Command::new(script);
    command.arg(env!("CARGO_BIN_EXE_hostler")).arg(directory).env("HOSTLER_DEB_COMPRESSION", "none");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr_of(&output));
    stdout_of(&output).trim().into()
}

/// Prints what bash completes for a command line, by the function that is registered for its command.
const COMPLETE: &str = r#"
    source /usr/share/bash-completion/bash_completion
    _completion_loader hostler
    COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
    read -ra COMP_WORDS <<<"$1"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    function=$(complete -p hostler | sed 's/.*-F \([^ ]*\).*/\1/')
    "$function" hostler "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn debian_package_installs_on_a_minimal_debian_and_leaves_nothing_when_removed() {
    let lab = Lab::new("package", 1);
    let package = build(lab.path("first"));
    let again = build(lab.path("second"));
    assert!(std::fs::read(&package).unwrap() == std::fs::read(again).unwrap(), "the same files give other bytes");

    let run = |words: &[&str]| {
        let output = lab.exec(&[], words);
        assert!(output.status.success(), "{words:?}: {}{}", stdout_of(&output), stderr_of(&output));
        stdout_of(&output)
    };
    let sh = |script: &str| run(&["sh", "-c", script]);
    let listed = std::fs::read_to_string(lab.list()).unwrap();
    let key = listed.lines().find_map(|line| line.strip_prefix("key = ")).unwrap();
    let to = format!("debian@{}1:hostler.deb", lab.net());
    let options = "-q -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    shell(&format!("scp {options} -i {key} {} {to}", package.display())).succeeds();

    // The hosts' root leaves manual pages out of all packages.
    sh("sudo rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap && sudo apt-get -qq update");
    let install = "sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends";
    sh(&format!("{install} ./hostler.deb man-db bash-completion"));

    assert!(sh("hostler --version").contains(concat!("hostler ", env!("CARGO_PKG_VERSION"))));
    assert!(sh("man hostler | cat").contains("SYNOPSIS"));
    assert!(sh("man hostler-up | cat").contains("hostler-up"));
    assert!(run(&["bash", "-c", COMPLETE, "bash", "hostler ext"]).contains("extend"));
    let files = sh("dpkg -L hostler | tee files");
    for file in ["zsh/vendor-completions/_hostler", "fish/vendor_completions.d/hostler.fish", "doc/hostler/copyright"] {
        assert!(files.contains(&format!("/usr/share/{file}\n")), "{file}:\n{files}");
    }
    assert_eq!(sh("dpkg --verify hostler"), "");

    sh("sudo apt-get -qq purge -y hostler");
    assert_eq!(sh("while read -r file; do [ -d $file ] || [ ! -e $file ] || echo $file; done <files"), "");
}
