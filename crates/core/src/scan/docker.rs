//! Dockerfiles: the last stage, and what it is built upon.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Confidence, Fact};
use super::notes::Notes;
use super::{packages, python_version};

/// Notes what a Dockerfile says. Only the last stage is what runs; a GPU in another one is a guess.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    let stages = stages(text);
    let last = stages.len().checked_sub(1);
    let chain: BTreeSet<usize> = std::iter::successors(last, |at| stages[*at].parent).collect();
    for (at, stage) in stages.iter().enumerate().filter(|(_, stage)| stage.parent.is_none()) {
        let runs = chain.contains(&at);
        note_image(notes, &stage.image, stage.line, if runs { Confidence::Implied } else { Confidence::Guessed });
        if runs {
            notes.add(Fact::BaseImage(stage.image.clone()), Confidence::Stated, stage.line, &stage.image);
            note_python_image(notes, &stage.image, stage.line);
        }
    }
    let mut foreign = false;
    for (line, script) in chain.iter().flat_map(|at| &stages[*at].runs) {
        scan_run(notes, script, *line, &mut foreign);
    }
}

/// Notes the GPU that an image is of no use without.
pub(super) fn note_image(notes: &mut Notes<'_>, image: &str, line: u32, most: Confidence) {
    let (name, tag) = name_and_tag(image);
    let cuda = if name.ends_with("nvidia/cuda") { leading_version(tag) } else { cuda_in_tag(tag) };
    let nvidia = name.ends_with("nvidia/cuda") || name.starts_with("nvcr.io/nvidia/");
    if nvidia || cuda.is_some() || tag.split('-').any(|word| word == "gpu") {
        packages::note_gpu(notes, cuda, most, line, image);
    }
}

/// Notes the Python that an official image, or a development container's, brings.
pub(super) fn note_python_image(notes: &mut Notes<'_>, image: &str, line: u32) {
    let (name, tag) = name_and_tag(image);
    let is_python = name == "python" || name.ends_with("/python");
    if let Some(version) = tag.split('-').find(|word| is_python && word.starts_with("3.")) {
        python_version::note(notes, version, line, Confidence::Implied);
    }
}

fn name_and_tag(image: &str) -> (&str, &str) {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, ""),
    }
}

/// `12.1` of `12.1.0-cudnn8-devel-ubuntu22.04`.
fn leading_version(tag: &str) -> Option<String> {
    let word = tag.split('-').next().unwrap_or_default();
    let mut parts = word.split('.').filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let (major, minor) = (parts.next()?, parts.next());
    Some(minor.map_or(major.to_owned(), |minor| format!("{major}.{minor}")))
}

/// `12.1` of `2.1.0-cuda12.1-cudnn8-runtime`, or of `2.1.0-cu121`.
fn cuda_in_tag(tag: &str) -> Option<String> {
    tag.split('-').find_map(|word| match word.strip_prefix("cuda") {
        Some(version) => leading_version(version),
        None => packages::cuda_build(&format!("+{word}")).filter(|_| word.starts_with("cu")),
    })
}

#[derive(Debug)]
struct Stage {
    line: u32,
    image: String,
    /// The earlier stage that its image names.
    parent: Option<usize>,
    /// The shell scripts of `RUN`, with their lines.
    runs: Vec<(u32, String)>,
}

fn stages(text: &str) -> Vec<Stage> {
    let mut arguments: BTreeMap<String, String> = BTreeMap::new();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let mut stages: Vec<Stage> = Vec::new();
    for (line, keyword, rest) in instructions(text) {
        match (keyword.as_str(), stages.last_mut()) {
            ("FROM", _) => {
                let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
                let image = substitute(words.next().unwrap_or_default(), &arguments);
                let parent = named.get(&image.to_ascii_lowercase()).copied();
                if words.next().is_some_and(|word| word.eq_ignore_ascii_case("as")) {
                    named.insert(words.next().unwrap_or_default().to_ascii_lowercase(), stages.len());
                }
                stages.push(Stage { line, image, parent, runs: Vec::new() });
            }
            ("ARG", None) => {
                let pairs = rest.split_whitespace().filter_map(|word| word.split_once('='));
                arguments.extend(pairs.map(|(name, value)| (name.to_owned(), unquoted(value).to_owned())));
            }
            ("RUN", Some(stage)) => stage.runs.push((line, rest)),
            _ => {}
        }
    }
    stages
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// The instructions: continued lines joined, comments dropped, each with the number of its first line.
fn instructions(text: &str) -> Vec<(u32, String, String)> {
    let mut out: Vec<(u32, String, String)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (piece, more) = line.strip_suffix('\\').map_or((line, false), |piece| (piece, true));
        match out.last_mut() {
            Some((_, _, rest)) if goes_on => {
                rest.push(' ');
                rest.push_str(piece);
            }
            _ => {
                let (keyword, rest) = piece.split_once(char::is_whitespace).unwrap_or((piece, ""));
                out.push((number, keyword.to_ascii_uppercase(), rest.trim().to_owned()));
            }
        }
        goes_on = more;
    }
    out
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}` by the defaults of `ARG`.
fn substitute(text: &str, arguments: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (inner, tail) = match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            Some(pair) => pair,
            None => after.split_at(after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len())),
        };
        let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
        out.push_str(arguments.get(name).map_or(default, String::as_str));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Notes what a `RUN` installs by apt and pip. After a foreign package source was added, a Debian package of that name
/// may not exist.
fn scan_run(notes: &mut Notes<'_>, script: &str, line: u32, foreign: &mut bool) {
    *foreign |= script.contains("add-apt-repository") || script.contains("sources.list");
    for command in script.split(['&', ';', '|', '\n']) {
        // Variables, options of `RUN`, and who does it.
        let comes_before = |word: &&str| word.contains('=') || *word == "sudo";
        let words: Vec<&str> = command.split_whitespace().map(unquoted).skip_while(comes_before).collect();
        let Some(install) = words.iter().position(|word| *word == "install") else { continue };
        match &words[..install] {
            ["apt-get" | "apt", ..] => note_debian(notes, &words[install + 1..], line, *foreign),
            ["pip" | "pip3", ..] | ["uv", "pip", ..] | ["python" | "python3", "-m", "pip", ..] => {
                note_pip(notes, &words[install + 1..], line);
            }
            _ => {}
        }
    }
}

/// How packages begin that only NVIDIA's images have a source for, or only one release of a distribution has.
const NOT_EVERYWHERE: [&str; 6] = ["cuda-", "libcudnn", "libnccl", "libnvinfer", "nvidia-", "python3."];

fn note_debian(notes: &mut Notes<'_>, words: &[&str], line: u32, foreign: bool) {
    for word in values(words, &["-t", "--target-release", "-o", "--option", "-c"]) {
        let name = word.split(['=', '/', ':']).next().unwrap_or(word);
        if !is_debian_name(name) {
            continue;
        }
        let elsewhere = foreign || NOT_EVERYWHERE.iter().any(|start| name.starts_with(start));
        let sure = if elsewhere { Confidence::Guessed } else { Confidence::Implied };
        notes.add(Fact::SystemPackage(name.to_owned()), sure, line, &format!("apt-get install {name}"));
    }
}

fn is_debian_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
}

fn note_pip(notes: &mut Notes<'_>, words: &[&str], line: u32) {
    for pair in words.windows(2) {
        match pair {
            ["-r" | "--requirement", file] if notes.has_file(file.trim_start_matches("./")) => {
                let file = file.trim_start_matches("./").to_owned();
                notes.add(
                    Fact::RequirementFile(file.clone()),
                    Confidence::Implied,
                    line,
                    &format!("pip install -r {file}"),
                );
            }
            ["-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links", url] => {
                packages::note_index(notes, url, line, Confidence::Implied);
            }
            _ => {}
        }
    }
    let with_value = [
        "-r",
        "--requirement",
        "-c",
        "--constraint",
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "-e",
        "--editable",
        "-t",
        "--target",
    ];
    for word in values(words, &with_value) {
        let known =
            packages::Requirement::parse(word).filter(|requirement| !word.contains('$') && !requirement.is_tool());
        if known.is_some() && !word.contains('/') {
            packages::note(notes, word, line, Confidence::Implied);
            notes.requirement(word, line);
        }
    }
}

/// The words that are neither options nor the values of those options that take one.
fn values<'w>(words: &'w [&'w str], with_value: &'w [&'w str]) -> impl Iterator<Item = &'w str> {
    let is_value = move |at: usize| at.checked_sub(1).is_some_and(|before| with_value.contains(&words[before]));
    words.iter().enumerate().filter(move |(at, word)| !word.starts_with('-') && !is_value(*at)).map(|(_, word)| *word)
}
