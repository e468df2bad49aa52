//! What this computer trusts, carried over to its machines: certificates, proxies, package mirrors.
//!
//! Behind a company's proxy a machine reaches nothing unless it knows what its host knows. Only what differs from the
//! defaults is carried over, and nothing secret: an address with a user name or password in it stays here.

mod apt;
mod certificates;
mod pip;

use std::collections::BTreeMap;
use std::path::Path;

use crate::shell::quoted;

/// What machines are to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// The part of a first-boot script that tells them, for a shell that runs as root. Empty where there is nothing.
    pub script: String,
    /// Debian's package sources as this computer has them, to build an image from: one `deb …` line each.
    pub apt_sources: Option<String>,
    /// What was not carried over, and why: for the user's eyes.
    pub notes: Vec<String>,
}

/// Reads what this computer trusts. `root` is where its file system begins: `/`, but for tests.
///
/// What can't be read counts as not there: a machine without it is better than none.
pub fn read(environment: &BTreeMap<String, String>, root: &Path) -> Trust {
    let mut told = Told::default();
    let apt_sources = apt::sources(root, &mut told.notes);
    certificates::tell(environment, root, &mut told);
    proxies(environment, &mut told);
    apt::tell(root, apt_sources.as_deref(), &mut told);
    pip::tell(environment, root, &mut told);
    told.finish(apt_sources)
}

/// The lines of the script, while they are gathered.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    notes: Vec<String>,
    /// For `/etc/environment`, which every login reads.
    variables: BTreeMap<String, String>,
}

impl Told {
    /// Lines at the end of a file of the machine, which is made where it isn't there.
    fn append(&mut self, path: &str, lines: &[String]) {
        let words: Vec<String> = lines.iter().map(|line| quoted(line)).collect();
        self.lines.push(format!("printf '%s\\n' {} >>{}", words.join(" "), quoted(path)));
    }

    fn finish(mut self, apt_sources: Option<String>) -> Trust {
        let lines: Vec<String> = self.variables.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        if !lines.is_empty() {
            self.append("/etc/environment", &lines);
        }
        let script = self.lines.iter().map(|line| format!("{line}\n")).collect();
        Trust { script, apt_sources, notes: self.notes }
    }
}

/// The variables that programs take proxies from. Some read only one spelling, so both are given.
fn proxies(environment: &BTreeMap<String, String>, told: &mut Told) {
    for name in ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"] {
        let loud = name.to_uppercase();
        let Some(value) = environment.get(name).or_else(|| environment.get(&loud)) else { continue };
        let refusal = if name == "no_proxy" { None } else { unfit(value) };
        match refusal {
            None if plain(value) && !value.is_empty() => {
                told.variables.insert(name.to_owned(), value.clone());
                told.variables.insert(loud, value.clone());
            }
            None => {}
            Some(why) => told.notes.push(format!("`{name}` is not carried over to machines: {why}")),
        }
    }
}

/// Why an address must not or can't be used by a machine.
fn unfit(url: &str) -> Option<&'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some("it has a password in it");
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let own = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    own.then_some("it points to this computer itself, which is another one for a machine")
}

/// One line, without what `/etc/environment` or a configuration file would read as more than text.
fn plain(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || c == '"' || c == '\\')
}

fn text_of(root: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(root.join(path.trim_start_matches('/'))).ok()
}

/// The files of a folder with one of these endings, in the order of their names: names and content.
fn files_of(root: &Path, folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let folder = root.join(folder.trim_start_matches('/'));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<(String, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let wanted = endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending));
            wanted.then(|| std::fs::read_to_string(entry.path()).ok().map(|text| (name, text))).flatten()
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A computer with these files and variables.
    fn computer(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Trust {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        read(&variables, root.path())
    }

    const CERTIFICATE: &str = "junk\n-----BEGIN CERTIFICATE-----\nMIIB\nAA==\n-----END CERTIFICATE-----\ntrailing\n";

    #[test]
    fn a_plain_computer_has_nothing_to_tell_but_where_packages_come_from() {
        let sources = "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\n\
                       Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
        assert_eq!(computer(&[], &[("HOME", "/root")]).script, "");
        let trust = computer(&[("etc/apt/sources.list.d/debian.sources", sources)], &[("HOME", "/root")]);
        let listed =
            "deb http://mirror.test/debian bookworm main\ndeb http://mirror.test/debian bookworm-updates main\n";
        assert_eq!(trust.apt_sources.as_deref(), Some(listed));
        assert_eq!(trust.notes, Vec::<String>::new());
    }

    #[test]
    fn a_company_s_computer() {
        let trust = computer(
            &[
                ("usr/local/share/ca-certificates/our ca.crt", CERTIFICATE),
                ("etc/apt/apt.conf.d/80proxy", "Acquire::http::Proxy \"http://proxy.corp:3128\";\n"),
                ("etc/apt/sources.list", "deb https://mirror.corp/debian bookworm main contrib\n"),
                ("etc/pip.conf", "[global]\nindex-url = https://packages.corp/simple\ntimeout = 60\n"),
            ],
            &[("https_proxy", "http://proxy.corp:3128"), ("NO_PROXY", "localhost,.corp")],
        );
        insta::assert_snapshot!(trust.script);
        assert_eq!(trust.apt_sources.as_deref(), Some("deb https://mirror.corp/debian bookworm main contrib\n"));
    }

    #[test]
    fn nothing_secret_leaves_the_computer() {
        let trust = computer(
            &[
                ("etc/apt/sources.list", "deb https://me:sesame@mirror.corp/debian bookworm main\n"),
                ("etc/apt/apt.conf", "Acquire::https::Proxy \"http://me:sesame@proxy.corp\";\n"),
                ("etc/pip.conf", "[global]\nextra-index-url = https://me:sesame@packages.corp/simple\n"),
            ],
            &[("http_proxy", "http://me:sesame@proxy.corp:3128"), ("PIP_INDEX_URL", "https://a:sesame@b/simple")],
        );
        let all = format!("{trust:?}");
        assert!(!all.contains("sesame"), "{all}");
        assert_eq!(trust.notes.len(), 5, "{:?}", trust.notes);
    }

    #[test]
    fn values_stay_values() {
        let trust = computer(&[], &[("http_proxy", "http://x'; rm -rf /; '"), ("https_proxy", "http://x\"\nFOO=1")]);
        assert_eq!(
            trust.script,
            "printf '%s\\n' 'HTTP_PROXY=\"http://x'\\''; rm -rf /; '\\''\"' 'http_proxy=\"http://x'\\''; rm -rf /; \
             '\\''\"' >>'/etc/environment'\n"
        );
    }

    #[test]
    fn a_proxy_on_this_computer_is_out_of_a_machine_s_reach() {
        let trust = computer(&[], &[("http_proxy", "http://127.0.0.1:3128"), ("https_proxy", "localhost:1")]);
        assert_eq!((trust.script.as_str(), trust.notes.len()), ("", 2));
    }

    #[test]
    fn others_packages_are_not_debian_s() {
        let docker = "deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.gpg] https://download.docker.com/linux/debian bookworm stable\n";
        let other = "deb https://mirror.corp/debian trixie main\n# deb https://off.corp/debian bookworm main\n\
                     deb cdrom:[Debian]/ bookworm main\ndeb file:/srv/debian bookworm main\n";
        let trust = computer(&[("etc/apt/sources.list.d/docker.list", docker), ("etc/apt/sources.list", other)], &[]);
        assert_eq!((trust.apt_sources, trust.script.as_str()), (None, ""));
    }

    #[test]
    fn a_bundle_adds_only_what_a_machine_lacks() {
        let known = "-----BEGIN CERTIFICATE-----\nKNOWN\n-----END CERTIFICATE-----\n";
        let trust = computer(
            &[("etc/ssl/certs/ca-certificates.crt", known), ("opt/bundle.pem", &format!("{known}{CERTIFICATE}"))],
            &[("SSL_CERT_FILE", "/opt/bundle.pem")],
        );
        assert!(trust.script.contains("MIIB") && !trust.script.contains("KNOWN"), "{}", trust.script);
    }
}
