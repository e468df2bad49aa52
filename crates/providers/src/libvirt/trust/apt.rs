//! Package sources and proxies of apt.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::{files_of, text_of};
use super::script::{BootScript, is_plain, unusable_url};

/// Suites of the release that images are built from. Sources of other releases are of no use to them.
const SUITES: [&str; 4] = ["bookworm", "bookworm-updates", "bookworm-security", "bookworm-backports"];

/// Components of Debian. Repositories of other publishers have others.
const COMPONENTS: [&str; 4] = ["main", "contrib", "non-free", "non-free-firmware"];

/// A package source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AptSource {
    uri: String,
    suite: String,
    components: Vec<String>,
}

/// Debian sources of this computer for the release of our images, as `deb …` lines. `None` if there are none.
pub(super) fn sources(root: &Path, notes: &mut Vec<String>) -> Option<String> {
    let mut sources: Vec<AptSource> =
        text_of(root, "/etc/apt/sources.list").iter().flat_map(|text| one_line(text)).collect();
    for (name, text) in files_of(root, "/etc/apt/sources.list.d", &[".list", ".sources"]) {
        sources.extend(if name.ends_with(".list") { one_line(&text) } else { stanzas(&text) });
    }
    sources.retain(|source| match unusable_url(&source.uri) {
        Some(problem) => {
            notes.push(format!("a package source in `/etc/apt` is not copied to machines: {problem}"));
            false
        }
        None => true,
    });
    if sources.is_empty() {
        return None;
    }
    let line = |source: &AptSource| format!("deb {} {} {}\n", source.uri, source.suite, source.components.join(" "));
    Some(sources.iter().map(line).collect())
}

/// Adds the sources and apt's own proxies.
pub(super) fn add(root: &Path, sources: Option<&str>, script: &mut BootScript) {
    if let Some(sources) = sources {
        let lines: Vec<String> = sources.lines().map(str::to_owned).collect();
        // The machine's image may be of another distribution.
        script.lines.push("if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release; then".to_owned());
        script.lines.push("rm -f /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list".to_owned());
        script.append("/etc/apt/sources.list", &lines);
        script.lines.push("fi".to_owned());
    }
    let mut lines = Vec::new();
    for (option, value) in proxies(root) {
        match unusable_url(&value) {
            None => lines.push(format!("{option} \"{value}\";")),
            Some(problem) => script.notes.push(format!("apt's `{option}` is not copied to machines: {problem}")),
        }
    }
    if !lines.is_empty() {
        script.lines.push("mkdir -p /etc/apt/apt.conf.d".to_owned());
        script.append("/etc/apt/apt.conf.d/80hostler-proxy", &lines);
    }
}

/// True for a source of Debian itself, for the release of our images, over HTTP, with Debian's signature.
fn is_debian(source: &AptSource, signed_by: Option<&str>) -> bool {
    (source.uri.starts_with("http://") || source.uri.starts_with("https://"))
        && is_plain(&source.uri)
        && !source.uri.contains(char::is_whitespace)
        && SUITES.contains(&source.suite.as_str())
        && !source.components.is_empty()
        && source.components.iter().all(|component| COMPONENTS.contains(&component.as_str()))
        && signed_by.is_none_or(|key| key.contains("debian-archive-"))
}

/// Sources in the one-line format: `deb [options] uri suite components…`.
fn one_line(text: &str) -> Vec<AptSource> {
    let line = |line: &str| {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split('#').next()?.split_whitespace().map(str::to_owned);
        let source = AptSource { uri: words.next()?, suite: words.next()?, components: words.collect() };
        let key = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        is_debian(&source, key).then_some(source)
    };
    text.lines().filter_map(line).collect()
}

/// Sources in the format of `.sources` files: paragraphs of fields.
fn stanzas(text: &str) -> Vec<AptSource> {
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    kept.split(|line| line.trim().is_empty()).flat_map(stanza).collect()
}

fn stanza(lines: &[&str]) -> Vec<AptSource> {
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
    let source = |(uri, suite): (&str, &str)| AptSource {
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        components: components.clone(),
    };
    pairs.map(source).filter(|source| is_debian(source, key)).collect()
}

/// Options `Acquire::http::Proxy "…";` and `Acquire::https::Proxy`, if written in one line, with their values.
fn proxies(root: &Path) -> Vec<(&'static str, String)> {
    let mut texts: Vec<String> = text_of(root, "/etc/apt/apt.conf").into_iter().collect();
    texts.extend(files_of(root, "/etc/apt/apt.conf.d", &[]).into_iter().map(|(_, text)| text));
    let option = |line: &str| {
        let (name, rest) = line.trim().split_once(char::is_whitespace)?;
        let known = ["Acquire::http::Proxy", "Acquire::https::Proxy"];
        let name = known.into_iter().find(|it| it.eq_ignore_ascii_case(name))?;
        let value = rest.trim().trim_end_matches(';').trim().trim_matches('"');
        (is_plain(value) && !value.is_empty() && value != "DIRECT" && value != "false")
            .then(|| (name, value.to_owned()))
    };
    texts.iter().flat_map(|text| text.lines()).filter_map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read_alike() {
        let one = one_line(
            "deb [arch=amd64] http://m/debian bookworm main # near\ndeb http://m/debian bookworm-updates main",
        );
        let other = stanzas(
            "# comment\nTypes: deb deb-src\nURIs: http://m/debian\nSuites: bookworm\n bookworm-updates\n\
                             Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
        );
        assert_eq!(one, other);
        assert_eq!(one.len(), 2);
    }

    #[test]
    fn disabled_sources_are_skipped() {
        assert_eq!(stanzas("Types: deb\nEnabled: no\nURIs: http://m/debian\nSuites: bookworm\nComponents: main\n"), []);
        assert_eq!(one_line("# deb http://m/debian bookworm main\ndeb-src http://m/debian bookworm main"), []);
    }
}
