//! Occupancy of a capacity, for leases that report a number of machines and not which ones.

use jiff::{SignedDuration, Timestamp};

use super::Timeline;
use crate::time::Window;

/// Number of occupied machines over time.
///
/// The peak counts, not the sum: two consecutive leases need one machine, not two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Times at which the number changes, sorted, each with the new number.
    steps: Vec<(Timestamp, u64)>,
}

impl Occupancy {
    /// Computes the occupancy from leases, each with its number of machines.
    pub fn of(leases: impl IntoIterator<Item = (Window, u32)>) -> Self {
        let mut changes: Vec<(Timestamp, i64)> = Vec::new();
        for (window, amount) in leases {
            changes.push((window.start(), i64::from(amount)));
            changes.push((window.end(), -i64::from(amount)));
        }
        changes.sort_unstable();
        let mut steps: Vec<(Timestamp, u64)> = Vec::new();
        let mut held = 0_i64;
        for (at, change) in changes {
            held += change;
            let now = held.unsigned_abs();
            match steps.last_mut() {
                Some(last) if last.0 == at => last.1 = now,
                _ => steps.push((at, now)),
            }
        }
        Self { steps }
    }

    /// The maximum number within a window.
    pub fn peak(&self, window: &Window) -> u64 {
        let next = self.steps.partition_point(|(at, _)| *at <= window.start());
        let at_start = next.checked_sub(1).map_or(0, |last| self.steps[last].1);
        let within = self.steps[next..].iter().take_while(|(at, _)| *at < window.end());
        within.map(|(_, held)| *held).fold(at_start, u64::max)
    }

    /// The times at which fewer than `amount` of `capacity` machines are free.
    pub fn full(&self, amount: u32, capacity: u32) -> Timeline {
        let room = u64::from(capacity).checked_sub(u64::from(amount));
        let ends = self.steps.iter().skip(1).map(|(at, _)| *at).chain([Timestamp::MAX]);
        let crowded = self.steps.iter().zip(ends).filter(|((_, held), _)| room.is_some_and(|room| *held > room));
        let windows = crowded.filter_map(|((start, _), end)| Window::new(*start, end).ok());
        match room {
            Some(_) => Timeline::of(windows),
            None => Timeline::of(Window::new(Timestamp::MIN, Timestamp::MAX)),
        }
    }

    /// The earliest start from `from` to `from + within` at which `amount` machines are free for `duration`.
    pub fn earliest(
        &self,
        amount: u32,
        capacity: u32,
        from: Timestamp,
        within: SignedDuration,
        duration: SignedDuration,
    ) -> Option<Timestamp> {
        super::earliest(&[&self.full(amount, capacity)], 1, from, within, duration)
    }
}
