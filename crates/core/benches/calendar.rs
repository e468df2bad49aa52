//! Search time of the earliest start: for half of the hosts, at times spread over a full calendar; and for all hosts,
//! where the answer is the end of the calendar. The peer is the simplest exact sweep, which sorts all possible starts
//! of all hosts at once. `benches/calendar` prints the ratio.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hostler_core::calendar::{Timeline, earliest};
use hostler_core::time::Window;
use jiff::{SignedDuration, Timestamp};

const HOUR: i64 = 3_600;

/// A xorshift generator: each run has the same calendar.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, n: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n) as i64
    }
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_761_818_400 + hour * HOUR).expect("within range")
}

/// A calendar with leases of 1 to 48 hours and gaps of up to 48 hours on each host, and the hour at which the last
/// lease ends.
fn calendar(hosts: usize, leases: usize) -> (Vec<Timeline>, i64) {
    let mut random = XorShift(88_172_645_463_325_252);
    let mut last = 0;
    let timelines = (0..hosts).map(|_| {
        let mut end = 0;
        let windows: Vec<Window> = (0..leases / hosts)
            .map(|_| {
                let start = end + random.below(49);
                end = start + 1 + random.below(48);
                last = last.max(end);
                Window::new(at(start), at(end)).expect("not empty")
            })
            .collect();
        Timeline::of(windows)
    });
    (timelines.collect(), last)
}

/// The peer. Its resolution of seconds is enough: leases start and end on the hour.
fn plain(timelines: &[&Timeline], amount: usize, from: Timestamp, duration: SignedDuration) -> Option<Timestamp> {
    let (from, duration) = (from.as_second(), duration.as_secs());
    let mut changes: Vec<(i64, i32)> = Vec::new();
    for timeline in timelines {
        let mut open = from;
        for window in timeline.busy() {
            let (start, end) = (window.start().as_second(), window.end().as_second());
            if start - duration >= open {
                changes.push((open, 1));
                changes.push((start - duration + 1, -1));
            }
            open = open.max(end);
        }
        changes.push((open, 1));
    }
    changes.sort_unstable();
    let mut serving = 0;
    let first = changes.iter().find(|(_, change)| {
        serving += change;
        usize::try_from(serving).is_ok_and(|serving| serving >= amount)
    });
    first.and_then(|(at, _)| Timestamp::from_second(*at).ok())
}

fn bench(criterion: &mut Criterion) {
    for (hosts, leases) in [(400, 4_000), (1_000, 100_000)] {
        let (timelines, last) = calendar(hosts, leases);
        let all: Vec<&Timeline> = timelines.iter().collect();
        let mut group = criterion.benchmark_group(format!("earliest/{hosts}x{leases}"));
        let horizon = SignedDuration::from_hours(last * 2);
        let find = |amount, from| earliest(&all, amount, at(from), horizon, SignedDuration::from_hours(8));
        let sweep = |amount, from| plain(&all, amount, at(from), SignedDuration::from_hours(8));
        let queries = || (0_i64..).map(|query| query * 7_919 % last);
        for query in queries().take(20) {
            assert_eq!(find(hosts / 2, query), sweep(hosts / 2, query));
        }
        let mut starts = queries();
        group.bench_function("half", |b| b.iter(|| black_box(find(hosts / 2, starts.next().unwrap_or(0)))));
        let mut starts = queries();
        group.bench_function("half-plain", |b| b.iter(|| black_box(sweep(hosts / 2, starts.next().unwrap_or(0)))));
        group.bench_function("all", |b| b.iter(|| black_box(find(hosts, 0))));
        group.bench_function("all-plain", |b| b.iter(|| black_box(sweep(hosts, 0))));
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
