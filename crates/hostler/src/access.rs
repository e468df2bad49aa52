//! How to log in to the machines of a deployment: its key, its addresses, and its pinned host keys.

use std::path::PathBuf;

use hostler_core::plan::{MachineSpec, Step};
use hostler_engine::deploy::{Files, NotReached, target};
use hostler_engine::host::Target;
use hostler_engine::store::{Record, Store};

use crate::app::near;
use crate::error::{Error, ErrorKind};

/// Where and how the machines of a deployment are reached: all of them, or those that are named.
///
/// # Errors
/// Where one was not reached yet, is shut down, or there is none of a name.
pub async fn targets(store: &Store, record: &Record, named: &[String]) -> Result<Vec<Target>, Error> {
    let machines: Vec<(&Step, &MachineSpec)> = record.plan.machines().collect();
    if let Some(name) = named.iter().find(|name| !machines.iter().any(|(_, spec)| spec.name == **name)) {
        return Err(no_machine(record, name));
    }
    let (pins, files) = (store.pinned(record.id).await?, Files::at(store.files_of(record.id)));
    let journal = record.journal();
    let wanted = machines.into_iter().filter(|(_, spec)| named.is_empty() || named.contains(&spec.name));
    let target = |(step, spec)| {
        target(&record.plan, &journal, step, spec, &pins, &files).map_err(|error| not_reached(record, error))
    };
    wanted.map(target).collect()
}

/// Writes what `ssh -F` reads, for the machines that can be logged in to; the file is the answer.
pub async fn write_ssh_config(store: &Store, record: &Record) -> Result<PathBuf, Error> {
    let files = Files::open(store.files_of(record.id))?;
    let pins = store.pinned(record.id).await?;
    let (mut reached, journal) = (Vec::new(), record.journal());
    for (step, spec) in record.plan.machines() {
        match target(&record.plan, &journal, step, spec, &pins, &files) {
            Ok(target) => reached.push((target, files.key_for(spec))),
            Err(NotReached::Files(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    files.write_ssh(&reached)?;
    Ok(files.ssh_config())
}

fn not_reached(record: &Record, error: NotReached) -> Error {
    let name = &record.name;
    match error {
        NotReached::Off(_) => {
            Error::of(ErrorKind::InvalidState, &error).hinted(format!("start it with `hostler start {name}`"))
        }
        NotReached::NotYet(_) => {
            Error::of(ErrorKind::InvalidState, &error).hinted(format!("go on with `hostler up {name}`"))
        }
        NotReached::Pin(..) => Error::of(ErrorKind::System, &error),
        NotReached::Files(error) => error.into(),
    }
}

fn no_machine(record: &Record, name: &str) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("`{}` has no machine `{name}`", record.name));
    let names: Vec<&str> = record.plan.machines().map(|(_, spec)| spec.name.as_str()).collect();
    match near(name, names.iter().copied()) {
        Some(near) => error.hinted(format!("did you mean `{near}`?")),
        None => error.hinted(format!("it has: {}", names.join(", "))),
    }
}
