//! Node type, as suggested by a model.

use serde::{Deserialize, Serialize};

use super::answer::ShortText;
use super::{AdvisedDecision, ModelAnswer, RejectionReason};
use crate::demand::{Budget, Demand, Group};
use crate::filter::{BadFilter, Filter};
use crate::name::SiteId;
use crate::offer::{Market, Offer};
use crate::plan::matching_offers;
use crate::time::Window;

/// Query for a node type.
#[derive(Debug, Clone, Copy)]
pub struct NodeTypeQuery<'a> {
    /// The demand.
    pub demand: &'a Demand,
    /// Group of the demand that needs machines.
    pub group: &'a Group,
    /// Time window.
    pub window: &'a Window,
    /// Available offers.
    pub market: &'a Market,
}

/// A node type at a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeTypeChoice {
    /// The site.
    pub site: SiteId,
    /// The site's name for the node type.
    pub node_type: String,
    /// Additional condition on nodes from the answer; the node type satisfies it.
    pub filter: Option<Filter>,
}

/// Keys of the model's answer. Each narrows the rule's candidates.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NodeTypeAnswer {
    site: Option<ShortText>,
    node_type: Option<ShortText>,
    filter: Option<ShortText>,
    reason: Option<String>,
}

/// Chooses the node type for a group; `None` if no offer is suitable.
///
/// The rule chooses as the planner would for this group alone. The model may choose any other suitable offer within
/// the demand's budget or, if that sets no limit, any that costs no more than the rule's. Keys of an answer, all
/// optional: `site`, `node_type`, `filter` (in the language of [`Filter`]) and `reason`.
pub fn node_type(opinion: ModelAnswer<'_>, wanted: &NodeTypeQuery<'_>) -> AdvisedDecision<Option<NodeTypeChoice>> {
    let serving = matching_offers(wanted.demand, wanted.group, wanted.market, wanted.window);
    let mut decision = AdvisedDecision::by_rule(serving.first().map(|offer| NodeTypeChoice::of(offer, None)));
    let answer: NodeTypeAnswer = decision.parse_answer(opinion);
    decision.explain(answer.reason);
    let affordable = match (serving.first(), &wanted.demand.budget) {
        (Some(first), Budget { per_hour: None, total: None }) => {
            serving.iter().copied().filter(|offer| is_no_dearer(offer, first)).collect()
        }
        _ => serving.clone(),
    };
    let mut narrowing = Narrowing { decision, market: wanted.market, serving, left: affordable };
    if let Some(site) = answer.site {
        narrowing.by("site", &site, |offer| offer.site.to_string() == *site);
    }
    if let Some(node_type) = answer.node_type {
        narrowing.by("node_type", &node_type, |offer| offer.node_type == *node_type);
    }
    if let Some(filter) = answer.filter {
        narrowing.by_filter(&filter);
    }
    narrowing.decision
}

impl NodeTypeChoice {
    fn of(offer: &Offer, filter: Option<Filter>) -> Self {
        Self { site: offer.site.clone(), node_type: offer.node_type.clone(), filter }
    }
}

/// An unknown price never counts as low, and prices in different units can't be compared.
fn is_no_dearer(offer: &Offer, than: &Offer) -> bool {
    match (offer.price_per_hour, than.price_per_hour) {
        (Some(price), Some(limit)) => price <= limit && offer.unit == than.unit,
        (None, None) => true,
        _ => false,
    }
}

struct Narrowing<'a> {
    decision: AdvisedDecision<Option<NodeTypeChoice>>,
    market: &'a Market,
    /// All suitable offers, best first.
    serving: Vec<&'a Offer>,
    /// Affordable offers that satisfy the answer so far.
    left: Vec<&'a Offer>,
}

impl Narrowing<'_> {
    fn by(&mut self, key: &'static str, answer: &str, is_meant: impl Fn(&Offer) -> bool) {
        let left: Vec<&Offer> = self.left.iter().copied().filter(|offer| is_meant(offer)).collect();
        match left.first() {
            Some(first) => {
                self.decision.accept(key, answer, Some(NodeTypeChoice::of(first, None)));
                self.left = left;
            }
            None => self.decision.reject(key, answer, self.why_none(is_meant)),
        }
    }

    fn why_none(&self, is_meant: impl Fn(&Offer) -> bool) -> RejectionReason {
        if !self.market.offers.iter().any(&is_meant) {
            RejectionReason::NotOffered
        } else if !self.serving.iter().any(|offer| is_meant(offer)) {
            RejectionReason::DoesNotServe
        } else if self.decision.accepted.is_empty() {
            RejectionReason::Dearer
        } else {
            RejectionReason::NoOffer
        }
    }

    /// A node counts only if the filter is known to match.
    fn by_filter(&mut self, answer: &str) {
        let filter: Filter = match answer.parse() {
            Ok(filter) => filter,
            Err(BadFilter { column, message, .. }) => {
                return self.decision.reject("filter", answer, RejectionReason::Filter { column, message });
            }
        };
        match self.left.iter().find(|offer| filter.admits(offer) == Some(true)) {
            Some(first) => {
                let choice = NodeTypeChoice::of(first, Some(filter));
                self.decision.accept("filter", answer, Some(choice));
            }
            None => self.decision.reject("filter", answer, RejectionReason::NonePasses),
        }
    }
}
