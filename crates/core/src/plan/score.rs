//! The cost of an assignment: the sum over its groups. The planner takes the smallest.

use std::iter::Sum;
use std::ops::Add;

use super::measure::{self, Measure};
use crate::demand::Requirements;
use crate::money::Money;
use crate::offer::Offer;

/// The cost of placing one or several groups on offers of one site.
///
/// Costs are compared field by field; the first difference decides, so the order of the fields is the order of preference.
/// Prices are compared without their unit: until a site charges in dollars, service units are the only priced unit.
///
/// Adding the same cost to both sides keeps their order. This makes the bound of the search exact: the minimum cost of the
/// remaining groups can be added to the cost of those already placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// Position of the chosen alternative in the group's list.
    pub(super) alternative: u64,
    /// Position of the site in that alternative's list.
    pub(super) site: u64,
    /// Machines of unknown price, which rank after every known price.
    pub(super) unpriced: u64,
    /// Price per hour of the machines with a known price.
    pub(super) price: Money,
    /// Machines whose site does not report a requested size. They rank after machines that are known to be large enough.
    pub(super) unknown: u64,
    /// Excess GPUs, the scarcest resource first.
    pub(super) spare_gpus: u64,
    /// Excess memory in bytes.
    pub(super) spare_memory: u64,
    /// Excess CPUs.
    pub(super) spare_cpus: u64,
}

impl Cost {
    /// The cost of `count` machines of an offer.
    pub(super) fn of(needs: &Requirements, alternative: usize, offer: &Offer, measure: &Measure, count: u32) -> Self {
        let price = offer.price_of(count);
        let count = u64::from(count);
        let requested_gpus = needs.gpus.as_ref().map_or(0, |need| need.count.get() as usize);
        let gpus = measure::gpus_count(needs, offer).saturating_sub(requested_gpus);
        let memory = measure.memory.less(needs.memory.least().unwrap_or_default());
        let cpus = measure.cpus.saturating_sub(needs.cpus.least().unwrap_or_default());
        Self {
            alternative: alternative as u64,
            site: needs.sites.iter().position(|selector| selector.means(&offer.site)).unwrap_or_default() as u64,
            unpriced: if price.is_none() { count } else { 0 },
            price: price.unwrap_or_default(),
            unknown: if is_known(needs, offer) { 0 } else { count },
            spare_gpus: count.saturating_mul(gpus as u64),
            spare_memory: memory.times(count).0,
            spare_cpus: count.saturating_mul(u64::from(cpus)),
        }
    }
}

/// True if the site reports every requested size.
fn is_known(needs: &Requirements, offer: &Offer) -> bool {
    let facts = &offer.facts;
    (needs.cpus.least().is_none() || facts.cpus.is_some())
        && (needs.memory.least().is_none() || facts.memory.is_some())
        && (needs.disk.is_none() || facts.disk.is_some())
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            alternative: self.alternative.saturating_add(other.alternative),
            site: self.site.saturating_add(other.site),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            price: self.price.plus(other.price),
            unknown: self.unknown.saturating_add(other.unknown),
            spare_gpus: self.spare_gpus.saturating_add(other.spare_gpus),
            spare_memory: self.spare_memory.saturating_add(other.spare_memory),
            spare_cpus: self.spare_cpus.saturating_add(other.spare_cpus),
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}
