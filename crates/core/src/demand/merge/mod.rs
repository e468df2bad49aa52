//! From what flags, file and scan say to a whole demand: flags over the file, the file over the scan.

mod machines;
mod work;

use super::base::Base;
use super::file::DemandFile;
use super::origins::{Origin, Origins};
use super::overrides::{Flags, Overrides};
use super::problem::{Place, Problem, Severity};
use super::{Budget, Demand, LeaseRequest, SiteSelector, TermsRequest};
use crate::name::Name;
use crate::scan::{Chosen, Suggested};

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
        terms: merge.terms(),
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

    fn lease(&mut self, flags: &Flags) -> LeaseRequest {
        let file = self.inputs.file.map(|file| file.lease.clone()).unwrap_or_default();
        let scanned = self.inputs.scan.and_then(|scan| scan.duration.as_ref());
        LeaseRequest {
            duration: self.first("lease.duration", ("--duration", flags.duration), file.duration, scanned),
            start: self.first("lease.start", ("--start", flags.start), Some(file.start), None).flatten(),
            within: self.first("lease.within", ("--within", flags.within), file.within, None),
        }
    }

    fn on(&mut self, flags: &Flags) -> Vec<SiteSelector> {
        let some = |places: &Vec<SiteSelector>| (!places.is_empty()).then(|| places.clone());
        let file = self.inputs.file.and_then(|file| some(&file.on));
        self.first("on", ("--on", flags.on.clone()), file, None).unwrap_or_default()
    }

    fn budget(&mut self, flags: &Flags) -> Budget {
        let file = self.inputs.file.map(|file| file.budget.clone()).unwrap_or_default();
        Budget {
            per_hour: self.first("budget.per_hour", ("--budget-per-hour", flags.per_hour), file.per_hour, None),
            total: self.first("budget.total", ("--budget", flags.total), file.total, None),
        }
    }

    /// Only flags say it: it depends on the project at the site, which a file doesn't know.
    fn terms(&mut self) -> TermsRequest {
        let wish = &self.inputs.overrides.terms;
        for (flag, text) in
            [("--key-name", &wish.keypair), ("--network", &wish.network), ("--lease-name", &wish.lease_name)]
        {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                self.problems.push(Problem::error(Place::Flag(flag.to_owned()), "nothing is named"));
            }
        }
        wish.clone()
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
