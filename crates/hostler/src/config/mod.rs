//! The user's environment variables and configuration file.
//!
//! Invariant: no other module reads either.

mod feed;
pub mod openstack;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use anstream::ColorChoice;
use hostler_providers::listed::HostDefaults;
use serde::Deserialize;

use crate::args::Colour;
use crate::error::{Error, ErrorKind};

pub use feed::SavedFeed;

/// Environment variables and their effects, also shown in `docs/reference/cli.md` and the manual.
pub const VARIABLES: &[(&str, &str)] = &[
    ("HOSTLER_DATA_DIR", "directory of journals, keys, logs and images; default `$XDG_DATA_HOME/hostler`"),
    ("HOSTLER_CONFIG", "configuration file; default `$XDG_CONFIG_HOME/hostler/config.toml`"),
    ("XDG_DATA_HOME", "base directory of user data; default `~/.local/share`"),
    ("XDG_CONFIG_HOME", "base directory of user configuration; default `~/.config`"),
    ("XDG_RUNTIME_DIR", "directory of your sockets, for the libvirt `qemu:///session`; default `/run/user/UID`"),
    ("HOME", "home directory, also `~` in paths"),
    ("TMPDIR", "directory for fetched repositories; default `/var/tmp`"),
    ("NO_COLOR", "if set to any value, no colour"),
    ("CLICOLOR", "if `0`, no colour"),
    ("CLICOLOR_FORCE", "if set and not `0`, colour even off a terminal"),
    ("TERM", "if `dumb`, no colour and no progress bars"),
    ("COLUMNS", "width of tables; default the terminal's"),
    ("USER", "login user of listed hosts, unless the list or the configuration names one"),
    ("LIBVIRT_DEFAULT_URI", "libvirt URI of the site `local`, unless the configuration names one"),
];

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

/// Default private keys, in OpenSSH's order.
const OWN_KEYS: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];

/// Variables that name proxies, certificates and package indexes. They are passed on to local machines.
pub const TRUSTED: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_TIMEOUT",
    "HOME",
];

/// Maximum size of a demand or plan file: 16 MiB. A larger file was named by mistake.
const LARGEST_FILE: u64 = 16 << 20;

/// The environment at the start of the program.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// An environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// Value of a documented variable; `None` if unset or empty.
    fn set(&self, name: &str) -> Option<&OsStr> {
        let mut known = VARIABLES.iter().chain(openstack::VARIABLES);
        debug_assert!(known.any(|(known, _)| *known == name), "`{name}` is not documented");
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.set(name).and_then(OsStr::to_str)
    }

    /// Value of a variable that a demand names as a secret.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.0.get(OsStr::new(name)).and_then(|value| value.to_str())
    }

    /// All `OS_…` variables, as set by an openrc file.
    pub fn openstack(&self) -> BTreeMap<String, String> {
        let text =
            |(name, value): (&OsString, &OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        self.0.iter().filter_map(text).filter(|(name, _)| name.starts_with("OS_")).collect()
    }

    /// The variables of [`TRUSTED`] that are set.
    pub fn trusted(&self) -> BTreeMap<String, String> {
        let trusted = TRUSTED.iter().filter_map(|name| Some((*name, self.0.get(OsStr::new(name))?.to_str()?)));
        trusted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The user's home directory, if it is an absolute path.
    pub fn home(&self) -> Option<PathBuf> {
        self.set("HOME").map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// True if the terminal can only print.
    pub fn is_dumb(&self) -> bool {
        self.text("TERM") == Some("dumb")
    }

    /// Width set by the user.
    pub fn columns(&self) -> Option<u16> {
        self.text("COLUMNS")?.parse().ok().filter(|columns| *columns > 0)
    }

    /// Use of colour on a stream: the option, then the environment, then the terminal.
    pub fn colour(&self, option: Colour, is_terminal: bool) -> ColorChoice {
        let forced = self.text("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let disabled = self.set("NO_COLOR").is_some() || self.text("CLICOLOR") == Some("0");
        match option {
            Colour::Always => ColorChoice::AlwaysAnsi,
            Colour::Never => ColorChoice::Never,
            Colour::Auto if self.set("NO_COLOR").is_some() => ColorChoice::Never,
            Colour::Auto if forced => ColorChoice::AlwaysAnsi,
            Colour::Auto if disabled || self.is_dumb() || !is_terminal => ColorChoice::Never,
            Colour::Auto => ColorChoice::AlwaysAnsi,
        }
    }

    fn data_dir(&self) -> Result<PathBuf, Error> {
        if let Some(dir) = self.set("HOSTLER_DATA_DIR") {
            return std::path::absolute(dir).map_err(|error| unusable(Path::new(dir), &error));
        }
        self.under("XDG_DATA_HOME", ".local/share")
    }

    fn config_file(&self) -> Result<PathBuf, Error> {
        match self.set("HOSTLER_CONFIG") {
            Some(file) => Ok(PathBuf::from(file)),
            None => Ok(self.under("XDG_CONFIG_HOME", ".config")?.join("config.toml")),
        }
    }

    /// An XDG base directory. A relative path is ignored, as the XDG specification requires.
    fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let base = self.set(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        base.or_else(|| self.home().map(|home| home.join(below_home)))
    }

    /// hostler's directory in an XDG base directory.
    fn under(&self, variable: &str, below_home: &str) -> Result<PathBuf, Error> {
        self.base(variable, below_home).map(|base| base.join("hostler")).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("neither `{variable}` nor `HOME` names an absolute path"))
                .hinted("set HOME, or HOSTLER_DATA_DIR and HOSTLER_CONFIG")
        })
    }
}

/// The configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The site `local`.
    pub local: Local,
    /// OpenStack sites by name.
    pub openstack: openstack::Sections,
    /// Chameleon sites by name.
    pub chameleon: openstack::Sections,
    /// The site `ssh`.
    pub ssh: Listed,
}

/// `[ssh]`: the user's own hosts, listed in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listed {
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
pub struct Local {
    /// False disables the site.
    pub enabled: bool,
    /// libvirt URI, such as `qemu:///system`.
    pub uri: Option<String>,
    /// Directory of the libvirt storage pool, used when the pool is created; default `/var/lib/libvirt/images/hostler`.
    pub pool: Option<PathBuf>,
    /// apt sources file for building images; default this computer's.
    pub package_sources: Option<PathBuf>,
}

impl Default for Local {
    fn default() -> Self {
        Self { enabled: true, uri: None, pool: None, package_sources: None }
    }
}

/// All settings of the user.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Directory of journals, keys, logs and images: an absolute path. [`Self::make_data_dir`] creates it.
    pub data_dir: PathBuf,
    /// Directory for fetched repositories.
    pub scratch_dir: PathBuf,
    /// Working directory, the base of relative paths.
    pub directory: PathBuf,
    /// Directory of the configuration file, the base of relative paths in it.
    pub config_dir: PathBuf,
    /// The configuration file, or the defaults.
    pub config: Config,
    /// The environment.
    pub env: Env,
}

impl Settings {
    /// Reads the environment and the configuration file. A missing file is an error only if `HOSTLER_CONFIG` names it.
    pub fn read(env: Env) -> Result<Self, Error> {
        let data_dir = env.data_dir()?;
        let file = env.config_file()?;
        let config = match std::fs::read_to_string(&file) {
            Ok(text) => parse(&file, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && env.set("HOSTLER_CONFIG").is_none() => {
                Config::default()
            }
            Err(error) => return Err(unusable(&file, &error)),
        };
        let scratch_dir = env.set("TMPDIR").map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from);
        let directory = std::env::current_dir().map_err(|error| {
            Error::new(ErrorKind::Config, "the working directory is not accessible").caused_by(&error)
        })?;
        let config_dir = directory.join(file.parent().unwrap_or(Path::new("")));
        Ok(Self { data_dir, scratch_dir, directory, config_dir, config, env })
    }

    /// Reads a file named on the command line. `kind` is the kind of the error.
    pub fn read_file(&self, path: &Path, kind: ErrorKind) -> Result<String, Error> {
        let path = self.directory.join(path);
        let size = std::fs::metadata(&path).map(|metadata| metadata.len());
        match size
            .and_then(|size| if size > LARGEST_FILE { Ok(None) } else { std::fs::read_to_string(&path).map(Some) })
        {
            Ok(Some(text)) => Ok(text),
            Ok(None) => {
                let limit = LARGEST_FILE >> 20;
                Err(Error::new(kind, format!("`{}` is larger than {limit} MiB", path.display())))
            }
            Err(error) => Err(Error::new(kind, format!("`{}` can't be read", path.display())).caused_by(&error)),
        }
    }

    /// Creates the data directory if needed, with mode 0700: it contains private keys.
    pub fn make_data_dir(&self) -> Result<(), Error> {
        use std::os::unix::fs::DirBuilderExt;
        let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir);
        created.map_err(|error| {
            Error::new(ErrorKind::System, format!("the directory `{}` can't be created", self.data_dir.display()))
                .caused_by(&error)
                .hinted("check permissions and free space, or set HOSTLER_DATA_DIR")
        })
    }

    /// Content of the configured apt sources file, if any.
    pub fn package_sources(&self) -> Result<Option<String>, Error> {
        let Some(file) = &self.config.local.package_sources else { return Ok(None) };
        let file = self.resolve_config_path(file);
        std::fs::read_to_string(&file).map(Some).map_err(|error| unusable(&file, &error))
    }

    /// Path of the list of hosts, if configured.
    pub fn hosts_file(&self) -> Option<PathBuf> {
        Some(self.resolve_config_path(self.config.ssh.hosts.as_ref()?))
    }

    /// A path from the configuration file: relative to that file, whatever the working directory.
    pub fn resolve_config_path(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.env.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.config_dir.join(path),
        }
    }

    /// Login user and key of listed hosts, unless the list names others.
    pub fn listed_defaults(&self) -> HostDefaults {
        let home = self.env.home();
        let own = || {
            OWN_KEYS
                .iter()
                .map(|key| home.as_ref().map(|home| home.join(key)))
                .find_map(|key| key.filter(|key| key.exists()))
        };
        let user = self.config.ssh.user.clone().or_else(|| self.env.text("USER").map(str::to_owned));
        HostDefaults {
            user: user.unwrap_or_else(|| "root".to_owned()),
            key: self.config.ssh.key.as_ref().map(|key| self.resolve_config_path(key)).or_else(own),
            home,
        }
    }

    /// libvirt URI of the site `local`.
    pub fn libvirt_uri(&self) -> Option<&str> {
        self.config.local.uri.as_deref().or_else(|| self.env.text("LIBVIRT_DEFAULT_URI"))
    }

    /// Directory of the user's sockets, for a libvirt that is the user's own.
    pub fn runtime_dir(&self) -> Option<PathBuf> {
        self.env.set("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

fn parse(file: &Path, text: &str) -> Result<Config, Error> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let what = error.message().trim().replace('\n', " ");
        Error::new(ErrorKind::Config, format!("{}:{line}:{column}: {what}", file.display()))
    })
}

fn unusable(file: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Config, format!("`{}` can't be read", file.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn data_directory_follows_the_environment() {
        let dir = |variables| env(variables).data_dir().map(|dir| dir.display().to_string()).ok();
        assert_eq!(dir(&[("HOME", "/h")]).as_deref(), Some("/h/.local/share/hostler"));
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]).as_deref(), Some("/x/hostler"));
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_DATA_HOME", "x")]).as_deref(), Some("/h/.local/share/hostler"));
        assert_eq!(dir(&[("HOME", "/h"), ("HOSTLER_DATA_DIR", "/d")]).as_deref(), Some("/d"));
        assert_eq!(dir(&[("HOME", "")]), None);
    }

    #[test]
    fn paths_in_the_configuration_are_relative_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "ssh.hosts = \"lab/hosts.toml\"\nssh.key = \"~/lab-key\"\n").unwrap();
        let settings = Settings::read(env(&[("HOME", "/h"), ("HOSTLER_CONFIG", file.to_str().unwrap())])).unwrap();
        assert_eq!(settings.hosts_file(), Some(dir.path().join("lab/hosts.toml")));
        assert_eq!(settings.listed_defaults().key.as_deref(), Some(Path::new("/h/lab-key")));
    }

    #[test]
    fn colour_follows_option_then_environment_then_terminal() {
        use ColorChoice::{AlwaysAnsi, Never};
        for (variables, option, is_terminal, expected) in [
            (&[][..], Colour::Auto, true, AlwaysAnsi),
            (&[], Colour::Auto, false, Never),
            (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Colour::Auto, true, Never),
            (&[("NO_COLOR", "1")], Colour::Always, false, AlwaysAnsi),
            (&[("NO_COLOR", "")], Colour::Auto, true, AlwaysAnsi),
            (&[("CLICOLOR", "0")], Colour::Auto, true, Never),
            (&[("CLICOLOR_FORCE", "1")], Colour::Auto, false, AlwaysAnsi),
            (&[("CLICOLOR_FORCE", "0")], Colour::Auto, false, Never),
            (&[("TERM", "dumb")], Colour::Auto, true, Never),
            (&[], Colour::Never, true, Never),
        ] {
            assert_eq!(env(variables).colour(option, is_terminal), expected, "{variables:?} {option:?} {is_terminal}");
        }
    }

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
        assert_eq!(config.local, Local { uri: Some("qemu:///session".to_owned()), ..Local::default() });
    }
}
