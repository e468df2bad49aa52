//! The filter language: which nodes are meant, by what they have and not by what they are called.
//!
//! `gpu.gpu_count>=4`, `ram>=256GiB and arch=x86_64`, `model~A100 or model~H100`, `not (gpu or infiniband)`.

mod field;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::inventory::{InventoryNode, InventorySite};
use crate::offer::Offer;
use crate::size::Bytes;

pub use field::{FIELDS, Field, FieldType};
pub use parse::BadFilter;

/// Which nodes are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Term);

/// A part of a filter.
#[derive(Debug, Clone, PartialEq)]
enum Term {
    /// All nodes.
    Any,
    Not(Box<Term>),
    And(Vec<Term>),
    Or(Vec<Term>),
    /// A field by itself: it is there.
    Has(Field),
    Is(Field, Comparison, Literal),
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
    Lacks,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Flag(bool),
    /// In the field's own unit: bytes for sizes, bits a second for rates.
    Number(f64),
    Text(String),
}

impl Filter {
    /// All nodes.
    pub const ANY: Self = Self(Term::Any);

    /// Whether a node is meant. `None` where that hangs on what nobody has said of it: such a node is not meant, and
    /// not meant by the filter's opposite either.
    pub fn matches(&self, site: &InventorySite<'_>, node: &InventoryNode<'_>) -> Option<bool> {
        self.0.holds(&|field| field.of(site, node))
    }

    /// Whether an offer is meant, by the facts that offers have: nobody has said anything of the others.
    pub fn admits(&self, offer: &Offer) -> Option<bool> {
        self.0.holds(&|field| field.of_offer(offer))
    }

    /// The same filter, content with so much less of what a machine may have less of. `None` where nothing is asked
    /// that could be less.
    pub fn relaxed(&self, keep: impl Fn(Field, f64) -> f64) -> Option<Self> {
        let mut term = self.0.clone();
        term.relax(&keep);
        (term != self.0).then_some(Self(term))
    }

    /// The smallest memory that is asked for by a lower bound, where one is.
    pub fn least_memory(&self) -> Option<Bytes> {
        self.0.least(Field::Memory).map(|bytes| Bytes(bytes as u64))
    }
}

/// What is known of one field of one node.
#[derive(Debug, Clone, PartialEq)]
enum Known<'n> {
    Nothing,
    Flag(bool),
    Number(f64),
    Text(&'n str),
}

impl Term {
    /// Three-valued: what is unknown stays so through `not`, and through `and` and `or` where the rest doesn't decide.
    fn holds<'n>(&self, look: &impl Fn(Field) -> Known<'n>) -> Option<bool> {
        match self {
            Self::Any => Some(true),
            Self::Not(term) => term.holds(look).map(|holds| !holds),
            Self::And(terms) => all(terms.iter().map(|term| term.holds(look)), false),
            Self::Or(terms) => all(terms.iter().map(|term| term.holds(look)), true),
            Self::Has(field) => match look(*field) {
                Known::Nothing => None,
                Known::Flag(flag) => Some(flag),
                Known::Number(number) => Some(number > 0.0),
                Known::Text(text) => Some(!text.is_empty()),
            },
            Self::Is(field, comparison, literal) => compare(&look(*field), *comparison, literal),
        }
    }

    /// Only lower bounds can be relaxed, and only where they are demanded: under a `not` they are upper bounds.
    fn relax(&mut self, keep: &impl Fn(Field, f64) -> f64) {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter_mut().for_each(|term| term.relax(keep)),
            Self::Is(field, Comparison::AtLeast | Comparison::More, Literal::Number(least)) => {
                *least = keep(*field, *least);
            }
            _ => {}
        }
    }

    fn least(&self, wanted: Field) -> Option<f64> {
        match self {
            Self::And(terms) => terms.iter().filter_map(|term| term.least(wanted)).reduce(f64::max),
            Self::Or(terms) => terms.iter().filter_map(|term| term.least(wanted)).reduce(f64::min),
            Self::Is(field, Comparison::AtLeast | Comparison::More, Literal::Number(least)) if *field == wanted => {
                Some(*least)
            }
            _ => None,
        }
    }
}

/// `and` is false as soon as one is; `or` is true as soon as one is. Else one that is unknown makes it so.
fn all(results: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut outcome = Some(!decisive);
    for result in results {
        match result {
            Some(result) if result == decisive => return Some(decisive),
            Some(_) => {}
            None => outcome = None,
        }
    }
    outcome
}

fn compare(known: &Known<'_>, comparison: Comparison, literal: &Literal) -> Option<bool> {
    let ordering = match (known, literal) {
        (Known::Nothing, _) => return None,
        (Known::Flag(known), Literal::Flag(literal)) => known.partial_cmp(literal),
        (Known::Number(known), Literal::Number(literal)) => known.partial_cmp(literal),
        (Known::Text(known), Literal::Text(literal)) => return Some(compare_text(known, comparison, literal)),
        // The parser gives each field a literal of its own kind.
        _ => return None,
    }?;
    Some(match comparison {
        Comparison::Equal | Comparison::Contains => ordering.is_eq(),
        Comparison::Unequal | Comparison::Lacks => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::AtMost => ordering.is_le(),
        Comparison::More => ordering.is_gt(),
        Comparison::AtLeast => ordering.is_ge(),
    })
}

/// Case doesn't count: the same model is written differently by its maker, the reference API and Blazar.
fn compare_text(known: &str, comparison: Comparison, literal: &str) -> bool {
    let contains = || known.to_lowercase().contains(&literal.to_lowercase());
    match comparison {
        Comparison::Contains => contains(),
        Comparison::Lacks => !contains(),
        Comparison::Unequal => !known.eq_ignore_ascii_case(literal),
        _ => known.eq_ignore_ascii_case(literal),
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

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, terms: &[Self], word: &str| {
            for (index, term) in terms.iter().enumerate() {
                let between = if index > 0 { word } else { "" };
                match term {
                    Self::And(_) | Self::Or(_) => write!(f, "{between}({term})")?,
                    _ => write!(f, "{between}{term}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Any => f.write_str("any"),
            Self::Not(term) if matches!(**term, Self::Has(_) | Self::Any) => write!(f, "not {term}"),
            Self::Not(term) => write!(f, "not ({term})"),
            Self::And(terms) => joined(f, terms, " and "),
            Self::Or(terms) => joined(f, terms, " or "),
            Self::Has(field) => f.write_str(field.name()),
            Self::Is(field, comparison, literal) => {
                write!(f, "{}{}{}", field.name(), comparison.sign(), field.show(literal))
            }
        }
    }
}

impl Comparison {
    /// The longer signs first, since the shorter ones begin them.
    const ALL: [(&'static str, Self); 9] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("!=", Self::Unequal),
        ("!~", Self::Lacks),
        ("==", Self::Equal),
        (">", Self::More),
        ("<", Self::Less),
        ("=", Self::Equal),
        ("~", Self::Contains),
    ];

    fn sign(self) -> &'static str {
        Self::ALL.into_iter().rfind(|(_, comparison)| *comparison == self).map_or("=", |(sign, _)| sign)
    }
}
