//! `hostler sync` with several hosts.

use std::fs;

use crate::lab::{Lab, stderr_of, stdout_of};

#[test]
fn a_directory_is_uploaded_to_all_hosts_and_downloaded_from_each() {
    let lab = Lab::new("sync", 3);
    let (list, here, back) = (lab.list(), lab.path("here"), lab.path("back"));
    fs::create_dir_all(here.join("sub")).unwrap();
    for name in ["a file", "sub/b", "secret.key"] {
        fs::write(here.join(name), name).unwrap();
    }
    fs::write(here.join(".hostlerignore"), "*.key\n").unwrap();
    let run = |args: &[&str]| {
        let hosts = ["--hosts", list.to_str().unwrap()];
        let output = lab.command(&[&["sync"], args, &hosts].concat()).output().unwrap();
        (output.status.code(), stdout_of(&output), stderr_of(&output))
    };
    let here = here.to_str().unwrap();
    let (code, text, errors) = run(&["up", here, ":~/data"]);
    assert_eq!((code, text.matches(": 4 sent, 0 unchanged\n").count()), (Some(0), 3), "{text}{errors}");
    let (_, text, _) = run(&["up", here, ":~/data"]);
    assert_eq!(text.matches(": 0 sent, 4 unchanged\n").count(), 3, "{text}");
    assert!(lab.exec(&[], &["sh", "-c", "test ! -e data/secret.key && hostname >data/out"]).status.success());
    // Without a terminal, deletions are declined.
    let (code, _, errors) = run(&["up", here, ":~/data", "--delete"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("sync2: 1 file would be deleted\n  out\n"), "{errors}");
    let (code, text, errors) = run(&["down", ":~/data", back.to_str().unwrap()]);
    assert_eq!((code, text.matches(": 5 sent").count()), (Some(0), 3), "{text}{errors}");
    assert_eq!(fs::read_to_string(back.join("sync3/out")).unwrap(), "sync3\n");
    lab.fault("break", 1, "disk");
    fs::write(lab.path("here/big"), vec![7; 1 << 20]).unwrap();
    let (code, text, errors) = run(&["up", here, ":~/data", "--delete", "--yes"]);
    assert_eq!(code, Some(5), "{text}{errors}");
    assert!(errors.contains("tar: big: ") && text.matches("1 deleted").count() == 2, "{text}{errors}");
}
