//! Logging in to the machines of a deployment: its key, its addresses, its pinned host keys.

use std::path::PathBuf;

use hostler_core::name::closest;
use hostler_core::plan::{MachineSpec, Step};

use super::{OperateError, Operator};
use crate::blocking::blocking;
use crate::deploy::{Files, NotReached, target};
use crate::host::Target;
use crate::store::{Record, Store};

impl Operator {
    /// The machines of a deployment as SSH targets: all of them, or those named.
    ///
    /// # Errors
    /// If a machine does not exist, was not reached yet, or is shut down.
    pub async fn targets(&self, store: &Store, record: &Record, named: &[String]) -> Result<Vec<Target>, OperateError> {
        let machines: Vec<(&Step, &MachineSpec)> = record.plan.machines().collect();
        if let Some(name) = named.iter().find(|name| !machines.iter().any(|(_, spec)| spec.name == **name)) {
            return Err(unknown_machine(record, name));
        }
        let (pins, files) = (store.pinned(record.id).await?, Files::at(store.files_of(record.id)));
        let journal = record.journal();
        let not_reached = |reason| OperateError::NotReached { deployment: record.name.clone(), reason };
        let mut targets = Vec::new();
        for (step, spec) in machines.into_iter().filter(|(_, spec)| named.is_empty() || named.contains(&spec.name)) {
            let target = target(&record.plan, journal, step, spec, &pins, &files).await;
            targets.push(target.map_err(not_reached)?);
        }
        Ok(targets)
    }

    /// The SSH configuration file of a deployment and the name of one of its machines in it: the first, or the one named.
    ///
    /// # Errors
    /// If the machine cannot be logged in to.
    pub async fn login(&self, name: &str, machine: Option<&str>) -> Result<(PathBuf, String), OperateError> {
        let (store, record) = self.deployment(name).await?;
        let first = || record.plan.machines().next().map(|(_, spec)| spec.name.clone());
        let Some(machine) = machine.map(str::to_owned).or_else(first) else {
            return Err(OperateError::NoMachines { deployment: record.name.clone(), planned: false });
        };
        self.targets(&store, &record, std::slice::from_ref(&machine)).await?;
        Ok((self.write_ssh_config(&store, &record).await?, machine))
    }

    /// Writes the SSH configuration file of the machines that can be logged in to, and returns its path.
    pub(super) async fn write_ssh_config(&self, store: &Store, record: &Record) -> Result<PathBuf, OperateError> {
        let dir = store.files_of(record.id);
        let files = blocking(move || Files::open(dir)).await?;
        let pins = store.pinned(record.id).await?;
        let (mut reached, journal) = (Vec::new(), record.journal());
        for (step, spec) in record.plan.machines() {
            match target(&record.plan, journal, step, spec, &pins, &files).await {
                Ok(target) => reached.push((target, files.key_for(spec))),
                Err(NotReached::Files(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        blocking(move || files.write_ssh(&reached).map(|()| files.ssh_config())).await.map_err(OperateError::from)
    }
}

fn unknown_machine(record: &Record, name: &str) -> OperateError {
    let machines: Vec<String> = record.plan.machines().map(|(_, spec)| spec.name.clone()).collect();
    let nearest = closest(name, machines.iter().map(String::as_str)).map(str::to_owned);
    OperateError::UnknownMachine { deployment: record.name.clone(), machine: name.to_owned(), nearest, machines }
}
