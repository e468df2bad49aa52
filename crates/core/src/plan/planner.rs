//! From a demand and a market to a plan, or to the reasons why there is none.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fit::{Fit, arch};
use super::window::{Starts, standing};
use super::{MisfitKind, Pick, Plan, Rejection, Tally, advice, measure, rejections, search, steps};
use crate::demand::{Demand, Group, ReachRequest, TermsRequest};
use crate::name::{DeploymentId, SiteId};
use crate::offer::{ClaimTerm, HostId, HostSupply, KeyTerm, Market, NetworkTerm, Offer, ReachTerm, Supply, Terms};
use crate::time::Window;

/// Nobody can serve the demand: how many offers were looked at, why each was refused, and what would help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("no offer serves the demand{}: {offers_checked} looked at", .earliest.map(|at| format!(" before {at}")).unwrap_or_default())]
pub struct NoPlan {
    /// How many offers were looked at.
    pub offers_checked: usize,
    /// Each of them, and what it lacks.
    pub rejections: Vec<Rejection>,
    /// How often each kind of misfit stood in the way.
    pub tally: Tally,
    /// The sites that could not be asked, and why.
    pub unreachable: BTreeMap<SiteId, String>,
    /// Changes of the demand that would help, the smallest first, as sentences for the user.
    pub advice: Vec<String>,
    /// When it could be served, within a week of the start that was asked for.
    pub earliest: Option<Timestamp>,
    /// Sites where only the image is missing, and the user can add one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub image_missing_at: BTreeSet<SiteId>,
}

/// For how long hosts are leased where the demand doesn't say.
const LEASE_UNLESS_SAID: SignedDuration = SignedDuration::from_hours(24);
/// How far ahead one that can't be served in time is told when it could be.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Chooses an offer for each group and lays out the steps.
///
/// The start is the earliest, from the one asked for and within `lease.within` of it, at which the demand can be
/// served. Among what can be had then, the order of preference is told where the search is, in `search.rs`. Nothing but
/// the arguments counts: the same demand, offers (in any order), id and time give the same plan, byte for byte.
///
/// An offer of physical hosts says when each is busy; any other speaks for the window that it was gathered for.
///
/// # Errors
/// [`NoPlan`] where the demand can't be served, with every offer's misfits and the changes that would help.
pub fn plan(demand: &Demand, market: &Market, id: DeploymentId, now: Timestamp) -> Result<Plan, NoPlan> {
    let asked = demand.lease.start.unwrap_or(now);
    let planner = Planner { demand, market, id, now };
    let within = demand.lease.within.unwrap_or(SignedDuration::ZERO);
    if let Some(plan) = planner.first(asked, within) {
        return Ok(plan);
    }
    let offers = planner.standing(asked);
    let offers = search::in_order(offers.iter().map(Cow::as_ref));
    let rejected = rejections::all(demand, &offers);
    Err(NoPlan {
        offers_checked: offers.len(),
        tally: tally(&rejected),
        image_missing_at: rejections::image_missing_at(&rejected, &offers),
        rejections: rejected,
        unreachable: market.unreachable.clone(),
        advice: advice::relaxations(demand, &offers).into_iter().map(|relaxation| relaxation.sentence).collect(),
        earliest: planner.first(asked, LOOK_AHEAD.max(within)).map(|plan| plan.start),
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
    fn first(&self, asked: Timestamp, within: SignedDuration) -> Option<Plan> {
        let last = asked.saturating_add(within).unwrap_or(Timestamp::MAX);
        let duration = self.demand.lease.duration.unwrap_or(LEASE_UNLESS_SAID);
        Starts::new(self.demand, self.market, asked, last, duration).find_map(|start| self.at(start))
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

    /// The window from a start on; none at the end of all time.
    fn window(&self, start: Timestamp) -> Option<Window> {
        Window::starting_at(start, self.demand.lease.duration.unwrap_or(LEASE_UNLESS_SAID)).ok()
    }
}

fn picks(demand: &Demand, fits: &[Fit], window: &Window) -> Vec<Pick> {
    let mut taken = BTreeSet::new();
    demand.groups.iter().zip(fits).map(|(group, fit)| pick(demand, group, fit, window, &mut taken)).collect()
}

/// What the site asks for, with what is wished of it where the site has such things at all.
fn terms(wish: &TermsRequest, offered: &Terms) -> Terms {
    let mut terms = offered.clone();
    if offered.key == KeyTerm::Keypair {
        if let Some(name) = &wish.keypair {
            terms.key = KeyTerm::Registered(name.clone());
        }
        if let Some(name) = &wish.network {
            terms.network = NetworkTerm::Shared(name.clone());
        }
    }
    if wish.reach == ReachRequest::Direct {
        terms.reach = ReachTerm::Direct;
    }
    terms
}

fn pick<'o>(demand: &Demand, group: &Group, fit: &Fit<'o>, window: &Window, taken: &mut BTreeSet<&'o HostId>) -> Pick {
    let offer = fit.offer;
    Pick {
        arch: Some(arch(fit.needs, offer).to_owned()),
        os: fit.image.os.clone(),
        hosts: hosts(offer, fit.count as usize, window, taken),
        terms: terms(&demand.terms, &offer.terms),
        group: group.name.clone(),
        count: fit.count,
        site: fit.offer.site.clone(),
        node_type: fit.offer.node_type.clone(),
        shape: measure::shape(fit),
        image: fit.image.name.clone(),
        other_images: measure::other_images(fit),
        user: fit.image.user.clone(),
        price_per_hour: fit.offer.price_per_hour,
    }
}

/// Of the free hosts those that are taken again soonest, so that the longest gaps stay whole.
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

/// Of each refusal every kind counts once, however many labels were missing.
fn tally(rejections: &[Rejection]) -> Tally {
    let mut tally = Tally::new();
    for refusal in rejections {
        let kinds: BTreeSet<MisfitKind> = refusal.misfits.iter().map(|misfit| misfit.kind).collect();
        for kind in kinds {
            *tally.entry(kind).or_default() += 1;
        }
    }
    tally
}
