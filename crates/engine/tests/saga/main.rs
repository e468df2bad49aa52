//! The saga matrix: fails each step of `up` and `down` and each undo, repeats both operations, and kills the process after each
//! entry of the journal. At the end the site has no resource of the deployment, or the deployment is stuck
//! and lists exactly the remaining ones.

#![expect(clippy::unwrap_used, reason = "a panic reports the line")]
#![expect(clippy::disallowed_methods, reason = "a test may block its thread")]

mod bench;
mod executor;
mod life;
mod random;

use std::collections::BTreeSet;
use std::io::Write as _;

use bench::{Bench, Killed};
use hostler_core::journal::{DeploymentState, Goal};
use hostler_core::plan::{Action, Phase, Plan, ResourceKind, Step};
use hostler_core::ports::{Power, Remedy};
use hostler_core::ticket::StepId;
use hostler_engine::run::RunOutcome;
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

/// Prints the number of cases, past the test harness, which hides the output of tests that pass.
fn print_count(cases: u64, of: &str) {
    let _ = writeln!(std::io::stderr(), "saga: {cases} {of}");
}

/// Kind of call that a step makes.
fn call_of(step: &Step) -> CallKind {
    if matches!(step.action, Action::Create(_)) { CallKind::Create } else { CallKind::Work }
}

/// Outcome of a run in which a step fails.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    RolledBack,
    Stuck,
    Ready,
}

fn expected(step: &Step) -> Expected {
    match &step.action {
        Action::Create(_) | Action::WaitSsh { .. } => Expected::RolledBack,
        Action::SetUp { phase: Phase::Verify(_), .. } => Expected::RolledBack,
        Action::SetUp { phase: Phase::Run { .. }, .. } => Expected::Ready,
        Action::SetUp { .. } => Expected::Stuck,
    }
}

fn assert_failed_as(expected: &Expected, outcome: &RunOutcome, bench: &Bench, what: &str) {
    match (expected, outcome) {
        (Expected::RolledBack, RunOutcome::RolledBack { failed, .. }) => {
            assert!(!failed.is_empty(), "{what}");
            bench.assert_empty(what);
        }
        (Expected::Stuck, RunOutcome::Stuck { failed, left }) => {
            assert!(!failed.is_empty(), "{what}");
            bench.assert_left(left, what);
        }
        (Expected::Ready, RunOutcome::Ready { failed_runs }) => assert_eq!(failed_runs.len(), 1, "{what}"),
        (expected, outcome) => panic!("{what}: expected {expected:?}, got {outcome:?}"),
    }
}

#[tokio::test]
async fn failure_of_each_step() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in &plan.steps {
        for kind in [REFUSED, FaultKind::LoseResponse, FaultKind::Reject(retry_immediately())] {
            let what = format!("{} {kind:?}", step.id);
            let bench = Bench::new();
            let faults = vec![fault(call_of(step), step, kind, if kind == REFUSED { 1 } else { ALWAYS })];
            let outcome = bench.run(faults, Order::Up).await;
            let expected = expected(step);
            assert_failed_as(&expected, &outcome, &bench, &what);
            if expected == Expected::Stuck {
                let again = bench.run(vec![], Order::Up).await;
                assert!(matches!(again, RunOutcome::Ready { .. }), "{what}: {again:?}");
                bench.assert_complete(&what);
            }
            bench.assert_down_deletes_all(&what).await;
            cases += 1;
        }
    }
    print_count(cases, "cases of a failing step");
}

#[tokio::test]
async fn transient_rejections_are_retried() {
    let plan = bench::plan();
    for step in creates(&plan) {
        let bench = Bench::new();
        let passing = fault(CallKind::Create, step, FaultKind::Reject(retry_immediately()), 2);
        let outcome = bench.run(vec![passing], Order::Up).await;
        assert!(matches!(outcome, RunOutcome::Ready { .. }), "{}: {outcome:?}", step.id);
        bench.assert_complete(step.id.as_str());
    }
}

/// A create call that is retried after a late response may create two resources with one ticket. Both are deleted.
#[tokio::test]
async fn duplicates_are_deleted_too() {
    let plan = bench::plan();
    for step in creates(&plan) {
        let bench = Bench::new();
        let outcome = bench.run(vec![fault(CallKind::Create, step, FaultKind::CreateTwice, 1)], Order::Up).await;
        assert!(matches!(outcome, RunOutcome::Ready { .. }), "{}: {outcome:?}", step.id);
        bench.assert_down_deletes_all(step.id.as_str()).await;
    }
}

/// The site creates the resource after the call has timed out and the undo has searched for it once. It is deleted all the
/// same.
#[tokio::test]
async fn resource_that_appears_late_is_deleted() {
    let plan = bench::plan();
    for step in creates(&plan) {
        let bench = Bench::new();
        let outcome = bench.run(vec![fault(CallKind::Create, step, FaultKind::CreateLate, ALWAYS)], Order::Up).await;
        assert!(matches!(outcome, RunOutcome::RolledBack { .. }), "{}: {outcome:?}", step.id);
        bench.assert_empty(step.id.as_str());
    }
}

#[tokio::test]
async fn failure_of_each_undo_while_going_down() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in creates(&plan) {
        for (kind, times) in
            [(REFUSED, 1), (FaultKind::LoseResponse, 1), (REFUSED, ALWAYS), (FaultKind::LoseResponse, 2)]
        {
            let what = format!("undo of {} {kind:?} {times}", step.id);
            let bench = Bench::new();
            bench.run(vec![], Order::Up).await;
            match bench.run(vec![fault(CallKind::Delete, step, kind, times)], Order::Down).await {
                RunOutcome::Down => assert_ne!(times, ALWAYS, "{what}"),
                RunOutcome::Stuck { left, failed } => {
                    assert_eq!(times, ALWAYS, "{what}: {failed:?}");
                    bench.assert_left(&left, &what);
                }
                other => panic!("{what}: {other:?}"),
            }
            bench.assert_down_deletes_all(&what).await;
            cases += 1;
        }
    }
    print_count(cases, "cases of a failing undo");
}

#[tokio::test]
async fn failure_of_each_undo_while_rolling_back_from_each_step() {
    let plan = bench::plan();
    let mut cases = 0_u64;
    for step in plan.steps.iter().filter(|step| expected(step) == Expected::RolledBack) {
        for undone in creates(&plan) {
            let what = format!("{} fails, then the undo of {}", step.id, undone.id);
            let bench = Bench::new();
            let faults = vec![fault(call_of(step), step, REFUSED, 1), fault(CallKind::Delete, undone, REFUSED, ALWAYS)];
            match bench.run(faults, Order::Up).await {
                RunOutcome::RolledBack { .. } => bench.assert_empty(&what),
                RunOutcome::Stuck { left, .. } => bench.assert_left(&left, &what),
                other => panic!("{what}: {other:?}"),
            }
            bench.assert_down_deletes_all(&what).await;
            cases += 1;
        }
    }
    print_count(cases, "cases of a failing undo while rolling back");
}

#[tokio::test]
async fn up_and_down_can_be_repeated() {
    let bench = Bench::new();
    for _ in 0..3 {
        assert!(matches!(bench.run(vec![], Order::Up).await, RunOutcome::Ready { .. }));
        bench.assert_complete("up, repeated");
    }
    assert_eq!(bench.run(vec![], Order::Down).await, RunOutcome::Down);
    bench.assert_empty("down");
    assert!(bench.store().await.find(&bench.plan.demand.name).await.unwrap().is_none());
}

#[tokio::test]
async fn interrupt_after_each_entry_rolls_back() {
    let entries = bench::entries_of_up().await;
    // Both user runs complete together, and one write covers both: an interrupt after that write comes too late.
    let last_write = entries - 1;
    for number in 1..entries {
        let bench = Bench::new();
        let outcome = bench.run_interrupted(Order::Up, number).await;
        if number >= last_write && matches!(outcome, RunOutcome::Ready { .. }) {
            continue;
        }
        assert!(matches!(outcome, RunOutcome::RolledBack { interrupted: true, .. }), "after {number}: {outcome:?}");
        bench.assert_empty(&format!("interrupted after entry {number}"));
    }
    print_count(entries - 1, "cases of an interrupt");
}

#[tokio::test]
async fn interrupt_never_deletes_a_ready_deployment() {
    let first = bench::entries_of_up().await;
    for number in first + 1..first + 10 {
        let bench = Bench::new();
        bench.run(vec![], Order::Up).await;
        let outcome = bench.run_interrupted(Order::Up, number).await;
        assert!(matches!(outcome, RunOutcome::Interrupted { .. }), "after {number}: {outcome:?}");
        bench.assert_complete(&format!("interrupted after entry {number}"));
        assert!(matches!(bench.run(vec![], Order::Up).await, RunOutcome::Ready { .. }));
    }
}

/// Next operation on a deployment whose process was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Up,
    Down,
}

async fn check_killed(bench: &Bench, after: After, what: &str) {
    let state = bench.record().await.map(|record| record.state());
    match (after, state) {
        (_, None | Some(DeploymentState::Down | DeploymentState::RolledBack)) => {
            bench.run(vec![], Order::Down).await;
            bench.assert_empty(what);
        }
        (After::Down, Some(_)) => bench.assert_down_deletes_all(what).await,
        (After::Up, Some(DeploymentState::RollingBack | DeploymentState::GoingDown)) => {
            let outcome = bench.run(vec![], Order::Up).await;
            assert!(matches!(outcome, RunOutcome::RolledBack { .. } | RunOutcome::Down), "{what}: {outcome:?}");
            bench.assert_empty(what);
        }
        (After::Up, Some(_)) => {
            let outcome = bench.run(vec![], Order::Up).await;
            assert!(matches!(outcome, RunOutcome::Ready { .. }), "{what}: {outcome:?}");
            bench.assert_complete(what);
            bench.assert_down_deletes_all(what).await;
        }
    }
}

#[tokio::test]
async fn kill_after_each_entry_of_up() {
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
                let outcome = bench.run(vec![], Order::Up).await;
                assert!(matches!(outcome, RunOutcome::Ready { .. }), "{what}: {outcome:?}");
                bench.assert_complete(&what);
            }
            bench.assert_down_deletes_all(&what).await;
        }
    }
    print_count(entries * 2, "cases of a real kill -9 on the way up");
}

#[tokio::test]
async fn kill_after_each_entry_of_down() {
    let mut cases = 0_u64;
    for number in bench::entries_of_up().await + 1.. {
        let what = format!("down killed after entry {number}");
        let bench = Bench::new();
        bench.run(vec![], Order::Up).await;
        let killed = bench.child(&Life { order: Order::Down, die_after: Some(number), faults: vec![] });
        check_killed(&bench, After::Down, &what).await;
        if killed == Killed::No {
            break;
        }
        cases += 1;
    }
    assert!(cases > 5);
    print_count(cases, "cases of a real kill -9 on the way down");
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
                        bench.run(vec![], Order::Up).await;
                    }
                    let faults = vec![life::Scripted::new(call, &step.id, kind)];
                    assert_eq!(bench.child(&Life { order, die_after: None, faults }), Killed::Yes, "{what}");
                    check_killed(&bench, after, &what).await;
                    cases += 1;
                }
            }
        }
    }
    print_count(cases, "cases of a real kill -9 around a call");
}

#[tokio::test]
async fn kill_after_each_entry_of_a_rollback() {
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
    print_count(cases, "cases of a real kill -9 while rolling back");
}

#[tokio::test]
async fn sweep_finds_the_deployment_of_a_killed_process() {
    let bench = Bench::new();
    bench.child(&Life { order: Order::Up, die_after: Some(6), faults: vec![] });
    let found = bench.sweep().await;
    assert_eq!(found.abandoned, std::slice::from_ref(&bench.plan.demand.name));
    assert!(found.orphans.is_empty() && found.untracked.is_empty());
    bench.assert_down_deletes_all("after a sweep").await;
    assert!(bench.sweep().await.is_clean());
}

#[tokio::test]
async fn goal_of_a_closed_deployment_is_down() {
    let bench = Bench::new();
    bench.run(vec![], Order::Up).await;
    bench.run(vec![], Order::Down).await;
    let record = bench.store().await.find_last(&bench.plan.demand.name).await.unwrap().unwrap();
    assert_eq!((record.journal().goal().clone(), record.state()), (Goal::Down, DeploymentState::Down));
    assert!(record.closed.is_some());
}

#[tokio::test]
async fn kill_after_each_entry_of_a_second_round() {
    let first = bench::entries_of_up().await;
    let mut cases = 0_u64;
    for number in first + 1.. {
        let what = format!("a second up killed after entry {number}");
        let bench = Bench::new();
        bench.run(vec![], Order::Up).await;
        let killed = bench.child(&Life { order: Order::Up, die_after: Some(number), faults: vec![] });
        bench.assert_complete(&what);
        let swept = bench.sweep().await;
        assert!(swept.abandoned.is_empty(), "{what}: a deployment that was ready is never abandoned");
        assert!(matches!(bench.run(vec![], Order::Up).await, RunOutcome::Ready { .. }), "{what}");
        bench.assert_down_deletes_all(&what).await;
        if killed == Killed::No {
            break;
        }
        cases += 1;
    }
    assert!(cases > 5);
    print_count(cases, "cases of a real kill -9 in a second round");
}

#[tokio::test]
async fn kill_during_each_step_on_a_machine() {
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
    print_count(cases, "cases of a real kill -9 during a step on a machine");
}

#[tokio::test]
async fn first_interrupt_of_a_down_is_ignored_and_the_second_stops_it() {
    let first = bench::entries_of_up().await;
    for (times, number) in [(1, first + 2), (2, first + 2), (1, first + 4), (2, first + 4)] {
        let what = format!("{times} interrupts of a down after entry {number}");
        let bench = Bench::new();
        bench.run(vec![], Order::Up).await;
        match bench.run_interrupted_times(Order::Down, number, times).await {
            RunOutcome::Down => bench.assert_empty(&what),
            RunOutcome::Interrupted { left } => {
                assert_eq!(times, 2, "{what}");
                bench.assert_left(&left, &what);
            }
            other => panic!("{what}: {other:?}"),
        }
        bench.run(vec![], Order::Down).await;
        bench.assert_empty(&what);
    }
}

#[tokio::test]
async fn stuck_deployment_is_kept_when_a_later_login_fails() {
    let plan = bench::plan();
    let reach = plan.steps.iter().find(|step| matches!(step.action, Action::WaitSsh { .. })).unwrap();
    let bench = Bench::new();
    let setup = plan.steps.iter().find(|step| expected(step) == Expected::Stuck).unwrap();
    bench.run(vec![fault(CallKind::Work, setup, REFUSED, 1)], Order::Up).await;
    // The user may have worked on the machines meanwhile: a login that fails now rolls nothing back.
    let outcome = bench.run(vec![fault(CallKind::Work, reach, REFUSED, 1)], Order::Up).await;
    assert!(matches!(outcome, RunOutcome::Stuck { .. }), "{outcome:?}");
    bench.assert_complete("a second round that can't reach a machine");
    assert_eq!(bench.sweep().await.stuck, std::slice::from_ref(&bench.plan.demand.name));
    assert!(matches!(bench.run(vec![], Order::Up).await, RunOutcome::Ready { .. }));
}

#[tokio::test]
async fn up_starts_stopped_machines() {
    let bench = Bench::new();
    bench.run(vec![], Order::Up).await;
    bench.set_power(Power::Off).await;
    assert_eq!(bench.record().await.unwrap().state(), DeploymentState::Stopped);
    assert!(matches!(bench.run(vec![], Order::Up).await, RunOutcome::Ready { .. }));
    assert_eq!(bench.record().await.unwrap().state(), DeploymentState::Ready);
    bench.assert_down_deletes_all("after a stop").await;
}

#[tokio::test]
async fn deployments_whose_names_share_a_prefix_are_independent() {
    let (a, a2) = (Bench::named("a", 1, &["host-1", "host-2"]), Bench::named("a-2", 2, &["host-3", "host-4"]));
    let a2 = a2.sharing(&a);
    let (one, two) = tokio::join!(a.run(vec![], Order::Up), a2.run(vec![], Order::Up));
    assert!(matches!((one, two), (RunOutcome::Ready { .. }, RunOutcome::Ready { .. })));
    assert_eq!(a.run(vec![], Order::Down).await, RunOutcome::Down);
    a2.assert_complete("`a-2`, after `a` was brought down");
    assert_eq!(a2.run(vec![], Order::Down).await, RunOutcome::Down);
    a.assert_empty("both down");
}

/// Both have planned the same hosts, which were free. The first lease gets them. The other deployment is rolled back, and its
/// failure says that it can be planned again.
#[tokio::test]
async fn one_of_two_deployments_with_the_same_hosts_is_rolled_back() {
    let hosts = ["host-1", "host-2"];
    let (a, b) = (Bench::named("a", 1, &hosts), Bench::named("b", 2, &hosts));
    let b = b.sharing(&a);
    let ends = tokio::join!(a.run(vec![], Order::Up), b.run(vec![], Order::Up));
    let (winner, loser, failed) = match ends {
        (RunOutcome::Ready { .. }, RunOutcome::RolledBack { failed, .. }) => (&a, &b, failed),
        (RunOutcome::RolledBack { failed, .. }, RunOutcome::Ready { .. }) => (&b, &a, failed),
        both => panic!("{both:?}"),
    };
    assert!(failed.iter().any(|step| step.failure.remedy == Remedy::Replan), "{failed:?}");
    winner.assert_complete("the first to have the lease");
    loser.assert_empty("the second");
    winner.assert_down_deletes_all("the first").await;
}

/// No test: the process that other tests start and kill.
#[tokio::test]
async fn child() {
    if let Some((dir, life)) = Life::of_this_process() {
        Bench::at(&dir).run_scripted(&life).await;
    }
}

/// Guards against a plan that lost a kind of step, with which the matrix would pass without testing it.
#[test]
fn plan_has_every_kind_of_step() {
    let plan = bench::plan();
    let has = |id: &str| plan.step(&StepId::new(id).unwrap()).is_some();
    assert!(["keypair", "network", "lease"].into_iter().all(has), "{:#?}", plan.steps);
    let kinds = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Create(what) => Some(what.kind()),
        _ => None,
    });
    let kinds: BTreeSet<ResourceKind> = kinds.collect();
    assert_eq!(kinds.len(), 5, "every kind of resource: {kinds:?}");
}
