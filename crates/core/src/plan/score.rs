//! How good an assignment is: a cost, smaller is better, that adds up over the groups.

use std::iter::Sum;
use std::ops::Add;

use super::measure::{self, Measure};
use crate::demand::Requirements;
use crate::money::Money;
use crate::offer::Offer;

/// The cost of serving a group, or several, by certain offers of one site.
///
/// Compared field by field, the first that differs decides. The order does not change when the same cost is added to
/// both sides, and that is what makes the search's bound exact: the least cost of the groups still open can be added
/// to what is chosen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// How far down its list of alternatives a group had to go.
    pub(super) alternative: u64,
    /// How far down the sites of that alternative.
    pub(super) site: u64,
    /// Machines of unknown price: after every known one.
    pub(super) unpriced: u64,
    /// An hour, of the machines with a known price.
    pub(super) price: Money,
    /// Machines of which nobody says whether they are as large as is wished: after every known one.
    pub(super) unknown: u64,
    /// Accelerators beyond those needed: the scarcest first.
    pub(super) spare_gpus: u64,
    /// Bytes of memory beyond.
    pub(super) spare_memory: u64,
    /// Processors beyond.
    pub(super) spare_cpus: u64,
}

impl Cost {
    /// Of so many machines for the needs on an offer.
    pub(super) fn of(needs: &Requirements, alternative: usize, offer: &Offer, measure: &Measure, count: u32) -> Self {
        let count = u64::from(count);
        let wanted_gpus = needs.gpus.as_ref().map_or(0, |need| need.count.get() as usize);
        let gpus = measure::gpus_count(needs, offer).saturating_sub(wanted_gpus);
        let memory = measure.memory.less(needs.memory.least().unwrap_or_default());
        let cpus = measure.cpus.saturating_sub(needs.cpus.least().unwrap_or_default());
        Self {
            alternative: alternative as u64,
            site: needs.sites.iter().position(|wish| wish.means(&offer.site)).unwrap_or_default() as u64,
            unpriced: if offer.price_per_hour.is_none() { count } else { 0 },
            price: offer.price_per_hour.unwrap_or_default().times(count as i64),
            unknown: if is_known(needs, offer) { 0 } else { count },
            spare_gpus: count.saturating_mul(gpus as u64),
            spare_memory: memory.times(count).0,
            spare_cpus: count.saturating_mul(u64::from(cpus)),
        }
    }
}

/// Whether the site says how much it has of all that is wished.
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
