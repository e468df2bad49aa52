//! The calendar: busy times of hosts, and the earliest start at which enough hosts are free.

mod occupancy;
mod sweep;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::time::Window;

pub use occupancy::Occupancy;
pub use sweep::earliest;

/// The busy time of one host: sorted windows that neither overlap nor touch.
///
/// Windows passed to [`Timeline::of`] may overlap: Blazar pads allocations by some minutes, so that consecutive ones
/// do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Window>", into = "Vec<Window>")]
pub struct Timeline {
    busy: Vec<Window>,
}

impl Timeline {
    /// The union of some windows, in any order.
    pub fn of(windows: impl IntoIterator<Item = Window>) -> Self {
        let mut busy: Vec<Window> = windows.into_iter().collect();
        if !busy.is_sorted_by_key(Window::start) {
            busy.sort_unstable_by_key(Window::start);
        }
        busy.dedup_by(|next, last| match last.joined(next) {
            Some(both) => {
                *last = both;
                true
            }
            None => false,
        });
        Self { busy }
    }

    /// The busy windows, sorted, with free time between any two.
    pub fn busy(&self) -> &[Window] {
        &self.busy
    }

    /// True if the host is free over the whole of a window.
    pub fn is_free(&self, window: &Window) -> bool {
        self.busy.get(self.next(window.start())).is_none_or(|busy| !busy.overlaps(window))
    }

    /// End of the busy window that contains an instant. `None` if the host is free then.
    pub fn busy_until(&self, at: Timestamp) -> Option<Timestamp> {
        self.busy.get(self.next(at)).filter(|busy| busy.start() <= at).map(Window::end)
    }

    /// The earliest start, not before `from`, at which the host is free for `duration`.
    pub fn first_start(&self, from: Timestamp, duration: SignedDuration) -> Timestamp {
        let mut start = from;
        for busy in &self.busy[self.next(from)..] {
            if busy.start().duration_since(start) >= duration {
                break;
            }
            start = busy.end();
        }
        start
    }

    /// Index of the first window that ends after an instant.
    fn next(&self, at: Timestamp) -> usize {
        self.busy.partition_point(|busy| busy.end() <= at)
    }
}

impl From<Vec<Window>> for Timeline {
    fn from(windows: Vec<Window>) -> Self {
        Self::of(windows)
    }
}

impl From<Timeline> for Vec<Window> {
    fn from(timeline: Timeline) -> Self {
        timeline.busy
    }
}
