//! Values as feeds write them. A value of an unexpected type counts as not reported, so that it does not make ten
//! thousand nodes unreadable.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::time;

/// Text of a feed, borrowed unless it contains escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FeedText<'a>(pub Cow<'a, str>);

impl FeedText<'_> {
    /// Copies the text.
    pub fn into_owned(self) -> FeedText<'static> {
        FeedText(Cow::Owned(self.0.into_owned()))
    }
}

impl Deref for FeedText<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for FeedText<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl fmt::Display for FeedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A scalar of any type.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Loose<'a> {
    /// Null, a list or an object.
    #[default]
    Nothing,
    Flag(bool),
    Whole(i64),
    Fraction(f64),
    FeedText(Cow<'a, str>),
}

impl<'a> Loose<'a> {
    /// The value as a flag. Blazar writes properties of hosts with Python's `str`: `True`, `2.0`, `None`.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Whole(number) => Some(*number != 0),
            Self::FeedText(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
                _ => None,
            },
            Self::Nothing | Self::Fraction(_) => None,
        }
    }

    pub(super) fn whole(&self) -> Option<u64> {
        match self {
            Self::Whole(number) => u64::try_from(*number).ok(),
            Self::Fraction(number) => (*number >= 0.0 && number.fract() == 0.0).then_some(*number as u64),
            Self::FeedText(text) => text.trim().parse().ok(),
            Self::Nothing | Self::Flag(_) => None,
        }
    }

    pub(super) fn count(&self) -> Option<u32> {
        self.whole().and_then(|number| u32::try_from(number).ok())
    }

    /// The value as text. Numbers are formatted.
    pub(super) fn text(self) -> Option<FeedText<'a>> {
        match self {
            Self::FeedText(text) if matches!(text.as_ref(), "" | "None") => None,
            Self::FeedText(text) => Some(FeedText(text)),
            Self::Whole(number) => Some(FeedText(Cow::Owned(number.to_string()))),
            Self::Fraction(number) => Some(FeedText(Cow::Owned(number.to_string()))),
            Self::Nothing | Self::Flag(_) => None,
        }
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Loose<'de>, E> {
        Ok(Loose::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose<'de>, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Loose<'de>, E> {
        Ok(Loose::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Loose<'de>, E> {
        Ok(i64::try_from(number).map_or(Loose::Fraction(number as f64), Loose::Whole))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Loose<'de>, E> {
        Ok(Loose::Fraction(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Loose<'de>, E> {
        Ok(Loose::FeedText(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose<'de>, E> {
        Ok(Loose::FeedText(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Loose<'de>, A::Error> {
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Loose<'de>, A::Error> {
        while parts.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Nothing)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FeedText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(AnyValue)?;
        Ok(value.text().unwrap_or_default())
    }
}

/// A time in a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum FeedTime<'a> {
    /// Absent or null.
    #[default]
    Missing,
    At(Timestamp),
    /// A value that is not a time.
    Unreadable(FeedText<'a>),
}

impl FeedTime<'_> {
    /// The time, or the text that is not a time.
    pub(super) fn read(self) -> Result<Timestamp, Option<String>> {
        match self {
            Self::At(at) => Ok(at),
            Self::Missing => Err(None),
            Self::Unreadable(text) => Err(Some(text.to_string())),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FeedTime<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Loose::deserialize(deserializer)? {
            Loose::Nothing => Self::Missing,
            Loose::FeedText(text) => {
                time::parse_instant(&text).map_or_else(|_| Self::Unreadable(FeedText(text)), Self::At)
            }
            other => Self::Unreadable(other.text().unwrap_or(FeedText::from("a flag"))),
        })
    }
}

/// A list that may also be written as a single object. Null and values of other types are an empty list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyOneOrMany(PhantomData))
    }
}

struct AnyOneOrMany<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyOneOrMany<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, or a list of objects")
    }

    fn visit_unit<E>(self) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element()? {
            parts.push(part);
        }
        Ok(OneOrMany(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
        let object = serde::de::value::MapAccessDeserializer::new(map);
        Ok(OneOrMany(vec![T::deserialize(object)?]))
    }
}

/// Passes each entry of an object to a function, without collecting them.
pub(super) struct Entries<F>(pub(super) F);

impl<'de, F: FnMut(Cow<'de, str>, Loose<'de>)> DeserializeSeed<'de> for Entries<F> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Cow<'de, str>, Loose<'de>)> Visitor<'de> for Entries<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<FeedText<'de>>()? {
            let value = map.next_value()?;
            (self.0)(key.0, value);
        }
        Ok(())
    }
}

/// Passes each entry of a list to a function: a bare list, or one in the API's envelope.
pub(super) struct Each<T, F> {
    take: F,
    entry: PhantomData<T>,
}

impl<T, F: FnMut(T)> Each<T, F> {
    pub(super) fn new(take: F) -> Self {
        Self { take, entry: PhantomData }
    }
}

/// Names of the list in the envelopes of the APIs.
const LISTS: [&str; 6] = ["items", "nodes", "hosts", "allocations", "leases", "sites"];

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for Each<T, F> {
    /// True if there was a list.
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<bool, A::Error> {
        while let Some(entry) = list.next_element()? {
            (self.take)(entry);
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = object.next_key::<FeedText<'de>>()? {
            if LISTS.contains(&&*key) {
                found |= object.next_value_seed(EnvelopedList(&mut self))?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The list inside an envelope. Anything but a list is an error.
struct EnvelopedList<'e, T, F>(&'e mut Each<T, F>);

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for EnvelopedList<'_, T, F> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for EnvelopedList<'_, T, F> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<bool, A::Error> {
        Each::new(&mut self.0.take).visit_seq(list)
    }
}
