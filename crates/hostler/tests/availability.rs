//! `hostler availability`, as people and scripts call it, on the feed of `examples/feed`.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A copy of the feed in a home of its own, with no site configured.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path("home/.config/hostler")).unwrap();
        fs::write(folder.path("home/.config/hostler/config.toml"), "[local]\nenabled = false\n").unwrap();
        fs::create_dir(folder.path("feed")).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/feed");
        for file in fs::read_dir(examples).unwrap() {
            let file = file.unwrap();
            fs::write(folder.path("feed").join(file.file_name()), fs::read(file.path()).unwrap()).unwrap();
        }
        folder
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

    /// The answer in JSON, and the exit code.
    #[track_caller]
    fn ask(&self, args: &[&str]) -> (Value, i32) {
        let args = [&["--from", "feed", "-o", "json"], args].concat();
        let output = self.call("80", &args);
        let value = serde_json::from_slice(&output.stdout);
        let value = value.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)));
        (value, output.status.code().unwrap())
    }

    /// All files of the feed.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(self.path("feed")).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        files.sort_unstable();
        files
    }
}

const START: [&str; 4] = ["--start", "2026-03-01T12:00Z", "--duration", "240m"];

fn wanted<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&START, args].concat()
}

#[test]
fn the_answer_has_the_keys_and_codes_that_scripts_rely_on() {
    let folder = Folder::new();
    let (now, code) = folder.ask(&wanted(&["--filter", "gpu_count>=4"]));
    assert_eq!(code, 0);
    let keys = |answer: &Value| {
        json!([
            answer["pool"],
            answer["free"],
            answer["earliest"],
            answer["free_at_earliest"],
            answer["unknown"],
            answer["maintenance"]
        ])
    };
    assert_eq!(keys(&now), json!([2, 1, "2026-03-01T12:00:00Z", 1, 0, 0]));
    assert_eq!((&now["nodes"][0]["name"], &now["alternatives"]), (&json!("s01"), &json!([])));
    let (later, code) = folder.ask(&wanted(&["--filter", "node_type=gpu_rtx", "--amount", "2"]));
    assert_eq!((code, keys(&later)), (4, json!([2, 0, "2026-03-02T10:00:00Z", 2, 0, 0])));
    // The horizon counts, and nothing beyond it.
    let until = |within| folder.ask(&wanted(&["--filter", "node_type=gpu_rtx", "--amount", "2", "--within", within])).1;
    assert_eq!([until("22h"), until("21h59m"), until("0")], [4, 1, 1]);
    let (never, code) = folder.ask(&wanted(&["--site", "north", "--amount", "7"]));
    assert_eq!((code, keys(&never)), (1, json!([7, 1, null, null, 1, 1])));
    assert_eq!(never["nodes"], json!([]));
}

#[test]
fn people_see_the_answer_and_the_calendar_at_any_width() {
    let folder = Folder::new();
    let args = wanted(&[
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
    insta::assert_snapshot!("availability_80", folder.session("80", &args));
    let all = wanted(&["--from", "feed", "--amount", "2", "--within", "72h", "--calendar", "--padding", "5m"]);
    insta::assert_snapshot!("availability_200", folder.session("200", &all));
    insta::assert_snapshot!(
        "availability_never",
        folder.session("80", &wanted(&["--from", "feed", "--site", "south", "--amount", "3"]))
    );
}

#[test]
fn what_is_asked_for_badly_is_said_with_what_was_meant() {
    let folder = Folder::new();
    let told: Vec<String> = [
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
    .map(|args| folder.session("100", &[&["--from", "feed"], args].concat()))
    .collect();
    insta::assert_snapshot!("availability_bad_input", told.join("\n"));
    insta::assert_snapshot!("availability_no_source", folder.session("100", &["--site", "uc"]));
    assert_eq!(folder.ask(&["--amount", "0"]).0["error"]["kind"], "usage");
}

#[test]
fn files_that_are_no_good_are_named_with_their_place() {
    let session = |spoil: fn(&Folder)| {
        let folder = Folder::new();
        spoil(&folder);
        folder.session("100", &["--from", "feed"])
    };
    let spoilt: [fn(&Folder); 7] = [
        |folder| {
            let whole = fs::read(folder.path("feed/allocations.json")).unwrap();
            fs::write(folder.path("feed/allocations.json"), &whole[..whole.len() / 2]).unwrap();
        },
        |folder| fs::write(folder.path("feed/allocations.json"), "").unwrap(),
        |folder| fs::write(folder.path("feed/nodes.json"), "[]").unwrap(),
        |folder| fs::write(folder.path("feed/hosts.json"), "[{]").unwrap(),
        |folder| fs::remove_file(folder.path("feed/allocations.json")).unwrap(),
        |folder| fs::remove_file(folder.path("feed/hosts.json")).unwrap(),
        |folder| fs::remove_dir_all(folder.path("feed")).unwrap(),
    ];
    insta::assert_snapshot!("availability_bad_files", spoilt.map(session).join("\n"));
    // Nothing allocated is all free, and no error.
    let folder = Folder::new();
    fs::write(folder.path("feed/allocations.json"), "[]").unwrap();
    let (answer, code) = folder.ask(&["--site", "north", "--amount", "5"]);
    assert_eq!(
        (code, &answer["free"], &answer["unknown"], &answer["maintenance"]),
        (0, &json!(5), &json!(1), &json!(1))
    );
}

#[test]
fn the_merged_view_and_the_pictures_are_written_whole() {
    let folder = Folder::new();
    let allocations = fs::read_to_string(folder.path("feed/allocations.json")).unwrap();
    fs::write(folder.path("feed/allocations.json"), allocations.replace("cat@example.org", "<b>c&t</b>")).unwrap();
    for picture in ["calendar.svg", "calendar.html"] {
        let (_, code) = folder.ask(&wanted(&["--write", "view.json", "--plot", picture]));
        assert_eq!(code, 0);
        let drawn = fs::read_to_string(folder.path(picture)).unwrap();
        assert!(
            drawn.contains("lease-vision") && drawn.contains("&lt;b&gt;c&amp;t&lt;/b&gt;") && !drawn.contains("<b>")
        );
        let mut tags = elements(&drawn);
        assert!(tags.remove("svg").is_some() && tags.get("rect").is_some_and(|bars| *bars > 6), "{tags:?}");
    }
    let view: Value = serde_json::from_slice(&fs::read(folder.path("view.json")).unwrap()).unwrap();
    let stats = json!({ "total_nodes": 9, "nodes_with_allocations": 5, "total_allocations": 6, "unmatched_allocations": 1,
                        "unmapped_nodes": 1, "maintenance": 1 });
    assert_eq!(view["stats"], stats);
    let site = |index: usize| {
        (view["site_summaries"][index]["site_id"].as_str(), view["site_summaries"][index]["display_name"].as_str())
    };
    assert_eq!([site(0), site(1)], [(Some("north"), Some("Example North")), (Some("south"), Some("Example South"))]);
    // What can't be written leaves no draft behind.
    let output = folder.call("80", &["--from", "feed", "--write", "nowhere/view.json"]);
    assert_eq!(output.status.code(), Some(2));
    let left: Vec<_> =
        fs::read_dir(folder.0.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.contains("draft")), "{left:?}");
}

/// How many elements of each name a drawing has; each that is opened is closed.
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

/// Whether no such site is configured, nobody answers there, or somebody answers half.
#[test]
fn a_refresh_that_fails_leaves_the_files_as_they_were() {
    let folder = Folder::new();
    let before = folder.files();
    let refresh = || folder.call("80", &["--from", "feed", "--site", "north", "--refresh"]);
    assert_eq!(refresh().status.code(), Some(2));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let clouds = format!(
        "clouds: {{north: {{auth: {{auth_url: 'http://{}/v3', username: u, password: p, project_name: p}}}}}}\n",
        listener.local_addr().unwrap()
    );
    fs::create_dir_all(folder.path("home/.config/openstack")).unwrap();
    fs::write(folder.path("home/.config/openstack/clouds.yaml"), clouds).unwrap();
    let half = std::thread::spawn(move || {
        let answer = b"HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nContent-Length: 999\r\n\r\n{\"token\": {";
        for stream in listener.incoming().take(1) {
            stream.unwrap().write_all(answer).unwrap();
        }
    });
    // The answer is cut off, and when it is asked for again nobody listens any more.
    let output = refresh();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(folder.files(), before);
    half.join().unwrap();
}

/// The folders of the reference API, as its checkout has them.
#[test]
fn nodes_may_lie_in_a_file_each() {
    let folder = Folder::new();
    let nodes: Value = serde_json::from_slice(&fs::read(folder.path("feed/nodes.json")).unwrap()).unwrap();
    fs::remove_file(folder.path("feed/nodes.json")).unwrap();
    let place = folder.path("feed/sites/north/clusters/main/nodes");
    fs::create_dir_all(&place).unwrap();
    for node in nodes["items"].as_array().unwrap() {
        let mut node = node.clone();
        node.as_object_mut().unwrap().remove("links");
        fs::write(place.join(format!("{}.json", node["uid"].as_str().unwrap())), node.to_string()).unwrap();
    }
    assert_eq!(folder.ask(&["--site", "north"]).0["pool"], 9);
}
