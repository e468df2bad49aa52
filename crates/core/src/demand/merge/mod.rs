//! Merges overrides, demand file and scan into a complete demand. Overrides take precedence over the file, and the
//! file over the scan.

mod machines;
mod work;

use super::base::PathBase;
use super::diagnostic::{Diagnostic, Hint, Location, Severity};
use super::file::DemandFile;
use super::origins::{Origins, ValueOrigin};
use super::override_key::OverrideKey;
use super::overrides::{Overrides, ParsedOverrides};
use super::{Budget, Demand, LeaseRequest, SiteSelector, TermsRequest};
use crate::name::Name;
use crate::scan::{Suggestion, Suggestions};

/// Everything that a demand is merged from.
#[derive(Debug, Clone, Copy)]
pub struct DemandInputs<'a> {
    /// Overrides of the front end.
    pub overrides: &'a Overrides,
    /// Parsed demand file, if any.
    pub file: Option<&'a DemandFile>,
    /// Suggestions from scanning the source, if it was scanned.
    pub scan: Option<&'a Suggestions>,
    /// Resolves paths of the file.
    pub base: PathBase<'a>,
    /// Name of the deployment if nothing sets one: derived from the repository or the file name.
    pub fallback_name: &'a str,
}

/// A complete demand with its provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletedDemand {
    /// The demand.
    pub demand: Demand,
    /// Origin of each value.
    pub origins: Origins,
    /// Warnings about values that have no effect.
    pub warnings: Vec<Diagnostic>,
}

/// Merges a demand.
///
/// A scan never changes the machines of a file with `groups`: it does not know to which group a finding applies.
///
/// # Errors
/// All errors in the overrides, and those in the file that [`parse`](super::parse) can't detect.
pub fn complete(inputs: &DemandInputs<'_>) -> Result<CompletedDemand, Vec<Diagnostic>> {
    let mut problems = inputs.file.map(|file| file.warnings.clone()).unwrap_or_default();
    let overrides = inputs.overrides.read(&mut problems);
    let mut merge = Merge { inputs, problems, origins: Origins::default() };
    let name = merge.name(&overrides);
    let demand = Demand {
        groups: merge.groups(&overrides),
        lease: merge.lease(&overrides),
        on: merge.on(&overrides),
        budget: merge.budget(&overrides),
        terms: merge.terms(),
        workload: merge.workload(overrides),
        name: match name {
            Some(name) => name,
            None => return Err(merge.problems),
        },
    };
    match merge.problems.iter().any(|problem| problem.severity == Severity::Error) {
        true => Err(merge.problems),
        false => Ok(CompletedDemand { demand, origins: merge.origins, warnings: merge.problems }),
    }
}

struct Merge<'a> {
    inputs: &'a DemandInputs<'a>,
    problems: Vec<Diagnostic>,
    origins: Origins,
}

impl Merge<'_> {
    /// First value that is set, in the order override, file, scan. Records its origin.
    fn first<T: Clone>(
        &mut self,
        path: &str,
        overridden: (OverrideKey, Option<T>),
        file: Option<T>,
        scan: Option<&Suggestion<T>>,
    ) -> Option<T> {
        if let (key, Some(value)) = overridden {
            self.origins.add(path, ValueOrigin::Override(key));
            return Some(value);
        }
        if let Some(value) = file {
            self.note_file(path, path);
            return Some(value);
        }
        let found = scan?;
        self.origins.add(path, ValueOrigin::Scan(found.evidence.clone()));
        Some(found.value.clone())
    }

    /// Records the file as the origin of the value at `path` if the file sets `key`.
    fn note_file(&mut self, path: &str, key: &str) {
        if let Some((file, at)) = self.inputs.file.and_then(|file| Some((file, file.position(key)?))) {
            self.origins.add(path, ValueOrigin::File { file: file.file.clone(), line: at.line });
        }
    }

    fn name(&mut self, overrides: &ParsedOverrides) -> Option<Name> {
        let file = self.inputs.file.and_then(|file| file.name.clone());
        let value = self.first("name", (OverrideKey::Name, overrides.name.clone()), file, None);
        let name = value.or_else(|| Name::nearest(self.inputs.fallback_name));
        if name.is_none() {
            let message = format!("no deployment name can be derived from `{}`", self.inputs.fallback_name);
            self.problems.push(Diagnostic::error(Location::Unspecified, message).with_hint(Hint::Override {
                key: OverrideKey::Name,
                value: None,
                or: None,
            }));
        }
        name
    }

    fn lease(&mut self, overrides: &ParsedOverrides) -> LeaseRequest {
        let file = self.inputs.file.map(|file| file.lease.clone()).unwrap_or_default();
        let scanned = self.inputs.scan.and_then(|scan| scan.duration.as_ref());
        LeaseRequest {
            duration: self.first("lease.duration", (OverrideKey::Duration, overrides.duration), file.duration, scanned),
            start: self.first("lease.start", (OverrideKey::Start, overrides.start), Some(file.start), None).flatten(),
            within: self.first("lease.within", (OverrideKey::Within, overrides.within), file.within, None),
        }
    }

    fn on(&mut self, overrides: &ParsedOverrides) -> Vec<SiteSelector> {
        let some = |places: &Vec<SiteSelector>| (!places.is_empty()).then(|| places.clone());
        let file = self.inputs.file.and_then(|file| some(&file.on));
        self.first("on", (OverrideKey::On, overrides.on.clone()), file, None).unwrap_or_default()
    }

    fn budget(&mut self, overrides: &ParsedOverrides) -> Budget {
        let file = self.inputs.file.map(|file| file.budget.clone()).unwrap_or_default();
        Budget {
            per_hour: self.first(
                "budget.per_hour",
                (OverrideKey::BudgetPerHour, overrides.per_hour),
                file.per_hour,
                None,
            ),
            total: self.first("budget.total", (OverrideKey::Budget, overrides.total), file.total, None),
        }
    }

    /// Terms come from overrides only: they depend on the project at the site, which a demand file does not know.
    fn terms(&mut self) -> TermsRequest {
        let request = &self.inputs.overrides.terms;
        for (key, text) in [
            (OverrideKey::KeyName, &request.keypair),
            (OverrideKey::Network, &request.network),
            (OverrideKey::LeaseName, &request.lease_name),
        ] {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                self.problems.push(Diagnostic::error(Location::Override(key), "the value is empty"));
            }
        }
        request.clone()
    }

    fn file_problem(&mut self, path: &str, message: String, hint: Option<Hint>) {
        let place = self.inputs.file.map_or(Location::Unspecified, |file| file.location(path));
        let problem = Diagnostic::error(place, message);
        self.problems.push(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }
}
