//! Which node type to take.

use serde::{Deserialize, Serialize};

use super::answer::Word;
use super::{Opinion, Ruling, Why};
use crate::demand::{Budget, Demand, Group};
use crate::filter::{BadFilter, Filter};
use crate::name::SiteId;
use crate::offer::{Market, Offer};
use crate::plan::serving;
use crate::time::Window;

/// What the node type is for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The demand.
    pub demand: &'a Demand,
    /// The group of it in question.
    pub group: &'a Group,
    /// When.
    pub window: &'a Window,
    /// What there is.
    pub market: &'a Market,
}

/// A node type at a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hardware {
    /// Where.
    pub site: SiteId,
    /// The site's name for it.
    pub node_type: String,
    /// What nodes of it must have beyond what is demanded, as an opinion says: the node type passes it.
    pub filter: Option<Filter>,
}

/// What is said: each of them narrows what the rule may choose from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    site: Option<Word>,
    node_type: Option<Word>,
    filter: Option<Word>,
    reason: Option<String>,
}

/// Which node type to take for a group; none where none serves it.
///
/// The rule takes what the planner would for this group alone. An opinion may name any other that serves the group in
/// the window and keeps to the demand's budget; where that sets no limit, one that costs no more than the rule's. Keys of an
/// answer: `site`, `node_type`, `filter` (in the language of [`Filter`]) and `reason`, each of which may be missing.
pub fn hardware(opinion: Opinion<'_>, wanted: &Wanted<'_>) -> Ruling<Option<Hardware>> {
    let serving = serving(wanted.demand, wanted.group, wanted.market, wanted.window);
    let mut ruling = Ruling::by_rule(serving.first().map(|offer| Hardware::of(offer, None)));
    let said: Said = ruling.hear(opinion);
    ruling.explain(said.reason);
    let affordable = match (serving.first(), &wanted.demand.budget) {
        (Some(first), Budget { per_hour: None, total: None }) => {
            serving.iter().copied().filter(|offer| is_no_dearer(offer, first)).collect()
        }
        _ => serving.clone(),
    };
    let mut narrowing = Narrowing { ruling, market: wanted.market, serving, left: affordable };
    if let Some(site) = said.site {
        narrowing.by("site", &site, |offer| offer.site.to_string() == *site);
    }
    if let Some(node_type) = said.node_type {
        narrowing.by("node_type", &node_type, |offer| offer.node_type == *node_type);
    }
    if let Some(filter) = said.filter {
        narrowing.by_filter(&filter);
    }
    narrowing.ruling
}

impl Hardware {
    fn of(offer: &Offer, filter: Option<Filter>) -> Self {
        Self { site: offer.site.clone(), node_type: offer.node_type.clone(), filter }
    }
}

/// An unknown price is never taken for a low one, and units can't be compared.
fn is_no_dearer(offer: &Offer, than: &Offer) -> bool {
    match (offer.price_per_hour, than.price_per_hour) {
        (Some(price), Some(limit)) => price <= limit && offer.terms.unit == than.terms.unit,
        (None, None) => true,
        _ => false,
    }
}

struct Narrowing<'a> {
    ruling: Ruling<Option<Hardware>>,
    market: &'a Market,
    /// All that serve the group, the best first.
    serving: Vec<&'a Offer>,
    /// Those of them that may still be taken.
    left: Vec<&'a Offer>,
}

impl Narrowing<'_> {
    fn by(&mut self, key: &'static str, said: &str, is_meant: impl Fn(&Offer) -> bool) {
        let left: Vec<&Offer> = self.left.iter().copied().filter(|offer| is_meant(offer)).collect();
        match left.first() {
            Some(first) => {
                self.ruling.take(key, said, Some(Hardware::of(first, None)));
                self.left = left;
            }
            None => self.ruling.refuse(key, said, self.why_none(is_meant)),
        }
    }

    fn why_none(&self, is_meant: impl Fn(&Offer) -> bool) -> Why {
        if !self.market.offers.iter().any(&is_meant) {
            Why::NotOffered
        } else if !self.serving.iter().any(|offer| is_meant(offer)) {
            Why::DoesNotServe
        } else if self.ruling.taken.is_empty() {
            Why::Dearer
        } else {
            Why::NoOffer
        }
    }

    /// Only what is known to pass counts as passing.
    fn by_filter(&mut self, said: &str) {
        let filter: Filter = match said.parse() {
            Ok(filter) => filter,
            Err(BadFilter { column, message, .. }) => {
                return self.ruling.refuse("filter", said, Why::Filter { column, message });
            }
        };
        match self.left.iter().find(|offer| filter.admits(offer) == Some(true)) {
            Some(first) => {
                let choice = Hardware::of(first, Some(filter));
                self.ruling.take("filter", said, Some(choice));
            }
            None => self.ruling.refuse("filter", said, Why::NonePasses),
        }
    }
}
