//! Downgrades: smaller machines than requested, within caps, and their costs.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::filter::Field;
use crate::money::Money;
use crate::size::Bytes;

/// Requested size of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// CPUs: hardware threads.
    pub cpus: u32,
    /// Memory.
    pub memory: Bytes,
    /// GPUs.
    pub gpus: u32,
}

/// Maximum reductions of a downgrade, in per cent of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Of the CPUs.
    pub cpus: u8,
    /// Of the memory.
    pub memory: u8,
    /// Of the GPUs.
    pub gpus: u8,
    /// Rule for the last GPU.
    pub last_gpu: LastGpu,
}

/// Rule for a downgrade that would leave no GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastGpu {
    /// Keep at least one.
    Kept,
    /// None is acceptable.
    MayGo,
}

impl Default for Caps {
    /// ENVBoot's policy: at least half of the CPUs and three quarters of the memory.
    fn default() -> Self {
        Self { cpus: 50, memory: 25, gpus: 50, last_gpu: LastGpu::Kept }
    }
}

/// A suggested size below the minimum that the caps allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Too few CPUs.
    #[error("{suggested} CPUs are below the minimum of {least} for a request of {requested}")]
    Cpus {
        /// The request.
        requested: u32,
        /// The suggestion.
        suggested: u32,
        /// The minimum.
        least: u32,
    },
    /// Too little memory.
    #[error("{suggested} of memory is below the minimum of {least} for a request of {requested}")]
    Memory {
        /// The request.
        requested: Bytes,
        /// The suggestion.
        suggested: Bytes,
        /// The minimum.
        least: Bytes,
    },
    /// Too few GPUs.
    #[error("{suggested} GPUs are below the minimum of {least} for a request of {requested}")]
    Gpus {
        /// The request.
        requested: u32,
        /// The suggestion.
        suggested: u32,
        /// The minimum.
        least: u32,
    },
}

impl Caps {
    /// The smallest allowed size.
    pub fn least(&self, requested: &Size) -> Size {
        let memory = Bytes(less(requested.memory.0, self.memory));
        Size { cpus: few(requested.cpus, self.cpus).max(1), memory, gpus: self.least_gpus(requested.gpus) }
    }

    fn least_gpus(&self, requested: u32) -> u32 {
        match self.last_gpu {
            LastGpu::MayGo => 0,
            LastGpu::Kept => few(requested, self.gpus).max(u32::from(requested > 0)),
        }
    }

    /// Checks a suggested size.
    ///
    /// # Errors
    /// Every value below its minimum.
    pub fn check(&self, requested: &Size, suggested: &Size) -> Result<(), Vec<Breach>> {
        let least = self.least(requested);
        let mut breaches = Vec::new();
        if suggested.cpus < least.cpus {
            breaches.push(Breach::Cpus { requested: requested.cpus, suggested: suggested.cpus, least: least.cpus });
        }
        if suggested.memory < least.memory {
            breaches.push(Breach::Memory {
                requested: requested.memory,
                suggested: suggested.memory,
                least: least.memory,
            });
        }
        if suggested.gpus < least.gpus {
            breaches.push(Breach::Gpus { requested: requested.gpus, suggested: suggested.gpus, least: least.gpus });
        }
        if breaches.is_empty() { Ok(()) } else { Err(breaches) }
    }

    /// The smallest allowed value of a field for which a filter requests at least `requested`.
    pub fn keep(&self, field: Field, requested: f64) -> f64 {
        let whole = requested as u64;
        match field {
            Field::Threads => less(whole, self.cpus).max(1) as f64,
            Field::Memory => less(whole, self.memory) as f64,
            Field::GpuCount => f64::from(self.least_gpus(u32::try_from(whole).unwrap_or(u32::MAX))),
            _ => requested,
        }
    }
}

/// The reduction is rounded down, so half of 1 stays 1.
fn less(requested: u64, percent: u8) -> u64 {
    let cut = u128::from(requested) * u128::from(percent.min(100)) / 100;
    requested - u64::try_from(cut).unwrap_or(requested)
}

fn few(requested: u32, percent: u8) -> u32 {
    u32::try_from(less(u64::from(requested), percent)).unwrap_or(requested)
}

/// Service units of a virtual machine over a duration: 1/48 per CPU and hour, 1/2 per GPU and hour, rounded up. This is
/// Chameleon's rule for its KVM site.
pub fn virtual_service_units(size: &Size, duration: SignedDuration) -> Money {
    // In 48ths, to round only once.
    let per_hour = i64::from(size.cpus) * 1_000_000 + i64::from(size.gpus) * 24_000_000;
    let seconds = duration.as_secs().max(0);
    let exact = i128::from(per_hour) * i128::from(seconds);
    Money(i64::try_from((exact + 48 * 3_600 - 1) / (48 * 3_600)).unwrap_or(i64::MAX))
}

/// Effect of a change on the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CostChange {
    /// Cost of the request.
    pub before: Money,
    /// Cost of the alternative.
    pub after: Money,
}

impl CostChange {
    /// The increase; negative if the cost decreases.
    pub fn more(&self) -> Money {
        Money(self.after.0.saturating_sub(self.before.0))
    }
}

impl fmt::Display for CostChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.more() {
            Money::ZERO => f.write_str("costs the same"),
            more if more > Money::ZERO => write!(f, "costs {more} more"),
            less => write!(f, "costs {} less", Money(less.0.saturating_neg())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAVY: Size = Size { cpus: 8, memory: Bytes::gib(32), gpus: 1 };

    #[test]
    fn default_minimum_is_half_the_cpus_and_three_quarters_of_the_memory() {
        assert_eq!(Caps::default().least(&HEAVY), Size { cpus: 4, memory: Bytes::gib(24), gpus: 1 });
        let without = Caps { last_gpu: LastGpu::MayGo, ..Caps::default() };
        assert_eq!(without.least(&HEAVY).gpus, 0);
        assert_eq!(
            Caps::default().least(&Size { cpus: 1, memory: Bytes(3), gpus: 0 }),
            Size { cpus: 1, memory: Bytes(3), gpus: 0 }
        );
    }

    /// Half the machine for twice the time is not cheaper.
    #[test]
    fn twice_the_duration_costs_more() {
        let (smaller, hours) = (Caps::default().least(&HEAVY), SignedDuration::from_hours);
        let before = virtual_service_units(&HEAVY, hours(4));
        let change = CostChange { before, after: virtual_service_units(&smaller, hours(8)) };
        assert_eq!((change.before, change.after), (Money(2_666_667), Money(4_666_667)));
        assert_eq!(change.to_string(), "costs 2.00 more");
        let shorter = CostChange { before, after: virtual_service_units(&smaller, hours(4)) };
        assert_eq!(shorter.to_string(), "costs 0.333333 less");
    }

    #[test]
    fn suggestion_below_the_minimum_is_rejected() {
        let caps = Caps::default();
        assert_eq!(caps.check(&HEAVY, &caps.least(&HEAVY)), Ok(()));
        let breaches =
            |suggested| caps.check(&HEAVY, &suggested).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>();
        let ten = Size { cpus: 4, memory: Bytes::gib(10), gpus: 1 };
        assert_eq!(breaches(ten), ["10GiB of memory is below the minimum of 24GiB for a request of 32GiB"]);
        assert_eq!(breaches(Size { cpus: 0, memory: Bytes(0), gpus: 0 }).len(), 3);
    }
}
