//! Hosts that the user lists in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hostler_core::name::closest;
use hostler_engine::fleet::{FleetOptions, OnHostFailure};
use hostler_engine::host::{HostError, HostErrorKind, Identity, KnownHosts, Target};
use hostler_engine::operate::{Fleet, FleetSource, Operator};
use hostler_providers::listed::{ListedHost, parse_host_list};

use crate::app::App;
use crate::args::FleetArgs;
use crate::error::{Error, ErrorKind};

impl App {
    /// The machines of a deployment, or the hosts of the list that `--hosts` names.
    ///
    /// # Errors
    /// If there is no such deployment, host or list.
    pub async fn fleet(&self, operator: &Operator, name: Option<&str>, args: &FleetArgs) -> Result<Fleet, Error> {
        match &args.hosts {
            Some(file) => self.listed_fleet(file, &args.machine),
            None => Ok(operator.fleet(name.unwrap_or_default(), &args.machine).await?),
        }
    }

    fn listed_fleet(&self, file: &Path, named: &[String]) -> Result<Fleet, Error> {
        let hosts = self.listed_hosts(file)?;
        if let Some(name) = named.iter().find(|name| !hosts.iter().any(|host| host.name == **name)) {
            let error = Error::new(ErrorKind::NotFound, format!("`{}` lists no host `{name}`", file.display()));
            let near = closest(name, hosts.iter().map(|host| host.name.as_str()));
            return Err(error.maybe_hinted(near.map(|near| format!("did you mean `{near}`?"))));
        }
        self.settings.make_data_dir()?;
        let known = KnownHosts::path_in(&self.settings.data_dir);
        let pins = KnownHosts::read(&known).map_err(|error| {
            Error::unreadable(ErrorKind::System, &known, &error).hinted("check its owner, or set HOSTLER_DATA_DIR")
        })?;
        let mut keys = IdentityCache::default();
        let selected = hosts.into_iter().filter(|host| named.is_empty() || named.contains(&host.name));
        let targets = selected.map(|host| target(host, &pins, &mut keys)).collect::<Result<_, _>>()?;
        Ok(Fleet::listed(targets, pins, &self.settings.data_dir))
    }

    /// Reads a list of hosts.
    ///
    /// # Errors
    /// If the file can't be read or a line is invalid.
    pub fn listed_hosts(&self, file: &Path) -> Result<Vec<ListedHost>, Error> {
        let text = self.settings.read_file(file, ErrorKind::Config)?;
        let defaults = self.settings.listed_defaults();
        parse_host_list(file, &text, &defaults).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{}:{}: {}", file.display(), error.line, error.what))
        })
    }
}

impl FleetArgs {
    /// The options of the command line.
    pub fn options(&self) -> FleetOptions {
        let on_failure = if self.fail_fast { OnHostFailure::Stop } else { OnHostFailure::Continue };
        FleetOptions { parallel: self.parallel, on_failure, timeout: self.timeout }
    }
}

/// Hint for a failed host.
pub fn hint(fleet: &Fleet, error: &HostError) -> Option<String> {
    match (&fleet.source, &error.kind) {
        (FleetSource::Listed(pins), HostErrorKind::HostKeyChanged { .. }) => {
            pins.changed_key_hint(fleet.address(&error.machine)?)
        }
        _ => error.hint(),
    }
}

/// Private keys, each read once.
type IdentityCache = BTreeMap<PathBuf, Arc<Identity>>;

fn target(host: ListedHost, pins: &KnownHosts, keys: &mut IdentityCache) -> Result<Target, Error> {
    let Some(path) = host.key else {
        let error = Error::new(ErrorKind::Config, format!("no key for the login to `{}`", host.name));
        return Err(error.hinted("set `key = \"~/.ssh/…\"` in the list, or `ssh.key` in the configuration"));
    };
    let identity = match keys.get(&path) {
        Some(identity) => Arc::clone(identity),
        None => {
            let identity = Arc::new(Identity::read(&path).map_err(|error| {
                Error::of(ErrorKind::Config, &error)
                    .hinted(format!("the key is for the login to `{}`; name another one", host.name))
            })?);
            keys.insert(path, Arc::clone(&identity));
            identity
        }
    };
    let pinned = pins.get(&host.address).cloned();
    Ok(Target { machine: host.name, address: host.address, user: host.user, identity, pinned, jump: None })
}
