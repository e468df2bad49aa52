//! Requirements of a repository, completed by a model.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::answer::ShortText;
use super::{AdvisedDecision, AnswerLimits, ModelAnswer, RejectionReason};
use crate::demand::{
    Amount, Budget, Demand, GpuRequirement, Group, LeaseRequest, Requirements, TermsRequest, Workload,
};
use crate::name::{GroupName, Name};
use crate::offer::{Market, OsRelease};
use crate::plan::could_match;
use crate::scan::{Suggestions, python_version};
use crate::size::Bytes;

/// Inferred requirements. `None` is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct InferredRequirements {
    /// Number of machines.
    pub machines: Option<NonZeroU32>,
    /// Minimum number of CPUs of each machine.
    pub cpus: Option<u32>,
    /// Minimum memory of each machine.
    pub memory: Option<Bytes>,
    /// Minimum disk size of each machine.
    pub disk: Option<Bytes>,
    /// GPUs of each machine.
    pub gpus: Option<GpuRequirement>,
    /// Operating system.
    pub os: Option<OsRelease>,
    /// CUDA version such as `12.2`.
    pub cuda: Option<String>,
    /// Python version to install, such as `3.11`.
    pub python: Option<String>,
}

impl InferredRequirements {
    /// The rule: suggestions of the repository scan.
    pub fn of(scan: &Suggestions) -> Self {
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

    /// The same as requirements of a demand.
    pub fn to_requirements(&self) -> Requirements {
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

/// Keys of the model's answer. Sizes are in GiB.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RequirementsAnswer {
    machines: Option<NonZeroU32>,
    cpus: Option<NonZeroU32>,
    memory_gib: Option<f64>,
    disk_gib: Option<f64>,
    gpus: Option<u32>,
    gpu_model: Option<ShortText>,
    os: Option<ShortText>,
    cuda: Option<ShortText>,
    python: Option<ShortText>,
    reason: Option<String>,
}

/// Infers the requirements of a repository: those of `rule`, which is [`InferredRequirements::of`] its scan, completed
/// by the model where no file says anything, some offer has the value, and the limits allow it. Keys of an answer, all
/// optional: `machines`, `cpus`, `memory_gib`, `disk_gib`, `gpus`, `gpu_model`, `os`, `cuda`, `python` and `reason`.
pub fn requirements(
    opinion: ModelAnswer<'_>,
    rule: &InferredRequirements,
    market: &Market,
    limits: &AnswerLimits,
) -> AdvisedDecision<InferredRequirements> {
    let mut decision = AdvisedDecision::by_rule(rule.clone());
    let answer: RequirementsAnswer = decision.parse_answer(opinion);
    decision.explain(answer.reason.clone());
    let mut weighing = Weighing { decision, market, limits };
    // GPUs first: they are the scarcest, so the other values must be available together with them.
    weighing.gpus(&answer);
    weighing.sizes(&answer);
    weighing.software(&answer);
    weighing.decision
}

/// Accessor of a field of the requirements.
type RequirementField<V> = fn(&mut InferredRequirements) -> &mut Option<V>;

struct Weighing<'a> {
    decision: AdvisedDecision<InferredRequirements>,
    market: &'a Market,
    limits: &'a AnswerLimits,
}

impl Weighing<'_> {
    fn gpus(&mut self, answer: &RequirementsAnswer) {
        let model = answer.gpu_model.as_deref();
        let key = match (answer.gpus, model) {
            (None, None) => return,
            (Some(0), model) => return self.no_gpus(model),
            (Some(_), _) => "gpus",
            (None, Some(_)) => "gpu_model",
        };
        let count = answer.gpus.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let most = self.limits.gpus;
        let allowed = |need: &GpuRequirement| at_most(&need.count.get(), &most);
        let model = model.map(str::to_owned);
        self.weigh(key, GpuRequirement { model, count }, allowed, |all| &mut all.gpus);
    }

    /// Handles `gpus: 0`, which is the default. It is rejected if the rule has evidence for GPUs.
    fn no_gpus(&mut self, model: Option<&str>) {
        if let Some(settled) = &self.decision.rule.gpus {
            let why = RejectionReason::Settled(settled.to_string());
            self.decision.reject("gpus", 0, why);
        }
        if let Some(model) = model {
            self.decision.reject("gpu_model", model, RejectionReason::Needless("GPUs"));
        }
    }

    fn sizes(&mut self, answer: &RequirementsAnswer) {
        let AnswerLimits { machines, cpus, memory, disk, .. } = self.limits.clone();
        if let Some(count) = answer.cpus {
            self.weigh("cpus", count.get(), |count| at_most(count, &cpus), |all| &mut all.cpus);
        }
        self.size("memory_gib", answer.memory_gib, memory, |all| &mut all.memory);
        self.size("disk_gib", answer.disk_gib, disk, |all| &mut all.disk);
        if let Some(count) = answer.machines {
            self.weigh("machines", count, |count| at_most(count, &machines), |all| &mut all.machines);
        }
    }

    fn size(&mut self, key: &'static str, gib: Option<f64>, most: Bytes, slot: RequirementField<Bytes>) {
        let Some(gib) = gib else { return };
        // The conversion saturates for numbers that are too large.
        let bytes = Bytes((gib * Bytes::gib(1).0 as f64) as u64);
        match gib > 0.0 {
            true => self.weigh(key, bytes, |bytes| at_most(bytes, &most), slot),
            false => self.decision.reject(key, gib, RejectionReason::NotA("a size")),
        }
    }

    fn software(&mut self, answer: &RequirementsAnswer) {
        if let Some(text) = answer.os.as_deref() {
            match OsRelease::from_request(text) {
                Some(os) => self.weigh("os", os, |_| Ok(()), |all| &mut all.os),
                None => self.decision.reject(
                    "os",
                    text,
                    RejectionReason::NotA("an operating system such as `ubuntu-22.04`"),
                ),
            }
        }
        if let Some(text) = answer.cuda.as_deref() {
            match (is_version(text), &self.decision.choice.gpus) {
                (false, _) => self.decision.reject("cuda", text, RejectionReason::NotA("a version such as `12.2`")),
                (true, None) => self.decision.reject("cuda", text, RejectionReason::Needless("GPUs")),
                (true, Some(_)) => self.weigh("cuda", text.to_owned(), |_| Ok(()), |all| &mut all.cuda),
            }
        }
        if let Some(text) = answer.python.as_deref() {
            match python_version::major_minor(text).filter(|_| is_version(text)) {
                Some(version) => self.weigh("python", version, |_| Ok(()), |all| &mut all.python),
                None => self.decision.reject("python", text, RejectionReason::NotA("a version such as `3.11`")),
            }
        }
    }

    /// Accepts a value if the rule does not set it, the limits allow it, and some offer has it together with all
    /// values accepted before.
    fn weigh<V: Clone + PartialEq + fmt::Display>(
        &mut self,
        key: &'static str,
        value: V,
        allowed: impl Fn(&V) -> Result<(), RejectionReason>,
        slot: RequirementField<V>,
    ) {
        match self.with(&value, allowed, slot) {
            Ok(choice) => self.decision.accept(key, value, choice),
            Err(why) => self.decision.reject(key, value, why),
        }
    }

    fn with<V: Clone + PartialEq + fmt::Display>(
        &self,
        value: &V,
        allowed: impl Fn(&V) -> Result<(), RejectionReason>,
        slot: RequirementField<V>,
    ) -> Result<InferredRequirements, RejectionReason> {
        let mut choice = self.decision.choice.clone();
        let place = slot(&mut choice);
        match place {
            Some(settled) if settled == value => return Ok(choice),
            Some(settled) => return Err(RejectionReason::Settled(settled.to_string())),
            None => allowed(value)?,
        }
        *place = Some(value.clone());
        if is_offered(&choice, self.market, &self.limits.budget) { Ok(choice) } else { Err(RejectionReason::NoOffer) }
    }
}

fn at_most<V: PartialOrd + fmt::Display>(value: &V, most: &V) -> Result<(), RejectionReason> {
    if value <= most { Ok(()) } else { Err(RejectionReason::TooMuch(most.to_string())) }
}

/// True for `12`, `12.2` or `12.2.1`.
fn is_version(text: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() <= 3 && text.split('.').all(is_number)
}

/// True if some offer has all of it at an hourly price within the budget. The total cost depends on the duration and
/// is not checked.
fn is_offered(required: &InferredRequirements, market: &Market, budget: &Budget) -> bool {
    let (Ok(name), Ok(group)) = (Name::new("opinion"), GroupName::new("opinion")) else { return false };
    let count = required.machines.unwrap_or(NonZeroU32::MIN);
    let group = Group { name: group, count, any_of: vec![required.to_requirements()] };
    let demand = Demand {
        name,
        groups: vec![group.clone()],
        lease: LeaseRequest::default(),
        on: Vec::new(),
        budget: Budget { total: None, ..budget.clone() },
        workload: Workload::default(),
        terms: TermsRequest::default(),
    };
    market.offers.iter().any(|offer| could_match(&demand, &group, offer))
}
