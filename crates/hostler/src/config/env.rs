//! Environment variables.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anstream::ColorChoice;

use super::file::unusable;
use crate::args::Colour;
use crate::error::{Error, ErrorKind};

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
    ("OS_CLIENT_CONFIG_FILE", "path of `clouds.yaml`; default in `$XDG_CONFIG_HOME/openstack`, then `/etc/openstack`"),
    ("OS_CLIENT_SECURE_FILE", "path of `secure.yaml`; default next to `clouds.yaml`"),
    ("OS_CLIENT_VENDOR_FILE", "path of `clouds-public.yaml`; default next to `clouds.yaml`"),
    ("OS_CLOUD", "use only this cloud of `clouds.yaml`, and those with a section in the configuration"),
    ("OS_AUTH_URL", "Keystone of a cloud without `clouds.yaml`; the other `OS_…` variables hold its credentials"),
];

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

/// The environment at the start of the program.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// An environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// Value of a documented variable; `None` if unset or empty.
    pub(super) fn set(&self, name: &str) -> Option<&OsStr> {
        let mut known = VARIABLES.iter();
        debug_assert!(known.any(|(known, _)| *known == name), "`{name}` is not documented");
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
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

    pub(super) fn data_dir(&self) -> Result<PathBuf, Error> {
        if let Some(dir) = self.set("HOSTLER_DATA_DIR") {
            return std::path::absolute(dir).map_err(|error| unusable(Path::new(dir), &error));
        }
        self.under("XDG_DATA_HOME", ".local/share")
    }

    pub(super) fn config_file(&self) -> Result<PathBuf, Error> {
        match self.set("HOSTLER_CONFIG") {
            Some(file) => Ok(PathBuf::from(file)),
            None => Ok(self.under("XDG_CONFIG_HOME", ".config")?.join("config.toml")),
        }
    }

    /// An XDG base directory. A relative path is ignored, as the XDG specification requires.
    pub(super) fn base(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
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
}
