//! From findings to what a demand is filled with.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Scan;
use super::finding::{Confidence, Fact, Finding};
use crate::demand::{GpuNeed, PythonNeed};
use crate::size::Bytes;

/// A function from a fact to its value, where it is of one kind.
macro_rules! value {
    ($kind:ident) => {
        |fact: &Fact| match fact {
            Fact::$kind(value) => Some(value.clone()),
            _ => None,
        }
    };
}

/// A value with the findings that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen<T> {
    /// The value.
    pub value: T,
    /// Indices into [`Scan::findings`], at least one.
    pub evidence: Vec<usize>,
}

/// What a repository asks for. A demand file's own values win over all of it.
///
/// Stated findings beat implied ones; among equals the larger wins, so that the biggest of several jobs fits. Guesses
/// are never in a field: they stand in `hints`, to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggested {
    /// At least so many processors in each machine.
    pub cpus: Option<Chosen<u32>>,
    /// At least so much memory in each machine.
    pub memory: Option<Chosen<Bytes>>,
    /// At least so much disk in each machine.
    pub disk: Option<Chosen<Bytes>>,
    /// Accelerators in each machine.
    pub gpus: Option<Chosen<GpuNeed>>,
    /// The CUDA version that the work is made for, for the choice of an image or a driver.
    pub cuda: Option<Chosen<String>>,
    /// How many machines.
    pub count: Option<Chosen<NonZeroU32>>,
    /// How long they are needed.
    pub duration: Option<Chosen<SignedDuration>>,
    /// The Python environment.
    pub python: Option<Chosen<PythonNeed>>,
    /// The environment file of conda, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conda_file: Option<Chosen<String>>,
    /// Debian packages to install, sorted.
    pub packages: Vec<Chosen<String>>,
    /// A shell script that prepares the machine.
    pub setup: Option<Chosen<String>>,
    /// A shell script that does the work.
    pub run: Option<Chosen<String>>,
    /// What no field above settles, to be shown: guesses, and scripts of which there are several. Indices into
    /// [`Scan::findings`].
    pub hints: Vec<usize>,
}

impl Scan {
    /// What a demand is filled with where its file is silent.
    pub fn needs(&self) -> Suggested {
        let mut needs = Suggested {
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
        needs.hints = self.hints(&needs);
        needs
    }

    /// The findings that count, as values of one kind.
    fn of<'a, T: 'a>(
        &'a self,
        pick: impl Fn(&Fact) -> Option<T> + 'a,
    ) -> impl Iterator<Item = (usize, Confidence, T)> + 'a {
        let sure = self.findings.iter().enumerate().filter(|(_, finding)| finding.confidence > Confidence::Guessed);
        sure.filter_map(move |(index, finding)| Some((index, finding.confidence, pick(&finding.fact)?)))
    }

    /// The surest, among equals the larger, among those the first.
    fn best<T>(&self, pick: impl Fn(&Fact) -> Option<T>, cmp: impl Fn(&T, &T) -> Ordering) -> Option<Chosen<T>> {
        self.of(pick)
            .reduce(|best, next| match next.1.cmp(&best.1).then_with(|| cmp(&next.2, &best.2)) {
                Ordering::Greater => next,
                _ => best,
            })
            .map(|(index, _, value)| Chosen { value, evidence: vec![index] })
    }

    /// The surest script, if there is one and not several: of two, neither is chosen.
    fn only(&self, pick: impl Fn(&Fact) -> Option<String>) -> Option<Chosen<String>> {
        let all: Vec<_> = self.of(pick).collect();
        let surest = all.iter().map(|(_, confidence, _)| *confidence).max()?;
        let mut candidates = all.into_iter().filter(|(_, confidence, _)| *confidence == surest);
        match (candidates.next(), candidates.next()) {
            (Some((index, _, value)), None) => Some(Chosen { value, evidence: vec![index] }),
            _ => None,
        }
    }

    /// Every value of one kind, sorted, each once.
    fn each(&self, pick: impl Fn(&Fact) -> Option<String>) -> Vec<Chosen<String>> {
        let mut all: Vec<_> = self.of(pick).map(|(index, _, value)| Chosen { value, evidence: vec![index] }).collect();
        all.sort_by(|a, b| a.value.cmp(&b.value));
        all.dedup_by(|a, b| a.value == b.value);
        all
    }

    fn python(&self) -> Option<Chosen<PythonNeed>> {
        let version = self.best(value!(Python), |a, b| newer(a, b));
        let files = self.each(value!(RequirementFile));
        let requirements = self.each(value!(Requirement));
        let project = self.best(|fact| matches!(fact, Fact::InstallProject).then_some(()), |_, _| Ordering::Equal);
        let mut evidence: Vec<usize> = version.iter().flat_map(|chosen| chosen.evidence.clone()).collect();
        evidence.extend(files.iter().chain(&requirements).flat_map(|chosen| chosen.evidence.clone()));
        evidence.extend(project.iter().flat_map(|chosen| chosen.evidence.clone()));
        if evidence.is_empty() {
            return None;
        }
        let need = PythonNeed {
            version: version.map(|chosen| chosen.value),
            requirement_files: files.into_iter().map(|chosen| chosen.value).collect(),
            requirements: requirements.into_iter().map(|chosen| chosen.value).collect(),
            install_project: project.is_some(),
        };
        Some(Chosen { value: need, evidence })
    }

    /// The findings that no field settles. A list settles what is in it, which is all but the guesses.
    fn hints(&self, needs: &Suggested) -> Vec<usize> {
        let settled = |finding: &Finding| match finding.fact {
            Fact::Gpu(_) => needs.gpus.is_some(),
            Fact::Cuda(_) => needs.cuda.is_some(),
            Fact::Cpus(_) => needs.cpus.is_some(),
            Fact::Memory(_) => needs.memory.is_some(),
            Fact::Disk(_) => needs.disk.is_some(),
            Fact::Nodes(_) => needs.count.is_some(),
            Fact::Duration(_) => needs.duration.is_some(),
            Fact::Python(_) => needs.python.as_ref().is_some_and(|python| python.value.version.is_some()),
            Fact::Setup(_) => needs.setup.is_some(),
            Fact::Run(_) => needs.run.is_some(),
            Fact::BaseImage(_) | Fact::PythonRange(_) => true,
            // For those who wish for conda; the others are told by a problem what it is worth to them.
            Fact::CondaFile(_) => true,
            Fact::RequirementFile(_) | Fact::Requirement(_) | Fact::InstallProject | Fact::SystemPackage(_) => {
                finding.confidence > Confidence::Guessed
            }
        };
        let all = self.findings.iter().enumerate();
        all.filter(|(_, finding)| !settled(finding)).map(|(index, _)| index).collect()
    }
}

/// More of them first; of as many, those whose model is named.
fn more_gpus(a: &GpuNeed, b: &GpuNeed) -> Ordering {
    a.count.cmp(&b.count).then_with(|| a.model.is_some().cmp(&b.model.is_some()))
}

/// Compares dotted versions by their numbers: `3.9` is older than `3.11`.
fn newer(a: &str, b: &str) -> Ordering {
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>();
    numbers(a).cmp(&numbers(b))
}
