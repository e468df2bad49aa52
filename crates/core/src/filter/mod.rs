//! The filter language: it selects nodes by their facts, not by their names.
//!
//! `gpu.gpu_count>=4`, `ram>=256GiB and arch=x86_64`, `model~A100 or model~H100`, `not (gpu or infiniband)`.

mod field;
mod literal;
mod parse;
mod term;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::inventory::{InventoryNode, InventorySite};
use crate::offer::Offer;
use crate::size::Bytes;

pub use field::{FIELDS, Field, FieldType};
pub use parse::BadFilter;

use term::Term;

/// A condition on nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Term);

impl Filter {
    /// Matches all nodes.
    pub const ANY: Self = Self(Term::Any);

    /// True if a node matches. `None` if that depends on a fact that the site does not report: such a node matches
    /// neither the filter nor its negation.
    pub fn matches(&self, site: &InventorySite<'_>, node: &InventoryNode<'_>) -> Option<bool> {
        self.0.holds(&|field| value::of_node(field, site, node))
    }

    /// True if an offer matches. `None` if that depends on a fact that the offer lacks.
    pub fn admits(&self, offer: &Offer) -> Option<bool> {
        self.0.holds(&|field| value::of_offer(field, offer))
    }

    /// The filter with its lower bounds replaced by `keep(field, bound)`. `None` if that changes nothing.
    pub fn relaxed(&self, keep: impl Fn(Field, f64) -> f64) -> Option<Self> {
        let mut term = self.0.clone();
        term.relax(&keep);
        (term != self.0).then_some(Self(term))
    }

    /// The lower bound of memory, if the filter has one.
    pub fn least_memory(&self) -> Option<Bytes> {
        self.0.least(Field::Memory).map(|bytes| Bytes(bytes as u64))
    }
}

impl FromStr for Filter {
    type Err = BadFilter;
    fn from_str(text: &str) -> Result<Self, BadFilter> {
        parse::parse(text).map(Self)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
