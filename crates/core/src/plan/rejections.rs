//! Rejections: the reasons that offers were not chosen.

use std::collections::BTreeSet;

use super::budget;
use super::capacity::shortage;
use super::fit::{Fit, GroupAlternative, examine};
use super::measure::Sum;
use super::misfit::{CommaList, Misfit, MisfitKind, Rejection, Sink};
use super::search::{by_site, fits};
use crate::demand::{Demand, Group};
use crate::money::Money;
use crate::name::SiteId;
use crate::offer::{Offer, Supply};
use crate::size::Bytes;

/// The rejections of a plan: every offer that a group does not use. One without misfits is suitable for its group, but
/// the chosen offers are better as a whole.
pub(super) fn others(demand: &Demand, offers: &[&Offer], chosen: &[Fit]) -> Vec<Rejection> {
    let of_group = |(group, fit): (&Group, &Fit)| -> Vec<Rejection> {
        let others = offers.iter().filter(|offer| !std::ptr::eq(**offer, fit.offer));
        others.map(|offer| rejection(group, offer, alone(demand, group, offer))).collect()
    };
    demand.groups.iter().zip(chosen).flat_map(of_group).collect()
}

/// The rejections without a plan: every offer for every group. An offer that is suitable for its group alone has a
/// misfit about all groups together.
pub(super) fn all(demand: &Demand, offers: &[&Offer]) -> Vec<Rejection> {
    let mut rejections: Vec<(usize, Rejection)> = Vec::new();
    for at_site in by_site(offers) {
        let ways: Vec<Vec<Fit>> = demand.groups.iter().map(|group| fits(demand, group, at_site)).collect();
        for (rank, group) in demand.groups.iter().enumerate() {
            for offer in at_site {
                let mut misfits = alone(demand, group, offer);
                if misfits.is_empty() {
                    together(demand, &ways, offer, &mut misfits);
                }
                rejections.push((rank, rejection(group, offer, misfits)));
            }
        }
    }
    // Stable: group by group, and within a group in the order of the offers.
    rejections.sort_by_key(|(rank, _)| *rank);
    rejections.into_iter().map(|(_, rejection)| rejection).collect()
}

/// Sites with an offer whose only misfit is the image, and which accept the user's images.
pub(super) fn image_missing_at(rejections: &[Rejection], offers: &[&Offer]) -> BTreeSet<SiteId> {
    let accepting: BTreeSet<&SiteId> =
        offers.iter().filter(|offer| offer.accepts_images).map(|offer| &offer.site).collect();
    let lacks_image =
        |rejection: &&Rejection| matches!(rejection.misfits.as_slice(), [misfit] if misfit.kind == MisfitKind::Image);
    let sites = rejections.iter().filter(lacks_image).map(|rejection| &rejection.site);
    sites.filter(|site| accepting.contains(site)).cloned().collect()
}

fn rejection(group: &Group, offer: &Offer, misfits: Vec<Misfit>) -> Rejection {
    Rejection { group: group.name.clone(), site: offer.site.clone(), node_type: offer.node_type.clone(), misfits }
}

/// The misfits of the nearest alternative: the first with the fewest.
fn alone(demand: &Demand, group: &Group, offer: &Offer) -> Vec<Misfit> {
    let misfits = GroupAlternative::all(demand, group).map(|alternative| {
        let mut misfits = Vec::new();
        examine(&alternative, offer, &mut misfits);
        misfits
    });
    misfits.min_by_key(Vec::len).unwrap_or_default()
}

/// Notes the reason that the groups do not fit together at the offer's site, although each of `ways` fits alone.
fn together(demand: &Demand, ways: &[Vec<Fit>], offer: &Offer, misfits: &mut Vec<Misfit>) {
    let unserved = demand.groups.iter().zip(ways).filter(|(_, ways)| ways.is_empty());
    let unserved: Vec<String> = unserved.map(|(group, _)| format!("`{}`", group.name)).collect();
    if !unserved.is_empty() {
        let unserved = CommaList(unserved.iter());
        misfits.note(MisfitKind::Site, format_args!("one site for all groups"), format_args!("nothing for {unserved}"));
        return;
    }
    let mut cheapest = ways.iter().map(|ways| ways.iter().filter_map(Fit::price).min());
    let least = cheapest.try_fold(Money::ZERO, |sum, price| Some(sum.plus(price?)));
    for breach in budget::breaches(demand, least) {
        let cost = breach.cost();
        misfits.note(MisfitKind::Budget, format_args!("{}", breach.limit()), format_args!("{cost} for all groups"));
    }
    if misfits.is_empty() {
        contended(ways, offer, misfits);
    }
}

/// Notes the resource of the offer that the groups compete for.
fn contended(ways: &[Vec<Fit>], offer: &Offer, misfits: &mut Vec<Misfit>) {
    let here = ways.iter().filter_map(|ways| ways.iter().find(|fit| std::ptr::eq(fit.offer, offer)));
    let takers: Vec<&Fit> = here.collect();
    let machines: u64 = takers.iter().map(|fit| u64::from(fit.count)).sum();
    match (shortage(offer, &takers), &offer.supply) {
        (Some(kind @ MisfitKind::Memory), Supply::Divisible { memory, .. }) => {
            pooled(kind, &takers, |fit| fit.measure.memory, *memory, misfits);
        }
        (Some(kind @ MisfitKind::Disk), Supply::Divisible { disk, .. }) => {
            pooled(kind, &takers, |fit| fit.measure.disk, *disk, misfits);
        }
        (Some(MisfitKind::Count), Supply::Hosts(free)) => {
            misfits.note(MisfitKind::Count, format_args!("{machines} for all groups"), format_args!("{}", free.len()));
        }
        (Some(MisfitKind::Count), Supply::Machines(available)) => {
            misfits.note(MisfitKind::Count, format_args!("{machines} for all groups"), format_args!("{available}"));
        }
        (kind, _) => {
            let kind = kind.unwrap_or(MisfitKind::Count);
            misfits.note(kind, format_args!("enough for all groups"), format_args!("enough for some of them"));
        }
    }
}

fn pooled(kind: MisfitKind, takers: &[&Fit], of: impl Fn(&Fit) -> Bytes, free: Bytes, misfits: &mut Vec<Misfit>) {
    let parts: Vec<String> = takers.iter().map(|fit| Sum(fit.count, of(fit)).product()).collect();
    let total = takers.iter().fold(Bytes(0), |sum, fit| sum.plus(Sum(fit.count, of(fit)).total()));
    misfits.note(kind, format_args!("{} = {total}", parts.join(" + ")), format_args!("{free} free"));
}
