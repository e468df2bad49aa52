//! From findings to suggested values of a demand.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::finding::{Confidence, Finding, Scan, ScanFact};
use crate::demand::{GpuRequirement, PythonRequest};
use crate::seconds::InSeconds;
use crate::size::Bytes;

/// Function from a fact to its value if the fact is of the given kind.
macro_rules! value {
    ($kind:ident) => {
        |fact: &ScanFact| match fact {
            ScanFact::$kind(value) => Some(value.clone()),
            _ => None,
        }
    };
}

/// A suggested value with the findings that support it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion<T> {
    /// The value.
    pub value: T,
    /// Indices into [`Scan::findings`]; at least one.
    pub evidence: Vec<usize>,
}

impl<T: InSeconds> InSeconds for Suggestion<T> {
    type Seconds = Suggestion<T::Seconds>;

    fn to_seconds(&self) -> Self::Seconds {
        Suggestion { value: self.value.to_seconds(), evidence: self.evidence.clone() }
    }

    fn from_seconds(stored: Self::Seconds) -> Self {
        Self { value: T::from_seconds(stored.value), evidence: stored.evidence }
    }
}

/// Values that a repository suggests for its demand. Values of a demand file take precedence.
///
/// Stated findings take precedence over implied ones. Among equals the larger value wins, so that the largest of
/// several jobs fits. Guesses are listed in `hints` only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestions {
    /// Minimum number of CPUs of each machine.
    pub cpus: Option<Suggestion<u32>>,
    /// Minimum memory of each machine.
    pub memory: Option<Suggestion<Bytes>>,
    /// Minimum disk size of each machine.
    pub disk: Option<Suggestion<Bytes>>,
    /// GPUs of each machine.
    pub gpus: Option<Suggestion<GpuRequirement>>,
    /// CUDA version, for choosing an image or a driver.
    pub cuda: Option<Suggestion<String>>,
    /// Number of machines.
    pub count: Option<Suggestion<NonZeroU32>>,
    /// Length of the lease.
    #[serde(rename = "duration_seconds", with = "crate::seconds")]
    pub duration: Option<Suggestion<SignedDuration>>,
    /// Python environment.
    pub python: Option<Suggestion<PythonRequest>>,
    /// conda environment file.
    pub conda_file: Option<Suggestion<String>>,
    /// Debian packages in alphabetical order.
    pub packages: Vec<Suggestion<String>>,
    /// Shell script that prepares the machine.
    pub setup: Option<Suggestion<String>>,
    /// Shell script that does the work.
    pub run: Option<Suggestion<String>>,
    /// Findings that no field above uses, for display: guesses, and scripts of which there are several. Indices into
    /// [`Scan::findings`].
    pub hints: Vec<usize>,
}

impl Scan {
    /// Values for everything that the demand file leaves open.
    pub fn suggestions(&self) -> Suggestions {
        let mut suggestions = Suggestions {
            cpus: self.best(value!(Cpus), u32::cmp),
            memory: self.best(value!(Memory), Bytes::cmp),
            disk: self.best(value!(Disk), Bytes::cmp),
            gpus: self.best(value!(Gpu), more_gpus),
            cuda: self.best(value!(Cuda), |a, b| newer(a, b)),
            count: self.best(value!(Nodes), NonZeroU32::cmp),
            duration: self.best(value!(Duration), SignedDuration::cmp),
            python: self.python(),
            conda_file: self.only(value!(CondaFile)),
            packages: self.each(value!(SystemPackage)),
            setup: self.only(value!(Setup)),
            run: self.only(value!(Run)),
            hints: Vec::new(),
        };
        suggestions.hints = self.hints(&suggestions);
        suggestions
    }

    /// Values of all stated and implied facts of one kind.
    fn of<'a, T: 'a>(
        &'a self,
        pick: impl Fn(&ScanFact) -> Option<T> + 'a,
    ) -> impl Iterator<Item = (usize, Confidence, T)> + 'a {
        let used = self.findings.iter().enumerate().filter(|(_, finding)| finding.confidence > Confidence::Guessed);
        used.filter_map(move |(index, finding)| Some((index, finding.confidence, pick(&finding.fact)?)))
    }

    /// Most certain value; among equals the larger, then the first.
    fn best<T>(
        &self,
        pick: impl Fn(&ScanFact) -> Option<T>,
        cmp: impl Fn(&T, &T) -> Ordering,
    ) -> Option<Suggestion<T>> {
        self.of(pick)
            .reduce(|best, next| match next.1.cmp(&best.1).then_with(|| cmp(&next.2, &best.2)) {
                Ordering::Greater => next,
                _ => best,
            })
            .map(|(index, _, value)| Suggestion { value, evidence: vec![index] })
    }

    /// Most certain script. `None` if there are several: none of them is preferred.
    fn only(&self, pick: impl Fn(&ScanFact) -> Option<String>) -> Option<Suggestion<String>> {
        let all: Vec<_> = self.of(pick).collect();
        let surest = all.iter().map(|(_, confidence, _)| *confidence).max()?;
        let mut candidates = all.into_iter().filter(|(_, confidence, _)| *confidence == surest);
        match (candidates.next(), candidates.next()) {
            (Some((index, _, value)), None) => Some(Suggestion { value, evidence: vec![index] }),
            _ => None,
        }
    }

    /// All values of one kind, sorted and without duplicates.
    fn each(&self, pick: impl Fn(&ScanFact) -> Option<String>) -> Vec<Suggestion<String>> {
        let mut all: Vec<_> =
            self.of(pick).map(|(index, _, value)| Suggestion { value, evidence: vec![index] }).collect();
        all.sort_by(|a, b| a.value.cmp(&b.value));
        all.dedup_by(|a, b| a.value == b.value);
        all
    }

    fn python(&self) -> Option<Suggestion<PythonRequest>> {
        let version = self.best(value!(Python), |a, b| newer(a, b));
        let files = self.each(value!(RequirementFile));
        let requirements = self.each(value!(Requirement));
        let project = self.best(|fact| matches!(fact, ScanFact::InstallProject).then_some(()), |_, _| Ordering::Equal);
        let mut evidence: Vec<usize> = version.iter().flat_map(|chosen| chosen.evidence.clone()).collect();
        evidence.extend(files.iter().chain(&requirements).flat_map(|chosen| chosen.evidence.clone()));
        evidence.extend(project.iter().flat_map(|chosen| chosen.evidence.clone()));
        if evidence.is_empty() {
            return None;
        }
        let requirement = PythonRequest {
            version: version.map(|chosen| chosen.value),
            requirement_files: files.into_iter().map(|chosen| chosen.value).collect(),
            requirements: requirements.into_iter().map(|chosen| chosen.value).collect(),
            install_project: project.is_some(),
        };
        Some(Suggestion { value: requirement, evidence })
    }

    /// Findings that no field uses. A list field uses everything but guesses.
    fn hints(&self, suggestions: &Suggestions) -> Vec<usize> {
        let settled = |finding: &Finding| match finding.fact {
            ScanFact::Gpu(_) => suggestions.gpus.is_some(),
            ScanFact::Cuda(_) => suggestions.cuda.is_some(),
            ScanFact::Cpus(_) => suggestions.cpus.is_some(),
            ScanFact::Memory(_) => suggestions.memory.is_some(),
            ScanFact::Disk(_) => suggestions.disk.is_some(),
            ScanFact::Nodes(_) => suggestions.count.is_some(),
            ScanFact::Duration(_) => suggestions.duration.is_some(),
            ScanFact::Python(_) => suggestions.python.as_ref().is_some_and(|python| python.value.version.is_some()),
            ScanFact::Setup(_) => suggestions.setup.is_some(),
            ScanFact::Run(_) => suggestions.run.is_some(),
            ScanFact::BaseImage(_) | ScanFact::PythonRange(_) => true,
            // Used if conda is requested. Otherwise a problem explains how to request it.
            ScanFact::CondaFile(_) => true,
            ScanFact::RequirementFile(_)
            | ScanFact::Requirement(_)
            | ScanFact::InstallProject
            | ScanFact::SystemPackage(_) => finding.confidence > Confidence::Guessed,
        };
        let all = self.findings.iter().enumerate();
        all.filter(|(_, finding)| !settled(finding)).map(|(index, _)| index).collect()
    }
}

/// Compares by number of GPUs. Among equal numbers, a named model is greater.
fn more_gpus(a: &GpuRequirement, b: &GpuRequirement) -> Ordering {
    a.count.cmp(&b.count).then_with(|| a.model.is_some().cmp(&b.model.is_some()))
}

/// Compares dotted versions numerically: `3.9` is older than `3.11`.
fn newer(a: &str, b: &str) -> Ordering {
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>();
    numbers(a).cmp(&numbers(b))
}
