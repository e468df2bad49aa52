//! What the user has set: environment variables, and the configuration file. Nothing else in hostler reads either.

mod feed;
pub mod openstack;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use anstream::ColorChoice;
use hostler_providers::listed::Defaults;
use serde::Deserialize;

use crate::args::Colour;
use crate::error::{Error, Kind};

pub use feed::FeedFolder;

/// Every environment variable that is heeded, and what it does. `docs/reference/cli.md` shows the same table.
pub const VARIABLES: &[(&str, &str)] = &[
    ("HOSTLER_DATA_DIR", "where journals, keys, logs and images are kept; else `$XDG_DATA_HOME/hostler`"),
    ("HOSTLER_CONFIG", "the configuration file; else `$XDG_CONFIG_HOME/hostler/config.toml`"),
    ("XDG_DATA_HOME", "where programs keep their data; else `~/.local/share`"),
    ("XDG_CONFIG_HOME", "where programs keep their configuration; else `~/.config`"),
    ("XDG_RUNTIME_DIR", "directory of your sockets, for the libvirt `qemu:///session`; else `/run/user/UID`"),
    ("HOME", "what `~` means"),
    ("TMPDIR", "where repositories are fetched to; else `/var/tmp`"),
    ("NO_COLOR", "no colour, where it is set to anything"),
    ("CLICOLOR", "no colour, where it is `0`"),
    ("CLICOLOR_FORCE", "colour even off a terminal, where it is set and not `0`"),
    ("TERM", "no colour and no progress bars, where it is `dumb`"),
    ("COLUMNS", "how wide tables may be; else as wide as the terminal"),
    ("USER", "whom to log in as to listed hosts, where neither the list nor the configuration says"),
    ("LIBVIRT_DEFAULT_URI", "the libvirt to use for the site `local`, where the configuration names none"),
];

/// Every key of the configuration file, with an example and what it does. `docs/reference/cli.md` shows the same table.
pub const KEYS: &[(&str, &str, &str)] = &[
    ("local.enabled", "false", "whether virtual machines of this computer are offered; they are by default"),
    ("local.uri", "\"qemu:///system\"", "which libvirt runs them"),
    ("local.pool", "\"/srv/hostler\"", "the folder of libvirt's storage pool, where that is made anew"),
    (
        "openstack.mine.cloud",
        "\"mine\"",
        "the cloud of `clouds.yaml` that is the site `openstack/mine`; `mine` by default",
    ),
    ("openstack.mine.network", "\"private\"", "the network that machines stand on; else the shared one, or their own"),
    ("openstack.mine.pool", "\"public\"", "the external network that public addresses come from"),
    ("openstack.mine.floating_ips", "false", "whether machines are reached at public addresses; they are by default"),
    ("openstack.mine.flavor", "\"baremetal\"", "the flavor that leased hosts are launched with"),
    ("openstack.mine.user", "\"ubuntu\"", "the user to log in as, where an image doesn't say"),
    ("openstack.mine.nodes", "\"https://api.chameleoncloud.org/\"", "a node API that lists the site's hardware"),
    (
        "chameleon.uc.cloud",
        "\"chi\"",
        "the same for a site of Chameleon, with its own defaults; without one, a login by Chameleon's OpenID provider is all its sites",
    ),
    (
        "local.package_sources",
        "\"/etc/apt/sources.list\"",
        "a file in one of apt's own formats: where images are built from; else as this computer has it",
    ),
    ("ssh.hosts", "\"~/hosts.toml\"", "the list of your own hosts, which are offered as the site `ssh`"),
    ("ssh.user", "\"ubuntu\"", "whom to log in as, where the list doesn't say"),
    ("ssh.key", "\"~/.ssh/lab\"", "the key to log in with, where the list doesn't say; else the first of your own"),
];

/// The keys that OpenSSH tries, too.
const OWN_KEYS: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];

/// The variables that say what this computer trusts. Local machines are told the same.
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

/// No demand or plan is larger; what is, was named by mistake.
const LARGEST_FILE: u64 = 16 << 20;

/// The environment, as it was when the program started.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// From all variables.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable's value, where it is set to something.
    fn set(&self, name: &str) -> Option<&OsStr> {
        let mut known = VARIABLES.iter().chain(openstack::VARIABLES);
        debug_assert!(known.any(|(known, _)| *known == name), "`{name}` is not documented");
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.set(name).and_then(OsStr::to_str)
    }

    /// The value of a variable that a demand names as a secret.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.0.get(OsStr::new(name)).and_then(|value| value.to_str())
    }

    /// What an openrc file has set.
    pub fn openstack(&self) -> BTreeMap<String, String> {
        let text =
            |(name, value): (&OsString, &OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        self.0.iter().filter_map(text).filter(|(name, _)| name.starts_with("OS_")).collect()
    }

    /// The variables that say what this computer trusts.
    pub fn trusted(&self) -> BTreeMap<String, String> {
        let trusted = TRUSTED.iter().filter_map(|name| Some((*name, self.0.get(OsStr::new(name))?.to_str()?)));
        trusted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The user's home directory, where it is known.
    pub fn home(&self) -> Option<PathBuf> {
        self.set("HOME").map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Whether the terminal can do no more than print.
    pub fn is_dumb(&self) -> bool {
        self.text("TERM") == Some("dumb")
    }

    /// The width that the user wishes.
    pub fn columns(&self) -> Option<u16> {
        self.text("COLUMNS")?.parse().ok().filter(|columns| *columns > 0)
    }

    /// Whether to use colour on a stream.
    pub fn colour(&self, wish: Colour, is_terminal: bool) -> ColorChoice {
        let forced = self.text("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let unwanted = self.set("NO_COLOR").is_some() || self.text("CLICOLOR") == Some("0");
        match wish {
            Colour::Always => ColorChoice::AlwaysAnsi,
            Colour::Never => ColorChoice::Never,
            Colour::Auto if self.set("NO_COLOR").is_some() => ColorChoice::Never,
            Colour::Auto if forced => ColorChoice::AlwaysAnsi,
            Colour::Auto if unwanted || self.is_dumb() || !is_terminal => ColorChoice::Never,
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

    /// One of the user's base directories. A relative one is invalid, and ignored as XDG asks.
    fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let base = self.set(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        base.or_else(|| self.home().map(|home| home.join(below_home)))
    }

    /// Our directory in one of them.
    fn under(&self, variable: &str, below_home: &str) -> Result<PathBuf, Error> {
        self.base(variable, below_home).map(|base| base.join("hostler")).ok_or_else(|| {
            Error::new(Kind::Config, format!("neither `{variable}` nor `HOME` names an absolute path"))
                .hinted("set HOME, or HOSTLER_DATA_DIR and HOSTLER_CONFIG")
        })
    }
}

/// The configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// This computer's virtual machines.
    pub local: Local,
    /// OpenStack clouds, by the names of their sites.
    pub openstack: openstack::Sections,
    /// Sites of Chameleon.
    pub chameleon: openstack::Sections,
    /// Hosts of the user's own.
    pub ssh: Listed,
}

/// The site `ssh`: hosts of the user's own, listed in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listed {
    /// The list; without one there is no such site.
    pub hosts: Option<PathBuf>,
    /// Whom to log in as, where the list doesn't say.
    pub user: Option<String>,
    /// The key to log in with, where the list doesn't say.
    pub key: Option<PathBuf>,
}

/// The site `local`: virtual machines on this computer, by libvirt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Local {
    /// Whether it is used at all.
    pub enabled: bool,
    /// Which libvirt, as `qemu:///system`.
    pub uri: Option<String>,
    /// The folder of libvirt's storage pool, where that is made anew; `/var/lib/libvirt/images/hostler` by default.
    pub pool: Option<PathBuf>,
    /// A file with the package sources to build images from, in one of apt's own formats; this computer's by default.
    pub package_sources: Option<PathBuf>,
}

impl Default for Local {
    fn default() -> Self {
        Self { enabled: true, uri: None, pool: None, package_sources: None }
    }
}

/// Everything that the user has set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where journals, keys, logs and images are kept: an absolute path, made where it is missing.
    pub data_dir: PathBuf,
    /// Where repositories are fetched to.
    pub scratch_dir: PathBuf,
    /// The directory that the command was called in: where relative paths start.
    pub directory: PathBuf,
    /// The directory of the configuration file: where relative paths in it start.
    pub config_dir: PathBuf,
    /// The configuration file, or its defaults.
    pub config: Config,
    /// The environment.
    pub env: Env,
}

impl Settings {
    /// Reads the environment and the configuration file, which may be missing unless it is named.
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
            Error::new(Kind::Config, "the directory that hostler was called in can't be used").caused_by(&error)
        })?;
        let config_dir = directory.join(file.parent().unwrap_or(Path::new("")));
        Ok(Self { data_dir, scratch_dir, directory, config_dir, config, env })
    }

    /// Reads a file that the command line names.
    pub fn read_file(&self, path: &Path, kind: Kind) -> Result<String, Error> {
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

    /// Makes the data directory where it is missing, readable by its owner only: keys lie in it.
    pub fn make_data_dir(&self) -> Result<(), Error> {
        use std::os::unix::fs::DirBuilderExt;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir);
        made.map_err(|error| {
            Error::new(Kind::System, format!("`{}` can't be made", self.data_dir.display()))
                .caused_by(&error)
                .hinted("check its owner and the free space, or set HOSTLER_DATA_DIR")
        })
    }

    /// The package sources to build images from, where the user names any.
    pub fn package_sources(&self) -> Result<Option<String>, Error> {
        let Some(file) = &self.config.local.package_sources else { return Ok(None) };
        let file = self.beside_config(file);
        std::fs::read_to_string(&file).map(Some).map_err(|error| unusable(&file, &error))
    }

    /// The list of the user's own hosts, where there is one.
    pub fn hosts_file(&self) -> Option<PathBuf> {
        Some(self.beside_config(self.config.ssh.hosts.as_ref()?))
    }

    /// A path that the configuration file names: it means the same wherever hostler is called.
    pub fn beside_config(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.env.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.config_dir.join(path),
        }
    }

    /// What holds for listed hosts of which the list doesn't say otherwise.
    pub fn listed_defaults(&self) -> Defaults {
        let home = self.env.home();
        let own = || {
            OWN_KEYS
                .iter()
                .map(|key| home.as_ref().map(|home| home.join(key)))
                .find_map(|key| key.filter(|key| key.exists()))
        };
        let user = self.config.ssh.user.clone().or_else(|| self.env.text("USER").map(str::to_owned));
        Defaults {
            user: user.unwrap_or_else(|| "root".to_owned()),
            key: self.config.ssh.key.as_ref().map(|key| self.beside_config(key)).or_else(own),
            home,
        }
    }

    /// Which libvirt to use for the site `local`.
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
        Error::new(Kind::Config, format!("{}:{line}:{column}: {what}", file.display()))
    })
}

fn unusable(file: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Config, format!("`{}` can't be read", file.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn data_lies_where_the_user_wants_it() {
        let dir = |variables| env(variables).data_dir().map(|dir| dir.display().to_string()).ok();
        assert_eq!(dir(&[("HOME", "/h")]).as_deref(), Some("/h/.local/share/hostler"));
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]).as_deref(), Some("/x/hostler"));
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_DATA_HOME", "x")]).as_deref(), Some("/h/.local/share/hostler"));
        assert_eq!(dir(&[("HOME", "/h"), ("HOSTLER_DATA_DIR", "/d")]).as_deref(), Some("/d"));
        assert_eq!(dir(&[("HOME", "")]), None);
    }

    #[test]
    fn paths_in_the_configuration_start_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "ssh.hosts = \"lab/hosts.toml\"\nssh.key = \"~/lab-key\"\n").unwrap();
        let settings = Settings::read(env(&[("HOME", "/h"), ("HOSTLER_CONFIG", file.to_str().unwrap())])).unwrap();
        assert_eq!(settings.hosts_file(), Some(dir.path().join("lab/hosts.toml")));
        assert_eq!(settings.listed_defaults().key.as_deref(), Some(Path::new("/h/lab-key")));
    }

    #[test]
    fn colour_follows_flag_then_environment_then_terminal() {
        use ColorChoice::{AlwaysAnsi, Never};
        for (variables, wish, is_terminal, expected) in [
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
            assert_eq!(env(variables).colour(wish, is_terminal), expected, "{variables:?} {wish:?} {is_terminal}");
        }
    }

    #[test]
    fn every_documented_key_is_one() {
        for (key, example, _) in KEYS {
            let config = parse(Path::new("/c.toml"), &format!("{key} = {example}\n")).unwrap();
            assert_ne!(config, Config::default(), "{key}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let file = Path::new("/c.toml");
        let error = parse(file, "[local]\nurl = 'qemu:///system'\n").unwrap_err();
        assert!(error.message.starts_with("/c.toml:2:1: unknown field `url`"), "{}", error.message);
        let config = parse(file, "[local]\nuri = 'qemu:///session'\n").unwrap();
        assert_eq!(config.local, Local { uri: Some("qemu:///session".to_owned()), ..Local::default() });
    }
}
