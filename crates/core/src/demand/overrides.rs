//! Overrides: values of a front end (command-line flags, an API request) that take precedence over the demand file and
//! the scan.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

use super::diagnostic::{Diagnostic, Location};
use super::file::phases::{self, PhaseChange};
use super::file::{start, values};
use super::override_key::OverrideKey;
use super::{Amount, GpuRequirement, SiteSelector, Source, TermsRequest};
use crate::money::Money;
use crate::name::Name;
use crate::size::Bytes;
use crate::time;

/// Overrides as text. They are parsed by the same functions as the values of a demand file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Repository or directory to deploy.
    pub source: Option<Source>,
    /// Name of the deployment.
    pub name: Option<String>,
    /// Sites in order of preference.
    pub on: Vec<String>,
    /// Number of machines.
    pub count: Option<String>,
    /// CPUs of each machine.
    pub cpus: Option<String>,
    /// Memory of each machine.
    pub memory: Option<String>,
    /// Minimum disk size of each machine.
    pub disk: Option<String>,
    /// GPUs of each machine.
    pub gpus: Option<String>,
    /// Image to boot.
    pub image: Option<String>,
    /// Node type.
    pub node_type: Option<String>,
    /// Ports and ranges of ports.
    pub ports: Vec<String>,
    /// Length of the lease.
    pub duration: Option<String>,
    /// Start of the lease.
    pub start: Option<String>,
    /// Longest acceptable delay of the start.
    pub within: Option<String>,
    /// Budget per hour.
    pub per_hour: Option<String>,
    /// Budget in total.
    pub total: Option<String>,
    /// Each as `NAME=VALUE`.
    pub envs: Vec<String>,
    /// Names of environment variables of the caller. Values are never part of an override.
    pub secrets: Vec<String>,
    /// System packages.
    pub packages: Vec<String>,
    /// Python version.
    pub python: Option<String>,
    /// Each as `NAME` or `NAME=VALUE`.
    pub phases: Vec<String>,
    /// Script that prepares the machines.
    pub setup: Option<String>,
    /// Script that does the work.
    pub run: Option<String>,
    /// Choices for other site resources.
    pub terms: TermsRequest,
}

/// Overrides after parsing.
#[derive(Debug, Default)]
pub(super) struct ParsedOverrides {
    pub name: Option<Name>,
    /// Empty for `any`, which removes the file's restriction.
    pub on: Option<Vec<SiteSelector>>,
    pub count: Option<NonZeroU32>,
    pub cpus: Option<Amount<u32>>,
    pub memory: Option<Amount<Bytes>>,
    pub disk: Option<Bytes>,
    pub gpus: Option<GpuRequirement>,
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
    pub phases: Vec<PhaseChange>,
    pub setup: Option<String>,
    pub run: Option<String>,
}

impl Overrides {
    /// Parses the texts. Adds a diagnostic for each that is invalid.
    pub(super) fn read(&self, problems: &mut Vec<Diagnostic>) -> ParsedOverrides {
        let mut reader = OverrideReader { problems };
        let on = reader.each(OverrideKey::On, &self.on, values::site);
        ParsedOverrides {
            name: reader.one(OverrideKey::Name, &self.name, |text| Name::new(text)),
            on: (!self.on.is_empty()).then(|| on.into_iter().flatten().collect()),
            count: reader.one(OverrideKey::Count, &self.count, values::count),
            cpus: reader.one(OverrideKey::Cpus, &self.cpus, values::cpus),
            memory: reader.one(OverrideKey::Memory, &self.memory, values::memory),
            disk: reader.one(OverrideKey::Disk, &self.disk, values::disk),
            gpus: reader.one(OverrideKey::Gpus, &self.gpus, values::gpus),
            image: reader.one(OverrideKey::Image, &self.image, values::image),
            node_type: reader.one(OverrideKey::NodeType, &self.node_type, values::non_empty),
            ports: reader.each(OverrideKey::Port, &self.ports, values::ports).into_iter().flatten().collect(),
            duration: reader.one(OverrideKey::Duration, &self.duration, time::parse_duration),
            start: reader.one(OverrideKey::Start, &self.start, start),
            within: reader.one(OverrideKey::Within, &self.within, time::parse_duration),
            per_hour: reader.one(OverrideKey::BudgetPerHour, &self.per_hour, str::parse),
            total: reader.one(OverrideKey::Budget, &self.total, str::parse),
            envs: reader.each(OverrideKey::Env, &self.envs, pair).into_iter().collect(),
            secrets: reader.each(OverrideKey::Secret, &self.secrets, secret).into_iter().collect(),
            packages: reader.each(OverrideKey::Package, &self.packages, values::package).into_iter().collect(),
            python: reader.one(OverrideKey::Python, &self.python, values::python_version),
            phases: reader.each(OverrideKey::Phase, &self.phases, phases::parse_change),
            setup: reader.one(OverrideKey::Setup, &self.setup, values::non_empty),
            run: reader.one(OverrideKey::Run, &self.run, values::non_empty),
        }
    }
}

/// A variable and its value. Error messages never quote the value, which may be secret.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `NAME=VALUE`")?;
    let name = values::variable(name).map_err(|error| format!("`{name}` is {error}"))?;
    Ok((name, value.to_owned()))
}

/// Name of a secret. If the text contains a value by mistake, the error does not repeat it.
fn secret(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) => {
            Err(format!("expected the name of a variable without a value: export `{name}` and use the name"))
        }
        None => values::variable(text),
    }
}

struct OverrideReader<'a> {
    problems: &'a mut Vec<Diagnostic>,
}

impl OverrideReader<'_> {
    fn one<T, E: ToString>(
        &mut self,
        key: OverrideKey,
        text: &Option<String>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.each(key, text.as_slice(), parse).pop()
    }

    fn each<T, E: ToString>(
        &mut self,
        key: OverrideKey,
        texts: &[String],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut read = Vec::new();
        for text in texts {
            match parse(text) {
                Ok(value) => read.push(value),
                Err(error) => {
                    self.problems.push(Diagnostic::error(Location::Override(key), error.to_string()));
                }
            }
        }
        read
    }
}
