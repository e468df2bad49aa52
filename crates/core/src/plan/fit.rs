//! Whether an offer serves a group's needs, and if not, everything that is missing.

use super::budget;
use super::measure::{self, Measure, Sum};
use super::misfit::{Counted, ImageInWords, Listed, MisfitKind, Sink};
use super::score::Cost;
use crate::demand::{Amount, Demand, Group, Requirements, SiteSelector, Spot};
use crate::money::Money;
use crate::offer::{Availability, ImageFacts, Offer, Supply};
use crate::size::Bytes;

/// A group of a demand, and one of its alternatives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) demand: &'a Demand,
    pub(super) group: &'a Group,
    pub(super) alternative: usize,
    pub(super) needs: &'a Requirements,
}

impl<'a> Ask<'a> {
    /// Every alternative of a group, in its order of preference.
    pub(super) fn all(demand: &'a Demand, group: &'a Group) -> impl Iterator<Item = Self> {
        let with_needs = move |(alternative, needs)| Self { demand, group, alternative, needs };
        group.any_of.iter().enumerate().map(with_needs)
    }
}

/// One way to serve a group: an alternative of it on an offer that has everything, looked at alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit<'a> {
    pub(super) offer: &'a Offer,
    pub(super) alternative: usize,
    pub(super) needs: &'a Requirements,
    pub(super) image: &'a ImageFacts,
    pub(super) count: u32,
    pub(super) measure: Measure,
    pub(super) cost: Cost,
}

impl Fit<'_> {
    /// What its machines cost an hour, where that is known.
    pub(super) fn price(&self) -> Option<Money> {
        self.offer.price_per_hour.map(|price| price.times(i64::from(self.count)))
    }
}

/// Compares everything that is asked with everything that the offer has, and notes every misfit, not only the first.
pub(super) fn examine<'a>(ask: &Ask<'a>, offer: &'a Offer, sink: &mut impl Sink) -> Option<Fit<'a>> {
    let image = measure::image_for(ask.needs, offer);
    let measure = Measure::of(ask.needs, offer, image);
    let count = ask.group.count.get();
    site(ask, offer, sink);
    nature(ask.needs, offer, sink);
    availability(offer, sink);
    size(ask.needs, offer, &measure, sink);
    if image.is_none() {
        no_image(ask.needs, offer, sink);
    }
    supply(ask, offer, &measure, sink);
    let price = offer.price_per_hour.map(|price| price.times(i64::from(count)));
    for breach in budget::breaches(ask.demand, price) {
        sink.note(MisfitKind::Budget, format_args!("{}", breach.wanted()), format_args!("{}", breach.have()));
    }
    let image = image.filter(|_| sink.is_clear())?;
    let cost = Cost::of(ask.needs, ask.alternative, offer, &measure, count);
    Some(Fit { offer, alternative: ask.alternative, needs: ask.needs, image, count, measure, cost })
}

fn site(ask: &Ask, offer: &Offer, sink: &mut impl Sink) {
    for wishes in [&ask.demand.on, &ask.needs.sites] {
        if !SiteSelector::includes(wishes, &offer.site) {
            sink.note(MisfitKind::Site, format_args!("{}", Listed(wishes.iter())), format_args!("{}", offer.site));
        }
    }
}

pub(super) fn nature(needs: &Requirements, offer: &Offer, sink: &mut impl Sink) {
    let facts = &offer.facts;
    if let Some(wanted) = needs.node_type.as_ref().filter(|wanted| **wanted != offer.node_type) {
        sink.note(MisfitKind::NodeType, format_args!("`{wanted}`"), format_args!("`{}`", offer.node_type));
    }
    let (wanted, have) = (wanted_arch(needs), arch(needs, offer));
    if wanted != have {
        sink.note(MisfitKind::Arch, format_args!("{wanted}"), format_args!("{have}"));
    }
    match (needs.spot, offer.spot) {
        (Spot::Never, true) => sink.note(MisfitKind::Spot, format_args!("one that stays"), format_args!("spot only")),
        (Spot::Only, false) => sink.note(MisfitKind::Spot, format_args!("spot"), format_args!("one that stays")),
        _ => {}
    }
    for (label, wanted) in &needs.labels {
        match facts.labels.get(label) {
            Some(have) if have == wanted => {}
            Some(have) => {
                sink.note(MisfitKind::Label, format_args!("{label}={wanted}"), format_args!("{label}={have}"));
            }
            None => sink.note(MisfitKind::Label, format_args!("{label}={wanted}"), format_args!("no `{label}`")),
        }
    }
}

/// The architecture that is meant where none is said.
const DEFAULT_ARCH: &str = "x86_64";

/// The architecture that is meant.
pub(super) fn wanted_arch(needs: &Requirements) -> &str {
    needs.arch.as_deref().unwrap_or(DEFAULT_ARCH)
}

/// The architecture of a machine: where the site doesn't say it, it has to be the one that is meant.
pub(super) fn arch<'a>(needs: &'a Requirements, offer: &'a Offer) -> &'a str {
    offer.facts.arch.as_deref().unwrap_or(wanted_arch(needs))
}

fn availability(offer: &Offer, sink: &mut impl Sink) {
    let wanted = format_args!("free");
    match offer.availability {
        Availability::Free => {}
        Availability::Busy(None) => sink.note(MisfitKind::Busy, wanted, format_args!("busy")),
        Availability::Busy(Some(until)) => sink.note(MisfitKind::Busy, wanted, format_args!("busy until {until}")),
        Availability::Maintenance => sink.note(MisfitKind::Maintenance, wanted, format_args!("maintenance")),
        Availability::Unknown => sink.note(MisfitKind::Unknown, wanted, format_args!("unknown")),
    }
}

pub(super) fn size(needs: &Requirements, offer: &Offer, measure: &Measure, sink: &mut impl Sink) {
    let facts = &offer.facts;
    if let Some(cpus) = facts.cpus.filter(|cpus| !needs.cpus.takes(measure.cpus) || measure.cpus > *cpus) {
        let wanted = wanted(needs.cpus, measure.cpus);
        sink.note(MisfitKind::Cpus, format_args!("{wanted}"), format_args!("{cpus}"));
    }
    if let Some(memory) = facts.memory.filter(|memory| !needs.memory.takes(measure.memory) || measure.memory > *memory)
    {
        let wanted = wanted(needs.memory, measure.memory);
        sink.note(MisfitKind::Memory, format_args!("{wanted}"), format_args!("{memory}"));
    }
    let disk = needs.disk.unwrap_or(if measure::is_cut(offer) { measure.disk } else { Bytes(0) });
    if let Some(have) = facts.disk.filter(|have| disk > *have) {
        sink.note(MisfitKind::Disk, format_args!("{disk}"), format_args!("{have}"));
    }
    let there = measure::matching_gpus(needs, offer).count();
    if let Some(need) = needs.gpus.as_ref().filter(|need| there < need.count.get() as usize) {
        let have = Counted(&offer.facts.gpus);
        sink.note(MisfitKind::Gpus, format_args!("{need}"), format_args!("{have}"));
    }
}

/// What was wished, or the default that counts where nothing was.
fn wanted<T: Copy>(wish: Amount<T>, measure: T) -> Amount<T> {
    if matches!(wish, Amount::Any) { Amount::AtLeast(measure) } else { wish }
}

fn no_image(needs: &Requirements, offer: &Offer, sink: &mut impl Sink) {
    let arch = arch(needs, offer);
    let have = Listed(offer.images.iter().map(ImageInWords));
    match &needs.image {
        Some(name) => sink.note(MisfitKind::Image, format_args!("`{name}` for {arch}"), format_args!("{have}")),
        None => sink.note(MisfitKind::Image, format_args!("one for {arch}"), format_args!("{have}")),
    }
}

/// The most machines of one group where the site sets no limit: a slip of the finger shall not become a million.
const MOST_MACHINES: u32 = 1_000;

fn supply(ask: &Ask, offer: &Offer, measure: &Measure, sink: &mut impl Sink) {
    let count = ask.group.count.get();
    match &offer.supply {
        Supply::Unlimited if count > MOST_MACHINES => {
            sink.note(MisfitKind::Count, format_args!("{count}"), format_args!("{MOST_MACHINES} at most in one group"));
        }
        Supply::Unlimited => {}
        Supply::Machines(there) => few(count, u64::from(*there), sink),
        // With none free the availability already says so.
        Supply::Hosts(free) if free.is_empty() => {}
        Supply::Hosts(free) => few(count, free.len() as u64, sink),
        Supply::Divisible { memory, disk } => {
            if offer.facts.memory.is_none_or(|most| measure.memory <= most) {
                pool(MisfitKind::Memory, Sum(count, measure.memory), *memory, sink);
            }
            if offer.facts.disk.is_none_or(|most| measure.disk <= most) {
                pool(MisfitKind::Disk, Sum(count, measure.disk), *disk, sink);
            }
            gpu_pool(ask, offer, sink);
        }
    }
}

fn few(count: u32, there: u64, sink: &mut impl Sink) {
    if there < u64::from(count) {
        sink.note(MisfitKind::Count, format_args!("{count}"), format_args!("{there}"));
    }
}

fn pool(kind: MisfitKind, sum: Sum, left: Bytes, sink: &mut impl Sink) {
    if sum.total() > left {
        sink.note(kind, format_args!("{sum}"), format_args!("{left} left"));
    }
}

/// Accelerators of a cut offer can't be shared, so one machine's are missing to the next.
fn gpu_pool(ask: &Ask, offer: &Offer, sink: &mut impl Sink) {
    let Some(need) = &ask.needs.gpus else { return };
    let taken = measure::gpus_taken(ask.needs, offer);
    let count = ask.group.count.get();
    if taken.len() == need.count.get() as usize && measure::gpus_run_out(offer, &[(count, taken)]) {
        let have = Counted(&offer.facts.gpus);
        sink.note(MisfitKind::Gpus, format_args!("{count} × {need}"), format_args!("{have}"));
    }
}
