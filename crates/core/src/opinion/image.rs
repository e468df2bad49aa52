//! Image to boot, as suggested by a model.

use serde::Deserialize;

use super::answer::ShortText;
use super::{AdvisedDecision, ModelAnswer, RejectionReason};
use crate::demand::Requirements;
use crate::offer::Offer;
use crate::plan::best_images;

/// Keys of the model's answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ImageAnswer {
    image: Option<ShortText>,
    reason: Option<String>,
}

/// Maximum number of alternatives named in a rejection.
const MAX_NAMED: usize = 3;

/// Chooses the name of the image to boot; `None` if no image is suitable.
///
/// Candidates are the [`best_images`] of the offer. The rule takes the first; the model may choose any. Keys of an
/// answer: `image` and `reason`.
pub fn image(answer_text: ModelAnswer<'_>, needs: &Requirements, offer: &Offer) -> AdvisedDecision<Option<String>> {
    let candidates: Vec<&str> = best_images(needs, offer).into_iter().map(|image| image.name.as_str()).collect();
    let mut decision = AdvisedDecision::by_rule(candidates.first().map(|name| (*name).to_owned()));
    let answer: ImageAnswer = decision.parse_answer(answer_text);
    decision.explain(answer.reason);
    if let Some(name) = answer.image.as_deref() {
        if candidates.contains(&name) {
            decision.accept("image", name, Some(name.to_owned()));
        } else {
            decision.reject("image", name, why_not(name, offer, &candidates));
        }
    }
    decision
}

fn why_not(name: &str, offer: &Offer, candidates: &[&str]) -> RejectionReason {
    let is_there = offer.images.iter().any(|image| image.name == name);
    match (is_there, candidates) {
        (false, _) => RejectionReason::NotOffered,
        (true, []) => RejectionReason::DoesNotServe,
        (true, _) => {
            let named: Vec<String> = candidates.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
            RejectionReason::Worse(named.join(", "))
        }
    }
}
