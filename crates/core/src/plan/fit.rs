//! The comparison of an offer with the needs of a group: a fit, or every misfit.

use super::arch::{arch_of, requested_arch};
use super::boot_image::{image_for, other_images};
use super::budget;
use super::measure::{self, Measure, Sum};
use super::misfit::{CommaList, Counted, ImageNeeds, MisfitKind, Sink};
use super::score::Cost;
use crate::demand::{Amount, Demand, Group, Requirements, SiteSelector, Spot};
use crate::money::Money;
use crate::offer::{Availability, ImageFacts, Offer, Supply};
use crate::shape::Shape;
use crate::size::Bytes;

/// One alternative of a group of a demand.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupAlternative<'a> {
    pub(super) demand: &'a Demand,
    pub(super) group: &'a Group,
    /// Its position in the order of preference.
    pub(super) index: usize,
    pub(super) needs: &'a Requirements,
}

impl<'a> GroupAlternative<'a> {
    /// Every alternative of a group, in order of preference.
    pub(super) fn all(demand: &'a Demand, group: &'a Group) -> impl Iterator<Item = Self> {
        let with_needs = move |(index, needs)| Self { demand, group, index, needs };
        group.any_of.iter().enumerate().map(with_needs)
    }
}

/// An alternative of a group on an offer that meets all its needs, other groups aside.
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
    /// Price of its machines per hour, if known.
    pub(super) fn price(&self) -> Option<Money> {
        self.offer.price_of(self.count)
    }

    /// The size of each machine.
    pub(super) fn shape(&self) -> Shape {
        let Measure { cpus, memory, disk } = self.measure;
        let gpus = measure::gpus_taken(self.needs, self.offer).into_iter().map(str::to_owned).collect();
        Shape { cpus, memory, disk, gpus }
    }

    /// Names of the next best images, best first.
    pub(super) fn other_images(&self) -> Vec<String> {
        other_images(self.needs, self.offer)
    }
}

/// Compares every requirement with the offer, and notes every misfit, not only the first.
pub(super) fn examine<'a>(
    alternative: &GroupAlternative<'a>,
    offer: &'a Offer,
    sink: &mut impl Sink,
) -> Option<Fit<'a>> {
    let image = image_for(alternative.needs, offer);
    let measure = Measure::of(alternative.needs, offer, image);
    let count = alternative.group.count.get();
    site(alternative, offer, sink);
    nature(alternative.needs, offer, sink);
    availability(offer, sink);
    size(alternative.needs, offer, &measure, sink);
    if image.is_none() {
        no_image(alternative.needs, offer, sink);
    }
    supply(alternative, offer, &measure, sink);
    for breach in budget::breaches(alternative.demand, offer.price_of(count)) {
        sink.note(MisfitKind::Budget, format_args!("{}", breach.limit()), format_args!("{}", breach.cost()));
    }
    let image = image.filter(|_| sink.is_clear())?;
    let cost = Cost::of(alternative.needs, alternative.index, offer, &measure, count);
    Some(Fit { offer, alternative: alternative.index, needs: alternative.needs, image, count, measure, cost })
}

fn site(alternative: &GroupAlternative, offer: &Offer, sink: &mut impl Sink) {
    for allowed in [&alternative.demand.on, &alternative.needs.sites] {
        if !SiteSelector::includes(allowed, &offer.site) {
            sink.note(MisfitKind::Site, format_args!("{}", CommaList(allowed.iter())), format_args!("{}", offer.site));
        }
    }
}

/// Notes differences that no other size or number of machines would remove.
pub(super) fn nature(needs: &Requirements, offer: &Offer, sink: &mut impl Sink) {
    let facts = &offer.facts;
    if let Some(requested) = needs.node_type.as_ref().filter(|requested| **requested != offer.node_type) {
        sink.note(MisfitKind::NodeType, format_args!("`{requested}`"), format_args!("`{}`", offer.node_type));
    }
    let (requested, offered) = (requested_arch(needs), arch_of(needs, offer));
    if requested != offered {
        sink.note(MisfitKind::Arch, format_args!("{requested}"), format_args!("{offered}"));
    }
    match (needs.spot, offer.spot) {
        (Spot::Never, true) => sink.note(MisfitKind::Spot, format_args!("on-demand"), format_args!("spot")),
        (Spot::Only, false) => sink.note(MisfitKind::Spot, format_args!("spot"), format_args!("on-demand")),
        _ => {}
    }
    for (label, requested) in &needs.labels {
        match facts.labels.get(label) {
            Some(offered) if offered == requested => {}
            Some(offered) => {
                sink.note(MisfitKind::Label, format_args!("{label}={requested}"), format_args!("{label}={offered}"));
            }
            None => sink.note(MisfitKind::Label, format_args!("{label}={requested}"), format_args!("no `{label}`")),
        }
    }
}

fn availability(offer: &Offer, sink: &mut impl Sink) {
    let free = format_args!("free");
    match offer.availability {
        Availability::Free => {}
        Availability::Busy(None) => sink.note(MisfitKind::Busy, free, format_args!("busy")),
        Availability::Busy(Some(until)) => sink.note(MisfitKind::Busy, free, format_args!("busy until {until}")),
        Availability::Maintenance => sink.note(MisfitKind::Maintenance, free, format_args!("in maintenance")),
        Availability::Unknown => sink.note(MisfitKind::Unknown, free, format_args!("availability unknown")),
    }
}

/// Notes sizes of a machine that the offer does not meet.
pub(super) fn size(needs: &Requirements, offer: &Offer, measure: &Measure, sink: &mut impl Sink) {
    let facts = &offer.facts;
    if let Some(cpus) = facts.cpus.filter(|cpus| !needs.cpus.takes(measure.cpus) || measure.cpus > *cpus) {
        let requested = or_default(needs.cpus, measure.cpus);
        sink.note(MisfitKind::Cpus, format_args!("{requested}"), format_args!("{cpus}"));
    }
    if let Some(memory) = facts.memory.filter(|memory| !needs.memory.takes(measure.memory) || measure.memory > *memory)
    {
        let requested = or_default(needs.memory, measure.memory);
        sink.note(MisfitKind::Memory, format_args!("{requested}"), format_args!("{memory}"));
    }
    let disk = needs.disk.unwrap_or(if measure::is_cut(offer) { measure.disk } else { Bytes(0) });
    if let Some(offered) = facts.disk.filter(|offered| disk > *offered) {
        sink.note(MisfitKind::Disk, format_args!("{disk}"), format_args!("{offered}"));
    }
    let matching = measure::matching_gpus(needs, offer).count();
    if let Some(need) = needs.gpus.as_ref().filter(|need| matching < need.count.get() as usize) {
        let offered = Counted(&offer.facts.gpus);
        sink.note(MisfitKind::Gpus, format_args!("{need}"), format_args!("{offered}"));
    }
}

/// The requested amount, or the default that applies without a request.
fn or_default<T: Copy>(requested: Amount<T>, measure: T) -> Amount<T> {
    if matches!(requested, Amount::Any) { Amount::AtLeast(measure) } else { requested }
}

fn no_image(needs: &Requirements, offer: &Offer, sink: &mut impl Sink) {
    let arch = arch_of(needs, offer);
    let offered = CommaList(offer.images.iter().map(ImageNeeds));
    match &needs.image {
        Some(name) => sink.note(MisfitKind::Image, format_args!("`{name}` for {arch}"), format_args!("{offered}")),
        None => sink.note(MisfitKind::Image, format_args!("any for {arch}"), format_args!("{offered}")),
    }
}

/// Maximum number of machines per group at a site without a limit of its own, so that a typing error does not request a
/// million machines.
const MAX_MACHINES: u32 = 1_000;

fn supply(alternative: &GroupAlternative, offer: &Offer, measure: &Measure, sink: &mut impl Sink) {
    let count = alternative.group.count.get();
    match &offer.supply {
        Supply::Unlimited if count > MAX_MACHINES => {
            sink.note(MisfitKind::Count, format_args!("{count}"), format_args!("at most {MAX_MACHINES} per group"));
        }
        Supply::Unlimited => {}
        Supply::Machines(available) => few(count, u64::from(*available), sink),
        // If none is free, the availability already says so.
        Supply::Hosts(free) if free.is_empty() => {}
        Supply::Hosts(free) => few(count, free.len() as u64, sink),
        Supply::Divisible { memory, disk } => {
            if offer.facts.memory.is_none_or(|most| measure.memory <= most) {
                pool(MisfitKind::Memory, Sum(count, measure.memory), *memory, sink);
            }
            if offer.facts.disk.is_none_or(|most| measure.disk <= most) {
                pool(MisfitKind::Disk, Sum(count, measure.disk), *disk, sink);
            }
            gpu_pool(alternative, offer, sink);
        }
    }
}

fn few(count: u32, available: u64, sink: &mut impl Sink) {
    if available < u64::from(count) {
        sink.note(MisfitKind::Count, format_args!("{count}"), format_args!("{available}"));
    }
}

fn pool(kind: MisfitKind, sum: Sum, free: Bytes, sink: &mut impl Sink) {
    if sum.total() > free {
        sink.note(kind, format_args!("{sum}"), format_args!("{free} free"));
    }
}

/// Notes GPUs that suffice for one machine of a divisible offer, but not for all: a GPU is never shared.
fn gpu_pool(alternative: &GroupAlternative, offer: &Offer, sink: &mut impl Sink) {
    let Some(need) = &alternative.needs.gpus else { return };
    let taken = measure::gpus_taken(alternative.needs, offer);
    let count = alternative.group.count.get();
    if taken.len() == need.count.get() as usize && measure::gpus_run_out(offer, &[(count, taken)]) {
        let offered = Counted(&offer.facts.gpus);
        sink.note(MisfitKind::Gpus, format_args!("{count} × {need}"), format_args!("{offered}"));
    }
}
