//! The real binary, offline, in a temporary home directory: commands, output and exit codes.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't continue")]

use std::fs;
use std::io::{BufRead as _, Read, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hostler_core::demand::{DemandInputs, FileAuthor, Overrides, PathBase, complete, parse};
use hostler_core::journal::{Entry, StepEvent};
use hostler_core::name::DeploymentId;
use hostler_core::offer::Market;
use hostler_core::plan::{PhaseSelection, Plan, plan};
use hostler_core::setup::PhaseKind;
use hostler_engine::deploy::Files;
use hostler_engine::store::Store;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

mod documents;
mod resources;

/// A home directory without configured sites, isolated from the environment.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".config/hostler")).unwrap();
        fs::create_dir_all(dir.path().join("work")).unwrap();
        let home = Self(dir);
        home.write("../.config/hostler/config.toml", "[local]\nenabled = false\n");
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn data_dir(&self) -> std::path::PathBuf {
        self.path().join(".local/share/hostler")
    }

    /// Writes a file, relative to the working directory of commands.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join("work").join(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args).current_dir(self.path().join("work")).stdin(Stdio::null());
        command.env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin").env("TMPDIR", self.path());
        command.env("COLUMNS", "80");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Command, output and exit code, for a snapshot.
    fn session(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let home = self.path().canonicalize().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(home.to_str().unwrap(), "[HOME]").replace(self.path().to_str().unwrap(), "[HOME]")
        };
        format!(
            "$ hostler {}\n-- stdout\n{}-- stderr\n{}-- exit {}\n",
            args.join(" "),
            text(&output.stdout),
            text(&output.stderr),
            output.status.code().unwrap()
        )
    }

    /// The JSON document on standard output, and the exit code.
    #[track_caller]
    fn json(&self, args: &[&str]) -> (Value, i32) {
        let output = self.run(args);
        let value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", String::from_utf8_lossy(&output.stdout)));
        (value, output.status.code().unwrap())
    }

    /// Stores a planned deployment without machines, as left by a process that was killed at once.
    fn enter(&self, plan: &Plan) {
        self.enter_with(plan, &[]);
    }

    /// The same, with further journal entries.
    fn enter_with(&self, plan: &Plan, entries: &[Entry]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Store::open(&self.data_dir()).await.unwrap();
            store.begin(plan, plan.at).await.unwrap();
            let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
            store.record_all(&mut record, plan.at, entries.to_vec()).await.unwrap();
        });
    }
}

/// A plan for one machine at the site `local`.
fn digits() -> Plan {
    digits_with("")
}

/// The same, with further lines in its demand.
fn digits_with(more: &str) -> Plan {
    let file = parse("digits.yaml", &format!("name: digits\n{more}")).unwrap();
    let base = PathBase { directory: Path::new("/work"), author: FileAuthor::Repository };
    let overrides = Overrides::default();
    let inputs = DemandInputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: "digits" };
    let facts =
        json!({ "cpus": 2, "memory": 4u64 << 30, "disk": 50u64 << 30, "arch": "x86_64", "gpus": [], "labels": {} });
    let image =
        json!({ "name": "debian-12", "arch": "x86_64", "user": "debian", "disk": 4u64 << 30, "memory": 512 << 20 });
    let market: Market = serde_json::from_value(json!({ "unreachable": {}, "offers": [{
        "site": "local", "node_type": "vm", "facts": facts, "images": [image], "availability": "free", "spot": false,
        "price_per_hour": "0.00", "supply": { "divisible": { "memory": 4u64 << 30, "disk": 50u64 << 30 } },
    }]}))
    .unwrap();
    let at = "2026-03-01T12:00:00Z".parse().unwrap();
    plan(&complete(&inputs).unwrap().demand, &market, DeploymentId::from_bits(7), at).unwrap()
}

#[test]
fn help_and_version() {
    let home = Home::new();
    insta::assert_snapshot!("help", home.session(&["--help"]));
    insta::assert_snapshot!("help_up", home.session(&["up", "-h"]));
    insta::assert_snapshot!("version", home.session(&["--version"]));
}

#[test]
fn short_help_omits_rare_options_and_examples() {
    let home = Home::new();
    let (short, long) = (home.session(&["up", "-h"]), home.session(&["up", "--help"]));
    for rare in ["--events", "--trace", "--ssh-timeout", "--key-name", "Examples:"] {
        assert!(long.contains(rare) && !short.contains(rare), "{rare}");
    }
}

#[test]
fn invalid_command_lines_are_usage_errors() {
    let home = Home::new();
    assert_eq!(home.run(&[]).status.code(), Some(2));
    insta::assert_snapshot!("bad_verb", home.session(&["statsu", "digits"]));
    insta::assert_snapshot!("bad_flag", home.session(&["extend", "digits"]));
    let missing = &["lease", "create", "-o", "json"][..];
    for args in [missing, &["statsu", "-o", "json"], &["-ojson", "statsu"], &["--output=json", "statsu"]] {
        let (answer, code) = home.json(args);
        assert_eq!((code, &answer["error"]["kind"]), (2, &Value::from("usage")), "{args:?}");
    }
}

#[test]
fn problems_of_a_demand_file_are_reported_at_their_line() {
    let home = Home::new();
    home.write("train.yaml", "name: train\nresources:\n  cups: 4\nnum_nodes: many\n");
    insta::assert_snapshot!("bad_demand", home.session(&["plan", "train.yaml"]));
    let (answer, code) = home.json(&["plan", "train.yaml", "-o", "json"]);
    assert_eq!((code, &answer["error"]["kind"]), (2, &Value::from("demand")));
    assert_eq!(answer["error"]["problems"][0]["location"]["file"]["line"], 3);
    insta::assert_snapshot!("no_demand", home.session(&["plan", "tarin.yaml"]));
    insta::assert_snapshot!("no_such_demand", home.session(&["up", "nosuch.yaml"]));
}

#[test]
fn options_are_parsed_as_strictly_as_a_file() {
    let home = Home::new();
    home.write("train.yaml", "name: train\n");
    insta::assert_snapshot!("bad_value", home.session(&["plan", "train.yaml", "--cpus", "lots"]));
    insta::assert_snapshot!("bad_secret", home.session(&["plan", "train.yaml", "--secret", "TOKEN=sesame"]));
}

#[test]
fn invalid_repositories_are_rejected() {
    let home = Home::new();
    for target in ["", "-x", "--upload-pack=x", "nowhere", "./nowhere", "ext::sh", "https://me:sesame@x/y"] {
        for verb in ["plan", "up", "analyze"] {
            let output = home.run(&[verb, target]);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{verb} {target}: {stderr}");
            assert!(stderr.contains("error: ") && output.stdout.is_empty(), "{verb} {target}: {stderr}");
            assert!(!stderr.contains("sesame"), "{stderr}");
        }
    }
    insta::assert_snapshot!("no_source", home.session(&["up", "nowhere"]));
    insta::assert_snapshot!("credentials", home.session(&["analyze", "https://me:sesame@example.org/y"]));
}

#[test]
fn a_local_repository_is_analyzed_in_place() {
    let home = Home::new();
    home.write("requirements.txt", "numpy\ntorch==2.1.0+cu118\n");
    insta::assert_snapshot!("analyze", home.session(&["analyze", "."]));
    let (answer, code) = home.json(&["analyze", ".", "-o", "json"]);
    assert_eq!((code, &answer["findings"][0]["file"]), (0, &Value::from("requirements.txt")));
}

/// A symbolic link in a repository may point at a private file of the user.
#[test]
fn links_out_of_a_repository_are_rejected() {
    let home = Home::new();
    fs::create_dir(home.path().join("private")).unwrap();
    fs::write(home.path().join("private/key"), "sesame").unwrap();
    let project = home.path().join("work/project");
    fs::create_dir(&project).unwrap();
    std::os::unix::fs::symlink(home.path().join("private"), project.join("link")).unwrap();
    home.write("project/hostler.yaml", "file_mounts: {/tmp/got: ./link}\n");
    git(&project);
    let url = format!("file://{}", project.canonicalize().unwrap().display());
    for target in ["./project", &url] {
        for verb in ["plan", "up"] {
            let output = home.run(&[verb, target]);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{verb} {target}: {stderr}");
            assert!(stderr.contains("`link` leads out of the repository"), "{verb} {target}: {stderr}");
        }
    }
    insta::assert_snapshot!("link_out", home.session(&["up", "./project"]));
}

/// Commits the files of a directory.
fn git(dir: &Path) {
    let steps = [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "all"]];
    for step in steps {
        let mut git = Command::new("git");
        git.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(step);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(git.status().unwrap().success(), "{step:?}");
    }
}

#[test]
fn an_interrupted_fetch_leaves_nothing() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/project", listener.local_addr().unwrap());
    let scratch = home.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = home.command(&["up", &url]);
        let child = command.env("TMPDIR", &scratch).stderr(Stdio::piped()).spawn().unwrap();
        // git is connected, and waits for an answer that never comes.
        let (_connection, _) = listener.accept().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
    }
}

#[test]
fn unusable_configuration_is_an_error() {
    let home = Home::new();
    home.write("../.config/hostler/config.toml", "[local]\nenabled = true\nurl = 'qemu:///system'\n");
    insta::assert_snapshot!("bad_config", home.session(&["ls"]));
    home.write("../.config/hostler/config.toml", "[local]\nenabled = false\n");
    home.write("train.yaml", "name: train\n");
    insta::assert_snapshot!("no_site", home.session(&["plan", "train.yaml"]));
}

#[test]
fn read_only_commands_write_nothing() {
    let home = Home::new();
    home.write("train.yaml", "name: train\n");
    insta::assert_snapshot!("ls_empty", home.session(&["ls"]));
    assert_eq!(home.json(&["ls", "-o", "json"]), (Value::Array(Vec::new()), 0));
    for args in [&["plan", "train.yaml"][..], &["up", "train.yaml", "--dry-run"], &["down", "--all"], &["status", "x"]]
    {
        home.run(args);
        assert!(!home.path().join(".local").exists(), "{args:?}");
    }
}

#[test]
fn listing_images_and_sweeping_write_nothing() {
    let home = Home::new();
    assert_eq!(home.json(&["image", "ls", "-o", "json"]), (Value::Array(Vec::new()), 0));
    assert_eq!(home.run(&["image", "rm", "debian-12", "--dry-run"]).status.code(), Some(2));
    for args in [&["sweep", "--dry-run", "-o", "json"][..], &["sweep", "-o", "json"]] {
        let (found, code) = home.json(args);
        assert_eq!((code, &found["orphans"]), (0, &Value::Array(Vec::new())), "{args:?}");
    }
    assert!(!home.path().join(".local").exists());
}

#[test]
fn commands_against_an_unreachable_site_write_nothing() {
    let home = Home::new();
    home.write("../.config/hostler/config.toml", "[local]\nuri = \"qemu:///nowhere\"\n");
    home.write("one.yaml", "name: one\n");
    for args in [&["check"][..], &["plan", "one.yaml"], &["up", "one.yaml", "--dry-run"]] {
        assert_eq!(home.run(args).status.code(), Some(5), "{args:?}");
    }
    assert!(!home.path().join(".local").exists());
}

#[test]
fn a_broken_image_is_listed_and_can_be_deleted() {
    let home = Home::new();
    let image = home.data_dir().join("images/old");
    fs::create_dir_all(&image).unwrap();
    fs::write(image.join("image.json"), "{").unwrap();
    insta::assert_snapshot!("image_broken", home.session(&["image", "ls"]));
    assert_eq!(home.run(&["image", "rm", "old", "--dry-run"]).status.code(), Some(0));
    assert!(image.exists());
}

#[test]
fn an_invalid_checksum_is_rejected_before_the_download() {
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/disk.qcow2", listener.local_addr().unwrap());
    for digits in ["zz", &"g".repeat(64), &"a".repeat(63)] {
        let output = home.run(&["image", "add", "mine", &url, "--sha256", digits]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && stderr.contains("64 hexadecimal digits"), "{digits}: {stderr}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn an_unknown_name_is_an_error_that_suggests_the_nearest() {
    let home = Home::new();
    for verb in ["status", "logs", "ssh", "stop", "start", "hold"] {
        assert_eq!(home.run(&[verb, "digit"]).status.code(), Some(2), "{verb}");
    }
    assert_eq!(home.run(&["exec", "digit", "--", "true"]).status.code(), Some(2));
    assert_eq!(home.run(&["down", "digit", "--yes"]).status.code(), Some(2));
    home.enter(&digits());
    for verb in ["status", "logs", "ssh", "stop", "start", "hold"] {
        let stderr = String::from_utf8(home.run(&[verb, "digit"]).stderr).unwrap();
        assert!(stderr.contains("did you mean `digits`?"), "{verb}: {stderr}");
    }
    insta::assert_snapshot!("near_name", home.session(&["down", "digits", "digit", "--yes"]));
    assert_eq!(home.json(&["ls", "-o", "json"]).0[0]["name"], "digits", "nothing is deleted if one name is wrong");
}

#[test]
fn a_deployment_locked_by_another_process_is_busy() {
    let home = Home::new();
    home.enter(&digits());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Store::open(&home.data_dir())).unwrap();
    let lock = store.lock_blocking(&digits().demand.name).unwrap();
    for args in [&["hold", "digits"][..], &["down", "digits", "--yes"], &["extend", "digits", "--open-end"]] {
        let (answer, code) = home.json(&[args, &["-o", "json"]].concat());
        assert_eq!((code, &answer["error"]["kind"]), (4, &Value::from("busy")), "{args:?}");
    }
    assert_eq!(home.json(&["status", "digits", "-o", "json"]).0["busy"], true);
    drop(lock);
    assert_eq!(home.json(&["status", "digits", "-o", "json"]).0["busy"], false);
}

#[test]
fn life_of_a_deployment_without_machines() {
    let home = Home::new();
    home.enter(&digits());
    let (held, _) = home.json(&["hold", "digits", "-o", "json"]);
    assert_eq!(held["held"], true);
    let (status, code) = home.json(&["status", "digits", "-o", "json"]);
    assert_eq!((code, &status["held"], &status["state"]), (0, &Value::from(true), &Value::from("launching")));
    insta::assert_snapshot!("extend_without_end", home.session(&["extend", "digits", "4h"]));
    let (extended, code) = home.json(&["extend", "digits", "--until", "2999-01-01T00:00Z", "-o", "json"]);
    assert_eq!((code, &extended["ends_at"]), (0, &Value::from("2999-01-01T00:00:00Z")));
    assert_eq!(home.json(&["extend", "digits", "--until", "1999-01-01T00:00Z", "-o", "json"]).1, 2);
    insta::assert_snapshot!("ssh_too_early", home.session(&["ssh", "digits"]));
    insta::assert_snapshot!("no_machine", home.session(&["ssh", "digits", "digitz"]));
    insta::assert_snapshot!("no_step", home.session(&["logs", "digits", "runn"]));
    insta::assert_snapshot!("flags_of_live", home.session(&["up", "digits", "--cpus", "4"]));
    insta::assert_snapshot!("down", home.session(&["down", "digits"]));
    insta::assert_snapshot!("down_twice", home.session(&["down", "digits"]));
    assert_eq!(home.json(&["ls", "-o", "json"]).0, Value::Array(Vec::new()));
}

/// A deployment whose last round ran only `check`, with a `setup` log from an earlier round.
fn with_a_log(home: &Home, text: &[u8]) -> std::path::PathBuf {
    let only = PhaseSelection { only: [PhaseKind::Check].into(), ..PhaseSelection::default() };
    let plan = digits_with("setup: make\nchecks: [make check]\n").with_phases(only);
    home.enter(&plan);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Store::open(&home.data_dir())).unwrap();
    let log = Files::at(store.files_of(plan.deployment)).logs().join("digits/setup.log");
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(&log, text).unwrap();
    log
}

#[test]
fn logs_of_earlier_rounds_are_printed() {
    let home = Home::new();
    // Longer than one block of reading.
    let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}\n")).collect();
    with_a_log(&home, lines.concat().as_bytes());
    let shown = |args: &[&str]| String::from_utf8(home.run(&[&["logs", "digits"], args].concat()).stdout).unwrap();
    assert_eq!(shown(&["setup-digits"]), lines.concat());
    assert_eq!(shown(&[]), lines.concat());
    for last in [0, 1, 3, 9_000, 20_000, 30_000] {
        let expected = lines[lines.len().saturating_sub(last)..].concat();
        assert!(shown(&["setup-digits", "--lines", &last.to_string()]) == expected, "{last}");
    }
}

#[test]
fn following_a_log_ends_when_the_lock_is_released() {
    let home = Home::new();
    let log = with_a_log(&home, b"caf\xe9\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Store::open(&home.data_dir())).unwrap();
    let work = store.lock_blocking(&"digits".parse().unwrap()).unwrap();
    let mut follow = home.command(&["logs", "digits", "setup-digits", "--follow"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(follow.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "caf\u{fffd}");
    fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(b"more\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "more");
    drop(work);
    assert!(follow.wait().unwrap().success(), "the lock was released");
}

#[test]
fn a_machine_of_unknown_outcome_stays_listed() {
    let home = Home::new();
    let plan = digits();
    let step = plan.machines().next().unwrap().0.id.clone();
    home.enter_with(&plan, &[Entry::Step { step, event: StepEvent::Started }]);
    insta::assert_snapshot!("down_unconfirmed", home.session(&["down", "digits"]));
    insta::assert_snapshot!("down_dry", home.session(&["down", "digits", "--dry-run"]));
    // The site is no longer configured, so the machine can't be confirmed as deleted.
    insta::assert_snapshot!("stuck", home.session(&["down", "digits", "--yes", "--events", "none"]));
    assert_eq!(home.json(&["ls", "-o", "json"]).0[0]["state"], "stuck");
}

/// Without a terminal, a confirmation counts as declined. With `--missing-ok`, a missing lease is no error.
#[test]
fn a_lease_is_deleted_only_after_confirmation() {
    let home = Home::new();
    home.enter_with(&resources::lease("digits"), &[resources::started("lease")]);
    let (unconfirmed, code) = home.json(&["lease", "delete", "digits", "-o", "json"]);
    assert_eq!((code, &unconfirmed["error"]["kind"]), (1, &Value::from("unconfirmed")));
    assert_eq!(home.json(&["ls", "-o", "json"]).0[0]["name"], "digits");
    let (unknown, code) = home.json(&["lease", "delete", "nobody", "-o", "json"]);
    assert_eq!((code, &unknown["error"]["kind"]), (2, &Value::from("not_found")));
    let (gone, code) = home.json(&["lease", "delete", "nobody", "--missing-ok", "-o", "json"]);
    assert_eq!((code, &gone["status"]), (0, &Value::from("already_deleted")));
}

#[test]
fn invalid_lease_requests_create_nothing() {
    let home = Home::new();
    fs::create_dir(home.path().join(".config/openstack")).unwrap();
    let clouds = "clouds: {north: {auth: {auth_url: 'http://127.0.0.1:9/v3', username: u, password: p}}}\n";
    fs::write(home.path().join(".config/openstack/clouds.yaml"), clouds).unwrap();
    for (option, message) in [
        ("--amount=0", "`0` is not a number of machines"),
        ("--amount=-3", "`-3` is not a number of machines"),
        ("--duration=0", "`0` is not a duration"),
        ("--duration=-4h", "`-4h` is not a duration"),
        ("--duration=99999d", "`99999d` is not a duration"),
        ("--start=yesterday", "`yesterday` is not a time"),
        ("--within=-1h", "`-1h` is not a duration"),
        ("--site=nowhere", "the site `nowhere` is not configured"),
    ] {
        let output = home.run(&["lease", "create", "train", "--yes", option]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && stderr.contains(message), "{option}: {stderr}");
        assert!(!home.path().join(".local").exists(), "{option}");
    }
}

#[test]
fn invalid_and_already_applied_plans_are_rejected() {
    let home = Home::new();
    home.write("plan.json", "{\n  \"deployment\": 7\n}\n");
    insta::assert_snapshot!("bad_plan", home.session(&["apply", "plan.json"]));
    home.enter(&digits());
    home.write("plan.json", &serde_json::to_string(&digits()).unwrap());
    insta::assert_snapshot!("used_plan", home.session(&["apply", "plan.json"]));
}

#[test]
fn yaml_output_matches_json_output() {
    let home = Home::new();
    home.enter(&digits());
    let text = String::from_utf8(home.run(&["status", "digits", "-o", "yaml"]).stdout).unwrap();
    let yaml: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(yaml["id"], home.json(&["status", "digits", "-o", "json"]).0["id"]);
    let text = String::from_utf8(home.run(&["status", "nobody", "-o", "yaml"]).stdout).unwrap();
    let yaml: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(yaml["error"]["kind"], "not_found");
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = home.run(&["completions", shell]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("hostler"), "{shell}");
    }
    assert!(home.run(&["man"]).stdout.starts_with(b".ie"));
    assert!(home.run(&["man", "--dir", "pages"]).status.success());
    assert!(home.path().join("work/pages/hostler-image-add.1").is_file());
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = home.command(&["completions", "zsh"]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = home.command(&["completions", "zsh"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn colour_follows_options_and_environment() {
    let home = Home::new();
    let escapes = |command: &mut Command| command.output().unwrap().stderr.contains(&0x1b);
    assert!(!escapes(&mut home.command(&["status", "x"])));
    assert!(escapes(&mut home.command(&["status", "x", "--color", "always"])));
    assert!(escapes(home.command(&["status", "x"]).env("CLICOLOR_FORCE", "1")));
    assert!(!escapes(home.command(&["status", "x"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")));
}
