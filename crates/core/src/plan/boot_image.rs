//! The choice of the image that an offer's machines boot.

use serde::{Deserialize, Serialize};

use super::arch::arch_of;
use super::measure::is_cut;
use crate::demand::{Amount, Requirements};
use crate::offer::{GpuSoftware, ImageFacts, Offer};
use crate::size::Bytes;

/// A reason that an image is unsuitable for the machines of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageObstacle {
    /// Neither its name nor its operating system is the requested one.
    NotRequested {
        /// The requested image.
        requested: String,
    },
    /// It is built for another architecture.
    Arch {
        /// Architecture of the image.
        image: String,
        /// Architecture of the machines.
        machine: String,
    },
    /// It needs more memory than a machine can have.
    Memory {
        /// Memory that it needs.
        needed: Bytes,
    },
    /// It needs more disk than a machine can have.
    Disk {
        /// Disk that it needs.
        needed: Bytes,
    },
}

/// The first obstacle to booting an image on the largest machine that the offer and the request allow.
pub(super) fn obstacle(needs: &Requirements, offer: &Offer, image: &ImageFacts) -> Option<ImageObstacle> {
    let facts = &offer.facts;
    let most_memory = match needs.memory {
        Amount::Exactly(memory) if is_cut(offer) => Some(facts.memory.map_or(memory, |most| memory.min(most))),
        _ => facts.memory,
    };
    let machine = arch_of(needs, offer);
    if let Some(requested) = needs.image.as_ref().filter(|requested| !image.is(requested)) {
        Some(ImageObstacle::NotRequested { requested: requested.clone() })
    } else if !image.arch.is_empty() && image.arch != machine {
        Some(ImageObstacle::Arch { image: image.arch.clone(), machine: machine.to_owned() })
    } else if most_memory.is_some_and(|most| image.memory > most) {
        Some(ImageObstacle::Memory { needed: image.memory })
    } else if facts.disk.is_some_and(|most| image.disk > most) {
        Some(ImageObstacle::Disk { needed: image.disk })
    } else {
        None
    }
}

fn suitable<'a>(needs: &'a Requirements, offer: &'a Offer) -> impl Iterator<Item = &'a ImageFacts> {
    offer.images.iter().filter(move |image| obstacle(needs, offer, image).is_none())
}

/// Sort key of suitable images, best first. An exact name precedes a matching operating system. Then images with GPU
/// software precede others if GPUs are requested, and follow them if not. The offer's order breaks ties.
pub(super) fn rank(needs: &Requirements, image: &ImageFacts) -> (bool, bool) {
    let named = needs.image.as_ref().is_none_or(|requested| *requested == image.name);
    let has_gpu_software = image.gpu_software != GpuSoftware::None;
    (!named, has_gpu_software != needs.gpus.is_some())
}

/// The best suitable image.
pub(super) fn image_for<'a>(needs: &'a Requirements, offer: &'a Offer) -> Option<&'a ImageFacts> {
    suitable(needs, offer).min_by_key(|image| rank(needs, image))
}

/// The images of an offer that rank equal to the planner's choice, which comes first.
pub fn best_images<'a>(needs: &'a Requirements, offer: &'a Offer) -> Vec<&'a ImageFacts> {
    let Some(best) = image_for(needs, offer) else { return Vec::new() };
    suitable(needs, offer).filter(|image| rank(needs, image) == rank(needs, best)).collect()
}

/// Maximum number of alternatives listed in a pick. A site can have hundreds of images.
const MAX_OTHERS: usize = 4;

/// Names of the next best suitable images, best first.
pub(super) fn other_images(needs: &Requirements, offer: &Offer) -> Vec<String> {
    let mut images: Vec<&ImageFacts> = suitable(needs, offer).collect();
    images.sort_by_key(|image| rank(needs, image));
    images.into_iter().skip(1).take(MAX_OTHERS).map(|image| image.name.clone()).collect()
}
