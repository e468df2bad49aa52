//! Changes of a demand that has no plan, each of which gives it one. Found by planning again: no advice is returned that
//! was not planned successfully.
//!
//! Each piece of advice is a single change: of one group if the demand has one group or one group is enough; else the
//! same change in every group. Amounts only decrease, so every amount below the largest suitable one is suitable too,
//! and bisection finds the largest.

use super::trial::{Relaxation, Scope, Trial};
use super::{relax, search};
use crate::demand::Demand;
use crate::offer::Offer;

/// Every single change that would help, the smallest first; the offers must be in order.
pub(super) fn relaxations(demand: &Demand, offers: &[&Offer]) -> Vec<Relaxation> {
    let trial = |scope| Trial { demand, offers, scope };
    let mut found = Vec::new();
    for change in relax::OF_GROUPS {
        let mut helps: Vec<Relaxation> =
            (0..demand.groups.len()).flat_map(|at| change(&trial(Scope::Group(at)))).collect();
        if helps.is_empty() && demand.groups.len() > 1 {
            helps = change(&trial(Scope::All));
        }
        found.append(&mut helps);
    }
    for change in relax::OF_THE_WHOLE {
        found.extend(change(&trial(Scope::All)));
    }
    // The one gate that all advice goes through, however it was found.
    found.retain(|relaxation| search::choose(&relaxation.demand, offers).is_some());
    found
}
