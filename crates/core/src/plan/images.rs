//! The choice among a site's images: suitable ones ranked, and the obstacle of every other.

use serde::{Deserialize, Serialize};

use super::boot_image::{ImageObstacle, image_for, obstacle, rank};
use super::fit;
use super::measure::Measure;
use super::misfit::{Any, Sink as _};
use crate::demand::Requirements;
use crate::offer::{ImageFacts, Offer};

/// The images of a site, evaluated for machines of one of its node types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChoice {
    /// The node type.
    pub node_type: String,
    /// The chosen image, then other suitable ones, best first, then unsuitable ones.
    pub images: Vec<ImageCandidate>,
}

/// An image and its evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCandidate {
    /// The image.
    pub image: ImageFacts,
    /// The result.
    pub outcome: ImageOutcome,
    /// The reason for the result.
    pub reason: ImageReason,
}

/// Result of the evaluation of an image, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageOutcome {
    /// The planner would boot it.
    Chosen,
    /// Suitable, ranked lower.
    Eligible,
    /// Unsuitable.
    Rejected,
}

/// Reason for the result of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageReason {
    /// Suitable images are ranked by these facts, and by [`ImageFacts::gpu_software`].
    Suitable {
        /// The part of the request that the image matches.
        matches: ImageMatch,
        /// True if GPUs are requested: an image with GPU software then ranks higher, else lower.
        gpus_requested: bool,
    },
    /// Unsuitable for this reason.
    Unsuitable(ImageObstacle),
}

/// The part of a request for an image that a suitable image matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageMatch {
    /// Its name.
    Name,
    /// Its operating system.
    System,
    /// No image is requested.
    Any,
}

/// The choice for the first offer that meets all needs except the image; `None` if no offer does.
pub fn choose_image(needs: &Requirements, offers: &[Offer]) -> Option<ImageChoice> {
    let offer = offers.iter().find(|offer| is_suitable(needs, offer))?;
    let mut images = images_of(offers);
    // The sorts are stable: among equals, the order of the offer's images decides, as in the planner.
    images.sort_by_key(|image| offer.images.iter().position(|own| own == *image).unwrap_or(usize::MAX));
    let best = image_for(needs, offer);
    let mut candidates: Vec<_> = images.into_iter().map(|image| evaluate(needs, offer, best, image)).collect();
    candidates.sort_by(|a, b| a.outcome.cmp(&b.outcome).then(rank(needs, &a.image).cmp(&rank(needs, &b.image))));
    Some(ImageChoice { node_type: offer.node_type.clone(), images: candidates })
}

/// Every distinct image of the offers.
pub fn images_of(offers: &[Offer]) -> Vec<&ImageFacts> {
    let mut images: Vec<&ImageFacts> = Vec::new();
    for image in offers.iter().flat_map(|offer| &offer.images) {
        if !images.contains(&image) {
            images.push(image);
        }
    }
    images
}

fn is_suitable(needs: &Requirements, offer: &Offer) -> bool {
    let mut any = Any::default();
    fit::nature(needs, offer, &mut any);
    fit::size(needs, offer, &Measure::of(needs, offer, None), &mut any);
    any.is_clear()
}

fn evaluate(needs: &Requirements, offer: &Offer, best: Option<&ImageFacts>, image: &ImageFacts) -> ImageCandidate {
    let (outcome, reason) = match obstacle(needs, offer, image) {
        Some(obstacle) => (ImageOutcome::Rejected, ImageReason::Unsuitable(obstacle)),
        None if best == Some(image) => (ImageOutcome::Chosen, suitable(needs, image)),
        None => (ImageOutcome::Eligible, suitable(needs, image)),
    };
    ImageCandidate { image: image.clone(), outcome, reason }
}

fn suitable(needs: &Requirements, image: &ImageFacts) -> ImageReason {
    let matches = match &needs.image {
        Some(requested) if *requested == image.name => ImageMatch::Name,
        Some(_) => ImageMatch::System,
        None => ImageMatch::Any,
    };
    ImageReason::Suitable { matches, gpus_requested: needs.gpus.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::text::{demand, market};

    fn choice(request: &str) -> String {
        let market = market(
            "chameleon/uc compute cpus=48 gpus=V100:2 images=ubuntu-22.04,ubuntu-22.04-cuda,debian-12\n\
             chameleon/uc arm arch=aarch64 images=ubuntu-22.04",
        );
        let needs = demand(&format!("group main 1 {request}")).groups[0].any_of[0].clone();
        let choice = choose_image(&needs, &market.offers).unwrap();
        let line = |candidate: &ImageCandidate| {
            format!("{:?} {}: {:?}", candidate.outcome, candidate.image.name, candidate.reason)
        };
        choice.images.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn suitable_images_are_ranked_and_every_image_has_a_reason() {
        insta::assert_snapshot!(choice("image=ubuntu gpus=any:1"), @r#"
        Chosen ubuntu-22.04-cuda: Suitable { matches: System, gpus_requested: true }
        Eligible ubuntu-22.04: Suitable { matches: System, gpus_requested: true }
        Rejected debian-12: Unsuitable(NotRequested { requested: "ubuntu" })
        Rejected ubuntu-22.04: Unsuitable(Arch { image: "aarch64", machine: "x86_64" })
        "#);
        insta::assert_snapshot!(choice("image=debian-12"), @r#"
        Chosen debian-12: Suitable { matches: Name, gpus_requested: false }
        Rejected ubuntu-22.04: Unsuitable(NotRequested { requested: "debian-12" })
        Rejected ubuntu-22.04: Unsuitable(NotRequested { requested: "debian-12" })
        Rejected ubuntu-22.04-cuda: Unsuitable(NotRequested { requested: "debian-12" })
        "#);
        insta::assert_snapshot!(choice(""), @r#"
        Chosen ubuntu-22.04: Suitable { matches: Any, gpus_requested: false }
        Eligible debian-12: Suitable { matches: Any, gpus_requested: false }
        Eligible ubuntu-22.04-cuda: Suitable { matches: Any, gpus_requested: false }
        Rejected ubuntu-22.04: Unsuitable(Arch { image: "aarch64", machine: "x86_64" })
        "#);
    }
}
