//! Network settings of this computer that its machines inherit: certificates, proxies, package mirrors.
//!
//! Behind a company's proxy a machine reaches nothing without the settings of its host. Only settings that differ from the
//! defaults are copied, and no secrets: a URL with a user name or password is not.

mod apt;
mod certificates;
mod files;
mod pip;
mod script;

use std::collections::BTreeMap;
use std::path::Path;

use script::{BootScript, is_plain, unusable_url};

/// Settings that machines inherit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Part of a first-boot script that applies them, for a shell that runs as root. Empty if there are none.
    pub script: String,
    /// Debian package sources of this computer, to build an image from: one `deb …` line each.
    pub apt_sources: Option<String>,
    /// Settings that were not copied, with the reason, for the user.
    pub notes: Vec<String>,
}

/// Reads the settings of this computer. `root` is its root directory: `/`, except in tests.
///
/// Files that can't be read are skipped: a machine without their settings is better than none.
pub fn read(environment: &BTreeMap<String, String>, root: &Path) -> Trust {
    let mut script = BootScript::default();
    let apt_sources = apt::sources(root, &mut script.notes);
    certificates::add(environment, root, &mut script);
    add_proxies(environment, &mut script);
    apt::add(root, apt_sources.as_deref(), &mut script);
    pip::add(environment, root, &mut script);
    let (script, notes) = script.finish();
    Trust { script, apt_sources, notes }
}

/// Adds the proxy variables, in lower and upper case, as some programs read only one.
fn add_proxies(environment: &BTreeMap<String, String>, script: &mut BootScript) {
    for name in ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"] {
        let upper = name.to_uppercase();
        let Some(value) = environment.get(name).or_else(|| environment.get(&upper)) else { continue };
        let problem = if name == "no_proxy" { None } else { unusable_url(value) };
        match problem {
            None if is_plain(value) && !value.is_empty() => {
                script.variables.insert(name.to_owned(), value.clone());
                script.variables.insert(upper, value.clone());
            }
            None => {}
            Some(problem) => script.notes.push(format!("`{name}` is not copied to machines: {problem}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Settings of a computer with these files and variables.
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
    fn default_settings_are_not_copied() {
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
    fn settings_of_a_company_computer() {
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
    fn secrets_are_not_copied() {
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
    fn values_are_quoted_or_dropped() {
        let trust = computer(&[], &[("http_proxy", "http://x'; rm -rf /; '"), ("https_proxy", "http://x\"\nFOO=1")]);
        assert_eq!(
            trust.script,
            "printf '%s\\n' 'HTTP_PROXY=\"http://x'\\''; rm -rf /; '\\''\"' 'http_proxy=\"http://x'\\''; rm -rf /; \
             '\\''\"' >>'/etc/environment'\n"
        );
    }

    #[test]
    fn loopback_proxies_are_not_copied() {
        let trust = computer(&[], &[("http_proxy", "http://127.0.0.1:3128"), ("https_proxy", "localhost:1")]);
        assert_eq!((trust.script.as_str(), trust.notes.len()), ("", 2));
    }

    #[test]
    fn package_sources_of_others_are_not_copied() {
        let docker = "deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.gpg] https://download.docker.com/linux/debian bookworm stable\n";
        let other = "deb https://mirror.corp/debian trixie main\n# deb https://off.corp/debian bookworm main\n\
                     deb cdrom:[Debian]/ bookworm main\ndeb file:/srv/debian bookworm main\n";
        let trust = computer(&[("etc/apt/sources.list.d/docker.list", docker), ("etc/apt/sources.list", other)], &[]);
        assert_eq!((trust.apt_sources, trust.script.as_str()), (None, ""));
    }

    #[test]
    fn only_additional_certificates_of_a_bundle_are_copied() {
        let known = "-----BEGIN CERTIFICATE-----\nKNOWN\n-----END CERTIFICATE-----\n";
        let trust = computer(
            &[("etc/ssl/certs/ca-certificates.crt", known), ("opt/bundle.pem", &format!("{known}{CERTIFICATE}"))],
            &[("SSL_CERT_FILE", "/opt/bundle.pem")],
        );
        assert!(trust.script.contains("MIIB") && !trust.script.contains("KNOWN"), "{}", trust.script);
    }
}
