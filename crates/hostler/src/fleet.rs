//! The machines that a command is for: those of a deployment, or hosts that the user lists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hostler_core::ports::Address;
use hostler_engine::fleet::{FleetOptions, OnHostFailure};
use hostler_engine::host::{HostError, HostErrorKind, HostKey, Identity, KnownHosts, Target};
use hostler_providers::listed::{ListedHost, read_list};

use crate::access::targets;
use crate::app::{App, near};
use crate::args::FleetArgs;
use crate::error::{Error, ErrorKind};

/// So many runs of `exec` keep their logs.
const KEPT_RUNS: usize = 10;

/// Machines to do something on.
pub struct Fleet {
    /// How each is reached.
    pub targets: Vec<Target>,
    /// Where they come from.
    pub origin: Origin,
    /// Below this the logs lie.
    dir: PathBuf,
}

/// Where machines come from.
pub enum Origin {
    /// A deployment. Their keys were pinned when they were reached.
    Deployment,
    /// A list. Keys are pinned at the first contact, in a file of their own.
    Listed(KnownHosts),
}

impl Fleet {
    /// The machines of a deployment, or of the list that is named.
    pub async fn of(app: &App, name: Option<&str>, args: &FleetArgs) -> Result<Self, Error> {
        match (&args.hosts, name) {
            (Some(file), _) => Self::listed(app, file, &args.machine),
            (None, name) => {
                let (store, record) = app.deployment(name.unwrap_or_default()).await?;
                let targets = targets(&store, &record, &args.machine).await?;
                Ok(Self { targets, origin: Origin::Deployment, dir: store.files_of(record.id).join("exec") })
            }
        }
    }

    fn listed(app: &App, file: &Path, named: &[String]) -> Result<Self, Error> {
        let hosts = listed_hosts(app, file)?;
        if let Some(name) = named.iter().find(|name| !hosts.iter().any(|host| host.name == **name)) {
            let error = Error::new(ErrorKind::NotFound, format!("`{}` lists no host `{name}`", file.display()));
            let near = near(name, hosts.iter().map(|host| host.name.as_str()));
            return Err(error.maybe_hinted(near.map(|near| format!("did you mean `{near}`?"))));
        }
        let dir = app.settings.data_dir.join("hosts");
        app.settings.make_data_dir()?;
        let known = KnownHosts::path_in(&app.settings.data_dir);
        let pins = KnownHosts::read(&known).map_err(|error| unusable(&known, "read", &error))?;
        let mut keys = Keys::default();
        let wanted = hosts.into_iter().filter(|host| named.is_empty() || named.contains(&host.name));
        let targets = wanted.map(|host| target(host, &pins, &mut keys)).collect::<Result<_, _>>()?;
        Ok(Self { targets, origin: Origin::Listed(pins), dir: dir.join("exec") })
    }

    /// Remembers the keys of hosts that were met for the first time.
    pub fn pin<'k>(&self, met: impl IntoIterator<Item = (&'k str, &'k HostKey)>) -> Result<(), Error> {
        let Origin::Listed(pins) = &self.origin else { return Ok(()) };
        let address =
            |name: &str| self.targets.iter().find(|target| target.machine == name).map(|found| &found.address);
        let met = met.into_iter().filter_map(|(name, key)| Some((address(name)?, key)));
        pins.add(met).map_err(|error| {
            Error::new(ErrorKind::System, "the keys of new hosts can't be remembered").caused_by(&error)
        })
    }

    /// What to do about a host that could not be used.
    pub fn hint(&self, error: &HostError) -> Option<String> {
        match (&self.origin, &error.kind) {
            (Origin::Listed(pins), HostErrorKind::HostKeyChanged { .. }) => {
                pins.how_to_forget(self.address(&error.machine)?)
            }
            _ => error.hint(),
        }
    }

    fn address(&self, machine: &str) -> Option<&Address> {
        self.targets.iter().find(|target| target.machine == machine).map(|target| &target.address)
    }

    /// A new directory for the logs of one run. Of older ones the last few are kept.
    pub fn new_logs(&self, app: &App) -> Result<PathBuf, Error> {
        let made = (|| {
            std::fs::create_dir_all(&self.dir)?;
            let mut runs: Vec<_> =
                std::fs::read_dir(&self.dir)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
            runs.sort();
            for old in runs.iter().rev().skip(KEPT_RUNS - 1) {
                std::fs::remove_dir_all(old)?;
            }
            let stamp = (app.now)().strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
            let logs = self.dir.join(stamp);
            std::fs::create_dir(&logs)?;
            Ok(logs)
        })();
        made.map_err(|error: std::io::Error| unusable(&self.dir, "written to", &error))
    }
}

impl FleetArgs {
    /// As the engine takes it.
    pub fn options(&self) -> FleetOptions {
        let on_failure = if self.fail_fast { OnHostFailure::Stop } else { OnHostFailure::Continue };
        FleetOptions { parallel: self.parallel, on_failure, timeout: self.timeout }
    }
}

/// Reads a list of hosts.
pub fn listed_hosts(app: &App, file: &Path) -> Result<Vec<ListedHost>, Error> {
    let text = app.settings.read_file(file, ErrorKind::Config)?;
    let defaults = app.settings.listed_defaults();
    read_list(file, &text, &defaults)
        .map_err(|error| Error::new(ErrorKind::Config, format!("{}:{}: {}", file.display(), error.line, error.what)))
}

/// Private keys, each read once.
type Keys = BTreeMap<PathBuf, Arc<Identity>>;

fn target(host: ListedHost, pins: &KnownHosts, keys: &mut Keys) -> Result<Target, Error> {
    let Some(path) = host.key else {
        let error = Error::new(ErrorKind::Config, format!("there is no key to log in to `{}` with", host.name));
        return Err(error.hinted("name one in the list: `key = \"~/.ssh/…\"`; or in the configuration: `ssh.key`"));
    };
    let identity = match keys.get(&path) {
        Some(identity) => Arc::clone(identity),
        None => {
            let identity = Arc::new(Identity::read(&path).map_err(|error| {
                Error::of(ErrorKind::Config, &error)
                    .hinted(format!("it is to log in to `{}`: name another key", host.name))
            })?);
            keys.insert(path, Arc::clone(&identity));
            identity
        }
    };
    let pinned = pins.get(&host.address).cloned();
    Ok(Target { machine: host.name, address: host.address, user: host.user, identity, pinned, jump: None })
}

fn unusable(path: &Path, doing: &str, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::System, format!("`{}` can't be {doing}", path.display()))
        .caused_by(error)
        .hinted("check its owner and the free space, or set HOSTLER_DATA_DIR")
}
