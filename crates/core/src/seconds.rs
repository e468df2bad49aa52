//! Durations in JSON: whole seconds. Used as `#[serde(with = "crate::seconds")]` on fields whose keys end in `_seconds`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

/// A value that contains durations, and its form in JSON.
pub(crate) trait InSeconds: Sized {
    /// The same value with numbers of seconds in place of durations.
    type Seconds: Serialize + DeserializeOwned;

    /// Converts durations to seconds.
    fn to_seconds(&self) -> Self::Seconds;

    /// Converts seconds to durations.
    fn from_seconds(seconds: Self::Seconds) -> Self;
}

impl InSeconds for SignedDuration {
    type Seconds = i64;

    /// Drops fractions of a second: lengths and limits that users give have none.
    fn to_seconds(&self) -> i64 {
        self.as_secs()
    }

    fn from_seconds(seconds: i64) -> Self {
        Self::from_secs(seconds)
    }
}

impl InSeconds for Duration {
    type Seconds = u64;

    /// Rounds up: a delay before a retry must not become shorter.
    fn to_seconds(&self) -> u64 {
        self.as_secs().saturating_add(u64::from(self.subsec_nanos() > 0))
    }

    fn from_seconds(seconds: u64) -> Self {
        Self::from_secs(seconds)
    }
}

impl<T: InSeconds> InSeconds for Option<T> {
    type Seconds = Option<T::Seconds>;

    fn to_seconds(&self) -> Self::Seconds {
        self.as_ref().map(T::to_seconds)
    }

    fn from_seconds(seconds: Self::Seconds) -> Self {
        seconds.map(T::from_seconds)
    }
}

impl<K: Clone + Ord + Serialize + DeserializeOwned, T: InSeconds> InSeconds for BTreeMap<K, T> {
    type Seconds = BTreeMap<K, T::Seconds>;

    fn to_seconds(&self) -> Self::Seconds {
        self.iter().map(|(key, value)| (key.clone(), value.to_seconds())).collect()
    }

    fn from_seconds(seconds: Self::Seconds) -> Self {
        seconds.into_iter().map(|(key, value)| (key, T::from_seconds(value))).collect()
    }
}

pub(crate) fn serialize<T: InSeconds, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.to_seconds().serialize(serializer)
}

pub(crate) fn deserialize<'de, T: InSeconds, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Seconds::deserialize(deserializer).map(T::from_seconds)
}
