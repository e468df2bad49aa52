//! `file_mounts` into system directories.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::lab::{Lab, outcomes, stderr_of, stdout_of};

#[test]
fn existing_directories_stay_with_root_and_new_ones_belong_to_the_user() {
    let lab = Lab::new("mounts", 1);
    let shell = |script: &str| {
        let output = lab.exec(&[], &["sh", "-c", script]);
        assert!(output.status.success(), "{}", stderr_of(&output));
        stdout_of(&output)
    };
    shell("sudo install -d -m 750 /etc/app && sudo install -d /etc/app/conf.d && echo kept | sudo tee /etc/app/kept");
    fs::create_dir_all(lab.path("conf/conf.d")).unwrap();
    for name in ["conf/conf.d/a", "conf/b", "key"] {
        fs::write(lab.path(name), name).unwrap();
    }
    fs::set_permissions(lab.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    let (conf, key) = (lab.path("conf"), lab.path("key"));
    let (conf, key) = (conf.display(), key.display());
    let text =
        format!("file_mounts: {{/etc/app: {conf}, /srv/app/mine: {conf}, /etc/app.key: {key}, ~/.keys/own: {key}}}\n");
    let file = lab.demand("mounts", &text);
    lab.run(&["up", &file, "--yes"]).succeeds();
    let there = shell(
        "sudo stat -c '%U %a %n' /etc/app /etc/app/b /etc/app/conf.d /etc/app/conf.d/a /etc/app/kept /etc/app.key \
         /srv/app /srv/app/mine /srv/app/mine/conf.d/a ~/.keys/own",
    );
    for line in [
        "root 750 /etc/app",
        "root 644 /etc/app/b",
        "root 755 /etc/app/conf.d",
        "root 644 /etc/app/conf.d/a",
        "root 644 /etc/app/kept",
        "root 600 /etc/app.key",
        "root 755 /srv/app",
        "debian 755 /srv/app/mine",
        "debian 644 /srv/app/mine/conf.d/a",
        "debian 600 /home/debian/.keys/own",
    ] {
        assert!(there.lines().any(|found| found.ends_with(line)), "{line}: {there}");
    }
    let again = || lab.run(&["setup", "mounts", "--only", "source"]);
    let how = |events: &str| outcomes(events).pop().map(|(_, how)| how);
    assert_eq!(how(&again().succeeds().err).as_deref(), Some("already"));
    fs::remove_file(lab.path("conf/b")).unwrap();
    assert_eq!(how(&again().succeeds().err).as_deref(), Some("now"));
    shell("! sudo test -e /etc/app/b && sudo test -e /etc/app/kept");

    // Without sudo, the error has a hint.
    shell("sudo rm /etc/sudoers.d/debian");
    let refused = again();
    assert!(refused.code != Some(0) && refused.err.contains("permission denied on the host"), "{}", refused.err);
}
