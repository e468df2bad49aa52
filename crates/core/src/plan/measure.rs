//! The share of an offer that one machine uses.

use std::fmt;

use super::gpu;
use crate::demand::Requirements;
use crate::offer::{GpuFacts, ImageFacts, Offer, Supply};
use crate::size::Bytes;

/// Sizes of a machine of a divisible offer if the demand gives none: enough to boot a distribution's image and install
/// packages, small enough for several on a workstation.
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
    /// The smallest machine of a [`Supply::Divisible`] offer that meets the needs and boots the image. Of any other offer,
    /// its whole node; sizes that the site does not report are assumed as requested, or 0 without a request.
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

/// The GPUs of an offer that match the requested model.
pub(super) fn matching_gpus<'a>(needs: &'a Requirements, offer: &'a Offer) -> impl Iterator<Item = &'a str> {
    let model = needs.gpus.as_ref().and_then(|need| need.model.as_deref());
    let matches = move |gpu: &&GpuFacts| model.is_none_or(|model| gpu::is_model(model, gpu));
    offer.facts.gpus.iter().filter(matches).map(|gpu| gpu.model.as_str())
}

/// The GPUs of each machine: the requested number from a divisible offer, else all GPUs of the node.
pub(super) fn gpus_taken<'a>(needs: &'a Requirements, offer: &'a Offer) -> Vec<&'a str> {
    match &needs.gpus {
        _ if !is_cut(offer) => offer.facts.gpus.iter().map(|gpu| gpu.model.as_str()).collect(),
        Some(need) => matching_gpus(needs, offer).take(need.count.get() as usize).collect(),
        None => Vec::new(),
    }
}

/// The length of [`gpus_taken`], without a list, for an offer that meets the needs.
pub(super) fn gpus_count(needs: &Requirements, offer: &Offer) -> usize {
    if is_cut(offer) { needs.gpus.as_ref().map_or(0, |need| need.count.get() as usize) } else { offer.facts.gpus.len() }
}

/// True if machines of the offer are cut to the requested size.
pub(super) fn is_cut(offer: &Offer) -> bool {
    matches!(offer.supply, Supply::Divisible { .. })
}

/// True if machines use more GPUs of a model than the offer has. A taker is a number of machines and the GPUs of each.
pub(super) fn gpus_run_out(offer: &Offer, takers: &[(u32, Vec<&str>)]) -> bool {
    let mut left: Vec<&str> = offer.facts.gpus.iter().map(|gpu| gpu.model.as_str()).collect();
    // Each machine takes at least one, so the loop ends soon, however large the count.
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

/// A size times a number of machines: `16GiB`, or `3 × 16GiB = 48GiB`.
pub(super) struct Sum(pub(super) u32, pub(super) Bytes);

impl Sum {
    /// `3 × 16GiB`, without the result.
    pub(super) fn product(&self) -> String {
        format!("{} × {}", self.0, self.1)
    }

    /// The result.
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
