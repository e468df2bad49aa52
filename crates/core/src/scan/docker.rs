//! Dockerfiles: the final stage and the stages it is built from.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use super::{packages, python_version};

/// Records findings of a Dockerfile. Only the final stage runs, so a GPU in another stage is a guess.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    let stages = stages(text);
    let last = stages.len().checked_sub(1);
    let chain: BTreeSet<usize> = std::iter::successors(last, |at| stages[*at].parent).collect();
    for (at, stage) in stages.iter().enumerate().filter(|(_, stage)| stage.parent.is_none()) {
        let runs = chain.contains(&at);
        note_image(findings, &stage.image, stage.line, if runs { Confidence::Implied } else { Confidence::Guessed });
        if runs {
            findings.add(ScanFact::BaseImage(stage.image.clone()), Confidence::Stated, stage.line, &stage.image);
            note_python_image(findings, &stage.image, stage.line);
        }
    }
    let mut third_party = false;
    for (line, script) in chain.iter().flat_map(|at| &stages[*at].runs) {
        scan_run(findings, script, *line, &mut third_party);
    }
}

/// Records a GPU if the image needs one.
pub(super) fn note_image(findings: &mut FileFindings<'_>, image: &str, line: u32, most: Confidence) {
    let (name, tag) = name_and_tag(image);
    let cuda = if name.ends_with("nvidia/cuda") { leading_version(tag) } else { cuda_in_tag(tag) };
    let nvidia = name.ends_with("nvidia/cuda") || name.starts_with("nvcr.io/nvidia/");
    if nvidia || cuda.is_some() || tag.split('-').any(|word| word == "gpu") {
        packages::note_gpu(findings, cuda, most, line, image);
    }
}

/// Records the Python version of an official Python image or development container.
pub(super) fn note_python_image(findings: &mut FileFindings<'_>, image: &str, line: u32) {
    let (name, tag) = name_and_tag(image);
    let is_python = name == "python" || name.ends_with("/python");
    if let Some(version) = tag.split('-').find(|word| is_python && word.starts_with("3.")) {
        python_version::note(findings, version, line, Confidence::Implied);
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
struct BuildStage {
    line: u32,
    image: String,
    /// Index of the earlier stage that serves as base image.
    parent: Option<usize>,
    /// Scripts of `RUN` instructions with their lines.
    runs: Vec<(u32, String)>,
}

fn stages(text: &str) -> Vec<BuildStage> {
    let mut arguments: BTreeMap<String, String> = BTreeMap::new();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let mut stages: Vec<BuildStage> = Vec::new();
    for (line, keyword, rest) in instructions(text) {
        match (keyword.as_str(), stages.last_mut()) {
            ("FROM", _) => {
                let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
                let image = substitute(words.next().unwrap_or_default(), &arguments);
                let parent = named.get(&image.to_ascii_lowercase()).copied();
                if words.next().is_some_and(|word| word.eq_ignore_ascii_case("as")) {
                    named.insert(words.next().unwrap_or_default().to_ascii_lowercase(), stages.len());
                }
                stages.push(BuildStage { line, image, parent, runs: Vec::new() });
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

/// Instructions with continuation lines joined and comments removed, each with its first line.
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

/// Records packages that a `RUN` installs with apt and pip. After a third-party package source was added, Debian
/// itself may not have a package of that name.
fn scan_run(findings: &mut FileFindings<'_>, script: &str, line: u32, third_party: &mut bool) {
    *third_party |= script.contains("add-apt-repository") || script.contains("sources.list");
    for command in script.split(['&', ';', '|', '\n']) {
        // Skip variable assignments, options of `RUN`, and `sudo`.
        let comes_before = |word: &&str| word.contains('=') || *word == "sudo";
        let words: Vec<&str> = command.split_whitespace().map(unquoted).skip_while(comes_before).collect();
        let Some(install) = words.iter().position(|word| *word == "install") else { continue };
        match &words[..install] {
            ["apt-get" | "apt", ..] => note_debian(findings, &words[install + 1..], line, *third_party),
            ["pip" | "pip3", ..] | ["uv", "pip", ..] | ["python" | "python3", "-m", "pip", ..] => {
                note_pip(findings, &words[install + 1..], line);
            }
            _ => {}
        }
    }
}

/// Name prefixes of packages that exist only in NVIDIA's images or in one release of a distribution.
const NOT_EVERYWHERE: [&str; 6] = ["cuda-", "libcudnn", "libnccl", "libnvinfer", "nvidia-", "python3."];

fn note_debian(findings: &mut FileFindings<'_>, words: &[&str], line: u32, third_party: bool) {
    for word in values(words, &["-t", "--target-release", "-o", "--option", "-c"]) {
        let name = word.split(['=', '/', ':']).next().unwrap_or(word);
        if !is_debian_name(name) {
            continue;
        }
        let elsewhere = third_party || NOT_EVERYWHERE.iter().any(|start| name.starts_with(start));
        let confidence = if elsewhere { Confidence::Guessed } else { Confidence::Implied };
        findings.add(ScanFact::SystemPackage(name.to_owned()), confidence, line, &format!("apt-get install {name}"));
    }
}

fn is_debian_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
}

fn note_pip(findings: &mut FileFindings<'_>, words: &[&str], line: u32) {
    for pair in words.windows(2) {
        match pair {
            ["-r" | "--requirement", file] if findings.has_file(file.trim_start_matches("./")) => {
                let file = file.trim_start_matches("./").to_owned();
                findings.add(
                    ScanFact::RequirementFile(file.clone()),
                    Confidence::Implied,
                    line,
                    &format!("pip install -r {file}"),
                );
            }
            ["-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links", url] => {
                packages::note_index(findings, url, line, Confidence::Implied);
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
            packages::PipRequirement::parse(word).filter(|requirement| !word.contains('$') && !requirement.is_tool());
        if known.is_some() && !word.contains('/') {
            packages::note(findings, word, line, Confidence::Implied);
            findings.requirement(word, line);
        }
    }
}

/// Words that are neither options nor values of options.
fn values<'w>(words: &'w [&'w str], with_value: &'w [&'w str]) -> impl Iterator<Item = &'w str> {
    let is_value = move |at: usize| at.checked_sub(1).is_some_and(|before| with_value.contains(&words[before]));
    words.iter().enumerate().filter(move |(at, word)| !word.starts_with('-') && !is_value(*at)).map(|(_, word)| *word)
}
