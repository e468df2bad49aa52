//! Less than what was asked for: how much less is allowed, and what it costs.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::filter::Field;
use crate::money::Money;
use crate::size::Bytes;

/// What one machine is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Processors.
    pub cpus: u32,
    /// Memory.
    pub memory: Bytes,
    /// Accelerators.
    pub gpus: u32,
}

/// How much less a downgrade may come to, in per cent of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// So much less of the processors.
    pub cpus: u8,
    /// So much less of the memory.
    pub memory: u8,
    /// So much less of the accelerators.
    pub gpus: u8,
    /// Whether whoever asked for accelerators may get none.
    pub last_gpu: LastGpu,
}

/// Whether whoever asked for accelerators may get none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastGpu {
    /// At least one is kept.
    Kept,
    /// None may be left.
    MayGo,
}

impl Default for Caps {
    /// ENVBoot's policy: half of the processors, three quarters of the memory.
    fn default() -> Self {
        Self { cpus: 50, memory: 25, gpus: 50, last_gpu: LastGpu::Kept }
    }
}

/// What of a suggestion is less than the caps allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Too few processors.
    #[error("{suggested} processors are fewer than the {least} that {asked} may come down to")]
    Cpus {
        /// What was asked for.
        asked: u32,
        /// What was suggested.
        suggested: u32,
        /// The least that is allowed.
        least: u32,
    },
    /// Too little memory.
    #[error("{suggested} of memory is less than the {least} that {asked} may come down to")]
    Memory {
        /// What was asked for.
        asked: Bytes,
        /// What was suggested.
        suggested: Bytes,
        /// The least that is allowed.
        least: Bytes,
    },
    /// Too few accelerators.
    #[error("{suggested} accelerators are fewer than the {least} that {asked} may come down to")]
    Gpus {
        /// What was asked for.
        asked: u32,
        /// What was suggested.
        suggested: u32,
        /// The least that is allowed.
        least: u32,
    },
}

impl Caps {
    /// The smallest size that is allowed.
    pub fn least(&self, asked: &Size) -> Size {
        let memory = Bytes(less(asked.memory.0, self.memory));
        Size { cpus: few(asked.cpus, self.cpus).max(1), memory, gpus: self.least_gpus(asked.gpus) }
    }

    fn least_gpus(&self, asked: u32) -> u32 {
        match self.last_gpu {
            LastGpu::MayGo => 0,
            LastGpu::Kept => few(asked, self.gpus).max(u32::from(asked > 0)),
        }
    }

    /// Whether a suggestion keeps to them, whoever made it.
    pub fn check(&self, asked: &Size, suggested: &Size) -> Result<(), Vec<Breach>> {
        let least = self.least(asked);
        let mut breaches = Vec::new();
        if suggested.cpus < least.cpus {
            breaches.push(Breach::Cpus { asked: asked.cpus, suggested: suggested.cpus, least: least.cpus });
        }
        if suggested.memory < least.memory {
            breaches.push(Breach::Memory { asked: asked.memory, suggested: suggested.memory, least: least.memory });
        }
        if suggested.gpus < least.gpus {
            breaches.push(Breach::Gpus { asked: asked.gpus, suggested: suggested.gpus, least: least.gpus });
        }
        if breaches.is_empty() { Ok(()) } else { Err(breaches) }
    }

    /// The least that is allowed of what a filter asks at least of a field.
    pub fn keep(&self, field: Field, asked: f64) -> f64 {
        let whole = asked as u64;
        match field {
            Field::Threads => less(whole, self.cpus).max(1) as f64,
            Field::Memory => less(whole, self.memory) as f64,
            Field::GpuCount => f64::from(self.least_gpus(u32::try_from(whole).unwrap_or(u32::MAX))),
            _ => asked,
        }
    }
}

/// What is cut is rounded down: of one, half is nothing.
fn less(asked: u64, percent: u8) -> u64 {
    let cut = u128::from(asked) * u128::from(percent.min(100)) / 100;
    asked - u64::try_from(cut).unwrap_or(asked)
}

fn few(asked: u32, percent: u8) -> u32 {
    u32::try_from(less(u64::from(asked), percent)).unwrap_or(asked)
}

/// Service units that a virtual machine of this size takes over some time: a 48th of a node for each processor, half a
/// unit an hour for each accelerator. (Chameleon's rule for its KVM site.)
pub fn virtual_service_units(size: &Size, duration: SignedDuration) -> Money {
    // In 48ths, so that nothing is rounded before the end.
    let per_hour = i64::from(size.cpus) * 1_000_000 + i64::from(size.gpus) * 24_000_000;
    let seconds = duration.as_secs().max(0);
    let exact = i128::from(per_hour) * i128::from(seconds);
    Money(i64::try_from((exact + 48 * 3_600 - 1) / (48 * 3_600)).unwrap_or(i64::MAX))
}

/// What a change does to the cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CostChange {
    /// What was asked for costs.
    pub before: Money,
    /// What there is instead costs.
    pub after: Money,
}

impl CostChange {
    /// How much more it is; negative where it is less.
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
    fn a_downgrade_is_half_the_processors_and_three_quarters_of_the_memory() {
        assert_eq!(Caps::default().least(&HEAVY), Size { cpus: 4, memory: Bytes::gib(24), gpus: 1 });
        let without = Caps { last_gpu: LastGpu::MayGo, ..Caps::default() };
        assert_eq!(without.least(&HEAVY).gpus, 0);
        assert_eq!(
            Caps::default().least(&Size { cpus: 1, memory: Bytes(3), gpus: 0 }),
            Size { cpus: 1, memory: Bytes(3), gpus: 0 }
        );
    }

    /// Half of the machine for twice the time is not cheaper, and says so.
    #[test]
    fn what_takes_twice_as_long_is_told_to_cost_more() {
        let (smaller, hours) = (Caps::default().least(&HEAVY), SignedDuration::from_hours);
        let before = virtual_service_units(&HEAVY, hours(4));
        let change = CostChange { before, after: virtual_service_units(&smaller, hours(8)) };
        assert_eq!((change.before, change.after), (Money(2_666_667), Money(4_666_667)));
        assert_eq!(change.to_string(), "costs 2.00 more");
        let shorter = CostChange { before, after: virtual_service_units(&smaller, hours(4)) };
        assert_eq!(shorter.to_string(), "costs 0.333333 less");
    }

    #[test]
    fn a_suggestion_beyond_the_caps_is_refused_whoever_made_it() {
        let caps = Caps::default();
        assert_eq!(caps.check(&HEAVY, &caps.least(&HEAVY)), Ok(()));
        let told =
            |suggested| caps.check(&HEAVY, &suggested).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>();
        let ten = Size { cpus: 4, memory: Bytes::gib(10), gpus: 1 };
        assert_eq!(told(ten), ["10GiB of memory is less than the 24GiB that 32GiB may come down to"]);
        assert_eq!(told(Size { cpus: 0, memory: Bytes(0), gpus: 0 }).len(), 3);
    }
}
