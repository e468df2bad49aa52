//! The demand file: SkyPilot's task YAML as it is, and our own keys beside it.
//!
//! [`parse`] reads a file into a [`DemandFile`], or says everything that is wrong with it at once. What the file
//! leaves open is filled in by [`complete`](super::complete), from flags and from what a scan found.

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

use self::keys::Section;
pub use self::phases::wish_for_phase;
use self::reader::{Fields, Reader};
pub use self::resources::Groups;
pub use self::tree::At;
use self::tree::Node;
use super::problem::{Place, Problem, Severity};
use super::secrets::Secrets;
use super::{Budget, LeaseRequest, SiteSelector, Work};
use crate::money::Money;
use crate::name::Name;
use crate::time;

/// The names under which a repository's top directory holds its own demand file, the first that is there counts.
pub const FILE_NAMES: [&str; 2] = ["hostler.yaml", "hostler.yml"];

/// What a demand file says. What it doesn't say is absent, not filled in.
#[derive(Debug, Clone)]
pub struct DemandFile {
    /// The file, as the user named it.
    pub file: String,
    /// The deployment's name.
    pub name: Option<Name>,
    /// The machines.
    pub groups: Groups,
    /// When, and for how long.
    pub lease: LeaseRequest,
    /// Where, in order of preference.
    pub on: Vec<SiteSelector>,
    /// What it may cost.
    pub budget: Budget,
    /// The code to bring, as it is written.
    pub source: Option<SourceText>,
    /// Environment variables; those without a value need one from a flag.
    pub envs: BTreeMap<String, Option<String>>,
    /// What else is done. Its `source` and `envs` are empty, its paths as they are written.
    pub work: Work,
    /// The secret values that the file spells out.
    pub secrets: Secrets,
    /// What has no effect.
    pub warnings: Vec<Problem>,
    /// Where each value stands, by its path: `lease.duration`, `groups.worker.cpus`.
    places: BTreeMap<String, At>,
    /// The places again, as a problem shows them.
    marks: BTreeMap<String, Place>,
}

/// The code to bring, as a demand file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceText {
    /// `workdir`: a local directory.
    Directory(String),
    /// `workdir` with `url` and `ref`: a git repository.
    Git {
        /// Its URL.
        url: String,
        /// A branch, tag or commit.
        at: Option<String>,
    },
    /// `source`: a local directory or a git repository, as on the command line.
    Repository(String),
}

impl DemandFile {
    /// Where a value stands, by its path: `lease.duration`.
    pub fn at(&self, path: &str) -> Option<At> {
        self.places.get(path).copied()
    }

    /// The same, as a problem shows it.
    pub fn place(&self, path: &str) -> Place {
        self.marks.get(path).cloned().unwrap_or(Place::Everywhere)
    }
}

/// Reads a demand file. `file` is what messages call it.
///
/// # Errors
/// Everything that is wrong with it: all errors and warnings, in the order of the file.
pub fn parse(file: &str, text: &str) -> Result<DemandFile, Vec<Problem>> {
    let mut reader = Reader::new(file, text);
    let root = match tree::read(text) {
        Ok(root) => root,
        Err((at, message)) => {
            reader.refuse(at, message);
            return Err(reader.problems);
        }
    };
    let demand = read(&mut reader, file, &root);
    let (failed, mut problems) = (reader.failed(), reader.problems);
    problems.sort_by_key(|problem| match &problem.place {
        Place::File(mark) => (mark.line, mark.column),
        Place::Flag(_) | Place::Everywhere => (0, 0),
    });
    if failed {
        return Err(problems);
    }
    debug_assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
    Ok(DemandFile { warnings: problems, ..demand })
}

fn read(reader: &mut Reader<'_>, file: &str, root: &Node) -> DemandFile {
    let task = reader.fields(Section::Task, "", root);
    let mut secrets = Secrets::default();
    let secret_names = match task.get("secrets") {
        Some(node) => work::secrets(reader, node, &mut secrets),
        None => Vec::new(),
    };
    let work = Work {
        files: task.get("file_mounts").map(|node| work::files(reader, node)).unwrap_or_default(),
        secrets: secret_names.into_iter().collect(),
        packages: reader.list(&task, "packages", values::package).into_iter().collect(),
        python: task.get("python").map(|node| work::python(reader, node)),
        phases: task.get("setup_phases").map(|node| phases::phases(reader, node)).unwrap_or_default(),
        setup: reader.field(&task, "setup", values::words),
        run: reader.field(&task, "run", values::words),
        checks: reader.list(&task, "checks", values::words),
        ..Work::default()
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
        work,
        secrets,
        warnings: Vec::new(),
        places: BTreeMap::new(),
        marks: BTreeMap::new(),
    };
    let places = std::mem::take(&mut reader.places);
    let marks = places.iter().map(|(path, at)| (path.clone(), reader.place(*at))).collect();
    DemandFile { places, marks, ..demand }
}

/// SkyPilot allows capitals, dots and underscores in a name; host names don't.
fn name(reader: &mut Reader<'_>, task: &Fields<'_>) -> Option<Name> {
    let node = task.get("name")?;
    let text = reader.text("name", node)?;
    match (Name::new(text), Name::nearest(text)) {
        (Ok(name), _) => Some(name),
        (Err(error), Some(near)) => {
            reader.warn(node.at, format!("the deployment is called `{near}`"), error.rule);
            Some(near)
        }
        (Err(error), None) => {
            reader.refuse(node.at, error.to_string());
            None
        }
    }
}

fn lease(reader: &mut Reader<'_>, task: &Fields<'_>) -> LeaseRequest {
    let Some(node) = task.get("lease") else { return LeaseRequest::default() };
    let fields = reader.fields(Section::Lease, "lease.", node);
    LeaseRequest {
        duration: reader.field(&fields, "duration", time::duration),
        start: reader.field(&fields, "start", start).flatten(),
        within: reader.field(&fields, "within", time::duration),
    }
}

/// The start of a lease; `None` for `now`.
pub(super) fn start(text: &str) -> Result<Option<Timestamp>, time::BadTime> {
    if text.trim().eq_ignore_ascii_case("now") { Ok(None) } else { time::instant(text).map(Some) }
}

fn budget(reader: &mut Reader<'_>, task: &Fields<'_>) -> Budget {
    let Some(node) = task.get("budget") else { return Budget::default() };
    let fields = reader.fields(Section::Budget, "budget.", node);
    let money = |text: &str| text.trim().parse::<Money>();
    Budget { per_hour: reader.field(&fields, "per_hour", money), total: reader.field(&fields, "total", money) }
}
