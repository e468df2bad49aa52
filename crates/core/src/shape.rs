//! The size of one machine.

use serde::{Deserialize, Serialize};

use crate::size::Bytes;

/// The size of one machine. Of a machine to create: the size it is created with. Of an existing machine: the size that
/// its site reports or its group demands; zero and empty if neither does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// CPUs: hardware threads.
    #[serde(with = "null_if_zero")]
    pub cpus: u32,
    /// Memory.
    #[serde(with = "null_if_zero")]
    pub memory: Bytes,
    /// Disk.
    #[serde(with = "null_if_zero")]
    pub disk: Bytes,
    /// GPUs, one entry each, by the site's name of the model.
    pub gpus: Vec<String>,
}

/// JSON has `null` for an unknown value, as everywhere.
mod null_if_zero {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T, S>(size: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Default + PartialEq + Serialize,
        S: Serializer,
    {
        Some(size).filter(|size| **size != T::default()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: Default + Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}
