//! All settings of the user: environment, configuration file and working directory.

use std::io;
use std::path::{Path, PathBuf};

use hostler_providers::listed::HostDefaults;

use super::env::Env;
use super::file::{Config, parse, unusable};
use crate::error::{Error, ErrorKind};

/// Default private keys, in OpenSSH's order.
const OWN_KEYS: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];

/// Maximum size of a demand or plan file: 16 MiB. A larger file was named by mistake.
const LARGEST_FILE: u64 = 16 << 20;

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
            Err(error) => Err(Error::unreadable(kind, &path, &error)),
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

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn paths_in_the_configuration_are_relative_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "ssh.hosts = \"lab/hosts.toml\"\nssh.key = \"~/lab-key\"\n").unwrap();
        let variables = [("HOME", "/h".as_ref()), ("HOSTLER_CONFIG", file.as_os_str())];
        let variables = variables.map(|(name, value)| (OsString::from(name), value.to_owned()));
        let settings = Settings::read(Env::new(variables)).unwrap();
        assert_eq!(settings.hosts_file(), Some(dir.path().join("lab/hosts.toml")));
        assert_eq!(settings.listed_defaults().key.as_deref(), Some(Path::new("/h/lab-key")));
    }
}
