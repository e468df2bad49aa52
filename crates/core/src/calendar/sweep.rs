//! The earliest start for some hosts at once: a sweep over their free gaps that looks no further than the answer.

use jiff::{SignedDuration, Timestamp};

use super::Timeline;

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
    let duration = nanoseconds(duration).max(1);
    let last = nanoseconds(within);
    let mut hosts: Vec<Cursor<'_>> = timelines.iter().map(|timeline| Cursor::new(timeline, &clock)).collect();
    let mut changes: Vec<u64> = Vec::new();
    let mut free = 0_usize;
    let (mut begin, mut span) = (0_i64, duration);
    while begin <= last {
        let end = begin.saturating_add(span).min(last.saturating_add(1));
        changes.clear();
        hosts.retain_mut(|host| host.changes_until(end, duration, &clock, &mut changes));
        changes.sort_unstable();
        for change in &changes {
            if change & GAIN == 0 {
                free -= 1;
                continue;
            }
            free += 1;
            if free == amount {
                return clock.instant((change >> 1) as i64);
            }
        }
        begin = end;
        span = next_span(span, changes.len(), timelines.len());
        if begin == i64::MAX {
            return None;
        }
    }
    None
}

/// A change is `instant * 2 + (0 where a host is lost, 1 where one is gained)`: sorted, losses come first, so that a
/// host that is lost at an instant is never counted together with one that is gained then.
const GAIN: u64 = 1;

/// Slices with few changes cost visits to hosts for nothing, long ones sorting beyond the answer.
fn next_span(span: i64, changes: usize, hosts: usize) -> i64 {
    match changes {
        few if few < hosts => span.saturating_mul(2),
        many if many > 4 * hosts => (span / 2).max(1),
        _ => span,
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

/// How far the sweep has come with one host.
struct Cursor<'a> {
    timeline: &'a Timeline,
    /// The busy window that ends the gap.
    next: usize,
    /// Where the gap begins.
    open: i64,
    /// Whether the gap's gain was told, and its loss was not.
    gained: bool,
}

impl<'a> Cursor<'a> {
    fn new(timeline: &'a Timeline, clock: &Clock) -> Self {
        let (mut next, mut open) = (timeline.next(clock.from), 0);
        if let Some(busy) = timeline.busy.get(next).filter(|busy| busy.start() <= clock.from) {
            open = clock.reading(busy.end());
            next += 1;
        }
        Self { timeline, next, open, gained: false }
    }

    /// Tells the changes before `end`. False where nothing can come any more.
    fn changes_until(&mut self, end: i64, duration: i64, clock: &Clock, changes: &mut Vec<u64>) -> bool {
        while self.open < end || self.gained {
            let busy = self.timeline.busy.get(self.next);
            // The last start of the gap, and the first one that it doesn't serve any more.
            let close = busy.map_or(i64::MAX, |busy| clock.reading(busy.start()));
            let lost = close - duration + 1;
            if !self.gained && (lost > self.open || busy.is_none()) {
                changes.push((self.open as u64) << 1 | GAIN);
                self.gained = true;
            }
            let Some(busy) = busy else { return false };
            if self.gained {
                if lost >= end {
                    return true;
                }
                changes.push((lost as u64) << 1);
                self.gained = false;
            }
            self.open = clock.reading(busy.end());
            self.next += 1;
        }
        true
    }
}
