//! How to log in to the machines of a deployment: its key, its addresses, and its pinned host keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hostler_core::journal::Journal;
use hostler_core::plan::{MachineSpec, Step};
use hostler_core::ports::Address;
use hostler_core::ticket::StepId;
use hostler_engine::deploy::Files;
use hostler_engine::host::{BadKey, HostKey, Target};
use hostler_engine::store::{Record, Store};

use crate::app::near;
use crate::error::{Error, Kind};

/// Where and how the machines of a deployment are reached: all of them, or those that are named.
///
/// # Errors
/// Where one was not reached yet, is shut down, or there is none of a name.
pub async fn targets(store: &Store, record: &Record, named: &[String]) -> Result<Vec<Target>, Error> {
    let machines: Vec<(&Step, &MachineSpec)> = record.plan.machines().collect();
    if let Some(name) = named.iter().find(|name| !machines.iter().any(|(_, spec)| spec.name == **name)) {
        return Err(no_machine(record, name));
    }
    let pins = store.pinned(record.id).await?;
    let journal = record.journal();
    let wanted = machines.into_iter().filter(|(_, spec)| named.is_empty() || named.contains(&spec.name));
    let reached = wanted.map(|(step, spec)| Reached::of(record, &journal, step, spec, &pins));
    let reached = reached.collect::<Result<Vec<_>, _>>()?;
    let files = Files::at(store.files_of(record.id));
    reached.into_iter().map(|reached| reached.target(&files)).collect()
}

/// Writes what `ssh -F` reads, for the machines that can be logged in to; the file is the answer.
pub async fn write_ssh_config(store: &Store, record: &Record) -> Result<PathBuf, Error> {
    let files = Files::open(store.files_of(record.id))?;
    let pins = store.pinned(record.id).await?;
    let journal = record.journal();
    let of = |(step, spec)| Reached::of(record, &journal, step, spec, &pins).ok();
    let reached = record.plan.machines().filter_map(of);
    let reached = reached.map(|reached| {
        let key = files.key_for(reached.spec);
        Ok((reached.target(&files)?, key))
    });
    let reached = reached.collect::<Result<Vec<_>, Error>>()?;
    files.write_ssh(&reached)?;
    Ok(files.ssh_config())
}

/// A machine that was reached, and may be again.
struct Reached<'a> {
    spec: &'a MachineSpec,
    address: Address,
    pinned: HostKey,
}

impl<'a> Reached<'a> {
    fn of(
        record: &Record,
        journal: &Journal,
        step: &Step,
        spec: &'a MachineSpec,
        pins: &BTreeMap<StepId, String>,
    ) -> Result<Self, Error> {
        let machine = &spec.name;
        if journal.is_off(&step.id) {
            let error = Error::new(Kind::State, format!("`{machine}` is shut down"));
            return Err(error.hinted(format!("start it with `hostler start {}`", record.name)));
        }
        let address = journal.address(&record.plan, &step.id).cloned();
        let (Some(address), Some(pinned)) = (address, pins.get(&step.id)) else {
            let error = Error::new(Kind::State, format!("`{machine}` was not reached yet"));
            return Err(error.hinted(format!("go on with `hostler up {}`", record.name)));
        };
        let pinned = pinned.parse().map_err(|error: BadKey| {
            Error::new(Kind::System, format!("the stored host key of `{machine}` can't be read")).caused_by(&error)
        })?;
        Ok(Self { spec, address, pinned })
    }

    fn target(self, files: &Files) -> Result<Target, Error> {
        Ok(Target {
            machine: self.spec.name.clone(),
            address: self.address,
            user: self.spec.user.clone(),
            identity: Arc::new(files.identity_for(self.spec)?),
            pinned: Some(self.pinned),
            jump: None,
        })
    }
}

fn no_machine(record: &Record, name: &str) -> Error {
    let error = Error::new(Kind::Unknown, format!("`{}` has no machine `{name}`", record.name));
    let names: Vec<&str> = record.plan.machines().map(|(_, spec)| spec.name.as_str()).collect();
    match near(name, names.iter().copied()) {
        Some(near) => error.hinted(format!("did you mean `{near}`?")),
        None => error.hinted(format!("it has: {}", names.join(", "))),
    }
}
