//! A list of hosts in a file: lines `user@host:port`, or TOML where more is to be said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use hostler_core::offer::{Facts, GpuFacts};
use hostler_core::ports::Address;
use hostler_core::size::Bytes;
use serde::Deserialize;

/// A host that somebody listed.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedHost {
    /// Its name in the list; its address where it is given none.
    pub name: String,
    /// Where its SSH server listens.
    pub address: Address,
    /// Whom to log in as.
    pub user: String,
    /// The private key on this computer that lets us in.
    pub key: Option<PathBuf>,
    /// What it has, as listed. What is not listed is zero, which serves no demand that asks for it.
    pub facts: Facts,
    /// What runs on it, as listed: a name like `debian-12`.
    pub image: String,
}

/// What holds for hosts of which the list doesn't say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Whom to log in as.
    pub user: String,
    /// The key to log in with.
    pub key: Option<PathBuf>,
    /// What `~` means in the path of a key.
    pub home: Option<PathBuf>,
}

/// Why a list can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadList {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a list: TOML where the file's name ends so, else lines.
pub fn read_list(file: &Path, text: &str, defaults: &Defaults) -> Result<Vec<ListedHost>, BadList> {
    let hosts = if file.extension().is_some_and(|ending| ending == "toml") {
        in_toml(text, defaults)?
    } else {
        in_lines(text, defaults)?
    };
    let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
    for (line, host) in &hosts {
        if !names.insert(host.name.as_str()) {
            return Err(bad(*line, format!("there are two hosts `{}`", host.name)));
        }
        if !places.insert(host.address.to_string()) {
            return Err(bad(*line, format!("`{}` is listed twice", host.address)));
        }
    }
    if hosts.is_empty() {
        return Err(bad(1, "no host is listed"));
    }
    // A key that the list names lies beside it, wherever hostler is called.
    let beside = |key: PathBuf| file.parent().map_or(key.clone(), |directory| directory.join(&key));
    let placed = |(_, host): (usize, ListedHost)| ListedHost { key: host.key.map(beside), ..host };
    Ok(hosts.into_iter().map(placed).collect())
}

/// `[user@]host[:port] [name]`, one a line; `#` begins a comment.
fn in_lines(text: &str, defaults: &Defaults) -> Result<Vec<(usize, ListedHost)>, BadList> {
    let mut hosts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(place) = words.next() else { continue };
        let entry = Entry { name: words.next().map(str::to_owned), ..Entry::at(place) };
        if let Some(more) = words.next() {
            return Err(bad(number, format!("`{more}` is one word too many: write `user@host:port name`")));
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
    host: Vec<toml::Spanned<Entry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
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

/// More of them are in no host.
const MOST_GPUS: usize = 64;

fn in_toml(text: &str, defaults: &Defaults) -> Result<Vec<(usize, ListedHost)>, BadList> {
    let line_at = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        bad(error.span().map_or(1, |span| line_at(span.start)), error.message().trim().replace('\n', " "))
    })?;
    let user = file.user.unwrap_or_else(|| defaults.user.clone());
    let defaults = Defaults { user, key: file.key.or_else(|| defaults.key.clone()), home: defaults.home.clone() };
    let host = |entry: toml::Spanned<Entry>| {
        let line = line_at(entry.span().start);
        Ok((line, entry.into_inner().host(&defaults).map_err(|what| bad(line, what))?))
    };
    file.host.into_iter().map(host).collect()
}

impl Entry {
    fn at(address: &str) -> Self {
        Self { address: address.to_owned(), ..Self::default() }
    }

    fn host(self, defaults: &Defaults) -> Result<ListedHost, String> {
        let (user, address) = place(&self.address)?;
        let user = self.user.or(user).unwrap_or_else(|| defaults.user.clone());
        let name = self.name.unwrap_or_else(|| address.host.clone());
        check("name", &name)?;
        check("user", &user)?;
        let address = Address { port: self.port.unwrap_or(address.port), ..address };
        let key = self.key.or_else(|| defaults.key.clone()).map(|key| at_home(key, defaults.home.as_deref()));
        let mut gpus = Vec::new();
        for gpu in self.gpus {
            let memory = gpu.memory.as_deref().map(size).transpose()?;
            if gpu.count > MOST_GPUS {
                return Err(format!("{} accelerators of a kind are more than a host has", gpu.count));
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
        };
        Ok(ListedHost { name, address, user, key, facts, image: self.image.unwrap_or_else(|| "as-it-is".to_owned()) })
    }
}

/// `[user@]host[:port]`; an IPv6 address stands in brackets where a port follows.
fn place(text: &str) -> Result<(Option<String>, Address), String> {
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
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{port}` is no port"))?,
    };
    check("host", host)?;
    Ok((user, Address { host: host.to_owned(), port }))
}

/// Safe as a file's name, as an argument, and in OpenSSH's configuration.
fn check(what: &str, text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let good = !text.is_empty() && !text.starts_with(['-', '.']) && text.len() <= 253 && text.chars().all(plain);
    if good { Ok(()) } else { Err(format!("`{text}` is no {what}: use letters, digits, `-`, `_` and `.`")) }
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

fn bad(line: usize, what: impl fmt::Display) -> BadList {
    BadList { line, what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults { user: "me".to_owned(), key: None, home: Some(PathBuf::from("/home/me")) }
    }

    fn lines(text: &str) -> Result<Vec<String>, String> {
        let hosts = read_list(Path::new("hosts"), text, &defaults()).map_err(|error| error.to_string())?;
        Ok(hosts.iter().map(|host| format!("{} {}@{}", host.name, host.user, host.address)).collect())
    }

    #[test]
    fn lines_say_where_hosts_are() {
        let text = "# our lab\n\n10.0.0.1\nroot@n2.lab:2222  two # the loud one\n[fe80::1]:23\nfe80::2\n";
        let expected = ["10.0.0.1 me@10.0.0.1", "two root@n2.lab:2222", "fe80::1 me@fe80::1:23", "fe80::2 me@fe80::2"];
        assert_eq!(lines(text).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("", "line 1: no host is listed"),
            ("a\n\na\n", "line 3: there are two hosts `a`"),
            ("a:22 x\nroot@a y\n", "line 2: `a` is listed twice"),
            ("a:ssh", "line 1: `ssh` is no port"),
            ("a:0", "line 1: `0` is no port"),
            ("[::1]x", "line 1: `` is no port"),
            ("-oProxyCommand=x", "line 1: `-oProxyCommand=x` is no host: use letters, digits, `-`, `_` and `.`"),
            ("a ../b", "line 1: `../b` is no name: use letters, digits, `-`, `_` and `.`"),
            ("a b c", "line 1: `c` is one word too many: write `user@host:port name`"),
        ] {
            assert_eq!(lines(text).unwrap_err(), expected, "{text:?}");
        }
    }

    #[test]
    fn toml_says_more() {
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
        let hosts = read_list(Path::new("h.toml"), text, &defaults()).unwrap();
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
    fn a_misspelt_key_in_toml_is_named() {
        let error = read_list(Path::new("h.toml"), "[[host]]\naddress = \"a\"\ncpu = 3\n", &defaults()).unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.what.contains("unknown field `cpu`"), "{error}");
    }
}
