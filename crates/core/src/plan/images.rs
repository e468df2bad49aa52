//! How an image is chosen, told in its two stages: those that would do, and of those the best.

use serde::{Deserialize, Serialize};

use super::fit;
use super::measure::{self, Measure, Obstacle};
use super::misfit::{Any, Sink as _};
use crate::demand::Requirements;
use crate::offer::{GpuSoftware, ImageFacts, Offer};

/// The images of a site, judged for machines of one of its node types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChoice {
    /// The node type.
    pub node_type: String,
    /// The images: the chosen one, the others that would do from the best on, and then those that don't.
    pub images: Vec<ImageCandidate>,
}

/// An image, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCandidate {
    /// The image.
    pub image: ImageFacts,
    /// How far it comes.
    pub outcome: ImageOutcome,
    /// Why.
    pub why: String,
}

/// How far an image comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageOutcome {
    /// It would be booted.
    Chosen,
    /// It would do, and another is better.
    Eligible,
    /// It does not do.
    Rejected,
}

/// The choice for the first of a site's offers that serves the needs apart from its image; nothing where none does.
pub fn choose_image(needs: &Requirements, offers: &[Offer]) -> Option<ImageChoice> {
    let offer = offers.iter().find(|offer| serves(needs, offer))?;
    let mut images = images_of(offers);
    // A stable order: among equals the offer's counts, which comes first.
    images.sort_by_key(|image| offer.images.iter().position(|own| own == *image).unwrap_or(usize::MAX));
    let best = measure::image_for(needs, offer);
    let mut judged: Vec<_> = images.into_iter().map(|image| judge(needs, offer, best, image)).collect();
    judged.sort_by(|a, b| {
        a.outcome.cmp(&b.outcome).then(measure::rank(needs, &a.image).cmp(&measure::rank(needs, &b.image)))
    });
    Some(ImageChoice { node_type: offer.node_type.clone(), images: judged })
}

/// Every image that boots on some of the offers, once.
pub fn images_of(offers: &[Offer]) -> Vec<&ImageFacts> {
    let mut images: Vec<&ImageFacts> = Vec::new();
    for image in offers.iter().flat_map(|offer| &offer.images) {
        if !images.contains(&image) {
            images.push(image);
        }
    }
    images
}

fn serves(needs: &Requirements, offer: &Offer) -> bool {
    let mut any = Any::default();
    fit::nature(needs, offer, &mut any);
    fit::size(needs, offer, &Measure::of(needs, offer, None), &mut any);
    any.is_clear()
}

fn judge(needs: &Requirements, offer: &Offer, best: Option<&ImageFacts>, image: &ImageFacts) -> ImageCandidate {
    let (outcome, why) = match measure::obstacle(needs, offer, image) {
        Some(obstacle) => (ImageOutcome::Rejected, refusal(needs, offer, &obstacle)),
        None if best == Some(image) => (ImageOutcome::Chosen, merits(needs, image)),
        None => (ImageOutcome::Eligible, merits(needs, image)),
    };
    ImageCandidate { image: image.clone(), outcome, why }
}

fn refusal(needs: &Requirements, offer: &Offer, obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Wish => format!("is no `{}`", needs.image.as_deref().unwrap_or_default()),
        Obstacle::Arch(arch) => format!("is for {arch}, and the machine is {}", fit::arch(needs, offer)),
        Obstacle::Memory(memory) => format!("needs {memory} of memory"),
        Obstacle::Disk(disk) => format!("needs {disk} of disk"),
    }
}

/// What counts when images are ranked.
fn merits(needs: &Requirements, image: &ImageFacts) -> String {
    let wish = match &needs.image {
        Some(wish) if *wish == image.name => "has the wished name",
        Some(_) => "runs what is wished",
        None => "no image was wished",
    };
    let software = match (needs.gpus.is_some(), image.gpu_software) {
        (true, GpuSoftware::Cuda) => "brings CUDA for the accelerators",
        (true, GpuSoftware::Rocm) => "brings ROCm for the accelerators",
        (true, GpuSoftware::None) => "brings nothing for the accelerators",
        (false, GpuSoftware::None) => "brings nothing that isn't needed",
        (false, _) => "brings drivers that nothing needs",
    };
    format!("{wish}, {software}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::text::{demand, market};

    fn told(wish: &str) -> String {
        let market = market(
            "chameleon/uc compute cpus=48 gpus=V100:2 images=ubuntu-22.04,ubuntu-22.04-cuda,debian-12\n\
             chameleon/uc arm arch=aarch64 images=ubuntu-22.04",
        );
        let needs = demand(&format!("group main 1 {wish}")).groups[0].any_of[0].clone();
        let choice = choose_image(&needs, &market.offers).unwrap();
        let line = |judged: &ImageCandidate| format!("{:?} {}: {}", judged.outcome, judged.image.name, judged.why);
        choice.images.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_best_is_chosen_among_those_that_do_and_each_says_why() {
        insta::assert_snapshot!(told("image=ubuntu gpus=any:1"), @r"
        Chosen ubuntu-22.04-cuda: runs what is wished, brings CUDA for the accelerators
        Eligible ubuntu-22.04: runs what is wished, brings nothing for the accelerators
        Rejected debian-12: is no `ubuntu`
        Rejected ubuntu-22.04: is for aarch64, and the machine is x86_64
        ");
        insta::assert_snapshot!(told("image=debian-12"), @r"
        Chosen debian-12: has the wished name, brings nothing that isn't needed
        Rejected ubuntu-22.04: is no `debian-12`
        Rejected ubuntu-22.04: is no `debian-12`
        Rejected ubuntu-22.04-cuda: is no `debian-12`
        ");
        insta::assert_snapshot!(told(""), @r"
        Chosen ubuntu-22.04: no image was wished, brings nothing that isn't needed
        Eligible debian-12: no image was wished, brings nothing that isn't needed
        Eligible ubuntu-22.04-cuda: no image was wished, brings drivers that nothing needs
        Rejected ubuntu-22.04: is for aarch64, and the machine is x86_64
        ");
    }
}
