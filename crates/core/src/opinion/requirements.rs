//! What a repository requires of its machines.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::answer::Word;
use super::{Bounds, Opinion, Ruling, Why};
use crate::demand::{Amount, Budget, Demand, GpuNeed, Group, LeaseRequest, Requirements, TermsRequest, Work};
use crate::name::{GroupName, Name};
use crate::offer::{Market, OsRelease};
use crate::plan::could_serve;
use crate::scan::{Suggested, python_version};
use crate::size::Bytes;

/// What is required. What is absent, nobody knows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RequirementsOpinion {
    /// So many machines.
    pub machines: Option<NonZeroU32>,
    /// At least so many processors in each.
    pub cpus: Option<u32>,
    /// At least so much memory in each.
    pub memory: Option<Bytes>,
    /// At least so much disk in each.
    pub disk: Option<Bytes>,
    /// Accelerators in each.
    pub gpus: Option<GpuNeed>,
    /// What runs on them.
    pub os: Option<OsRelease>,
    /// The version of CUDA that the work is made for, as `12.2`.
    pub cuda: Option<String>,
    /// The Python to install, as `3.11`.
    pub python: Option<String>,
}

impl RequirementsOpinion {
    /// The rule: what files of the repository state or imply.
    pub fn of(scan: &Suggested) -> Self {
        Self {
            machines: scan.count.as_ref().map(|count| count.value),
            cpus: scan.cpus.as_ref().map(|cpus| cpus.value),
            memory: scan.memory.as_ref().map(|memory| memory.value),
            disk: scan.disk.as_ref().map(|disk| disk.value),
            gpus: scan.gpus.as_ref().map(|gpus| gpus.value.clone()),
            os: None,
            cuda: scan.cuda.as_ref().map(|cuda| cuda.value.clone()),
            python: scan.python.as_ref().and_then(|python| python.value.version.clone()),
        }
    }

    /// The same as a demand says it of each machine.
    pub fn needs(&self) -> Requirements {
        Requirements {
            cpus: self.cpus.map_or(Amount::Any, Amount::AtLeast),
            memory: self.memory.map_or(Amount::Any, Amount::AtLeast),
            disk: self.disk,
            gpus: self.gpus.clone(),
            image: self.os.as_ref().map(OsRelease::to_string),
            ..Requirements::default()
        }
    }
}

/// What is said. Sizes are in GiB.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    machines: Option<NonZeroU32>,
    cpus: Option<NonZeroU32>,
    memory_gib: Option<f64>,
    disk_gib: Option<f64>,
    gpus: Option<u32>,
    gpu_model: Option<Word>,
    os: Option<Word>,
    cuda: Option<Word>,
    python: Option<Word>,
    reason: Option<String>,
}

/// What a repository requires: `rule`, which is [`RequirementsOpinion::of`] its scan, and beyond it what an opinion says where
/// no file says anything, some offer has it, and the bounds allow it. Keys of an answer: `machines`, `cpus`, `memory_gib`,
/// `disk_gib`, `gpus`, `gpu_model`, `os`, `cuda`, `python` and `reason`, each of which may be missing.
pub fn requirements(
    opinion: Opinion<'_>,
    rule: &RequirementsOpinion,
    market: &Market,
    bounds: &Bounds,
) -> Ruling<RequirementsOpinion> {
    let mut ruling = Ruling::by_rule(rule.clone());
    let said: Said = ruling.hear(opinion);
    ruling.explain(said.reason.clone());
    let mut weighing = Weighing { ruling, market, bounds };
    // Accelerators first: they are the scarcest, so what else is wished must go with them.
    weighing.gpus(&said);
    weighing.sizes(&said);
    weighing.software(&said);
    weighing.ruling
}

/// A part of the requirements.
type Slot<V> = fn(&mut RequirementsOpinion) -> &mut Option<V>;

struct Weighing<'a> {
    ruling: Ruling<RequirementsOpinion>,
    market: &'a Market,
    bounds: &'a Bounds,
}

impl Weighing<'_> {
    fn gpus(&mut self, said: &Said) {
        let model = said.gpu_model.as_deref();
        let key = match (said.gpus, model) {
            (None, None) => return,
            (Some(0), model) => return self.no_gpus(model),
            (Some(_), _) => "gpus",
            (None, Some(_)) => "gpu_model",
        };
        let count = said.gpus.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let most = self.bounds.gpus;
        let allowed = |need: &GpuNeed| at_most(&need.count.get(), &most);
        let model = model.map(str::to_owned);
        self.weigh(key, GpuNeed { model, count }, allowed, |all| &mut all.gpus);
    }

    /// That there are to be none is so anyway, unless there is evidence for some.
    fn no_gpus(&mut self, model: Option<&str>) {
        if let Some(settled) = &self.ruling.rule.gpus {
            let why = Why::Settled(settled.to_string());
            self.ruling.refuse("gpus", 0, why);
        }
        if let Some(model) = model {
            self.ruling.refuse("gpu_model", model, Why::Needless("accelerators"));
        }
    }

    fn sizes(&mut self, said: &Said) {
        let Bounds { machines, cpus, memory, disk, .. } = self.bounds.clone();
        if let Some(count) = said.cpus {
            self.weigh("cpus", count.get(), |count| at_most(count, &cpus), |all| &mut all.cpus);
        }
        self.size("memory_gib", said.memory_gib, memory, |all| &mut all.memory);
        self.size("disk_gib", said.disk_gib, disk, |all| &mut all.disk);
        if let Some(count) = said.machines {
            self.weigh("machines", count, |count| at_most(count, &machines), |all| &mut all.machines);
        }
    }

    fn size(&mut self, key: &'static str, gib: Option<f64>, most: Bytes, slot: Slot<Bytes>) {
        let Some(gib) = gib else { return };
        // Beyond all numbers of bytes this is the largest of them.
        let bytes = Bytes((gib * Bytes::gib(1).0 as f64) as u64);
        match gib > 0.0 {
            true => self.weigh(key, bytes, |bytes| at_most(bytes, &most), slot),
            false => self.ruling.refuse(key, gib, Why::NotA("a size")),
        }
    }

    fn software(&mut self, said: &Said) {
        if let Some(text) = said.os.as_deref() {
            match OsRelease::wished(text) {
                Some(os) => self.weigh("os", os, |_| Ok(()), |all| &mut all.os),
                None => self.ruling.refuse("os", text, Why::NotA("an operating system, as `ubuntu-22.04`")),
            }
        }
        if let Some(text) = said.cuda.as_deref() {
            match (is_version(text), &self.ruling.choice.gpus) {
                (false, _) => self.ruling.refuse("cuda", text, Why::NotA("a version, as `12.2`")),
                (true, None) => self.ruling.refuse("cuda", text, Why::Needless("accelerators")),
                (true, Some(_)) => self.weigh("cuda", text.to_owned(), |_| Ok(()), |all| &mut all.cuda),
            }
        }
        if let Some(text) = said.python.as_deref() {
            match python_version::major_minor(text).filter(|_| is_version(text)) {
                Some(version) => self.weigh("python", version, |_| Ok(()), |all| &mut all.python),
                None => self.ruling.refuse("python", text, Why::NotA("a version, as `3.11`")),
            }
        }
    }

    /// Takes a value where nothing is settled, the bounds allow it, and some offer has it with all that was taken before.
    fn weigh<V: Clone + PartialEq + fmt::Display>(
        &mut self,
        key: &'static str,
        value: V,
        allowed: impl Fn(&V) -> Result<(), Why>,
        slot: Slot<V>,
    ) {
        match self.with(&value, allowed, slot) {
            Ok(choice) => self.ruling.take(key, value, choice),
            Err(why) => self.ruling.refuse(key, value, why),
        }
    }

    fn with<V: Clone + PartialEq + fmt::Display>(
        &self,
        value: &V,
        allowed: impl Fn(&V) -> Result<(), Why>,
        slot: Slot<V>,
    ) -> Result<RequirementsOpinion, Why> {
        let mut choice = self.ruling.choice.clone();
        let place = slot(&mut choice);
        match place {
            Some(settled) if settled == value => return Ok(choice),
            Some(settled) => return Err(Why::Settled(settled.to_string())),
            None => allowed(value)?,
        }
        *place = Some(value.clone());
        if is_offered(&choice, self.market, &self.bounds.budget) { Ok(choice) } else { Err(Why::NoOffer) }
    }
}

fn at_most<V: PartialOrd + fmt::Display>(value: &V, most: &V) -> Result<(), Why> {
    if value <= most { Ok(()) } else { Err(Why::TooMuch(most.to_string())) }
}

/// `12`, `12.2` or `12.2.1`.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() <= 3 && text.split('.').all(is_number)
}

/// Whether some offer has all of it, at a price that the budget allows an hour. What it costs in all is a question of
/// the duration.
fn is_offered(required: &RequirementsOpinion, market: &Market, budget: &Budget) -> bool {
    let (Ok(name), Ok(group)) = (Name::new("opinion"), GroupName::new("opinion")) else { return false };
    let count = required.machines.unwrap_or(NonZeroU32::MIN);
    let group = Group { name: group, count, any_of: vec![required.needs()] };
    let demand = Demand {
        name,
        groups: vec![group.clone()],
        lease: LeaseRequest::default(),
        on: Vec::new(),
        budget: Budget { total: None, ..budget.clone() },
        work: Work::default(),
        terms: TermsRequest::default(),
    };
    market.offers.iter().any(|offer| could_serve(&demand, &group, offer))
}
