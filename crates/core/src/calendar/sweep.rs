//! The earliest common start of several hosts: a sweep over their free gaps that stops at the answer.

use jiff::{SignedDuration, Timestamp};

use super::Timeline;
use crate::time::Window;

/// The earliest start at which the same `amount` hosts are free over a whole window of `duration`.
///
/// Considers starts from `from` to `from + within`, inclusive. The answer is exact: a host can start between the end of
/// one busy window and `duration` before the next, so the number of such hosts rises only where one of these spans
/// begins. The sweep visits the spans in slices of time and sorts each slice by itself. Slices grow while there are few
/// changes: the work is proportional to the changes before the answer, not to the length of the calendar.
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
    // `i64::MAX` is not an instant: it marks a busy window without an end.
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

/// Applies changes to the number of hosts that can start. Returns the reading at which it reaches `amount`, if it does.
fn reaching(amount: usize, serving: &mut usize, changes: &mut [u64]) -> Option<i64> {
    let gains = changes.iter().filter(|change| **change & GAIN != 0).count();
    if *serving + gains < amount {
        // `amount` is out of reach in any order: skip the sort, which is most of the work.
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

/// A change is `reading * 2`, plus 1 if a host is gained. Losses sort before gains at the same instant, so that a host
/// lost then is never counted together with one gained.
const GAIN: u64 = 1;

/// Adapts the length of slices: with few changes, visits to hosts are wasted; with many, changes beyond the answer are
/// sorted.
fn next_slice(slice: i64, changes: usize, hosts: usize) -> i64 {
    match changes {
        few if few * 4 <= hosts => slice.saturating_mul(2),
        many if many > hosts => (slice / 2).max(1),
        _ => slice,
    }
}

/// A duration in nanoseconds, saturating at 292 years.
fn nanoseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Readings in nanoseconds since the first start.
struct Clock {
    from: Timestamp,
}

impl Clock {
    /// Saturates after 292 years, so that a busy window without an end reads `i64::MAX`.
    fn reading(&self, at: Timestamp) -> i64 {
        let seconds = at.as_second() - self.from.as_second();
        let nanoseconds = at.subsec_nanosecond() - self.from.subsec_nanosecond();
        seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds))
    }

    fn instant(&self, reading: i64) -> Option<Timestamp> {
        self.from.checked_add(SignedDuration::from_nanos(reading)).ok()
    }
}

/// An iterator over the spans of possible starts of one host.
struct Spans<'a> {
    clock: &'a Clock,
    duration: i64,
    /// The busy windows after the current gap.
    busy: &'a [Window],
    /// Start of the next gap.
    open: i64,
    /// Time of the next change.
    change: i64,
    /// True inside a span: the next change is its end.
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

    /// Appends the changes before `end`.
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

    /// Moves to the next gap that is long enough. The one after the last busy window always is.
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
