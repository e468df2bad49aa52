//! The saga matrix: every step of `up` and `down` is failed, its undo is failed, it is repeated, and the process is
//! killed after each entry of the journal. At the end the site owns nothing of ours, or the deployment is stuck and
//! lists exactly what is left.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod bench;
mod executor;
mod life;

use std::collections::BTreeSet;
use std::io::Write as _;

use bench::{Bench, Killed};
use hostler_core::journal::{Goal, State};
use hostler_core::plan::{Action, Phase, Plan, ResourceKind, Step};
use hostler_core::ports::{Power, Remedy};
use hostler_core::ticket::StepId;
use hostler_engine::run::Outcome;
use hostler_sim::{CallKind, Fault, FaultKind, retry_immediately};

use life::{Life, Order};

const ALWAYS: u32 = u32::MAX;
const REFUSED: FaultKind = FaultKind::Reject(Remedy::Report);

fn fault(call: CallKind, step: &Step, kind: FaultKind, times: u32) -> Fault {
    Fault { call, step: step.id.clone(), kind, times }
}

fn creates(plan: &Plan) -> Vec<&Step> {
    plan.steps.iter().filter(|step| matches!(step.action, Action::Create(_))).collect()
}

/// Says how many cases ran. Written past the harness, which would keep it to itself where all is well.
fn count(cases: u64, of: &str) {
    let _ = writeln!(std::io::stderr(), "saga: {cases} {of}");
}

/// The kind of call that a step makes.
fn call_of(step: &Step) -> CallKind {
    if matches!(step.action, Action::Create(_)) { CallKind::Create } else { CallKind::Work }
}

/// What a failure of this step comes to.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    RolledBack,
    Stuck,
    Ready,
}

fn expected(step: &Step) -> Expected {
    match &step.action {
        Action::Create(_) | Action::Reach { .. } => Expected::RolledBack,
        Action::SetUp { phase: Phase::Verify(_), .. } => Expected::RolledBack,
        Action::SetUp { phase: Phase::Run { .. }, .. } => Expected::Ready,
        Action::SetUp { .. } => Expected::Stuck,
    }
}

fn assert_failed_as(expected: &Expected, outcome: &Outcome, bench: &Bench, what: &str) {
    match (expected, outcome) {
        (Expected::RolledBack, Outcome::RolledBack { failed, .. }) => {
            assert!(!failed.is_empty(), "{what}");
            bench.assert_empty(what);
        }
        (Expected::Stuck, Outcome::Stuck { failed, left }) => {
            assert!(!failed.is_empty(), "{what}");
            bench.assert_left(left, what);
        }
        (Expected::Ready, Outcome::Ready { failed_runs }) => assert_eq!(failed_runs.len(), 1, "{what}"),
        (expected, outcome) => panic!("{what}: expected {expected:?}, came to {outcome:?}"),
    }
}

#[tokio::test]
async fn every_step_is_failed() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in &plan.steps {
        for kind in [REFUSED, FaultKind::LoseResponse, FaultKind::Reject(retry_immediately())] {
            let what = format!("{} {kind:?}", step.id);
            let bench = Bench::new();
            let faults = vec![fault(call_of(step), step, kind, if kind == REFUSED { 1 } else { ALWAYS })];
            let outcome = bench.live(faults, Order::Up).await;
            let expected = expected(step);
            assert_failed_as(&expected, &outcome, &bench, &what);
            if expected == Expected::Stuck {
                let again = bench.live(vec![], Order::Up).await;
                assert!(matches!(again, Outcome::Ready { .. }), "{what}: {again:?}");
                bench.assert_whole(&what);
            }
            bench.assert_gone_after_down(&what).await;
            cases += 1;
        }
    }
    count(cases, "cases of a failing step");
}

#[tokio::test]
async fn a_refusal_that_passes_is_outlasted() {
    let plan = bench::plan();
    for step in creates(&plan) {
        let bench = Bench::new();
        let passing = fault(CallKind::Create, step, FaultKind::Reject(retry_immediately()), 2);
        let outcome = bench.live(vec![passing], Order::Up).await;
        assert!(matches!(outcome, Outcome::Ready { .. }), "{}: {outcome:?}", step.id);
        bench.assert_whole(step.id.as_str());
    }
}

/// A call that is made again when its answer is late may make two things under one ticket. Both go.
#[tokio::test]
async fn a_thing_that_was_made_twice_goes_with_its_twin() {
    let plan = bench::plan();
    for step in creates(&plan) {
        let bench = Bench::new();
        let outcome = bench.live(vec![fault(CallKind::Create, step, FaultKind::CreateTwice, 1)], Order::Up).await;
        assert!(matches!(outcome, Outcome::Ready { .. }), "{}: {outcome:?}", step.id);
        bench.assert_gone_after_down(step.id.as_str()).await;
    }
}

/// A site that answers too late makes the thing after it was given up and looked for. It goes all the same.
#[tokio::test]
async fn a_thing_that_comes_late_is_given_back() {
    let plan = bench::plan();
    for step in creates(&plan) {
        let bench = Bench::new();
        let outcome = bench.live(vec![fault(CallKind::Create, step, FaultKind::CreateLate, ALWAYS)], Order::Up).await;
        assert!(matches!(outcome, Outcome::RolledBack { .. }), "{}: {outcome:?}", step.id);
        bench.assert_empty(step.id.as_str());
    }
}

#[tokio::test]
async fn every_undo_is_failed_on_the_way_down() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in creates(&plan) {
        for (kind, times) in
            [(REFUSED, 1), (FaultKind::LoseResponse, 1), (REFUSED, ALWAYS), (FaultKind::LoseResponse, 2)]
        {
            let what = format!("undo of {} {kind:?} {times}", step.id);
            let bench = Bench::new();
            bench.live(vec![], Order::Up).await;
            match bench.live(vec![fault(CallKind::Delete, step, kind, times)], Order::Down).await {
                Outcome::Released => assert_ne!(times, ALWAYS, "{what}"),
                Outcome::Stuck { left, failed } => {
                    assert_eq!(times, ALWAYS, "{what}: {failed:?}");
                    bench.assert_left(&left, &what);
                }
                other => panic!("{what}: {other:?}"),
            }
            bench.assert_gone_after_down(&what).await;
            cases += 1;
        }
    }
    count(cases, "cases of a failing undo");
}

#[tokio::test]
async fn every_undo_is_failed_while_rolling_back_from_every_step() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in plan.steps.iter().filter(|step| expected(step) == Expected::RolledBack) {
        for undone in creates(&plan) {
            let what = format!("{} fails, then the undo of {}", step.id, undone.id);
            let bench = Bench::new();
            let faults = vec![fault(call_of(step), step, REFUSED, 1), fault(CallKind::Delete, undone, REFUSED, ALWAYS)];
            match bench.live(faults, Order::Up).await {
                Outcome::RolledBack { .. } => bench.assert_empty(&what),
                Outcome::Stuck { left, .. } => bench.assert_left(&left, &what),
                other => panic!("{what}: {other:?}"),
            }
            bench.assert_gone_after_down(&what).await;
            cases += 1;
        }
    }
    count(cases, "cases of a failing undo while rolling back");
}

#[tokio::test]
async fn up_and_down_are_repeated() {
    let bench = Bench::new();
    for _ in 0..3 {
        assert!(matches!(bench.live(vec![], Order::Up).await, Outcome::Ready { .. }));
        bench.assert_whole("up, repeated");
    }
    assert_eq!(bench.live(vec![], Order::Down).await, Outcome::Released);
    bench.assert_empty("down");
    assert!(bench.store().await.find(&bench.plan.demand.name).await.unwrap().is_none());
}

#[tokio::test]
async fn an_interrupt_after_every_entry_gives_everything_back() {
    let entries = bench::entries_of_up().await;
    // Both runs end at once, and what ends at once is written at once: an interrupt after that comes too late.
    let last_write = entries - 1;
    for number in 1..entries {
        let bench = Bench::new();
        let outcome = bench.live_interrupted(Order::Up, number).await;
        if number >= last_write && matches!(outcome, Outcome::Ready { .. }) {
            continue;
        }
        assert!(matches!(outcome, Outcome::RolledBack { interrupted: true, .. }), "after {number}: {outcome:?}");
        bench.assert_empty(&format!("interrupted after entry {number}"));
    }
    count(entries - 1, "cases of an interrupt");
}

#[tokio::test]
async fn an_interrupt_never_gives_back_what_was_ready() {
    let first = bench::entries_of_up().await;
    for number in first + 1..first + 10 {
        let bench = Bench::new();
        bench.live(vec![], Order::Up).await;
        let outcome = bench.live_interrupted(Order::Up, number).await;
        assert!(matches!(outcome, Outcome::Interrupted { .. }), "after {number}: {outcome:?}");
        bench.assert_whole(&format!("interrupted after entry {number}"));
        assert!(matches!(bench.live(vec![], Order::Up).await, Outcome::Ready { .. }));
    }
}

/// What is done to a deployment whose process was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Up,
    Down,
}

async fn check_killed(bench: &Bench, after: After, what: &str) {
    let state = bench.record().await.map(|record| record.state());
    match (after, state) {
        (_, None | Some(State::Released | State::RolledBack)) => {
            bench.live(vec![], Order::Down).await;
            bench.assert_empty(what);
        }
        (After::Down, Some(_)) => bench.assert_gone_after_down(what).await,
        (After::Up, Some(State::RollingBack | State::Releasing)) => {
            let outcome = bench.live(vec![], Order::Up).await;
            assert!(matches!(outcome, Outcome::RolledBack { .. } | Outcome::Released), "{what}: {outcome:?}");
            bench.assert_empty(what);
        }
        (After::Up, Some(_)) => {
            let outcome = bench.live(vec![], Order::Up).await;
            assert!(matches!(outcome, Outcome::Ready { .. }), "{what}: {outcome:?}");
            bench.assert_whole(what);
            bench.assert_gone_after_down(what).await;
        }
    }
}

#[tokio::test]
async fn killed_after_every_entry_on_the_way_up() {
    let entries = bench::entries_of_up().await;
    for number in 1..=entries {
        for after in [After::Up, After::Down] {
            let what = format!("up killed after entry {number}, then {after:?}");
            let bench = Bench::new();
            assert_eq!(
                bench.child(&Life { order: Order::Up, die_after: Some(number), faults: vec![] }),
                Killed::Yes,
                "{what}"
            );
            bench.assert_swept_unless_reached(&what).await;
            if after == After::Up {
                let outcome = bench.live(vec![], Order::Up).await;
                assert!(matches!(outcome, Outcome::Ready { .. }), "{what}: {outcome:?}");
                bench.assert_whole(&what);
            }
            bench.assert_gone_after_down(&what).await;
        }
    }
    count(entries * 2, "cases of a real kill -9 on the way up");
}

#[tokio::test]
async fn killed_after_every_entry_on_the_way_down() {
    let mut cases = 0_u64;
    for number in bench::entries_of_up().await + 1.. {
        let what = format!("down killed after entry {number}");
        let bench = Bench::new();
        bench.live(vec![], Order::Up).await;
        let killed = bench.child(&Life { order: Order::Down, die_after: Some(number), faults: vec![] });
        check_killed(&bench, After::Down, &what).await;
        if killed == Killed::No {
            break;
        }
        cases += 1;
    }
    assert!(cases > 5);
    count(cases, "cases of a real kill -9 on the way down");
}

#[tokio::test]
async fn killed_around_every_call_to_the_site() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in creates(&plan) {
        for kind in [FaultKind::CrashBefore, FaultKind::CrashAfter] {
            for (call, order) in [(CallKind::Create, Order::Up), (CallKind::Delete, Order::Down)] {
                for after in [After::Up, After::Down] {
                    let what = format!("{kind:?} {call:?} {}, then {after:?}", step.id);
                    let bench = Bench::new();
                    if order == Order::Down {
                        bench.live(vec![], Order::Up).await;
                    }
                    let faults = vec![life::Scripted::new(call, &step.id, kind)];
                    assert_eq!(bench.child(&Life { order, die_after: None, faults }), Killed::Yes, "{what}");
                    check_killed(&bench, after, &what).await;
                    cases += 1;
                }
            }
        }
    }
    count(cases, "cases of a real kill -9 around a call");
}

#[tokio::test]
async fn killed_after_every_entry_while_rolling_back() {
    let plan = bench::plan();
    let last = creates(&plan).last().map(|step| step.id.clone()).unwrap();
    let mut cases = 0_u64;
    for number in 1.. {
        let bench = Bench::new();
        let faults = vec![life::Scripted::new(CallKind::Create, &last, REFUSED)];
        let killed = bench.child(&Life { order: Order::Up, die_after: Some(number), faults });
        check_killed(&bench, if number % 2 == 0 { After::Up } else { After::Down }, &format!("entry {number}")).await;
        if killed == Killed::No {
            break;
        }
        cases += 1;
    }
    assert!(cases > 5);
    count(cases, "cases of a real kill -9 while rolling back");
}

#[tokio::test]
async fn what_a_killed_process_leaves_is_found_by_a_sweep() {
    let bench = Bench::new();
    bench.child(&Life { order: Order::Up, die_after: Some(6), faults: vec![] });
    let found = bench.sweep().await;
    assert_eq!(found.forsaken, std::slice::from_ref(&bench.plan.demand.name));
    assert!(found.orphans.is_empty() && found.foreign.is_empty());
    bench.assert_gone_after_down("after a sweep").await;
    assert!(bench.sweep().await.is_clean());
}

#[tokio::test]
async fn the_goal_of_a_released_deployment_is_down() {
    let bench = Bench::new();
    bench.live(vec![], Order::Up).await;
    bench.live(vec![], Order::Down).await;
    let record = bench.store().await.find_last(&bench.plan.demand.name).await.unwrap().unwrap();
    assert_eq!((record.journal().goal().clone(), record.state()), (Goal::Down, State::Released));
    assert!(record.closed.is_some());
}

#[tokio::test]
async fn killed_after_every_entry_of_a_second_round() {
    let first = bench::entries_of_up().await;
    let mut cases = 0_u64;
    for number in first + 1.. {
        let what = format!("a second up killed after entry {number}");
        let bench = Bench::new();
        bench.live(vec![], Order::Up).await;
        let killed = bench.child(&Life { order: Order::Up, die_after: Some(number), faults: vec![] });
        bench.assert_whole(&what);
        let swept = bench.sweep().await;
        assert!(swept.forsaken.is_empty(), "{what}: what was ready is never swept by itself");
        assert!(matches!(bench.live(vec![], Order::Up).await, Outcome::Ready { .. }), "{what}");
        bench.assert_gone_after_down(&what).await;
        if killed == Killed::No {
            break;
        }
        cases += 1;
    }
    assert!(cases > 5);
    count(cases, "cases of a real kill -9 in a second round");
}

#[tokio::test]
async fn killed_in_the_work_on_a_machine() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in plan.steps.iter().filter(|step| call_of(step) == CallKind::Work) {
        let what = format!("killed in {}", step.id);
        let bench = Bench::new();
        let faults = vec![life::Scripted::new(CallKind::Work, &step.id, FaultKind::CrashBefore)];
        assert_eq!(bench.child(&Life { order: Order::Up, die_after: None, faults }), Killed::Yes, "{what}");
        check_killed(&bench, After::Up, &what).await;
        cases += 1;
    }
    count(cases, "cases of a real kill -9 while a machine is worked on");
}

#[tokio::test]
async fn an_interrupt_while_giving_back_is_outlasted_and_a_second_one_leaves_the_rest() {
    let first = bench::entries_of_up().await;
    for (times, number) in [(1, first + 2), (2, first + 2), (1, first + 4), (2, first + 4)] {
        let what = format!("{times} interrupts of a down after entry {number}");
        let bench = Bench::new();
        bench.live(vec![], Order::Up).await;
        match bench.live_interrupted_times(Order::Down, number, times).await {
            Outcome::Released => bench.assert_empty(&what),
            Outcome::Interrupted { left } => {
                assert_eq!(times, 2, "{what}");
                bench.assert_left(&left, &what);
            }
            other => panic!("{what}: {other:?}"),
        }
        bench.live(vec![], Order::Down).await;
        bench.assert_empty(&what);
    }
}

#[tokio::test]
async fn what_was_held_is_kept_when_a_machine_cannot_be_reached() {
    let plan = bench::plan();
    let reach = plan.steps.iter().find(|step| matches!(step.action, Action::Reach { .. })).unwrap();
    let bench = Bench::new();
    let setup = plan.steps.iter().find(|step| expected(step) == Expected::Stuck).unwrap();
    bench.live(vec![fault(CallKind::Work, setup, REFUSED, 1)], Order::Up).await;
    // Somebody may have looked at the machines meanwhile: a login that fails now gives nothing back.
    let outcome = bench.live(vec![fault(CallKind::Work, reach, REFUSED, 1)], Order::Up).await;
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    bench.assert_whole("a second round that can't reach a machine");
    assert_eq!(bench.sweep().await.stuck, std::slice::from_ref(&bench.plan.demand.name));
    assert!(matches!(bench.live(vec![], Order::Up).await, Outcome::Ready { .. }));
}

#[tokio::test]
async fn machines_that_were_shut_down_are_started_by_up() {
    let bench = Bench::new();
    bench.live(vec![], Order::Up).await;
    bench.set_power(Power::Off).await;
    assert_eq!(bench.record().await.unwrap().state(), State::Stopped);
    assert!(matches!(bench.live(vec![], Order::Up).await, Outcome::Ready { .. }));
    assert_eq!(bench.record().await.unwrap().state(), State::Ready);
    bench.assert_gone_after_down("after a stop").await;
}

#[tokio::test]
async fn deployments_with_prefix_like_names_do_not_touch_each_other() {
    let (a, a2) = (Bench::named("a", 1, &["host-1", "host-2"]), Bench::named("a-2", 2, &["host-3", "host-4"]));
    let a2 = a2.beside(&a);
    let (one, two) = tokio::join!(a.live(vec![], Order::Up), a2.live(vec![], Order::Up));
    assert!(matches!((one, two), (Outcome::Ready { .. }, Outcome::Ready { .. })));
    assert_eq!(a.live(vec![], Order::Down).await, Outcome::Released);
    a2.assert_whole("`a-2`, after `a` was given back");
    assert_eq!(a2.live(vec![], Order::Down).await, Outcome::Released);
    a.assert_empty("both given back");
}

/// Both have planned the same hosts, free when they looked. The first lease has them, and the other deployment gives back
/// what it had made and may be planned anew.
#[tokio::test]
async fn of_two_that_have_planned_the_same_hosts_one_gets_them() {
    let hosts = ["host-1", "host-2"];
    let (a, b) = (Bench::named("a", 1, &hosts), Bench::named("b", 2, &hosts));
    let b = b.beside(&a);
    let ends = tokio::join!(a.live(vec![], Order::Up), b.live(vec![], Order::Up));
    let (winner, loser, failed) = match ends {
        (Outcome::Ready { .. }, Outcome::RolledBack { failed, .. }) => (&a, &b, failed),
        (Outcome::RolledBack { failed, .. }, Outcome::Ready { .. }) => (&b, &a, failed),
        both => panic!("{both:?}"),
    };
    assert!(failed.iter().any(|step| step.failure.remedy == Remedy::Replan), "{failed:?}");
    winner.assert_whole("the first to have the lease");
    loser.assert_empty("the second");
    winner.assert_gone_after_down("the first").await;
}

/// Not a test of its own: the process that the tests above start and that is killed.
#[tokio::test]
async fn child() {
    if let Some((dir, life)) = Life::of_this_process() {
        Bench::at(&dir).live_as_told(&life).await;
    }
}

/// An id that no plan uses, so that a typo in a step's name can't make a test pass.
#[test]
fn the_plan_has_the_steps_that_the_matrix_needs() {
    let plan = bench::plan();
    let has = |id: &str| plan.step(&StepId::new(id).unwrap()).is_some();
    assert!(["keypair", "network", "lease"].into_iter().all(has), "{:#?}", plan.steps);
    let kinds = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Create(what) => Some(what.kind()),
        _ => None,
    });
    let kinds: BTreeSet<ResourceKind> = kinds.collect();
    assert_eq!(kinds.len(), 5, "every kind of thing: {kinds:?}");
}
