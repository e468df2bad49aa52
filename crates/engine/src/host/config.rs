//! Configuration for OpenSSH's client to log in to our machines.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::key::HostKey;
use super::target::Target;

/// A value that can't be represented in an OpenSSH configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` of `{machine}` can't be written to an OpenSSH configuration")]
pub struct BadSshConfigEntry {
    /// Name of the machine.
    pub machine: String,
    /// The name, address or path.
    pub text: String,
}

/// A machine of the configuration.
#[derive(Debug, Clone)]
pub struct SshConfigEntry<'a> {
    /// The machine; its name becomes the `Host` pattern.
    pub target: &'a Target,
    /// The file with the private key.
    pub identity: PathBuf,
}

/// Text of an `ssh_config` for machines. Their jump hosts must be among the entries.
///
/// The configuration trusts only the given [`known_hosts`] file and offers only the entry's key. If a machine has a jump
/// host, the path of the configuration file must contain neither spaces nor `%`: OpenSSH passes it on unquoted.
///
/// # Errors
/// A name or address contains a character that would start another word or line.
pub fn ssh_config(entries: &[SshConfigEntry<'_>], known_hosts: &Path) -> Result<String, BadSshConfigEntry> {
    let mut text = String::new();
    for SshConfigEntry { target, identity } in entries {
        let jump = target.jump.as_ref().map(|jump| jump.machine.as_str());
        for word in [target.machine.as_str(), &target.user, &target.address.host].into_iter().chain(jump) {
            check(target, word)?;
        }
        let Target { machine, address, user, .. } = target;
        let lines = [
            format!("HostName {}", address.host),
            format!("Port {}", address.port),
            format!("User {user}"),
            format!("HostKeyAlias {machine}"),
            format!("UserKnownHostsFile {}", file(target, known_hosts)?),
            "GlobalKnownHostsFile /dev/null".to_owned(),
            "StrictHostKeyChecking yes".to_owned(),
            "UpdateHostKeys no".to_owned(),
            format!("IdentityFile {}", file(target, identity)?),
            "IdentitiesOnly yes".to_owned(),
            "PasswordAuthentication no".to_owned(),
            "ServerAliveInterval 15".to_owned(),
            format!("ProxyJump {}", jump.unwrap_or("none")),
        ];
        // Writing to a `String` never fails.
        let _ = writeln!(text, "Host {machine}\n    {}\n", lines.join("\n    "));
    }
    Ok(text)
}

/// Text of a `known_hosts` file: pinned keys by machine name.
pub fn known_hosts<'a>(pins: impl IntoIterator<Item = (&'a str, &'a HostKey)>) -> String {
    pins.into_iter().map(|(machine, key)| format!("{machine} {key}\n")).collect()
}

fn check(target: &Target, word: &str) -> Result<(), BadSshConfigEntry> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:%@".contains(c);
    let good = !word.is_empty() && !word.starts_with('-') && word.chars().all(plain);
    if good { Ok(()) } else { Err(bad(target, word)) }
}

/// A path in double quotes. OpenSSH expands `%`, which can be escaped, and `${…}`, which can't.
fn file(target: &Target, path: &Path) -> Result<String, BadSshConfigEntry> {
    match path.to_str() {
        Some(text) if !text.contains(['"', '\n', '\r', '\\']) && !text.contains("${") => {
            Ok(format!("\"{}\"", text.replace('%', "%%")))
        }
        _ => Err(bad(target, &path.display().to_string())),
    }
}

fn bad(target: &Target, text: &str) -> BadSshConfigEntry {
    BadSshConfigEntry { machine: target.machine.clone(), text: text.to_owned() }
}
