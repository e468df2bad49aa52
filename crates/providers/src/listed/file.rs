//! Parsing of a host list: lines `user@host:port`, or TOML with more details.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use hostler_core::offer::{Facts, GpuFacts};
use hostler_core::ports::Address;
use hostler_core::size::Bytes;
use serde::Deserialize;

/// A host of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedHost {
    /// Its name; by default its host name or IP address.
    pub name: String,
    /// Address of its SSH server.
    pub address: Address,
    /// The user to log in as.
    pub user: String,
    /// The private key to log in with, on this computer.
    pub key: Option<PathBuf>,
    /// Its hardware, as far as listed.
    pub facts: Facts,
    /// Its operating system, as listed: a name such as `debian-12`.
    pub image: String,
}

/// Values for hosts whose entries do not set them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDefaults {
    /// The user to log in as.
    pub user: String,
    /// The private key to log in with.
    pub key: Option<PathBuf>,
    /// The directory that `~` stands for in the path of a key.
    pub home: Option<PathBuf>,
}

/// An error in a host list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadHostList {
    /// Number of the line, from 1.
    pub line: usize,
    /// Description of the error.
    pub what: String,
}

/// Parses a list: TOML if the file's name ends in `.toml`, else lines.
pub fn parse_host_list(file: &Path, text: &str, defaults: &HostDefaults) -> Result<Vec<ListedHost>, BadHostList> {
    let hosts = if file.extension().is_some_and(|ending| ending == "toml") {
        parse_toml(text, defaults)?
    } else {
        parse_lines(text, defaults)?
    };
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for (line, host) in &hosts {
        if !names.insert(host.name.as_str()) {
            return Err(bad(*line, format!("a second host is named `{}`", host.name)));
        }
        if !addresses.insert(host.address.to_string()) {
            return Err(bad(*line, format!("`{}` is listed twice", host.address)));
        }
    }
    if hosts.is_empty() {
        return Err(bad(1, "the list contains no host"));
    }
    // A relative path of a key is relative to the list, not to the current directory.
    let resolve = |key: PathBuf| file.parent().map_or(key.clone(), |directory| directory.join(&key));
    let resolved = |(_, host): (usize, ListedHost)| ListedHost { key: host.key.map(resolve), ..host };
    Ok(hosts.into_iter().map(resolved).collect())
}

/// Parses lines `[user@]host[:port] [name]`; `#` starts a comment.
fn parse_lines(text: &str, defaults: &HostDefaults) -> Result<Vec<(usize, ListedHost)>, BadHostList> {
    let mut hosts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next() else { continue };
        let entry = ListEntry { name: words.next().map(str::to_owned), ..ListEntry::at(address) };
        if let Some(more) = words.next() {
            return Err(bad(number, format!("unexpected `{more}`: a line is `user@host:port name`")));
        }
        hosts.push((number, entry.host(defaults).map_err(|what| bad(number, what))?));
    }
    Ok(hosts)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    user: Option<String>,
    key: Option<PathBuf>,
    #[serde(default)]
    host: Vec<toml::Spanned<ListEntry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ListEntry {
    address: String,
    name: Option<String>,
    user: Option<String>,
    port: Option<u16>,
    key: Option<PathBuf>,
    cpus: Option<u32>,
    memory: Option<String>,
    disk: Option<String>,
    arch: Option<String>,
    gpus: Vec<Gpu>,
    image: Option<String>,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gpu {
    model: String,
    memory: Option<String>,
    #[serde(default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

/// Larger counts are taken for a mistake: no host has more GPUs of one model.
const MAX_GPUS: usize = 64;

fn parse_toml(text: &str, defaults: &HostDefaults) -> Result<Vec<(usize, ListedHost)>, BadHostList> {
    let line_at = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        bad(error.span().map_or(1, |span| line_at(span.start)), error.message().trim().replace('\n', " "))
    })?;
    let user = file.user.unwrap_or_else(|| defaults.user.clone());
    let defaults = HostDefaults { user, key: file.key.or_else(|| defaults.key.clone()), home: defaults.home.clone() };
    let host = |entry: toml::Spanned<ListEntry>| {
        let line = line_at(entry.span().start);
        Ok((line, entry.into_inner().host(&defaults).map_err(|what| bad(line, what))?))
    };
    file.host.into_iter().map(host).collect()
}

impl ListEntry {
    fn at(address: &str) -> Self {
        Self { address: address.to_owned(), ..Self::default() }
    }

    fn host(self, defaults: &HostDefaults) -> Result<ListedHost, String> {
        let (user, address) = parse_address(&self.address)?;
        let user = self.user.or(user).unwrap_or_else(|| defaults.user.clone());
        let name = self.name.unwrap_or_else(|| address.host.clone());
        check("name", &name)?;
        check("user", &user)?;
        let address = Address { port: self.port.unwrap_or(address.port), ..address };
        let key = self.key.or_else(|| defaults.key.clone()).map(|key| at_home(key, defaults.home.as_deref()));
        let mut gpus = Vec::new();
        for gpu in self.gpus {
            let memory = gpu.memory.as_deref().map(size).transpose()?;
            if gpu.count > MAX_GPUS {
                return Err(format!(
                    "{} GPUs of one model are more than the {MAX_GPUS} that a host can have",
                    gpu.count
                ));
            }
            gpus.extend((0..gpu.count).map(|_| GpuFacts { model: gpu.model.clone(), memory }));
        }
        let facts = Facts {
            cpus: self.cpus,
            memory: self.memory.as_deref().map(size).transpose()?,
            disk: self.disk.as_deref().map(size).transpose()?,
            arch: self.arch,
            gpus,
            labels: self.labels,
            emulated: None,
        };
        Ok(ListedHost { name, address, user, key, facts, image: self.image.unwrap_or_else(|| "installed".to_owned()) })
    }
}

/// Parses `[user@]host[:port]`. An IPv6 address with a port is written in brackets.
fn parse_address(text: &str) -> Result<(Option<String>, Address), String> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, port.strip_prefix(':').or(Some(""))),
        None if rest.matches(':').count() > 1 => (rest, None),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None => 22,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{port}` is not a port"))?,
    };
    check("host", host)?;
    Ok((user, Address { host: host.to_owned(), port }))
}

/// Accepts text that is safe as a file name, as a command's argument, and in OpenSSH's configuration.
fn check(what: &str, text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let good = !text.is_empty() && !text.starts_with(['-', '.']) && text.len() <= 253 && text.chars().all(plain);
    if good { Ok(()) } else { Err(format!("`{text}` is not a {what}: use letters, digits, `-`, `_` and `.`")) }
}

fn size(text: &str) -> Result<Bytes, String> {
    text.parse().map_err(|error: <Bytes as std::str::FromStr>::Err| error.to_string())
}

fn at_home(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

fn bad(line: usize, what: impl fmt::Display) -> BadHostList {
    BadHostList { line, what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> HostDefaults {
        HostDefaults { user: "me".to_owned(), key: None, home: Some(PathBuf::from("/home/me")) }
    }

    fn lines(text: &str) -> Result<Vec<String>, String> {
        let hosts = parse_host_list(Path::new("hosts"), text, &defaults()).map_err(|error| error.to_string())?;
        Ok(hosts.iter().map(|host| format!("{} {}@{}", host.name, host.user, host.address)).collect())
    }

    #[test]
    fn lines_are_parsed_with_defaults() {
        let text = "# our lab\n\n10.0.0.1\nroot@n2.lab:2222  two # the loud one\n[fe80::1]:23\nfe80::2\n";
        let expected = ["10.0.0.1 me@10.0.0.1", "two root@n2.lab:2222", "fe80::1 me@fe80::1:23", "fe80::2 me@fe80::2"];
        assert_eq!(lines(text).unwrap(), expected);
    }

    #[test]
    fn errors_name_their_line() {
        for (text, expected) in [
            ("", "line 1: the list contains no host"),
            ("a\n\na\n", "line 3: a second host is named `a`"),
            ("a:22 x\nroot@a y\n", "line 2: `a` is listed twice"),
            ("a:ssh", "line 1: `ssh` is not a port"),
            ("a:0", "line 1: `0` is not a port"),
            ("[::1]x", "line 1: `` is not a port"),
            ("-oProxyCommand=x", "line 1: `-oProxyCommand=x` is not a host: use letters, digits, `-`, `_` and `.`"),
            ("a ../b", "line 1: `../b` is not a name: use letters, digits, `-`, `_` and `.`"),
            ("a b c", "line 1: unexpected `c`: a line is `user@host:port name`"),
        ] {
            assert_eq!(lines(text).unwrap_err(), expected, "{text:?}");
        }
    }

    #[test]
    fn toml_is_parsed_with_hardware_and_keys() {
        let text = r#"
user = "ubuntu"
key = "~/.ssh/lab"

[[host]]
address = "10.0.0.1"
name = "n1"
cpus = 32
memory = "128 GiB"
gpus = [{ model = "A100", memory = "40 GiB", count = 2 }]
labels = { rack = "7" }

[[host]]
address = "root@10.0.0.2:2222"
key = "/keys/other"
"#;
        let hosts = parse_host_list(Path::new("h.toml"), text, &defaults()).unwrap();
        let (first, second) = (&hosts[0], &hosts[1]);
        assert_eq!((first.user.as_str(), first.key.as_deref()), ("ubuntu", Some(Path::new("/home/me/.ssh/lab"))));
        assert_eq!(
            (first.facts.cpus, first.facts.memory, first.facts.gpus.len()),
            (Some(32), Some(Bytes::gib(128)), 2)
        );
        assert_eq!((second.name.as_str(), second.user.as_str(), second.address.port), ("10.0.0.2", "root", 2222));
        assert_eq!(second.key.as_deref(), Some(Path::new("/keys/other")));
    }

    #[test]
    fn unknown_toml_key_is_reported() {
        let error =
            parse_host_list(Path::new("h.toml"), "[[host]]\naddress = \"a\"\ncpu = 3\n", &defaults()).unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.what.contains("unknown field `cpu`"), "{error}");
    }
}
