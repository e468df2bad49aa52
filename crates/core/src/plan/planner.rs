//! The planner: from a demand and a market to a plan, or to the reasons that there is none.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::advice::Advice;
use super::arch::arch_of;
use super::fit::Fit;
use super::window::{Starts, standing};
use super::{MisfitKind, Pick, Plan, Rejection, Tally, rejections, relax, search, steps};
use crate::demand::{Demand, Group, ReachRequest, TermsRequest};
use crate::name::{DeploymentId, SiteId};
use crate::offer::{ClaimTerm, HostId, HostSupply, KeyTerm, Market, NetworkTerm, Offer, ReachTerm, Supply, Terms};
use crate::time::Window;

/// No combination of offers meets the demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("no matching offer{} ({offers_checked} checked)", .earliest.map(|at| format!(" before {at}")).unwrap_or_default())]
pub struct NoPlan {
    /// Number of offers checked.
    pub offers_checked: usize,
    /// Every offer for every group, with its unmet requirements.
    pub rejections: Vec<Rejection>,
    /// Number of rejections per kind of unmet requirement.
    pub tally: Tally,
    /// The sites that did not answer, with the error of each.
    pub unreachable: BTreeMap<SiteId, String>,
    /// Changes of the demand that would give it a plan, the smallest first.
    pub advice: Vec<Advice>,
    /// The earliest start with a plan, at most a week after the requested one, or within `lease.within` if that is longer.
    #[serde(rename = "earliest_at")]
    pub earliest: Option<Timestamp>,
    /// Sites that lack only a suitable image and accept the user's.
    pub image_missing_at: BTreeSet<SiteId>,
}

/// Length of a lease if the demand gives none. EnvAgent leased for 24 h. Chameleon limits a lease to seven days, so a day
/// is always accepted.
pub const DEFAULT_LEASE_DURATION: SignedDuration = SignedDuration::from_hours(24);

/// Search range for [`NoPlan::earliest`]: a week, since calendars of reservations are sparse beyond it.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Chooses an offer for each group and lays out the steps.
///
/// The plan starts at the earliest instant from `lease.start` (`now` by default) to `lease.within` later at which the
/// demand can be met. `search.rs` defines the order of preference among the offers available then. The result depends on
/// the arguments only: the same demand, offers (in any order), id and time give the same plan, byte for byte.
///
/// Offers of physical hosts list when each host is busy. The availability of other offers applies to the window that they
/// were queried for.
///
/// # Errors
/// [`NoPlan`] if the demand can't be met, with every offer's misfits and the changes that would help.
pub fn plan(demand: &Demand, market: &Market, id: DeploymentId, now: Timestamp) -> Result<Plan, NoPlan> {
    let requested = demand.lease.start.unwrap_or(now);
    let planner = Planner { demand, market, id, now };
    let within = demand.lease.within.unwrap_or(SignedDuration::ZERO);
    if let Some(plan) = planner.first(requested, within) {
        return Ok(plan);
    }
    let offers = planner.standing(requested);
    let offers = search::in_order(offers.iter().map(Cow::as_ref));
    let rejected = rejections::all(demand, &offers);
    Err(NoPlan {
        offers_checked: offers.len(),
        tally: tally(&rejected),
        image_missing_at: rejections::image_missing_at(&rejected, &offers),
        rejections: rejected,
        unreachable: market.unreachable.clone(),
        advice: relax::relaxations(demand, &offers).into_iter().map(|relaxation| relaxation.advice).collect(),
        earliest: planner.first(requested, LOOK_AHEAD.max(within)).map(|plan| plan.start),
    })
}

struct Planner<'a> {
    demand: &'a Demand,
    market: &'a Market,
    id: DeploymentId,
    now: Timestamp,
}

impl Planner<'_> {
    /// The plan with the earliest start.
    fn first(&self, requested: Timestamp, within: SignedDuration) -> Option<Plan> {
        let last = requested.saturating_add(within).unwrap_or(Timestamp::MAX);
        let duration = self.demand.lease.duration.unwrap_or(DEFAULT_LEASE_DURATION);
        Starts::new(self.demand, self.market, requested, last, duration).find_map(|start| self.at(start))
    }

    /// The plan with this start.
    fn at(&self, start: Timestamp) -> Option<Plan> {
        let window = self.window(start)?;
        let offers = standing(&self.market.offers, &window);
        let offers = search::in_order(offers.iter().map(Cow::as_ref));
        let fits = search::choose(self.demand, &offers)?;
        let picks = picks(self.demand, &fits, &window);
        let leased = picks.iter().any(|pick| pick.terms.claim != ClaimTerm::OnLaunch);
        Some(Plan {
            deployment: self.id,
            demand: self.demand.clone(),
            at: self.now,
            start,
            until: (leased || self.demand.lease.duration.is_some()).then_some(window.end()),
            steps: steps::lay_out(self.demand, &picks, &window),
            price_per_hour: search::price(&fits),
            part: None,
            rejections: rejections::others(self.demand, &offers, &fits),
            picks,
        })
    }

    fn standing(&self, start: Timestamp) -> Vec<Cow<'_, Offer>> {
        match self.window(start) {
            Some(window) => standing(&self.market.offers, &window),
            None => self.market.offers.iter().map(Cow::Borrowed).collect(),
        }
    }

    /// The window from a start on; `None` at the end of time.
    fn window(&self, start: Timestamp) -> Option<Window> {
        Window::starting_at(start, self.demand.lease.duration.unwrap_or(DEFAULT_LEASE_DURATION)).ok()
    }
}

fn picks(demand: &Demand, fits: &[Fit], window: &Window) -> Vec<Pick> {
    let mut taken = BTreeSet::new();
    demand.groups.iter().zip(fits).map(|(group, fit)| pick(demand, group, fit, window, &mut taken)).collect()
}

/// The site's terms with the demand's choices. A choice has no effect at a site without such a resource.
fn terms(request: &TermsRequest, offered: &Terms) -> Terms {
    let mut terms = offered.clone();
    if offered.key == KeyTerm::Keypair {
        if let Some(name) = &request.keypair {
            terms.key = KeyTerm::Registered(name.clone());
        }
        if let Some(name) = &request.network {
            terms.network = NetworkTerm::Shared(name.clone());
        }
    }
    if request.reach == ReachRequest::Direct {
        terms.reach = ReachTerm::Direct;
    }
    terms
}

fn pick<'o>(demand: &Demand, group: &Group, fit: &Fit<'o>, window: &Window, taken: &mut BTreeSet<&'o HostId>) -> Pick {
    let offer = fit.offer;
    Pick {
        arch: Some(arch_of(fit.needs, offer).to_owned()),
        os: fit.image.os.clone(),
        hosts: hosts(offer, fit.count as usize, window, taken),
        terms: terms(&demand.terms, &offer.terms),
        group: group.name.clone(),
        count: fit.count,
        site: fit.offer.site.clone(),
        node_type: fit.offer.node_type.clone(),
        shape: fit.shape(),
        image: fit.image.name.clone(),
        other_images: fit.other_images(),
        user: fit.image.user.clone(),
        price_per_hour: fit.offer.price_per_hour,
        unit: fit.offer.unit,
    }
}

/// The free hosts with the earliest next reservation, so that the longest gaps stay free for longer leases.
fn hosts<'o>(offer: &'o Offer, count: usize, window: &Window, taken: &mut BTreeSet<&'o HostId>) -> Vec<HostId> {
    let Supply::Hosts(free) = &offer.supply else { return Vec::new() };
    let taken_again = |host: &HostSupply| {
        let later = host.busy.busy().iter().map(Window::start).find(|start| *start >= window.end());
        later.unwrap_or(Timestamp::MAX)
    };
    let mut left: Vec<&HostSupply> = free.iter().filter(|host| !taken.contains(&host.id)).collect();
    left.sort_by_cached_key(|host| (taken_again(host), host.id.clone()));
    left.truncate(count);
    taken.extend(left.iter().map(|host| &host.id));
    left.into_iter().map(|host| host.id.clone()).collect()
}

/// Counts each kind once per rejection, however many labels are missing.
fn tally(rejections: &[Rejection]) -> Tally {
    let mut tally = Tally::new();
    for rejection in rejections {
        let kinds: BTreeSet<MisfitKind> = rejection.misfits.iter().map(|misfit| misfit.kind).collect();
        for kind in kinds {
            *tally.entry(kind).or_default() += 1;
        }
    }
    tally
}
