//! The parser of filters.

use std::fmt;

use super::field::{FIELDS, Field, FieldType};
use super::literal::{Literal, is_plain};
use super::term::{Comparison, Term};
use crate::name::closest;

/// A text that is not a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFilter {
    /// The text.
    pub filter: String,
    /// The column of the error, in characters from 1.
    pub column: usize,
    /// The error: a lower-case fragment.
    pub message: String,
    /// A suggestion.
    pub hint: Option<String>,
}

impl fmt::Display for BadFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid filter `{}` at column {}: {}", self.filter, self.column, self.message)
    }
}

impl std::error::Error for BadFilter {}

impl BadFilter {
    fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Limit of nesting, well below a stack overflow.
const MAX_DEPTH: usize = 100;

pub(super) fn parse(text: &str) -> Result<Term, BadFilter> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.skip_spaces();
    if parser.rest().is_empty() {
        return Err(parser.bad(parser.at, "it is empty").hinted("`any` matches all nodes"));
    }
    let term = parser.or()?;
    match parser.rest().chars().next() {
        None => Ok(term),
        Some(')') => Err(parser.bad(parser.at, "unmatched `)`")),
        Some(_) => Err(parser
            .bad(parser.at, "missing `and` or `or`")
            .hinted("join conditions, for example `gpu and ram>=256GiB`")),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// Byte offset.
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn or(&mut self) -> Result<Term, BadFilter> {
        let mut terms = vec![self.and()?];
        while self.took_word("or") || self.took_sign("||") {
            terms.push(self.and()?);
        }
        Ok(one_or(terms, Term::Or))
    }

    fn and(&mut self) -> Result<Term, BadFilter> {
        let mut terms = vec![self.not()?];
        // A comma means `and`.
        while self.took_word("and") || self.took_sign("&&") || self.took_sign(",") {
            terms.push(self.not()?);
        }
        Ok(one_or(terms, Term::And))
    }

    fn not(&mut self) -> Result<Term, BadFilter> {
        let start = self.at;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.bad(start, "too deeply nested"));
        }
        let term = if self.took_word("not") || self.took_sign("!") {
            Term::Not(Box::new(self.not()?))
        } else if self.took_sign("(") {
            let inner = self.or()?;
            if !self.took_sign(")") {
                return Err(self.bad(start, "unclosed `(`"));
            }
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(term)
    }

    /// Parses `gpu` or `ram >= 256GiB`.
    fn condition(&mut self) -> Result<Term, BadFilter> {
        let start = self.at;
        let name = self.word();
        if name.is_empty() {
            let message = match self.rest().chars().next() {
                None => "missing condition".to_owned(),
                Some(sign) => format!("expected a condition, found `{sign}`"),
            };
            return Err(self.bad(start, message).hinted("for example `gpu`, `ram>=256GiB` or `node_type=compute`"));
        }
        let sign = self.sign();
        if matches!(name.to_ascii_lowercase().as_str(), "any" | "all" | "*") && sign.is_none() {
            return Ok(Term::Any);
        }
        let field = Field::named(name).ok_or_else(|| self.unknown(start, name))?;
        match sign {
            Some((at, sign)) => self.comparison(field, at, sign),
            None => match field.kind() {
                FieldType::Flag | FieldType::Number if field != Field::SuFactor => Ok(Term::Has(field)),
                FieldType::Text if matches!(field, Field::Fpga | Field::GpuModel) => Ok(Term::Has(field)),
                _ => Err(self.bad(start, format!("`{name}` needs a comparison")).hinted(example(field))),
            },
        }
    }

    fn comparison(&mut self, field: Field, sign_at: usize, sign: Comparison) -> Result<Term, BadFilter> {
        let orders = !matches!(sign, Comparison::Equal | Comparison::Unequal);
        let contains = matches!(sign, Comparison::Contains | Comparison::Lacks);
        let fits = match field.kind() {
            FieldType::Flag => !orders,
            FieldType::Text => !orders || contains,
            FieldType::Number | FieldType::Size | FieldType::Rate => !contains,
        };
        if !fits {
            let message = format!("`{}` can't be compared with `{}`", field.name(), sign.sign());
            return Err(self.bad(sign_at, message).hinted(example(field)));
        }
        self.skip_spaces();
        let start = self.at;
        let value = self.value()?;
        let literal = Literal::parse(field, &value).ok_or_else(|| {
            let expected = match field.kind() {
                FieldType::Flag => "true or false",
                FieldType::Size => "a size",
                FieldType::Rate => "a rate",
                FieldType::Number | FieldType::Text => "a number",
            };
            self.bad(start, format!("`{value}` is not {expected}")).hinted(example(field))
        })?;
        Ok(match (field.kind(), &literal) {
            // Normalised, so that equal filters print equally.
            (FieldType::Flag, Literal::Flag(true)) if sign == Comparison::Equal => Term::Has(field),
            _ => Term::Is(field, sign, literal),
        })
    }

    fn value(&mut self) -> Result<String, BadFilter> {
        let start = self.at;
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let inner = &self.rest()[1..];
            let Some(end) = inner.find(quote) else { return Err(self.bad(start, "unclosed quote")) };
            self.at += end + 2;
            self.skip_spaces();
            return Ok(inner[..end].to_owned());
        }
        match self.word() {
            "" => Err(self.bad(start, "missing value")),
            value => Ok(value.to_owned()),
        }
    }

    fn unknown(&self, at: usize, name: &str) -> BadFilter {
        let names = || FIELDS.iter().flat_map(|(_, names, _, _)| names.iter());
        let lower = name.to_ascii_lowercase();
        let hint = match closest(&lower, names().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let all: Vec<&str> = FIELDS.iter().map(|(_, names, _, _)| names[0]).collect();
                format!("fields: {}", all.join(", "))
            }
        };
        self.bad(at, format!("unknown field `{name}`")).hinted(hint)
    }
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes the characters that need no quotes, and the spaces after them. May be empty.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !is_plain(c)).unwrap_or(rest.len())];
        self.at += word.len();
        self.skip_spaces();
        word
    }

    fn took_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        if self.word().eq_ignore_ascii_case(wanted) {
            return true;
        }
        self.at = before;
        false
    }

    fn took_sign(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
            self.skip_spaces();
        }
        found
    }

    /// Takes a comparison operator, and returns it with its offset.
    fn sign(&mut self) -> Option<(usize, Comparison)> {
        let at = self.at;
        let (_, sign) = Comparison::ALL.into_iter().find(|(sign, _)| self.took_sign(sign))?;
        Some((at, sign))
    }

    fn bad(&self, at: usize, message: impl Into<String>) -> BadFilter {
        let column = self.text[..at].chars().count() + 1;
        BadFilter { filter: self.text.to_owned(), column, message: message.into(), hint: None }
    }
}

fn one_or(mut terms: Vec<Term>, many: fn(Vec<Term>) -> Term) -> Term {
    match terms.len() {
        1 => terms.remove(0),
        _ => many(terms),
    }
}

fn example(field: Field) -> String {
    let name = field.name();
    match field.kind() {
        FieldType::Flag => format!("for example `{name}`, `not {name}` or `{name}=false`"),
        FieldType::Number => format!("for example `{name}>=4`"),
        FieldType::Size => format!("for example `{name}>=256GiB`"),
        FieldType::Rate => format!("for example `{name}>=25Gbps`"),
        FieldType::Text => format!("for example `{name}=…`, or `{name}~…` for a substring"),
    }
}
