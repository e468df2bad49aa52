//! The demand file: SkyPilot's task YAML with extensions of hostler.
//!
//! [`parse`] reads a file into a [`DemandFile`], or reports all errors in it at once. [`complete`](super::complete)
//! merges it with overrides and the results of a scan.

pub mod keys;
pub(super) mod phases;
mod reader;
mod resources;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(super) mod values;
mod work;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::keys::DemandSection;
pub use self::phases::request_phase;
use self::reader::{FieldReader, Fields};
pub use self::resources::Groups;
pub use self::tree::Position;
use self::tree::YamlNode;
pub use self::work::SourceText;
use super::diagnostic::{Diagnostic, Location, Severity};
use super::secrets::Secrets;
use super::{Budget, LeaseRequest, SiteSelector, Workload};
use crate::money::Money;
use crate::name::Name;
use crate::time;

/// Names of a repository's own demand file at its top level. The first that exists is used.
pub const FILE_NAMES: [&str; 2] = ["hostler.yaml", "hostler.yml"];

/// Contents of a demand file. Values that the file does not set are absent; no defaults are filled in.
#[derive(Debug, Clone)]
pub struct DemandFile {
    /// File name as the user gave it.
    pub file: String,
    /// Name of the deployment.
    pub name: Option<Name>,
    /// Groups of machines.
    pub groups: Groups,
    /// Start and length of the lease.
    pub lease: LeaseRequest,
    /// Acceptable sites in order of preference.
    pub on: Vec<SiteSelector>,
    /// Upper bounds on cost.
    pub budget: Budget,
    /// Source or `workdir`, unresolved.
    pub source: Option<SourceText>,
    /// Environment variables. One without a value needs an override.
    pub envs: BTreeMap<String, Option<String>>,
    /// Remaining parts of the workload. `source` and `envs` are empty, and paths are unresolved.
    pub workload: Workload,
    /// Secret values that are written in the file.
    pub secrets: Secrets,
    /// Warnings about keys that have no effect.
    pub warnings: Vec<Diagnostic>,
    /// Position of each value by path, such as `lease.duration` or `groups.worker.cpus`.
    positions: BTreeMap<String, Position>,
    /// The same positions as locations for diagnostics.
    locations: BTreeMap<String, Location>,
}

impl DemandFile {
    /// Position of a value, by path such as `lease.duration`.
    pub fn position(&self, path: &str) -> Option<Position> {
        self.positions.get(path).copied()
    }

    /// Location of a value for a diagnostic; unspecified if the file does not set it.
    pub fn location(&self, path: &str) -> Location {
        self.locations.get(path).cloned().unwrap_or(Location::Unspecified)
    }
}

/// Parses a demand file. `file` is its name in messages.
///
/// # Errors
/// All errors and warnings in the order of the file.
pub fn parse(file: &str, text: &str) -> Result<DemandFile, Vec<Diagnostic>> {
    let mut reader = FieldReader::new(file, text);
    let root = match tree::read(text) {
        Ok(root) => root,
        Err((at, message)) => {
            reader.error(at, message);
            return Err(reader.problems);
        }
    };
    let demand = read(&mut reader, file, &root);
    let (failed, mut problems) = (reader.failed(), reader.problems);
    problems.sort_by_key(|problem| match &problem.location {
        Location::File(mark) => (mark.line, mark.column),
        Location::Override(_) | Location::Unspecified => (0, 0),
    });
    if failed {
        return Err(problems);
    }
    debug_assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
    Ok(DemandFile { warnings: problems, ..demand })
}

fn read(reader: &mut FieldReader<'_>, file: &str, root: &YamlNode) -> DemandFile {
    let task = reader.fields(DemandSection::Task, "", root);
    let mut secrets = Secrets::default();
    let secret_names = match task.get("secrets") {
        Some(node) => work::secrets(reader, node, &mut secrets),
        None => Vec::new(),
    };
    let workload = Workload {
        files: task.get("file_mounts").map(|node| work::files(reader, node)).unwrap_or_default(),
        secrets: secret_names.into_iter().collect(),
        packages: reader.list(&task, "packages", values::package).into_iter().collect(),
        python: task.get("python").map(|node| work::python(reader, node)),
        phases: task.get("setup_phases").map(|node| phases::phases(reader, node)).unwrap_or_default(),
        setup: reader.field(&task, "setup", values::non_empty),
        run: reader.field(&task, "run", values::non_empty),
        checks: reader.list(&task, "checks", values::non_empty),
        ..Workload::default()
    };
    let demand = DemandFile {
        file: file.to_owned(),
        name: name(reader, &task),
        groups: resources::groups(reader, &task),
        lease: lease(reader, &task),
        on: reader.list(&task, "on", values::site).into_iter().flatten().collect(),
        budget: budget(reader, &task),
        source: work::source(reader, &task),
        envs: task.get("envs").map(|node| work::envs(reader, node)).unwrap_or_default(),
        workload,
        secrets,
        warnings: Vec::new(),
        positions: BTreeMap::new(),
        locations: BTreeMap::new(),
    };
    let positions = std::mem::take(&mut reader.positions);
    let locations = positions.iter().map(|(path, at)| (path.clone(), reader.location(*at))).collect();
    DemandFile { positions, locations, ..demand }
}

/// SkyPilot allows capitals, dots and underscores in a name; host names don't.
fn name(reader: &mut FieldReader<'_>, task: &Fields<'_>) -> Option<Name> {
    let node = task.get("name")?;
    let text = reader.text("name", node)?;
    match (Name::new(text), Name::nearest(text)) {
        (Ok(name), _) => Some(name),
        (Err(error), Some(near)) => {
            reader.warn(node.at, format!("the deployment will be named `{near}`"), error.rule);
            Some(near)
        }
        (Err(error), None) => {
            reader.error(node.at, error.to_string());
            None
        }
    }
}

fn lease(reader: &mut FieldReader<'_>, task: &Fields<'_>) -> LeaseRequest {
    let Some(node) = task.get("lease") else { return LeaseRequest::default() };
    let fields = reader.fields(DemandSection::Lease, "lease.", node);
    LeaseRequest {
        duration: reader.field(&fields, "duration", time::parse_duration),
        start: reader.field(&fields, "start", start).flatten(),
        within: reader.field(&fields, "within", time::parse_duration),
    }
}

/// Start of a lease; `None` for `now`.
pub(super) fn start(text: &str) -> Result<Option<Timestamp>, time::BadTime> {
    if text.trim().eq_ignore_ascii_case("now") { Ok(None) } else { time::parse_instant(text).map(Some) }
}

fn budget(reader: &mut FieldReader<'_>, task: &Fields<'_>) -> Budget {
    let Some(node) = task.get("budget") else { return Budget::default() };
    let fields = reader.fields(DemandSection::Budget, "budget.", node);
    let money = |text: &str| text.trim().parse::<Money>();
    Budget { per_hour: reader.field(&fields, "per_hour", money), total: reader.field(&fields, "total", money) }
}
