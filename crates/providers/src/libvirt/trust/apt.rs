//! Where this computer gets Debian's packages from.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Told, files_of, plain, text_of, unfit};

/// The release of our image: another release's sources are of no use to it.
const SUITES: [&str; 4] = ["bookworm", "bookworm-updates", "bookworm-security", "bookworm-backports"];

/// Debian's own parts. Somebody else's repository for Debian has others.
const COMPONENTS: [&str; 4] = ["main", "contrib", "non-free", "non-free-firmware"];

/// A source of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    uri: String,
    suite: String,
    components: Vec<String>,
}

/// Debian's sources of this computer as `deb …` lines, where they are for our release.
pub(super) fn sources(root: &Path, notes: &mut Vec<String>) -> Option<String> {
    let mut sources: Vec<Source> =
        text_of(root, "/etc/apt/sources.list").iter().flat_map(|text| listed(text)).collect();
    for (name, text) in files_of(root, "/etc/apt/sources.list.d", &[".list", ".sources"]) {
        sources.extend(if name.ends_with(".list") { listed(&text) } else { stanzas(&text) });
    }
    sources.retain(|source| match unfit(&source.uri) {
        Some(why) => {
            notes.push(format!("a package source in `/etc/apt` is not carried over to machines: {why}"));
            false
        }
        None => true,
    });
    if sources.is_empty() {
        return None;
    }
    let line = |source: &Source| format!("deb {} {} {}\n", source.uri, source.suite, source.components.join(" "));
    Some(sources.iter().map(line).collect())
}

/// Tells a machine of the sources, and of apt's own proxies.
pub(super) fn tell(root: &Path, sources: Option<&str>, told: &mut Told) {
    if let Some(sources) = sources {
        let lines: Vec<String> = sources.lines().map(str::to_owned).collect();
        // A machine may have booted another distribution's image.
        told.lines.push("if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release; then".to_owned());
        told.lines.push("rm -f /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list".to_owned());
        told.append("/etc/apt/sources.list", &lines);
        told.lines.push("fi".to_owned());
    }
    let mut lines = Vec::new();
    for (option, value) in proxies(root) {
        match unfit(&value) {
            None => lines.push(format!("{option} \"{value}\";")),
            Some(why) => told.notes.push(format!("apt's `{option}` is not carried over to machines: {why}")),
        }
    }
    if !lines.is_empty() {
        told.lines.push("mkdir -p /etc/apt/apt.conf.d".to_owned());
        told.append("/etc/apt/apt.conf.d/80hostler-proxy", &lines);
    }
}

/// Debian's, for our release, over a network, and signed by Debian.
fn debian_s(source: &Source, signed_by: Option<&str>) -> bool {
    (source.uri.starts_with("http://") || source.uri.starts_with("https://"))
        && plain(&source.uri)
        && !source.uri.contains(char::is_whitespace)
        && SUITES.contains(&source.suite.as_str())
        && !source.components.is_empty()
        && source.components.iter().all(|component| COMPONENTS.contains(&component.as_str()))
        && signed_by.is_none_or(|key| key.contains("debian-archive-"))
}

/// The one-line format: `deb [options] uri suite components…`.
fn listed(text: &str) -> Vec<Source> {
    let line = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split('#').next()?.split_whitespace().map(str::to_owned);
        let source = Source { uri: words.next()?, suite: words.next()?, components: words.collect() };
        let key = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        debian_s(&source, key).then_some(source)
    };
    text.lines().filter_map(line).collect()
}

/// The format of `.sources` files: fields, in paragraphs.
fn stanzas(text: &str) -> Vec<Source> {
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    kept.split(|line| line.trim().is_empty()).flat_map(stanza).collect()
}

fn stanza(lines: &[&str]) -> Vec<Source> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in lines {
        if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) {
            last = name.to_ascii_lowercase();
            fields.insert(last.clone(), value.trim().to_owned());
        } else if let Some(value) = fields.get_mut(&last) {
            value.push(' ');
            value.push_str(line.trim());
        }
    }
    let words =
        |name: &str| fields.get(name).map(|text| text.split_whitespace().collect::<Vec<_>>()).unwrap_or_default();
    if !words("types").contains(&"deb") || fields.get("enabled").is_some_and(|it| it == "no") {
        return Vec::new();
    }
    let components: Vec<String> = words("components").into_iter().map(str::to_owned).collect();
    let key = fields.get("signed-by").map(String::as_str);
    let pairs = words("uris").into_iter().flat_map(|uri| words("suites").into_iter().map(move |suite| (uri, suite)));
    let source = |(uri, suite): (&str, &str)| Source {
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        components: components.clone(),
    };
    pairs.map(source).filter(|source| debian_s(source, key)).collect()
}

/// `Acquire::http::Proxy "…";` and its like, in the one-line form that people write.
fn proxies(root: &Path) -> Vec<(&'static str, String)> {
    let mut texts: Vec<String> = text_of(root, "/etc/apt/apt.conf").into_iter().collect();
    texts.extend(files_of(root, "/etc/apt/apt.conf.d", &[]).into_iter().map(|(_, text)| text));
    let option = |line: &str| {
        let (name, rest) = line.trim().split_once(char::is_whitespace)?;
        let known = ["Acquire::http::Proxy", "Acquire::https::Proxy"];
        let name = known.into_iter().find(|it| it.eq_ignore_ascii_case(name))?;
        let value = rest.trim().trim_end_matches(';').trim().trim_matches('"');
        (plain(value) && !value.is_empty() && value != "DIRECT" && value != "false").then(|| (name, value.to_owned()))
    };
    texts.iter().flat_map(|text| text.lines()).filter_map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        let one =
            listed("deb [arch=amd64] http://m/debian bookworm main # near\ndeb http://m/debian bookworm-updates main");
        let other = stanzas(
            "# comment\nTypes: deb deb-src\nURIs: http://m/debian\nSuites: bookworm\n bookworm-updates\n\
                             Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
        );
        assert_eq!(one, other);
        assert_eq!(one.len(), 2);
    }

    #[test]
    fn what_is_off_is_off() {
        assert_eq!(stanzas("Types: deb\nEnabled: no\nURIs: http://m/debian\nSuites: bookworm\nComponents: main\n"), []);
        assert_eq!(listed("# deb http://m/debian bookworm main\ndeb-src http://m/debian bookworm main"), []);
    }
}
