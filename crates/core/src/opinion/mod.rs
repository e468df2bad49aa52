//! What a language model says: an opinion, and never more.
//!
//! Four questions may be put to a model: what a repository requires ([`requirements`]), which image to boot ([`image`]),
//! which node type to take ([`hardware`]), and for how long ([`duration`]). Each has a function here that is asked in any case,
//! with what the model said or without, and answers with a [`Ruling`]. A rule decides where nobody was asked, nothing came,
//! or what came can't be.
//!
//! * An answer is read as strictly as a file: one JSON object, by itself or in one fenced block, with keys that are known and
//!   values of their kind. Where that fails, nothing of it counts.
//! * What it says is then held against the facts, which are what the market offers, and the bounds. A value that doesn't
//!   hold is refused by itself, with the reason.
//! * Where a rule has evidence, which is what a file of the repository or the user says, no opinion changes it.
//!
//! So a choice is the rule's own, or it is within facts and bounds. Whoever wrote the repository has a say in what a model
//! answers: it must not cost more than a rule would have allowed.

mod answer;
mod duration;
mod hardware;
mod image;
#[cfg(test)]
mod laws;
mod requirements;
#[cfg(test)]
mod tests;
mod why;

use std::fmt;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use answer::BadAnswer;
pub use duration::duration;
pub use hardware::{Hardware, Wanted, hardware};
pub use image::image;
pub use requirements::{RequirementsOpinion, requirements};
pub use why::Why;

use crate::demand::Budget;
use crate::size::Bytes;

/// What there is of an opinion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opinion<'a> {
    /// Nobody was asked.
    NotAsked,
    /// A model was asked and did not answer, for this reason.
    Missing(&'a str),
    /// What it answered, word for word.
    Said(&'a str),
}

/// How far an opinion may reach. What a rule says is not held against this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// At most so many machines.
    pub machines: NonZeroU32,
    /// At most so many processors in each.
    pub cpus: u32,
    /// At most so much memory in each.
    pub memory: Bytes,
    /// At most so much disk in each.
    pub disk: Bytes,
    /// At most so many accelerators in each.
    pub gpus: u32,
    /// At most so long.
    pub duration: SignedDuration,
    /// At most at this cost: the demand's own budget.
    pub budget: Budget,
}

impl Default for Bounds {
    /// One machine for a day, as large as half of a usual node of a testbed.
    fn default() -> Self {
        Self {
            machines: NonZeroU32::MIN,
            cpus: 32,
            memory: Bytes::gib(128),
            disk: Bytes::gib(500),
            gpus: 2,
            duration: SignedDuration::from_hours(24),
            budget: Budget::default(),
        }
    }
}

/// What was decided, and how it came to that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ruling<T> {
    /// What counts.
    pub choice: T,
    /// What the rule says, without any opinion.
    pub rule: T,
    /// What the choice has from the opinion.
    pub taken: Vec<Taken>,
    /// What else was said, and why it doesn't count.
    pub refused: Vec<Refused>,
    /// The reason that was given, for people's eyes. Nothing follows from it.
    pub reason: Option<String>,
}

/// A part of an opinion that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Its key.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

/// A part of an opinion that doesn't count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its key; absent where it is the answer as a whole.
    pub key: Option<&'static str>,
    /// What was said, shortened.
    pub said: String,
    /// Why it doesn't count.
    pub why: Why,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` = `{}` is taken", self.key, self.value)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(key) => write!(f, "`{key}` = `{}` is refused: {}", self.said, self.why),
            None => write!(f, "the answer is refused: {}", self.why),
        }
    }
}

impl<T: Clone> Ruling<T> {
    /// What the rule says, before anybody is heard.
    fn by_rule(rule: T) -> Self {
        Self { choice: rule.clone(), rule, taken: Vec::new(), refused: Vec::new(), reason: None }
    }

    /// What was said; nothing where it can't be read, or nobody said anything.
    fn hear<S: DeserializeOwned + Default>(&mut self, opinion: Opinion<'_>) -> S {
        let (said, why) = match opinion {
            Opinion::NotAsked => return S::default(),
            Opinion::Missing(reason) => ("", Why::NoAnswer(plain(reason))),
            Opinion::Said(text) => match answer::read(text) {
                Ok(said) => return said,
                Err(bad) => (text, Why::Unreadable(bad)),
            },
        };
        self.refused.push(Refused { key: None, said: plain(said), why });
        S::default()
    }

    fn take(&mut self, key: &'static str, value: impl fmt::Display, choice: T) {
        self.taken.push(Taken { key, value: plain(&value.to_string()) });
        self.choice = choice;
    }

    fn refuse(&mut self, key: &'static str, said: impl fmt::Display, why: Why) {
        self.refused.push(Refused { key: Some(key), said: plain(&said.to_string()), why });
    }

    fn explain(&mut self, reason: Option<String>) {
        self.reason = reason.map(|reason| plain(&reason)).filter(|reason| !reason.is_empty());
    }
}

/// So many characters of a foreign text are shown.
const MOST_SHOWN: usize = 200;

/// A foreign text as it may be shown on a terminal, in one line.
fn plain(text: &str) -> String {
    let visible = |c| if is_plain(c) { c } else { ' ' };
    let mut shown: String = text.trim().chars().take(MOST_SHOWN + 1).map(visible).collect();
    if let Some((end, _)) = shown.char_indices().nth(MOST_SHOWN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// Control characters would move the cursor, and marks of direction turn what is read.
fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}
