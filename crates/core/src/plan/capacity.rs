//! Shared capacity: several groups on one offer.

use super::fit::Fit;
use super::measure::{Measure, gpus_run_out, gpus_taken};
use super::misfit::MisfitKind;
use crate::offer::{Offer, Supply};
use crate::size::Bytes;

/// The resource that an offer runs out of if all these fits use it; `None` if it suffices.
///
/// Machines of a divisible offer share CPUs, but not memory, disk or GPUs.
pub(super) fn shortage(offer: &Offer, fits: &[&Fit]) -> Option<MisfitKind> {
    match offer.supply {
        Supply::Unlimited => None,
        Supply::Machines(available) => more_than(fits, u64::from(available)),
        Supply::Hosts(ref hosts) => more_than(fits, hosts.len() as u64),
        Supply::Divisible { memory, disk } => {
            if total(fits, |measure| measure.memory) > memory {
                Some(MisfitKind::Memory)
            } else if total(fits, |measure| measure.disk) > disk {
                Some(MisfitKind::Disk)
            } else {
                let takers: Vec<_> = fits.iter().map(|fit| (fit.count, gpus_taken(fit.needs, offer))).collect();
                gpus_run_out(offer, &takers).then_some(MisfitKind::Gpus)
            }
        }
    }
}

fn more_than(fits: &[&Fit], available: u64) -> Option<MisfitKind> {
    let requested: u64 = fits.iter().map(|fit| u64::from(fit.count)).sum();
    (requested > available).then_some(MisfitKind::Count)
}

/// The sum over all machines of the fits.
fn total(fits: &[&Fit], of: impl Fn(&Measure) -> Bytes) -> Bytes {
    fits.iter().fold(Bytes(0), |sum, fit| sum.plus(of(&fit.measure).times(u64::from(fit.count))))
}
