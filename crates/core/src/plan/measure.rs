//! What one machine takes of an offer, and whether several fit together.

use std::fmt;

use super::fit::{self, Fit};
use super::gpu;
use super::misfit::MisfitKind;
use crate::demand::{Amount, Requirements};
use crate::offer::{GpuFacts, GpuSoftware, ImageFacts, Offer, Supply};
use crate::shape::Shape;
use crate::size::Bytes;

const DEFAULT_CPUS: u32 = 2;
const DEFAULT_MEMORY: Bytes = Bytes::gib(1);
const DEFAULT_DISK: Bytes = Bytes::gib(10);

/// The size of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) cpus: u32,
    pub(super) memory: Bytes,
    pub(super) disk: Bytes,
}

impl Measure {
    /// Of a [`Supply::Cut`] offer the least that serves the needs and boots the image; else all that the facts say, and
    /// where they don't say it, what is wished: nothing where nothing is.
    pub(super) fn of(needs: &Requirements, offer: &Offer, image: Option<&ImageFacts>) -> Self {
        let facts = &offer.facts;
        if !is_cut(offer) {
            return Self {
                cpus: facts.cpus.or(needs.cpus.least()).unwrap_or_default(),
                memory: facts.memory.or(needs.memory.least()).unwrap_or_default(),
                disk: facts.disk.or(needs.disk).unwrap_or_default(),
            };
        }
        let (image_memory, image_disk) = image.map_or_else(Default::default, |image| (image.memory, image.disk));
        Self {
            cpus: needs.cpus.least().unwrap_or(facts.cpus.map_or(DEFAULT_CPUS, |most| DEFAULT_CPUS.min(most))).max(1),
            memory: needs.memory.least().unwrap_or(DEFAULT_MEMORY).max(image_memory),
            disk: needs.disk.unwrap_or(DEFAULT_DISK).max(image_disk),
        }
    }
}

/// Why an image doesn't do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It isn't what is wished.
    Wish,
    /// It is for machines of this architecture.
    Arch(String),
    /// It needs more memory: so much.
    Memory(Bytes),
    /// It needs more disk: so much.
    Disk(Bytes),
}

/// What keeps an image from booting on a machine as large as it may become, or from being what is wished.
pub(super) fn obstacle(needs: &Requirements, offer: &Offer, image: &ImageFacts) -> Option<Obstacle> {
    let facts = &offer.facts;
    let most_memory = match needs.memory {
        Amount::Exactly(memory) if is_cut(offer) => Some(facts.memory.map_or(memory, |most| memory.min(most))),
        _ => facts.memory,
    };
    if needs.image.as_ref().is_some_and(|wish| !image.is(wish)) {
        Some(Obstacle::Wish)
    } else if !image.arch.is_empty() && image.arch != fit::arch(needs, offer) {
        Some(Obstacle::Arch(image.arch.clone()))
    } else if most_memory.is_some_and(|most| image.memory > most) {
        Some(Obstacle::Memory(image.memory))
    } else if facts.disk.is_some_and(|most| image.disk > most) {
        Some(Obstacle::Disk(image.disk))
    } else {
        None
    }
}

/// The images that would do.
fn candidates<'a>(needs: &'a Requirements, offer: &'a Offer) -> impl Iterator<Item = &'a ImageFacts> {
    offer.images.iter().filter(move |image| obstacle(needs, offer, image).is_none())
}

/// An exact name comes before one that only runs the wished system; then those that bring what accelerators need, where
/// some are asked for, and those without it, where none is. Among equals the offer's order counts.
pub(super) fn rank(needs: &Requirements, image: &ImageFacts) -> (bool, bool) {
    let named = needs.image.as_ref().is_none_or(|wish| *wish == image.name);
    let ready = image.gpu_software != GpuSoftware::None;
    (!named, ready != needs.gpus.is_some())
}

/// The best of the images that would do.
pub(super) fn image_for<'a>(needs: &'a Requirements, offer: &'a Offer) -> Option<&'a ImageFacts> {
    candidates(needs, offer).min_by_key(|image| rank(needs, image))
}

/// The images of an offer that serve the needs as well as the one that the planner takes, which comes first.
pub fn best_images<'a>(needs: &'a Requirements, offer: &'a Offer) -> Vec<&'a ImageFacts> {
    let Some(best) = image_for(needs, offer) else { return Vec::new() };
    candidates(needs, offer).filter(|image| rank(needs, image) == rank(needs, best)).collect()
}

/// So many images are named beside the one that was chosen.
const MOST_OTHERS: usize = 4;

/// The images that would have done as well, the best first.
pub(super) fn other_images(fit: &Fit) -> Vec<String> {
    let mut images: Vec<&ImageFacts> = candidates(fit.needs, fit.offer).collect();
    images.sort_by_key(|image| rank(fit.needs, image));
    images.into_iter().skip(1).take(MOST_OTHERS).map(|image| image.name.clone()).collect()
}

/// The accelerators of an offer that serve the needs.
pub(super) fn matching_gpus<'a>(needs: &'a Requirements, offer: &'a Offer) -> impl Iterator<Item = &'a str> {
    let model = needs.gpus.as_ref().and_then(|need| need.model.as_deref());
    let serves = move |gpu: &&GpuFacts| model.is_none_or(|model| gpu::is_model(model, gpu));
    offer.facts.gpus.iter().filter(serves).map(|gpu| gpu.model.as_str())
}

/// The accelerators that each machine gets: as many as it needs of a divisible offer, else all that are in the node.
pub(super) fn gpus_taken<'a>(needs: &'a Requirements, offer: &'a Offer) -> Vec<&'a str> {
    match &needs.gpus {
        _ if !is_cut(offer) => offer.facts.gpus.iter().map(|gpu| gpu.model.as_str()).collect(),
        Some(need) => matching_gpus(needs, offer).take(need.count.get() as usize).collect(),
        None => Vec::new(),
    }
}

/// How many accelerators each machine gets: as many as [`gpus_taken`] lists, where the needs are served.
pub(super) fn gpus_count(needs: &Requirements, offer: &Offer) -> usize {
    if is_cut(offer) { needs.gpus.as_ref().map_or(0, |need| need.count.get() as usize) } else { offer.facts.gpus.len() }
}

/// The shape of each machine of a fit, as the plan tells it.
pub(super) fn shape(fit: &Fit) -> Shape {
    let Measure { cpus, memory, disk } = fit.measure;
    let gpus = gpus_taken(fit.needs, fit.offer).into_iter().map(str::to_owned).collect();
    Shape { cpus, memory, disk, gpus }
}

/// Whether the offer's machines are cut to measure.
pub(super) fn is_cut(offer: &Offer) -> bool {
    matches!(offer.supply, Supply::Divisible { .. })
}

/// What an offer has too little of for all these fits together, all of which are on it; nothing where it suffices.
///
/// Processors of a cut offer may be shared; its memory, disk and accelerators may not.
pub(super) fn short_of(offer: &Offer, fits: &[&Fit]) -> Option<MisfitKind> {
    match offer.supply {
        Supply::Unlimited => None,
        Supply::Machines(there) => more_than(fits, u64::from(there)),
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

fn more_than(fits: &[&Fit], there: u64) -> Option<MisfitKind> {
    let wanted: u64 = fits.iter().map(|fit| u64::from(fit.count)).sum();
    (wanted > there).then_some(MisfitKind::Count)
}

/// The sum over all machines of the fits.
pub(super) fn total(fits: &[&Fit], of: impl Fn(&Measure) -> Bytes) -> Bytes {
    fits.iter().fold(Bytes(0), |sum, fit| sum.plus(of(&fit.measure).times(u64::from(fit.count))))
}

/// Whether machines take more of a model than the offer has: so many machines each, with such accelerators.
pub(super) fn gpus_run_out(offer: &Offer, takers: &[(u32, Vec<&str>)]) -> bool {
    let mut left: Vec<&str> = offer.facts.gpus.iter().map(|gpu| gpu.model.as_str()).collect();
    // Each machine takes one at least, so the walk ends soon, however large the count.
    let takers = takers.iter().filter(|(_, gpus)| !gpus.is_empty());
    takers.flat_map(|(count, gpus)| (0..*count).flat_map(move |_| gpus)).any(|model| {
        match left.iter().position(|have| have == model) {
            Some(at) => {
                left.swap_remove(at);
                false
            }
            None => true,
        }
    })
}

/// `16GiB`, or `3 × 16GiB = 48GiB` where there are several.
pub(super) struct Sum(pub(super) u32, pub(super) Bytes);

impl Sum {
    /// `3 × 16GiB`, without what it comes to.
    pub(super) fn product(&self) -> String {
        format!("{} × {}", self.0, self.1)
    }

    /// All of them together.
    pub(super) fn total(&self) -> Bytes {
        self.1.times(u64::from(self.0))
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, each) = *self;
        if count == 1 { each.fmt(f) } else { write!(f, "{} = {}", self.product(), self.total()) }
    }
}
