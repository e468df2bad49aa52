//! The first-boot script, and values that may be part of it.

use std::collections::BTreeMap;

use crate::shell_quoted as quoted;

/// A first-boot script that is being written.
#[derive(Default)]
pub(super) struct BootScript {
    /// Lines of shell.
    pub lines: Vec<String>,
    /// Settings that were not copied, with the reason.
    pub notes: Vec<String>,
    /// Variables for `/etc/environment`, which every log-in reads.
    pub variables: BTreeMap<String, String>,
}

impl BootScript {
    /// Appends lines to a file of the machine, which is created if it does not exist.
    pub fn append(&mut self, path: &str, lines: &[String]) {
        let words: Vec<String> = lines.iter().map(|line| quoted(line)).collect();
        self.lines.push(format!("printf '%s\\n' {} >>{}", words.join(" "), quoted(path)));
    }

    /// The script, and the settings that were not copied.
    pub fn finish(mut self) -> (String, Vec<String>) {
        let lines: Vec<String> = self.variables.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        if !lines.is_empty() {
            self.append("/etc/environment", &lines);
        }
        (self.lines.iter().map(|line| format!("{line}\n")).collect(), self.notes)
    }
}

/// Reason why a machine can't use a URL, or must not.
pub(super) fn unusable_url(url: &str) -> Option<&'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some("it contains a user name or password");
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let loopback = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    loopback.then_some("it is an address of this computer that machines can't reach")
}

/// True for a line without characters that `/etc/environment` or a configuration file would interpret.
pub(super) fn is_plain(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || c == '"' || c == '\\')
}
