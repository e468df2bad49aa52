//! Which image to boot.

use serde::Deserialize;

use super::answer::Word;
use super::{Opinion, Ruling, Why};
use crate::demand::Requirements;
use crate::offer::Offer;
use crate::plan::best_images;

/// What is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    image: Option<Word>,
    reason: Option<String>,
}

/// So many candidates are named where another was said.
const MOST_NAMED: usize = 3;

/// Which of an offer's images to boot, by its name; none where none would do.
///
/// The candidates are [`best_images`]: those that serve the needs best by their facts. The rule takes the first of them; an
/// opinion may name any. Keys of an answer: `image` and `reason`.
pub fn image(opinion: Opinion<'_>, needs: &Requirements, offer: &Offer) -> Ruling<Option<String>> {
    let candidates: Vec<&str> = best_images(needs, offer).into_iter().map(|image| image.name.as_str()).collect();
    let mut ruling = Ruling::by_rule(candidates.first().map(|name| (*name).to_owned()));
    let said: Said = ruling.hear(opinion);
    ruling.explain(said.reason);
    if let Some(name) = said.image.as_deref() {
        if candidates.contains(&name) {
            ruling.take("image", name, Some(name.to_owned()));
        } else {
            ruling.refuse("image", name, why_not(name, offer, &candidates));
        }
    }
    ruling
}

fn why_not(name: &str, offer: &Offer, candidates: &[&str]) -> Why {
    let is_there = offer.images.iter().any(|image| image.name == name);
    match (is_there, candidates) {
        (false, _) => Why::NotOffered,
        (true, []) => Why::DoesNotServe,
        (true, _) => {
            let named: Vec<String> = candidates.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
            Why::Worse(named.join(", "))
        }
    }
}
