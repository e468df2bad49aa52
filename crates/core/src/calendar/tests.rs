use proptest::prelude::*;

use super::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_761_818_400 + minute * 60).unwrap()
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start), at(end)).unwrap()
}

fn timeline(windows: &[(i64, i64)]) -> Timeline {
    Timeline::of(windows.iter().map(|(start, end)| window(*start, *end)))
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

#[test]
fn overlapping_and_adjacent_windows_merge() {
    let padded = timeline(&[(55, 90), (0, 60), (90, 100), (20, 30), (120, 130)]);
    assert_eq!(padded.busy(), [window(0, 100), window(120, 130)]);
    assert_eq!((padded.busy_until(at(0)), padded.busy_until(at(100))), (Some(at(100)), None));
    assert!(padded.is_free(&window(100, 120)) && !padded.is_free(&window(100, 121)));
    assert_eq!(padded.first_start(at(10), minutes(20)), at(100));
    assert_eq!(padded.first_start(at(10), minutes(21)), at(130));
}

#[test]
fn deserialised_windows_merge() {
    let stored = serde_json::to_value(vec![window(10, 20), window(0, 15)]).unwrap();
    let read: Timeline = serde_json::from_value(stored).unwrap();
    assert_eq!(read, timeline(&[(0, 20)]));
    assert_eq!(serde_json::from_value::<Timeline>(serde_json::to_value(&read).unwrap()).unwrap(), read);
}

#[test]
fn consecutive_leases_of_one_host_leave_the_other_free() {
    let (first, second) = (timeline(&[(0, 60), (60, 120)]), timeline(&[]));
    let both = [&first, &second];
    assert_eq!(earliest(&both, 1, at(0), SignedDuration::ZERO, minutes(120)), Some(at(0)));
    assert_eq!(earliest(&both, 2, at(0), minutes(119), minutes(120)), None);
    assert_eq!(earliest(&both, 2, at(0), minutes(120), minutes(120)), Some(at(120)));
}

/// The same host must be free over the whole window: some host being free at any time is not enough.
#[test]
fn hosts_that_alternate_do_not_count_as_one() {
    let (early, late) = (timeline(&[(0, 30)]), timeline(&[(30, 60)]));
    assert_eq!(earliest(&[&early, &late], 1, at(0), minutes(100), minutes(60)), Some(at(30)));
    assert_eq!(earliest(&[&early, &late], 2, at(0), minutes(100), minutes(60)), Some(at(60)));
}

#[test]
fn more_hosts_than_exist_have_no_start() {
    let host = timeline(&[]);
    assert_eq!(earliest(&[&host], 2, at(0), SignedDuration::MAX, minutes(1)), None);
    assert_eq!(earliest(&[], 0, at(0), SignedDuration::ZERO, minutes(1)), Some(at(0)));
    let forever = Timeline::of([Window::new(at(0), Timestamp::MAX).unwrap()]);
    assert_eq!(earliest(&[&forever], 1, at(0), SignedDuration::MAX, minutes(1)), None);
    assert_eq!(earliest(&[&host, &forever], 1, at(5), SignedDuration::MAX, SignedDuration::MAX), Some(at(5)));
}

/// Two consecutive leases on two machines leave one machine free throughout, not zero.
#[test]
fn occupancy_is_the_peak_and_not_the_sum() {
    let leases = Occupancy::of([(window(0, 60), 1), (window(60, 120), 1)]);
    assert_eq!((leases.peak(&window(0, 120)), leases.peak(&window(120, 130)), leases.peak(&window(-9, 0))), (1, 0, 0));
    let two_hours = |amount, within| leases.earliest(amount, 2, at(0), minutes(within), minutes(120));
    assert_eq!((two_hours(1, 0), two_hours(2, 0), two_hours(2, 120)), (Some(at(0)), None, Some(at(120))));
    assert_eq!(leases.earliest(3, 2, at(0), SignedDuration::MAX, minutes(1)), None);
}

/// The answer by definition: tries every minute and every host.
fn brute_force(hosts: &[Timeline], amount: usize, from: i64, within: i64, duration: i64) -> Option<Timestamp> {
    let free = |start| hosts.iter().filter(|host| host.is_free(&window(start, start + duration))).count();
    (from..=from + within).find(|start| free(*start) >= amount).map(at)
}

fn leases() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0_i64..400, 1_i64..60).prop_map(|(start, length)| (start, start + length)), 0..12)
}

proptest! {
    #[test]
    fn earliest_equals_brute_force(
        hosts in prop::collection::vec(leases(), 1..8),
        amount in 1_usize..9, from in -20_i64..420, within in 0_i64..500, duration in 1_i64..90,
    ) {
        let hosts: Vec<Timeline> = hosts.iter().map(|leases| timeline(leases)).collect();
        let all: Vec<&Timeline> = hosts.iter().collect();
        let found = earliest(&all, amount, at(from), minutes(within), minutes(duration));
        prop_assert_eq!(found, brute_force(&hosts, amount, from, within, duration));
    }

    #[test]
    fn peak_is_the_maximum_over_all_minutes(
        leases in prop::collection::vec(((0_i64..400, 1_i64..60), 1_u32..4), 0..12),
        start in -20_i64..420, length in 1_i64..90, amount in 1_u32..4, capacity in 0_u32..8,
    ) {
        let all = leases.iter().map(|((start, length), amount)| (window(*start, start + length), *amount));
        let occupancy = Occupancy::of(all);
        let at_minute = |minute| {
            let held = leases.iter().filter(|((start, length), _)| (*start..start + length).contains(&minute));
            held.map(|(_, amount)| u64::from(*amount)).sum::<u64>()
        };
        let peak = (start..start + length).map(at_minute).max().unwrap_or(0);
        let queried = window(start, start + length);
        prop_assert_eq!(occupancy.peak(&queried), peak);
        let fits = peak + u64::from(amount) <= u64::from(capacity);
        prop_assert_eq!(occupancy.full(amount, capacity).is_free(&queried), fits);
    }

    #[test]
    fn first_start_equals_the_sweep_of_one_host(leases in leases(), from in -20_i64..420, duration in 1_i64..90) {
        let host = timeline(&leases);
        let first = host.first_start(at(from), minutes(duration));
        prop_assert_eq!(Some(first), earliest(&[&host], 1, at(from), minutes(10_000), minutes(duration)));
        prop_assert!(host.is_free(&Window::starting_at(first, minutes(duration)).unwrap()));
    }

    #[test]
    fn timeline_is_busy_exactly_during_leases(leases in leases(), minute in -5_i64..470) {
        let leased = leases.iter().any(|(start, end)| (*start..*end).contains(&minute));
        let host = timeline(&leases);
        prop_assert_eq!(host.busy_until(at(minute)).is_some(), leased);
        prop_assert_eq!(host.is_free(&window(minute, minute + 1)), !leased);
        prop_assert!(host.busy().windows(2).all(|pair| pair[0].end() < pair[1].start()));
    }
}
