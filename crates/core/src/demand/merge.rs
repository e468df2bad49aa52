//! From what flags, file and scan say to a whole demand: flags over the file, the file over the scan.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::base::{Author, Base, substitute};
use super::file::{DemandFile, Groups, SourceText};
use super::origins::{Origin, Origins};
use super::overrides::{Flags, Overrides};
use super::problem::{Place, Problem, Severity};
use super::source::parse_source;
use super::{Amount, Budget, Demand, Group, LeaseWish, Needs, PythonNeed, Source, Work};
use crate::name::{GroupName, Name};
use crate::scan::{Chosen, Suggested};

/// The group's name, where a demand has one only and nobody named it.
const ONLY_GROUP: &str = "node";

/// All that a demand is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The flags.
    pub overrides: &'a Overrides,
    /// The demand file, where there is one.
    pub file: Option<&'a DemandFile>,
    /// What the repository asks for, where one was scanned.
    pub scan: Option<&'a Suggested>,
    /// Where the file's paths start.
    pub base: Base<'a>,
    /// What the deployment is called after, where nobody named it: the repository or the file.
    pub fallback_name: &'a str,
}

/// A whole demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// The demand.
    pub demand: Demand,
    /// Where its values came from.
    pub origins: Origins,
    /// What has no effect, although it was written.
    pub warnings: Vec<Problem>,
}

/// Puts a demand together.
///
/// A scan never changes the machines of a file that lists its `groups`, since nobody knows which of them it speaks of.
///
/// # Errors
/// Everything that is wrong with the flags, and with the file as far as [`parse`](super::parse) couldn't know.
pub fn complete(inputs: &Inputs<'_>) -> Result<Completed, Vec<Problem>> {
    let mut problems = inputs.file.map(|file| file.warnings.clone()).unwrap_or_default();
    let flags = inputs.overrides.read(&mut problems);
    let mut merge = Merge { inputs, problems, origins: Origins::default() };
    let name = merge.name(&flags);
    let demand = Demand {
        groups: merge.groups(&flags),
        lease: merge.lease(&flags),
        on: merge.on(&flags),
        budget: merge.budget(&flags),
        work: merge.work(flags),
        name: match name {
            Some(name) => name,
            None => return Err(merge.problems),
        },
    };
    match merge.problems.iter().any(|problem| problem.severity == Severity::Error) {
        true => Err(merge.problems),
        false => Ok(Completed { demand, origins: merge.origins, warnings: merge.problems }),
    }
}

struct Merge<'a> {
    inputs: &'a Inputs<'a>,
    problems: Vec<Problem>,
    origins: Origins,
}

impl Merge<'_> {
    /// The first that says something: flag, file, scan. Notes which it was.
    fn first<T: Clone>(
        &mut self,
        path: &str,
        flag: (&'static str, Option<T>),
        file: Option<T>,
        scan: Option<&Chosen<T>>,
    ) -> Option<T> {
        if let (name, Some(value)) = flag {
            self.origins.add(path, Origin::Flag(name));
            return Some(value);
        }
        if let Some(value) = file {
            self.note_file(path, path);
            return Some(value);
        }
        let found = scan?;
        self.origins.add(path, Origin::Scan(found.evidence.clone()));
        Some(found.value.clone())
    }

    /// Notes that a value is the file's, where the file says something at `place`.
    fn note_file(&mut self, path: &str, place: &str) {
        if let Some((file, at)) = self.inputs.file.and_then(|file| Some((file, file.at(place)?))) {
            self.origins.add(path, Origin::File { file: file.file.clone(), line: at.line });
        }
    }

    fn name(&mut self, flags: &Flags) -> Option<Name> {
        let file = self.inputs.file.and_then(|file| file.name.clone());
        let said = self.first("name", ("--name", flags.name.clone()), file, None);
        let name = said.or_else(|| Name::nearest(self.inputs.fallback_name));
        if name.is_none() {
            let message = format!("`{}` gives no name for the deployment", self.inputs.fallback_name);
            self.problems.push(Problem::error(Place::Everywhere, message).hinted("name it by `--name`"));
        }
        name
    }

    fn groups(&mut self, flags: &Flags) -> Vec<Group> {
        let said = self.inputs.file.map(|file| file.groups.clone());
        let mut groups = match said.unwrap_or(Groups::Alike { count: None, any_of: Vec::new() }) {
            Groups::Listed(groups) => self.listed(groups, flags),
            Groups::Alike { count, any_of } => self.alike(count, any_of, flags),
        };
        for group in &mut groups {
            for needs in &mut group.any_of {
                self.override_needs(&group.name, needs, flags);
            }
            // Alternatives that differed only in what a flag made equal are one.
            let mut seen: Vec<Needs> = Vec::new();
            group.any_of.retain(|needs| {
                !seen.contains(needs) && {
                    seen.push(needs.clone());
                    true
                }
            });
        }
        groups
    }

    fn listed(&mut self, mut groups: Vec<Group>, flags: &Flags) -> Vec<Group> {
        for group in &groups {
            self.note_needs(&group.name, &format!("groups.{}.", group.name));
            let count = format!("groups.{}.count", group.name);
            self.note_file(&count, &count);
        }
        match (flags.count, groups.as_mut_slice()) {
            (Some(count), [only]) => {
                only.count = count;
                self.origins.add(&format!("groups.{}.count", only.name), Origin::Flag("--count"));
            }
            (Some(_), _) => {
                let message = "the demand file lists several groups: which of them is meant is not known";
                self.problems.push(Problem::error(Place::Flag("--count".to_owned()), message));
            }
            (None, _) => {}
        }
        groups
    }

    fn alike(&mut self, count: Option<NonZeroU32>, mut any_of: Vec<Needs>, flags: &Flags) -> Vec<Group> {
        let Ok(name) = GroupName::new(ONLY_GROUP) else { return Vec::new() };
        let path = format!("groups.{name}.count");
        let scanned = self.inputs.scan.and_then(|scan| scan.count.as_ref());
        if flags.count.is_none() && count.is_some() {
            self.note_file(&path, "num_nodes");
        }
        let count = self.first(&path, ("--count", flags.count), count, scanned).unwrap_or(NonZeroU32::MIN);
        if any_of.is_empty() {
            any_of.push(Needs::default());
        }
        self.note_needs(&name, "resources.");
        self.fill_needs(&name, &mut any_of);
        vec![Group { name, count, any_of }]
    }

    /// Notes which lines of the file a group's needs come from: its own, or those it inherits.
    fn note_needs(&mut self, group: &GroupName, own: &str) {
        for field in NEEDS {
            let file = self.inputs.file;
            let places = [format!("{own}{field}"), format!("resources.{field}")];
            if let Some(place) = places.iter().find(|place| file.is_some_and(|file| file.at(place).is_some())) {
                self.note_file(&format!("groups.{group}.{field}"), place);
            }
        }
    }

    /// Fills in from the scan what no alternative of the group says.
    fn fill_needs(&mut self, group: &GroupName, any_of: &mut [Needs]) {
        let Some(scan) = self.inputs.scan else { return };
        let unsaid = any_of.to_vec();
        let silent = |says: fn(&Needs) -> bool| !unsaid.iter().any(says);
        let mut fill = |field: &str, evidence: &[usize], set: &dyn Fn(&mut Needs)| {
            any_of.iter_mut().for_each(set);
            self.origins.add(&format!("groups.{group}.{field}"), Origin::Scan(evidence.to_vec()));
        };
        // A named node type is what it is: the scan's wishes could only rule it out.
        if !silent(|needs| needs.node_type.is_some()) {
            return;
        }
        if let Some(found) = scan.cpus.as_ref().filter(|_| silent(|needs| needs.cpus != Amount::Any)) {
            fill("cpus", &found.evidence, &|needs| needs.cpus = Amount::AtLeast(found.value));
        }
        if let Some(found) = scan.memory.as_ref().filter(|_| silent(|needs| needs.memory != Amount::Any)) {
            fill("memory", &found.evidence, &|needs| needs.memory = Amount::AtLeast(found.value));
        }
        if let Some(found) = scan.disk.as_ref().filter(|_| silent(|needs| needs.disk.is_some())) {
            fill("disk_size", &found.evidence, &|needs| needs.disk = Some(found.value));
        }
        if let Some(found) = scan.gpus.as_ref().filter(|_| silent(|needs| needs.gpus.is_some())) {
            fill("accelerators", &found.evidence, &|needs| needs.gpus = Some(found.value.clone()));
        }
    }

    fn override_needs(&mut self, group: &GroupName, needs: &mut Needs, flags: &Flags) {
        let mut put = |field: &str, flag: &'static str| {
            self.origins.replace(&format!("groups.{group}.{field}"), Origin::Flag(flag));
        };
        if let Some(cpus) = flags.cpus {
            needs.cpus = cpus;
            put("cpus", "--cpus");
        }
        if let Some(memory) = flags.memory {
            needs.memory = memory;
            put("memory", "--memory");
        }
        if let Some(disk) = flags.disk {
            needs.disk = Some(disk);
            put("disk_size", "--disk");
        }
        if let Some(gpus) = &flags.gpus {
            needs.gpus = Some(gpus.clone());
            put("accelerators", "--gpus");
        }
        if let Some(image) = &flags.image {
            needs.image = Some(image.clone());
            put("image_id", "--image");
        }
        if let Some(node_type) = &flags.node_type {
            needs.node_type = Some(node_type.clone());
            put("instance_type", "--node-type");
        }
        if !flags.ports.is_empty() {
            needs.ports.clone_from(&flags.ports);
            put("ports", "--port");
        }
    }

    fn lease(&mut self, flags: &Flags) -> LeaseWish {
        let file = self.inputs.file.map(|file| file.lease.clone()).unwrap_or_default();
        let scanned = self.inputs.scan.and_then(|scan| scan.duration.as_ref());
        LeaseWish {
            duration: self.first("lease.duration", ("--duration", flags.duration), file.duration, scanned),
            start: self.first("lease.start", ("--start", flags.start), Some(file.start), None).flatten(),
            within: self.first("lease.within", ("--within", flags.within), file.within, None),
        }
    }

    fn on(&mut self, flags: &Flags) -> Vec<super::SiteWish> {
        let some = |places: &Vec<super::SiteWish>| (!places.is_empty()).then(|| places.clone());
        // `--on any` lifts what the file says.
        let any = !self.inputs.overrides.on.is_empty();
        let flag = any.then(|| flags.on.clone());
        let file = self.inputs.file.and_then(|file| some(&file.on));
        self.first("on", ("--on", flag), file, None).unwrap_or_default()
    }

    fn budget(&mut self, flags: &Flags) -> Budget {
        let file = self.inputs.file.map(|file| file.budget.clone()).unwrap_or_default();
        Budget {
            per_hour: self.first("budget.per_hour", ("--budget-per-hour", flags.per_hour), file.per_hour, None),
            total: self.first("budget.total", ("--budget", flags.total), file.total, None),
        }
    }

    fn work(&mut self, flags: Flags) -> Work {
        let mut work = self.inputs.file.map(|file| file.work.clone()).unwrap_or_default();
        work.envs = self.envs(&flags);
        work.source = self.source(&work.envs);
        work.files = self.files(&work.files, &work.envs);
        self.secrets(&mut work, &flags);
        self.packages(&mut work, &flags);
        work.python = self.python(work.python.take(), flags.python);
        let scan = self.inputs.scan;
        work.setup =
            self.first("setup", ("--setup", flags.setup), work.setup, scan.and_then(|scan| scan.setup.as_ref()));
        work.run = self.first("run", ("--run", flags.run), work.run, scan.and_then(|scan| scan.run.as_ref()));
        self.note_file("checks", "checks");
        work
    }

    fn envs(&mut self, flags: &Flags) -> BTreeMap<String, String> {
        let mut envs = BTreeMap::new();
        for (name, value) in self.inputs.file.iter().flat_map(|file| &file.envs) {
            match (value, flags.envs.contains_key(name)) {
                (_, true) => {}
                (Some(value), _) => {
                    envs.insert(name.clone(), value.clone());
                    self.note_file("envs", "envs");
                }
                (None, _) => {
                    let hint = format!("give it one by `--env {name}=…`, or name it under `secrets`");
                    self.file_problem("envs", format!("the variable `{name}` has no value"), Some(hint));
                }
            }
        }
        for (name, value) in &flags.envs {
            envs.insert(name.clone(), value.clone());
            self.origins.add("envs", Origin::Flag("--env"));
        }
        envs
    }

    fn source(&mut self, envs: &BTreeMap<String, String>) -> Option<Source> {
        if let Some(source) = &self.inputs.overrides.source {
            self.origins.add("source", Origin::Flag("SOURCE"));
            return Some(source.clone());
        }
        let (path, read) = match self.inputs.file?.source.as_ref()? {
            SourceText::Repository(text) => ("source", self.any_source(text)),
            SourceText::Directory(text) => ("workdir", self.directory(&substitute(text, envs))),
            SourceText::Git { url, at } => {
                let url = substitute(url, envs);
                let source = parse_source(&url, self.inputs.base.directory).map_err(|error| error.to_string());
                ("workdir", source.map(|source| Source { at: at.clone().or(source.at.clone()), ..source }))
            }
        };
        self.note_file("source", path);
        read.map_err(|error| self.file_problem(path, error, None)).ok()
    }

    /// A folder or URL as `source` says it; a folder is held to the same bounds as a `workdir`.
    fn any_source(&self, text: &str) -> Result<Source, String> {
        let source = parse_source(text, self.inputs.base.directory).map_err(|error| error.to_string())?;
        if source.is_local() { self.directory(text) } else { Ok(source) }
    }

    fn directory(&self, text: &str) -> Result<Source, String> {
        let path = self.inputs.base.path(text)?;
        let path = path.to_str().ok_or("the path is not UTF-8")?;
        parse_source(path, self.inputs.base.directory).map_err(|error| error.to_string())
    }

    fn files(
        &mut self,
        written: &BTreeMap<String, String>,
        envs: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        self.note_file("file_mounts", "file_mounts");
        let mut files = BTreeMap::new();
        for (there, here) in written {
            match self.inputs.base.path(&substitute(here, envs)) {
                Ok(path) => {
                    files.insert(substitute(there, envs), path.to_string_lossy().into_owned());
                }
                Err(error) => self.file_problem("file_mounts", error, None),
            }
        }
        files
    }

    /// A repository's own file may not take variables out of the user's environment unless the user names them too:
    /// its code would get to see them.
    fn secrets(&mut self, work: &mut Work, flags: &Flags) {
        self.note_file("secrets", "secrets");
        if let (Author::Repository, Some(file)) = (self.inputs.base.author, self.inputs.file) {
            for name in &work.secrets {
                if file.secrets.reveal(name).is_none() && !flags.secrets.contains(name) {
                    let message = format!("the repository asks for `{name}` of your environment");
                    self.file_problem("secrets", message, Some(format!("allow it by `--secret {name}`")));
                }
            }
        }
        for name in &flags.secrets {
            work.secrets.insert(name.clone());
            self.origins.add("secrets", Origin::Flag("--secret"));
        }
    }

    fn packages(&mut self, work: &mut Work, flags: &Flags) {
        self.note_file("packages", "packages");
        for package in &flags.packages {
            work.packages.insert(package.clone());
            self.origins.add("packages", Origin::Flag("--package"));
        }
        for found in self.inputs.scan.iter().flat_map(|scan| &scan.packages) {
            work.packages.insert(found.value.clone());
            self.origins.add("packages", Origin::Scan(found.evidence.clone()));
        }
    }

    /// What the file leaves open of the Python environment, the scan fills in.
    fn python(&mut self, file: Option<PythonNeed>, version: Option<String>) -> Option<PythonNeed> {
        let scanned = self.inputs.scan.and_then(|scan| scan.python.as_ref());
        if file.is_none() && version.is_none() && scanned.is_none() {
            return None;
        }
        self.note_file("python", "python");
        let mut need = file.unwrap_or_default();
        if let Some(version) = version {
            need.version = Some(version);
            self.origins.add("python", Origin::Flag("--python"));
        }
        let Some(found) = scanned else { return Some(need) };
        self.origins.add("python", Origin::Scan(found.evidence.clone()));
        let silent = need.requirement_files.is_empty() && need.requirements.is_empty() && !need.install_project;
        let more = found.value.clone();
        need.version = need.version.or(more.version.clone());
        Some(if silent { PythonNeed { version: need.version, ..more } } else { need })
    }

    fn file_problem(&mut self, path: &str, message: String, hint: Option<String>) {
        let place = self.inputs.file.map_or(Place::Everywhere, |file| file.place(path));
        let problem = Problem::error(place, message);
        self.problems.push(match hint {
            Some(hint) => problem.hinted(hint),
            None => problem,
        });
    }
}

/// The keys of what a machine must have.
const NEEDS: [&str; 12] = [
    "cpus",
    "memory",
    "disk_size",
    "accelerators",
    "arch",
    "image_id",
    "instance_type",
    "infra",
    "cloud",
    "use_spot",
    "ports",
    "node_labels",
];
