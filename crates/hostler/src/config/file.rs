//! The configuration file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use hostler_core::name::Name;
use serde::Deserialize;

use crate::error::{Error, ErrorKind};

/// Keys of the configuration file with example and effect, also shown in `docs/reference/cli.md`.
pub const KEYS: &[(&str, &str, &str)] = &[
    ("local.enabled", "false", "`false` disables the site `local`, virtual machines on this computer"),
    ("local.uri", "\"qemu:///system\"", "libvirt URI of the site `local`"),
    ("local.pool", "\"/srv/hostler\"", "directory of the libvirt storage pool, used when the pool is created"),
    (
        "openstack.mine.cloud",
        "\"mine\"",
        "cloud of `clouds.yaml` behind the site `openstack/mine`; default the section's name",
    ),
    (
        "openstack.mine.network",
        "\"private\"",
        "network of the machines; default the shared network, or a new one per deployment",
    ),
    ("openstack.mine.pool", "\"public\"", "external network that public addresses are allocated from"),
    ("openstack.mine.floating_ips", "false", "`false` reaches machines at their private addresses"),
    ("openstack.mine.flavor", "\"baremetal\"", "flavor for machines on leased hosts"),
    ("openstack.mine.user", "\"ubuntu\"", "login user, unless the image names one"),
    ("openstack.mine.nodes", "\"https://api.chameleoncloud.org/\"", "node API that lists the site's hardware"),
    (
        "chameleon.uc.cloud",
        "\"chi\"",
        "the same keys for a Chameleon site; without a section, a login by Chameleon's OpenID provider configures all its sites",
    ),
    (
        "local.package_sources",
        "\"/etc/apt/sources.list\"",
        "apt sources file for building images; default this computer's",
    ),
    ("ssh.hosts", "\"~/hosts.toml\"", "list of your own hosts, which become the site `ssh`"),
    ("ssh.user", "\"ubuntu\"", "login user, unless the list names one"),
    (
        "ssh.key",
        "\"~/.ssh/lab\"",
        "private key, unless the list names one; default the first of `~/.ssh/id_ed25519`, `id_ecdsa`, `id_rsa`",
    ),
];

/// The configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The site `local`.
    pub local: LocalSection,
    /// OpenStack sites by name.
    pub openstack: Sections,
    /// Chameleon sites by name.
    pub chameleon: Sections,
    /// The site `ssh`.
    pub ssh: SshSection,
}

/// `[ssh]`: the user's own hosts, listed in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshSection {
    /// The list; `None` disables the site.
    pub hosts: Option<PathBuf>,
    /// Login user, unless the list names one.
    pub user: Option<String>,
    /// Private key, unless the list names one.
    pub key: Option<PathBuf>,
}

/// `[local]`: virtual machines on this computer, by libvirt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalSection {
    /// False disables the site.
    pub enabled: bool,
    /// libvirt URI, such as `qemu:///system`.
    pub uri: Option<String>,
    /// Directory of the libvirt storage pool, used when the pool is created; default `/var/lib/libvirt/images/hostler`.
    pub pool: Option<PathBuf>,
    /// apt sources file for building images; default this computer's.
    pub package_sources: Option<PathBuf>,
}

impl Default for LocalSection {
    fn default() -> Self {
        Self { enabled: true, uri: None, pool: None, package_sources: None }
    }
}

/// Sections by site name.
pub type Sections = BTreeMap<Name, Section>;

/// A section `[openstack.NAME]` or `[chameleon.SITE]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    /// Name in `clouds.yaml`, or `envvars` for the variables; default the section's name.
    pub cloud: Option<String>,
    /// Network of the machines.
    pub network: Option<String>,
    /// External network that public addresses are allocated from.
    pub pool: Option<String>,
    /// False reaches machines at their private addresses.
    pub floating_ips: Option<bool>,
    /// Flavor for machines on leased hosts.
    pub flavor: Option<String>,
    /// Login user, unless the image names one.
    pub user: Option<String>,
    /// Node API that lists the site's hardware.
    pub nodes: Option<String>,
}

/// Parses the configuration file.
pub(super) fn parse(file: &Path, text: &str) -> Result<Config, Error> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let what = error.message().trim().replace('\n', " ");
        Error::new(ErrorKind::Config, format!("{}:{line}:{column}: {what}", file.display()))
    })
}

/// The error for a configuration file that can't be read.
pub(super) fn unusable(file: &Path, error: &io::Error) -> Error {
    Error::unreadable(ErrorKind::Config, file, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_key_is_accepted() {
        for (key, example, _) in KEYS {
            let config = parse(Path::new("/c.toml"), &format!("{key} = {example}\n")).unwrap();
            assert_ne!(config, Config::default(), "{key}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_position() {
        let file = Path::new("/c.toml");
        let error = parse(file, "[local]\nurl = 'qemu:///system'\n").unwrap_err();
        assert!(error.message.starts_with("/c.toml:2:1: unknown field `url`"), "{}", error.message);
        let config = parse(file, "[local]\nuri = 'qemu:///session'\n").unwrap();
        assert_eq!(config.local, LocalSection { uri: Some("qemu:///session".to_owned()), ..LocalSection::default() });
    }
}
