//! The size of one machine.

use serde::{Deserialize, Serialize};

use crate::size::Bytes;

/// The size of one machine. Of a machine to create: the size it is created with. Of an existing machine: the size that
/// its site reports or its group demands; zero and empty if neither does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// CPUs: hardware threads.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpus: u32,
    /// Memory.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub memory: Bytes,
    /// Disk.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub disk: Bytes,
    /// GPUs, one entry each, by the site's name of the model.
    pub gpus: Vec<String>,
}

fn is_zero<T: Default + PartialEq>(size: &T) -> bool {
    *size == T::default()
}
