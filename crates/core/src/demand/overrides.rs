//! What flags say: over the file, over the scan.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

use super::file::phases::{self, PhaseFlag};
use super::file::{start, values};
use super::problem::{Place, Problem};
use super::{Amount, GpuNeed, SiteSelector, Source, TermsRequest};
use crate::money::Money;
use crate::name::Name;
use crate::size::Bytes;
use crate::time;

/// The flags of `up`, `plan` and `analyze` that say what is wanted, as texts. They are read as a file's values are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The repository or folder named on the command line.
    pub source: Option<Source>,
    /// `--name`
    pub name: Option<String>,
    /// `--on`, once for each place, in order of preference.
    pub on: Vec<String>,
    /// `--count`
    pub count: Option<String>,
    /// `--cpus`
    pub cpus: Option<String>,
    /// `--memory`
    pub memory: Option<String>,
    /// `--disk`
    pub disk: Option<String>,
    /// `--gpus`
    pub gpus: Option<String>,
    /// `--image`
    pub image: Option<String>,
    /// `--node-type`
    pub node_type: Option<String>,
    /// `--port`, once for each port or range.
    pub ports: Vec<String>,
    /// `--duration`
    pub duration: Option<String>,
    /// `--start`
    pub start: Option<String>,
    /// `--within`
    pub within: Option<String>,
    /// `--budget-per-hour`
    pub per_hour: Option<String>,
    /// `--budget`
    pub total: Option<String>,
    /// `--env`, each as `NAME=VALUE`.
    pub envs: Vec<String>,
    /// `--secret`, each the name of a variable of the caller's environment: values are never on a command line.
    pub secrets: Vec<String>,
    /// `--package`
    pub packages: Vec<String>,
    /// `--python`
    pub python: Option<String>,
    /// `--phase`, each as `NAME` or `NAME=WORD`.
    pub phases: Vec<String>,
    /// `--setup`
    pub setup: Option<String>,
    /// `--run`
    pub run: Option<String>,
    /// `--key-name`, `--network`, `--no-floating-ip` and `--lease-name`
    pub terms: TermsRequest,
}

/// The same, read.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub name: Option<Name>,
    /// Empty for `any`, which lifts what the file says.
    pub on: Option<Vec<SiteSelector>>,
    pub count: Option<NonZeroU32>,
    pub cpus: Option<Amount<u32>>,
    pub memory: Option<Amount<Bytes>>,
    pub disk: Option<Bytes>,
    pub gpus: Option<GpuNeed>,
    pub image: Option<String>,
    pub node_type: Option<String>,
    pub ports: BTreeSet<u16>,
    pub duration: Option<SignedDuration>,
    pub start: Option<Option<Timestamp>>,
    pub within: Option<SignedDuration>,
    pub per_hour: Option<Money>,
    pub total: Option<Money>,
    pub envs: BTreeMap<String, String>,
    pub secrets: BTreeSet<String>,
    pub packages: BTreeSet<String>,
    pub python: Option<String>,
    pub phases: Vec<PhaseFlag>,
    pub setup: Option<String>,
    pub run: Option<String>,
}

impl Overrides {
    /// Reads the texts; what can't be read is added to the problems.
    pub(super) fn read(&self, problems: &mut Vec<Problem>) -> Flags {
        let mut reader = FlagReader { problems };
        let on = reader.each("--on", &self.on, values::site);
        Flags {
            name: reader.one("--name", &self.name, |text| Name::new(text)),
            on: (!self.on.is_empty()).then(|| on.into_iter().flatten().collect()),
            count: reader.one("--count", &self.count, values::count),
            cpus: reader.one("--cpus", &self.cpus, values::cpus),
            memory: reader.one("--memory", &self.memory, values::memory),
            disk: reader.one("--disk", &self.disk, values::disk),
            gpus: reader.one("--gpus", &self.gpus, values::gpus),
            image: reader.one("--image", &self.image, values::image),
            node_type: reader.one("--node-type", &self.node_type, values::words),
            ports: reader.each("--port", &self.ports, values::ports).into_iter().flatten().collect(),
            duration: reader.one("--duration", &self.duration, time::duration),
            start: reader.one("--start", &self.start, start),
            within: reader.one("--within", &self.within, time::duration),
            per_hour: reader.one("--budget-per-hour", &self.per_hour, str::parse),
            total: reader.one("--budget", &self.total, str::parse),
            envs: reader.each("--env", &self.envs, pair).into_iter().collect(),
            secrets: reader.each("--secret", &self.secrets, secret).into_iter().collect(),
            packages: reader.each("--package", &self.packages, values::package).into_iter().collect(),
            python: reader.one("--python", &self.python, values::python_version),
            phases: reader.each("--phase", &self.phases, phases::flag),
            setup: reader.one("--setup", &self.setup, values::words),
            run: reader.one("--run", &self.run, values::words),
        }
    }
}

/// A variable and its value. The value is never quoted: it may be what somebody took for safe here.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `NAME=VALUE`")?;
    let name = values::variable(name).map_err(|error| format!("`{name}` is {error}"))?;
    Ok((name, value.to_owned()))
}

/// The name of a secret. Who writes `NAME=VALUE` learns that it doesn't belong there, without seeing it again.
fn secret(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) => Err(format!("name the variable only: export `{name}` first, and give `--secret {name}`")),
        None => values::variable(text),
    }
}

struct FlagReader<'a> {
    problems: &'a mut Vec<Problem>,
}

impl FlagReader<'_> {
    fn one<T, E: ToString>(
        &mut self,
        flag: &str,
        text: &Option<String>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.each(flag, text.as_slice(), parse).pop()
    }

    fn each<T, E: ToString>(&mut self, flag: &str, texts: &[String], parse: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        let mut read = Vec::new();
        for text in texts {
            match parse(text) {
                Ok(value) => read.push(value),
                Err(error) => {
                    self.problems.push(Problem::error(Place::Flag(flag.to_owned()), error.to_string()));
                }
            }
        }
        read
    }
}
