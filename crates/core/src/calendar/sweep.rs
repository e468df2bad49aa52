//! The earliest start for some hosts at once: a sweep over their free gaps that looks no further than the answer.

use jiff::{SignedDuration, Timestamp};

use super::Timeline;
use crate::time::Window;

/// The earliest start at which the same `amount` hosts are free over a whole window of `duration`.
///
/// Starts from `from` up to and including `from + within` count. The answer is exact: a host serves the starts
/// between the end of one busy window and `duration` before the next, and only where such a span begins can the number
/// of hosts that serve rise. The spans are looked at in slices of time that grow where little happens, each sorted by
/// itself: the work is in proportion to what happens before the answer, not to the calendar's length.
pub fn earliest(
    timelines: &[&Timeline],
    amount: usize,
    from: Timestamp,
    within: SignedDuration,
    duration: SignedDuration,
) -> Option<Timestamp> {
    if amount == 0 {
        return Some(from);
    }
    if amount > timelines.len() || within < SignedDuration::ZERO {
        return None;
    }
    let clock = Clock { from };
    let (duration, last) = (nanoseconds(duration).max(1), nanoseconds(within));
    let mut hosts: Vec<Spans<'_>> = timelines.iter().map(|timeline| Spans::new(timeline, &clock, duration)).collect();
    let mut changes: Vec<u64> = Vec::new();
    let mut serving = 0_usize;
    let (mut begin, mut slice) = (0_i64, duration);
    // The last reading is no instant: it stands for a busy time without an end.
    while begin <= last && begin < i64::MAX {
        let end = begin.saturating_add(slice).min(last.saturating_add(1));
        changes.clear();
        hosts.iter_mut().for_each(|host| host.changes_until(end, &mut changes));
        if let Some(reading) = reaching(amount, &mut serving, &mut changes) {
            return clock.instant(reading);
        }
        begin = end;
        slice = next_slice(slice, changes.len(), hosts.len());
    }
    None
}

/// When the hosts that serve become `amount`, if these changes bring that about; else how many they leave.
fn reaching(amount: usize, serving: &mut usize, changes: &mut [u64]) -> Option<i64> {
    let gains = changes.iter().filter(|change| **change & GAIN != 0).count();
    if *serving + gains < amount {
        // The order doesn't matter then, and sorting is most of the work.
        *serving = *serving + gains - (changes.len() - gains);
        return None;
    }
    changes.sort_unstable();
    for change in changes {
        match *change & GAIN {
            GAIN => *serving += 1,
            _ => *serving -= 1,
        }
        if *serving == amount {
            return Some((*change >> 1) as i64);
        }
    }
    None
}

/// A change is `instant * 2 + (0 where a host is lost, 1 where one is gained)`: sorted, losses come first, so that a
/// host that is lost at an instant is never counted together with one that is gained then.
const GAIN: u64 = 1;

/// Slices with few changes cost visits to hosts for nothing, those with many sorting beyond the answer.
fn next_slice(slice: i64, changes: usize, hosts: usize) -> i64 {
    match changes {
        few if few * 4 <= hosts => slice.saturating_mul(2),
        many if many > hosts => (slice / 2).max(1),
        _ => slice,
    }
}

/// A length in nanoseconds; more than 292 years are taken for 292 years.
fn nanoseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Counts nanoseconds from the first start that is asked for.
struct Clock {
    from: Timestamp,
}

impl Clock {
    /// Saturates 292 years away, as a busy window without an end does.
    fn reading(&self, at: Timestamp) -> i64 {
        let seconds = at.as_second() - self.from.as_second();
        let nanoseconds = at.subsec_nanosecond() - self.from.subsec_nanosecond();
        seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds))
    }

    fn instant(&self, reading: i64) -> Option<Timestamp> {
        self.from.checked_add(SignedDuration::from_nanos(reading)).ok()
    }
}

/// The spans of starts that one host serves, one after the other.
struct Spans<'a> {
    clock: &'a Clock,
    duration: i64,
    /// The busy windows that end later gaps.
    busy: &'a [Window],
    /// Where the next gap begins.
    open: i64,
    /// When the next change comes.
    change: i64,
    /// Which change that is: the host serves already, or does not yet.
    serves: bool,
    /// The first instant after the span.
    end: i64,
}

impl<'a> Spans<'a> {
    fn new(timeline: &'a Timeline, clock: &'a Clock, duration: i64) -> Self {
        let mut busy = &timeline.busy[timeline.next(clock.from)..];
        let mut open = 0;
        if let Some((now, later)) = busy.split_first().filter(|(now, _)| now.start() <= clock.from) {
            (open, busy) = (clock.reading(now.end()), later);
        }
        let mut spans = Self { clock, duration, busy, open, change: 0, serves: false, end: 0 };
        spans.advance();
        spans
    }

    /// Tells the changes before `end`.
    fn changes_until(&mut self, end: i64, changes: &mut Vec<u64>) {
        while self.change < end {
            if self.serves {
                changes.push((self.change as u64) << 1);
                self.advance();
            } else {
                changes.push((self.change as u64) << 1 | GAIN);
                (self.serves, self.change) = (true, self.end);
            }
        }
    }

    /// On to the next gap that is long enough; the one after the last busy window always is.
    fn advance(&mut self) {
        self.serves = false;
        while let Some((next, later)) = self.busy.split_first() {
            self.change = self.open;
            self.end = self.clock.reading(next.start()) - self.duration + 1;
            (self.open, self.busy) = (self.clock.reading(next.end()), later);
            if self.change < self.end {
                return;
            }
        }
        (self.change, self.end) = (self.open, i64::MAX);
    }
}
