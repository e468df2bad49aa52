//! The terms of a filter: their truth for a node, and their text.

use std::fmt;

use super::field::Field;
use super::literal::Literal;
use super::value::FieldValue;

/// A filter or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    /// Matches all nodes.
    Any,
    Not(Box<Term>),
    And(Vec<Term>),
    Or(Vec<Term>),
    /// A bare field: true, above zero or not empty.
    Has(Field),
    Is(Field, Comparison, Literal),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
    Lacks,
}

impl Term {
    /// Three-valued logic: `not` keeps unknown; `and` and `or` are unknown unless a known term decides.
    pub(super) fn holds<'n>(&self, value: &impl Fn(Field) -> FieldValue<'n>) -> Option<bool> {
        match self {
            Self::Any => Some(true),
            Self::Not(term) => term.holds(value).map(|holds| !holds),
            Self::And(terms) => join(terms.iter().map(|term| term.holds(value)), false),
            Self::Or(terms) => join(terms.iter().map(|term| term.holds(value)), true),
            Self::Has(field) => match value(*field) {
                FieldValue::Unknown => None,
                FieldValue::Flag(flag) => Some(flag),
                FieldValue::Number(number) => Some(number > 0.0),
                FieldValue::Text(text) => Some(!text.is_empty()),
            },
            Self::Is(field, comparison, literal) => compare(&value(*field), *comparison, literal),
        }
    }

    /// Replaces lower bounds. Those under a `not` stay: they are upper bounds.
    pub(super) fn relax(&mut self, keep: &impl Fn(Field, f64) -> f64) {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter_mut().for_each(|term| term.relax(keep)),
            Self::Is(field, Comparison::AtLeast | Comparison::More, Literal::Number(least)) => {
                *least = keep(*field, *least);
            }
            _ => {}
        }
    }

    /// The lower bound of a field: the highest under `and`, the lowest under `or`.
    pub(super) fn least(&self, wanted: Field) -> Option<f64> {
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

/// Joins results: one decisive result decides (`false` for `and`, `true` for `or`); otherwise one unknown makes it
/// unknown.
fn join(results: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
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

fn compare(known: &FieldValue<'_>, comparison: Comparison, literal: &Literal) -> Option<bool> {
    let ordering = match (known, literal) {
        (FieldValue::Unknown, _) => return None,
        (FieldValue::Flag(known), Literal::Flag(literal)) => known.partial_cmp(literal),
        (FieldValue::Number(known), Literal::Number(literal)) => known.partial_cmp(literal),
        (FieldValue::Text(known), Literal::Text(literal)) => return Some(compare_text(known, comparison, literal)),
        // The parser gives each field a literal of its own type.
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

/// Compares without regard to case: vendor, reference API and Blazar write the same model differently.
fn compare_text(known: &str, comparison: Comparison, literal: &str) -> bool {
    let contains = || known.to_lowercase().contains(&literal.to_lowercase());
    match comparison {
        Comparison::Contains => contains(),
        Comparison::Lacks => !contains(),
        Comparison::Unequal => !known.eq_ignore_ascii_case(literal),
        _ => known.eq_ignore_ascii_case(literal),
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
                write!(f, "{}{}{}", field.name(), comparison.sign(), literal.show(*field))
            }
        }
    }
}

impl Comparison {
    /// All signs, longer ones first, because shorter ones are their prefixes.
    pub(super) const ALL: [(&'static str, Self); 9] = [
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

    pub(super) fn sign(self) -> &'static str {
        Self::ALL.into_iter().rfind(|(_, comparison)| *comparison == self).map_or("=", |(sign, _)| sign)
    }
}
