//! `hostler availability` on the files of `examples/feed`: text, JSON, drawings and errors.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't continue")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A copy of the feed in a temporary home directory without configured sites.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(sandbox.path("home/.config/hostler")).unwrap();
        fs::write(sandbox.path("home/.config/hostler/config.toml"), "[local]\nenabled = false\n").unwrap();
        fs::create_dir(sandbox.path("feed")).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/feed");
        for file in fs::read_dir(examples).unwrap() {
            let file = file.unwrap();
            fs::write(sandbox.path("feed").join(file.file_name()), fs::read(file.path()).unwrap()).unwrap();
        }
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, columns: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.arg("availability").args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.path("home")).env("COLUMNS", columns);
        command.output().unwrap()
    }

    fn session(&self, columns: &str, args: &[&str]) -> String {
        let output = self.call(columns, args);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        format!(
            "$ hostler availability {}\n{stdout}-- stderr\n{stderr}-- exit {}\n",
            args.join(" "),
            output.status.code().unwrap()
        )
    }

    /// The JSON document and the exit code.
    #[track_caller]
    fn query(&self, args: &[&str]) -> (Value, i32) {
        let args = [&["--from", "feed", "-o", "json"], args].concat();
        let output = self.call("80", &args);
        let value = serde_json::from_slice(&output.stdout);
        let value = value.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)));
        (value, output.status.code().unwrap())
    }

    /// Names and contents of all files of the feed.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(self.path("feed")).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        files.sort_unstable();
        files
    }
}

const START: [&str; 4] = ["--start", "2026-03-01T12:00Z", "--duration", "240m"];

fn with_start<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&START, args].concat()
}

#[test]
fn json_keys_and_exit_codes() {
    let sandbox = Sandbox::new();
    let (now, code) = sandbox.query(&with_start(&["--filter", "gpu_count>=4"]));
    assert_eq!(code, 0);
    let keys = |answer: &Value| {
        json!([
            answer["pool"],
            answer["free"],
            answer["earliest_at"],
            answer["free_at_earliest"],
            answer["unknown"],
            answer["maintenance"]
        ])
    };
    assert_eq!(keys(&now), json!([2, 1, "2026-03-01T12:00:00Z", 1, 0, 0]));
    assert_eq!((&now["nodes"][0]["name"], &now["alternatives"]), (&json!("s01"), &json!([])));
    let (later, code) = sandbox.query(&with_start(&["--filter", "node_type=gpu_rtx", "--amount", "2"]));
    assert_eq!((code, keys(&later)), (4, json!([2, 0, "2026-03-02T10:00:00Z", 2, 0, 0])));
    // The end of the search window is included.
    let until =
        |within| sandbox.query(&with_start(&["--filter", "node_type=gpu_rtx", "--amount", "2", "--within", within])).1;
    assert_eq!([until("22h"), until("21h59m"), until("0")], [4, 1, 1]);
    let (never, code) = sandbox.query(&with_start(&["--site", "north", "--amount", "7"]));
    assert_eq!((code, keys(&never)), (1, json!([7, 1, null, null, 1, 1])));
    assert_eq!(never["nodes"], json!([]));
}

/// Golden file of the document in `docs/reference/json.md`.
#[test]
fn document_of_a_later_start() {
    let (later, _) = Sandbox::new().query(&with_start(&["--filter", "node_type=gpu_rtx", "--amount", "2"]));
    insta::assert_snapshot!("document_availability", serde_json::to_string_pretty(&later).unwrap());
}

#[test]
fn text_and_calendar_at_80_and_200_columns() {
    let sandbox = Sandbox::new();
    let args = with_start(&[
        "--from",
        "feed",
        "--site",
        "north",
        "--filter",
        "ram>=256GiB or gpu",
        "--amount",
        "2",
        "--within",
        "72h",
        "--calendar",
    ]);
    insta::assert_snapshot!("availability_80", sandbox.session("80", &args));
    let all = with_start(&["--from", "feed", "--amount", "2", "--within", "72h", "--calendar", "--padding", "5m"]);
    insta::assert_snapshot!("availability_200", sandbox.session("200", &all));
    insta::assert_snapshot!(
        "availability_never",
        sandbox.session("80", &with_start(&["--from", "feed", "--site", "south", "--amount", "3"]))
    );
}

#[test]
fn invalid_options_are_usage_errors_with_suggestions() {
    let sandbox = Sandbox::new();
    let sessions: Vec<String> = [
        &["--amount", "0"][..],
        &["--amount", "-3"],
        &["--duration", "0"],
        &["--duration", "44641"],
        &["--within", "-1h"],
        &["--start", "yesterday"],
        &["--site", "nort"],
        &["--filter", "gpus_count>=4"],
        &["--filter", "ram>=lots"],
        &["--plot", "picture.png"],
        &["--refresh"],
    ]
    .into_iter()
    .map(|args| sandbox.session("100", &[&["--from", "feed"], args].concat()))
    .collect();
    insta::assert_snapshot!("availability_bad_input", sessions.join("\n"));
    insta::assert_snapshot!("availability_no_source", sandbox.session("100", &["--site", "uc"]));
    assert_eq!(sandbox.query(&["--amount", "0"]).0["error"]["kind"], "usage");
}

#[test]
fn unusable_files_are_errors_with_their_position() {
    let session = |damage: fn(&Sandbox)| {
        let sandbox = Sandbox::new();
        damage(&sandbox);
        sandbox.session("100", &["--from", "feed"])
    };
    let damages: [fn(&Sandbox); 7] = [
        |sandbox| {
            let whole = fs::read(sandbox.path("feed/allocations.json")).unwrap();
            fs::write(sandbox.path("feed/allocations.json"), &whole[..whole.len() / 2]).unwrap();
        },
        |sandbox| fs::write(sandbox.path("feed/allocations.json"), "").unwrap(),
        |sandbox| fs::write(sandbox.path("feed/nodes.json"), "[]").unwrap(),
        |sandbox| fs::write(sandbox.path("feed/hosts.json"), "[{]").unwrap(),
        |sandbox| fs::remove_file(sandbox.path("feed/allocations.json")).unwrap(),
        |sandbox| fs::remove_file(sandbox.path("feed/hosts.json")).unwrap(),
        |sandbox| fs::remove_dir_all(sandbox.path("feed")).unwrap(),
    ];
    insta::assert_snapshot!("availability_bad_files", damages.map(session).join("\n"));
    // No allocations: everything is free, which is no error.
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("feed/allocations.json"), "[]").unwrap();
    let (answer, code) = sandbox.query(&["--site", "north", "--amount", "5"]);
    assert_eq!(
        (code, &answer["free"], &answer["unknown"], &answer["maintenance"]),
        (0, &json!(5), &json!(1), &json!(1))
    );
}

#[test]
fn inventory_and_drawings_are_complete_files() {
    let sandbox = Sandbox::new();
    let allocations = fs::read_to_string(sandbox.path("feed/allocations.json")).unwrap();
    fs::write(sandbox.path("feed/allocations.json"), allocations.replace("cat@example.org", "<b>c&t</b>")).unwrap();
    for picture in ["calendar.svg", "calendar.html"] {
        let (_, code) = sandbox.query(&with_start(&["--write", "view.json", "--plot", picture]));
        assert_eq!(code, 0);
        let drawn = fs::read_to_string(sandbox.path(picture)).unwrap();
        assert!(
            drawn.contains("lease-vision") && drawn.contains("&lt;b&gt;c&amp;t&lt;/b&gt;") && !drawn.contains("<b>")
        );
        let mut tags = elements(&drawn);
        assert!(tags.remove("svg").is_some() && tags.get("rect").is_some_and(|bars| *bars > 6), "{tags:?}");
    }
    let view: Value = serde_json::from_slice(&fs::read(sandbox.path("view.json")).unwrap()).unwrap();
    let stats = json!({ "total_nodes": 9, "nodes_with_allocations": 5, "total_allocations": 6, "unmatched_allocations": 1,
                        "unmapped_nodes": 1, "maintenance": 1 });
    assert_eq!(view["stats"], stats);
    let site = |index: usize| {
        (view["site_summaries"][index]["site_id"].as_str(), view["site_summaries"][index]["display_name"].as_str())
    };
    assert_eq!([site(0), site(1)], [(Some("north"), Some("Example North")), (Some("south"), Some("Example South"))]);
    // A failed write leaves no temporary file.
    let output = sandbox.call("80", &["--from", "feed", "--write", "nowhere/view.json"]);
    assert_eq!(output.status.code(), Some(2));
    let remaining: Vec<_> =
        fs::read_dir(sandbox.0.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(remaining.iter().all(|name| !name.contains("draft")), "{remaining:?}");
}

/// Number of elements by name. Asserts that every element is closed.
fn elements(text: &str) -> std::collections::BTreeMap<String, usize> {
    let svg = &text[text.find("<svg").unwrap()..text.find("</svg>").unwrap() + 6];
    let (mut counts, mut open) = (std::collections::BTreeMap::new(), Vec::new());
    for tag in svg.split('<').skip(1) {
        let (inside, _) = tag.split_once('>').unwrap();
        let name = inside.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
        if inside.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{inside}");
            continue;
        }
        *counts.entry(name.clone()).or_default() += 1;
        if !inside.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    counts
}

/// The site is unknown, or its answer is cut off.
#[test]
fn failed_refresh_keeps_the_files() {
    let sandbox = Sandbox::new();
    let before = sandbox.files();
    let refresh = || sandbox.call("80", &["--from", "feed", "--site", "north", "--refresh"]);
    assert_eq!(refresh().status.code(), Some(2));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let clouds = format!(
        "clouds: {{north: {{auth: {{auth_url: 'http://{}/v3', username: u, password: p, project_name: p}}}}}}\n",
        listener.local_addr().unwrap()
    );
    fs::create_dir_all(sandbox.path("home/.config/openstack")).unwrap();
    fs::write(sandbox.path("home/.config/openstack/clouds.yaml"), clouds).unwrap();
    let half = std::thread::spawn(move || {
        let answer = b"HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nContent-Length: 999\r\n\r\n{\"token\": {";
        for stream in listener.incoming().take(1) {
            stream.unwrap().write_all(answer).unwrap();
        }
    });
    // The answer is cut off, and the retry finds the port closed.
    let output = refresh();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sandbox.files(), before);
    half.join().unwrap();
}

/// The directories of a checkout of Chameleon's reference API.
#[test]
fn nodes_may_be_in_separate_files() {
    let sandbox = Sandbox::new();
    let nodes: Value = serde_json::from_slice(&fs::read(sandbox.path("feed/nodes.json")).unwrap()).unwrap();
    fs::remove_file(sandbox.path("feed/nodes.json")).unwrap();
    let nodes_dir = sandbox.path("feed/sites/north/clusters/main/nodes");
    fs::create_dir_all(&nodes_dir).unwrap();
    for node in nodes["items"].as_array().unwrap() {
        let mut node = node.clone();
        node.as_object_mut().unwrap().remove("links");
        fs::write(nodes_dir.join(format!("{}.json", node["uid"].as_str().unwrap())), node.to_string()).unwrap();
    }
    assert_eq!(sandbox.query(&["--site", "north"]).0["pool"], 9);
}
