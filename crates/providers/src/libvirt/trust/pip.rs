//! Package indexes of pip.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::text_of;
use super::script::{BootScript, is_plain, unusable_url};

/// Settings about package indexes. Directories of this computer are of no use to a machine, so `find-links` is not one.
const KEYS: [&str; 4] = ["index-url", "extra-index-url", "trusted-host", "timeout"];

pub(super) fn add(environment: &BTreeMap<String, String>, root: &Path, script: &mut BootScript) {
    let mut settings = settings(environment, root);
    for key in ["index-url", "extra-index-url"] {
        let problem = settings.get(key).and_then(|value| value.split_whitespace().find_map(unusable_url));
        if let Some(problem) = problem {
            script.notes.push(format!("pip's `{key}` is not copied to machines: {problem}"));
            settings.remove(key);
        }
    }
    // pip comes with its own bundle of certificates, and under `sudo` it does not see the variables that override it.
    if let Some(bundle) = script.variables.get("PIP_CERT") {
        settings.insert("cert".to_owned(), bundle.clone());
    }
    if settings.is_empty() {
        return;
    }
    let mut lines = vec!["[global]".to_owned()];
    lines.extend(settings.iter().map(|(key, value)| format!("{key} = {value}")));
    script.append("/etc/pip.conf", &lines);
}

/// Settings in pip's order of precedence: its files, each overriding those before, then its variables.
fn settings(environment: &BTreeMap<String, String>, root: &Path) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let home = environment.get("HOME").map_or("/root", String::as_str);
    for path in ["/etc/pip.conf".to_owned(), format!("{home}/.pip/pip.conf"), format!("{home}/.config/pip/pip.conf")] {
        settings.extend(text_of(root, &path).iter().flat_map(|text| global(text)));
    }
    for key in KEYS {
        let name = format!("PIP_{}", key.to_uppercase().replace('-', "_"));
        if let Some(value) = environment.get(&name).filter(|value| is_plain(value)) {
            settings.insert(key.to_owned(), value.clone());
        }
    }
    settings
}

/// Settings of the section `[global]`. A value may continue on indented lines.
fn global(text: &str) -> Vec<(String, String)> {
    let mut section = "";
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', ';'])) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut().filter(|_| open) {
                *value = format!("{value} {}", line.trim()).trim().to_owned();
            }
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end().trim_end_matches(']');
            open = false;
        } else if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = key.trim().replace('_', "-");
            open = section == "global" && KEYS.contains(&key.as_str());
            if open {
                found.push((key, value.trim().to_owned()));
            }
        }
    }
    found.retain(|(_, value)| is_plain(value) && !value.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_global_section_is_read() {
        let text = "[global]\n# a comment\nindex_url: https://a/simple\nfind-links = /opt/wheels\n    /more\n\
                    extra-index-url =\n    https://b/simple\n    https://c/simple\n[install]\ntimeout = 9\n";
        let expected = [("index-url", "https://a/simple"), ("extra-index-url", "https://b/simple https://c/simple")];
        assert_eq!(global(text), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
