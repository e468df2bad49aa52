//! Advice: a change of a demand that would give it a plan.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::demand::{Amount, GpuRequirement, Spot};
use crate::money::Money;
use crate::name::{GroupName, SiteId};
use crate::size::Bytes;
use crate::time::format_duration;

/// A single change of a demand that has no plan. The planner has verified that the changed demand has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The part of the demand to change.
    pub scope: AdviceScope,
    /// The change.
    pub change: DemandChange,
}

/// The part of a demand that a change applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceScope {
    /// The demand as a whole, or its only group.
    Demand,
    /// One of several groups.
    Group(GroupName),
    /// Every one of several groups: no change of a single group is enough.
    EveryGroup,
}

/// A change of a demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemandChange {
    /// Request sizes as minimums instead of exactly.
    Minimum {
        /// CPUs per machine, if requested exactly before.
        cpus: Option<u32>,
        /// Memory per machine, if requested exactly before.
        memory: Option<Bytes>,
    },
    /// Request fewer CPUs per machine.
    Cpus {
        /// The largest minimum that has a plan.
        at_most: u32,
    },
    /// Request less memory per machine.
    Memory {
        /// The largest minimum that has a plan.
        at_most: Bytes,
    },
    /// Request less disk per machine.
    Disk {
        /// The largest size that has a plan.
        at_most: Bytes,
    },
    /// Request another image.
    Image {
        /// The requested image.
        requested: String,
        /// A suitable image.
        available: String,
    },
    /// Request no such label.
    Label {
        /// Its key.
        key: String,
        /// Its requested value.
        value: String,
    },
    /// Request another node type.
    NodeType {
        /// The requested node type.
        requested: String,
        /// A suitable node type.
        available: String,
    },
    /// Accept any GPU model.
    AnyGpu {
        /// The requested GPUs.
        requested: GpuRequirement,
        /// A model that is available.
        available: String,
    },
    /// Request fewer GPUs per machine.
    Gpus {
        /// The requested model with the largest number that has a plan.
        at_most: GpuRequirement,
    },
    /// Request no GPU.
    NoGpu,
    /// Request fewer machines.
    Count {
        /// The requested number.
        requested: u32,
        /// The largest number that has a plan.
        at_most: u32,
    },
    /// Request spot machines instead of on-demand ones, or the reverse.
    Spot(Spot),
    /// Request another architecture.
    Arch(String),
    /// Allow another site.
    Site(SiteId),
    /// Request a shorter lease, or one with an end.
    Duration {
        /// The requested duration, if there is one.
        #[serde(rename = "requested_seconds", with = "crate::seconds")]
        requested: Option<SignedDuration>,
        /// The longest duration within the total budget.
        #[serde(rename = "at_most_seconds", with = "crate::seconds")]
        at_most: SignedDuration,
        /// The total budget.
        budget: Money,
    },
    /// Raise the budget.
    Budget {
        /// The lowest limit per hour that has a plan, if the present one is too low.
        per_hour: Option<Money>,
        /// The lowest total that has a plan, if the present one is too low.
        total: Option<Money>,
    },
    /// Remove the budget: no offer has a known price.
    NoBudget,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.fmt(f)?;
        match &self.scope {
            AdviceScope::Demand => Ok(()),
            AdviceScope::Group(group) => write!(f, " in group `{group}`"),
            AdviceScope::EveryGroup => f.write_str(" in every group"),
        }
    }
}

impl fmt::Display for DemandChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minimum { cpus, memory } => {
                let cpus = cpus.map(|cpus| format!("at least {cpus} CPUs"));
                let memory = memory.map(|memory| format!("at least {memory} of memory"));
                let minimums: Vec<String> = cpus.into_iter().chain(memory).collect();
                write!(f, "{} instead of an exact size", minimums.join(" and "))
            }
            Self::Cpus { at_most } => write!(f, "{} CPUs or less", Amount::AtLeast(*at_most)),
            Self::Memory { at_most } => write!(f, "{} of memory or less", Amount::AtLeast(*at_most)),
            Self::Disk { at_most } => write!(f, "{at_most} of disk or less"),
            Self::Image { requested, available } => write!(f, "image `{available}` instead of `{requested}`"),
            Self::Label { key, value } => write!(f, "no label `{key}={value}`"),
            Self::NodeType { requested, available } => write!(f, "node type `{available}` instead of `{requested}`"),
            Self::AnyGpu { requested, available } => {
                write!(f, "any GPU instead of `{requested}`, such as `{available}`")
            }
            Self::Gpus { at_most } if at_most.count.get() == 1 => write!(f, "GPUs `{at_most}`"),
            Self::Gpus { at_most } => write!(f, "GPUs `{at_most}` or fewer"),
            Self::NoGpu => f.write_str("no GPU"),
            Self::Count { requested, at_most: 1 } => write!(f, "count 1 instead of {requested}"),
            Self::Count { requested, at_most } => write!(f, "count {at_most} or less instead of {requested}"),
            Self::Spot(Spot::Only) => f.write_str("spot machines"),
            Self::Spot(Spot::Never) => f.write_str("on-demand machines"),
            Self::Arch(arch) => write!(f, "architecture `{arch}`"),
            Self::Site(site) => write!(f, "site `{site}`"),
            Self::Duration { at_most, budget, .. } => {
                write!(f, "a duration of {} or less within the total budget of {budget}", format_duration(*at_most))
            }
            Self::Budget { per_hour, total } => {
                let per_hour = per_hour.map(|limit| format!("{limit}/h"));
                let total = total.map(|limit| format!("{limit} in total"));
                let limits: Vec<String> = per_hour.into_iter().chain(total).collect();
                write!(f, "a budget of {}", limits.join(" and "))
            }
            Self::NoBudget => f.write_str("no budget: no offer has a known price"),
        }
    }
}
