use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::demand::{Budget, Demand, LeaseRequest, Workload};
use crate::name::{DeploymentId, GroupName, Name};
use crate::plan::{MachineSpec, Phase, PlannedResource, Step};
use crate::ports::Remedy;
use crate::shape::Shape;
use crate::size::Bytes;
use crate::ticket::Ref;

fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn machine(rank: u32) -> PlannedResource {
    PlannedResource::Machine(Box::new(MachineSpec {
        name: format!("m-{rank}"),
        group: GroupName::new("node").unwrap(),
        rank,
        site: "local".parse().unwrap(),
        node_type: "vm".into(),
        shape: Shape { cpus: 1, memory: Bytes::gib(1), disk: Bytes::gib(10), gpus: vec![] },
        image: "debian-12".into(),
        user: "debian".into(),
        network: Some(id("network")),
        shared_network: None,
        host: None,
        lease: None,
        keypair: None,
        existing: Default::default(),
    }))
}

/// A network, two machines on it, each reached and set up, then a run on each.
fn plan() -> Plan {
    let step = |name: &str, after: &[&str], action| Step {
        id: id(name),
        after: after.iter().map(|a| id(a)).collect(),
        action,
    };
    let set_up = |n: u32, phase| Action::SetUp { machine: id(&format!("machine-{n}")), phase };
    let script = || "true".to_owned();
    let mut steps =
        vec![step("network", &[], Action::Create(PlannedResource::Network { site: "local".parse().unwrap() }))];
    for n in 0..2 {
        let (machine_id, reach, setup) = (format!("machine-{n}"), format!("wait-ssh-{n}"), format!("setup-{n}"));
        steps.push(step(&machine_id, &["network"], Action::Create(machine(n))));
        steps.push(step(&reach, &[&machine_id], Action::WaitSsh { machine: id(&machine_id) }));
        steps.push(step(&setup, &[&reach], set_up(n, Phase::Setup { script: script() })));
    }
    for n in 0..2 {
        steps.push(step(&format!("run-{n}"), &["setup-0", "setup-1"], set_up(n, Phase::Run { script: script() })));
    }
    let demand = Demand {
        name: Name::new("m").unwrap(),
        groups: vec![],
        lease: LeaseRequest::default(),
        on: vec![],
        budget: Budget::default(),
        workload: Workload::default(),
        terms: Default::default(),
    };
    Plan {
        deployment: DeploymentId::from_bits(1),
        demand,
        at: Timestamp::UNIX_EPOCH,
        start: Timestamp::UNIX_EPOCH,
        until: None,
        picks: vec![],
        price_per_hour: None,
        steps,
        part: None,
        rejections: vec![],
    }
}

fn failure() -> Failure {
    Failure { message: "no room".into(), remedy: Remedy::Replan, hint: None }
}

fn done(step: &str, made: bool) -> Entry {
    let made = made.then(|| Created { reference: Ref(step.into()), address: None });
    Entry::Step { step: id(step), event: StepEvent::Done { created: made } }
}

fn event(step: &str, event: StepEvent) -> Entry {
    Entry::Step { step: id(step), event }
}

/// `run a b`, `undo a`, `wait`, …
fn show(next: &Next<'_>) -> String {
    let names = |steps: &[&Step]| steps.iter().map(|step| format!(" {}", step.id)).collect::<String>();
    match next {
        Next::Run(steps) => format!("run{}", names(steps)),
        Next::Undo(steps) => format!("undo{}", names(steps)),
        Next::Ready(failed) => format!("ready{}", names(failed)),
        Next::Stuck(left) => format!("stuck{}", left.iter().map(|left| format!(" {}", left.step)).collect::<String>()),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn check(entries: &[Entry], expect: &str) {
    assert_eq!(show(&Journal::of(entries).next(&plan(), &BTreeSet::new())), expect);
}

fn launched() -> Vec<Entry> {
    let mut entries = vec![Entry::Goal(Goal::Up), done("network", true)];
    for n in 0..2 {
        entries.push(done(&format!("machine-{n}"), true));
        entries.push(done(&format!("wait-ssh-{n}"), false));
    }
    entries
}

fn with(mut entries: Vec<Entry>, more: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    entries.extend(more);
    entries
}

#[test]
fn steps_run_side_by_side_as_soon_as_those_before_them_are_done() {
    check(&[], "run network");
    check(&[done("network", true)], "run machine-0 machine-1");
    check(&[done("network", true), done("machine-1", true)], "run machine-0 wait-ssh-1");
    check(&launched(), "run setup-0 setup-1");
    check(&with(launched(), [done("setup-0", false)]), "run setup-1");
    check(&with(launched(), [done("setup-0", false), done("setup-1", false)]), "run run-0 run-1");
}

#[test]
fn a_step_found_started_after_a_crash_is_done_again() {
    check(&[event("network", StepEvent::Started)], "run network");
    let journal = Journal::of(&[event("network", StepEvent::Started)]);
    assert_eq!(journal.next(&plan(), &BTreeSet::from([id("network")])), Next::Wait);
}

#[test]
fn a_machine_that_cannot_be_had_gives_everything_back_in_reverse() {
    let failed = event("machine-1", StepEvent::Failed { failure: failure() });
    let entries = vec![done("network", true), done("machine-0", true), failed];
    check(&entries, "rollback");
    let entries = with(entries, [Entry::Goal(Goal::RollBack(RollBackCause::Failure))]);
    check(&entries, "undo machine-0 machine-1");
    let entries = with(entries, [event("machine-0", StepEvent::Undone)]);
    check(&entries, "undo machine-1");
    let entries = with(entries, [event("machine-1", StepEvent::Undone)]);
    check(&entries, "undo network");
    check(&with(entries, [event("network", StepEvent::Undone)]), "rolledback");
}

#[test]
fn a_set_up_that_fails_keeps_the_machines_and_up_tries_again() {
    let failed = event("setup-0", StepEvent::Failed { failure: failure() });
    let entries = with(launched(), [failed, done("setup-1", false)]);
    check(&entries, "stuck network machine-0 machine-1");
    check(&with(entries, [Entry::Goal(Goal::Up)]), "run wait-ssh-0 wait-ssh-1");
}

#[test]
fn a_run_that_fails_leaves_a_ready_deployment() {
    let runs = [done("run-0", false), event("run-1", StepEvent::Failed { failure: failure() })];
    let entries = with(launched(), [done("setup-0", false), done("setup-1", false)]);
    check(&with(entries, runs), "ready run-1");
}

#[test]
fn what_was_ready_once_or_is_held_is_never_given_back_by_itself() {
    let lost = || {
        let failed = event("wait-ssh-0", StepEvent::Failed { failure: failure() });
        [failed, done("wait-ssh-1", false), done("setup-1", false)]
    };
    let stuck = "stuck network machine-0 machine-1";
    let after = |before: Vec<Entry>| with(with(launched(), before), lost());
    check(&after(vec![Entry::Ready, Entry::Goal(Goal::Up)]), stuck);
    check(&after(vec![Entry::Hold(true)]), stuck);
    check(&after(vec![]), "rollback");
    // A machine that somebody could log in to in an earlier round may hold work, although its set-up failed.
    let set_up = event("setup-0", StepEvent::Failed { failure: failure() });
    check(&after(vec![set_up, Entry::Goal(Goal::Up)]), stuck);
}

#[test]
fn a_machine_is_reached_from_its_first_login_on_and_in_all_rounds_to_come() {
    let reached = |entries: &[Entry]| Journal::of(entries).login_succeeded();
    let made = vec![Entry::Goal(Goal::Up), done("network", true), done("machine-0", true)];
    assert!(!reached(&made));
    let login = with(made, [done("wait-ssh-0", false)]);
    assert!(reached(&login) && reached(&with(login, [Entry::Goal(Goal::Up)])));
}

#[test]
fn what_failed_on_one_machine_holds_up_no_other() {
    let failed = event("setup-0", StepEvent::Failed { failure: failure() });
    let entries = with(launched(), [done("wait-ssh-0", false), failed]);
    check(&entries, "run setup-1");
    check(&with(entries, [done("setup-1", false)]), "stuck network machine-0 machine-1");
}

#[test]
fn a_round_in_part_makes_nothing_ready_that_was_not() {
    let only = [crate::setup::PhaseKind::Setup].into();
    let part = plan().with_phases(crate::plan::PhaseSelection { only, ..Default::default() });
    let round = || {
        let steps = ["wait-ssh-0", "wait-ssh-1", "setup-0", "setup-1"].map(|step| done(step, false));
        [Entry::Goal(Goal::Up), Entry::PartialRound].into_iter().chain(steps)
    };
    let state = |entries: &[Entry]| Journal::of(entries).state(&part);
    let once = with(launched(), round());
    assert_eq!(state(&once), DeploymentState::SettingUp);
    assert_eq!(state(&with(once, round())), DeploymentState::SettingUp);
    let ready = with(launched(), [Entry::Ready]);
    let again = with(ready, round());
    assert_eq!(state(&again), DeploymentState::Ready);
    // A whole round that failed since counts, and not the one before it.
    let failed = event("setup-0", StepEvent::Failed { failure: failure() });
    let broken = with(again, [Entry::Goal(Goal::Up), failed]);
    assert_eq!(state(&with(broken, round())), DeploymentState::SettingUp);
}

#[test]
fn giving_back_is_tried_three_times_a_round() {
    let mut entries = with(launched(), [Entry::Goal(Goal::Down), event("machine-0", StepEvent::Undone)]);
    for _ in 0..MAX_UNDO_ATTEMPTS {
        check(&entries, "undo machine-1");
        entries.push(event("machine-1", StepEvent::UndoStarted));
        entries.push(event("machine-1", StepEvent::UndoFailed { failure: failure() }));
    }
    check(&entries, "stuck network machine-1");
    check(&with(entries, [Entry::Goal(Goal::Down)]), "undo machine-1");
}

#[test]
fn a_creation_of_unknown_outcome_is_looked_for_when_turning_back() {
    let failed = event("machine-1", StepEvent::Failed { failure: failure() });
    let again = vec![done("network", true), failed, Entry::Goal(Goal::Up)];
    check(&again, "run machine-0 machine-1");
    check(&with(again, [Entry::Goal(Goal::Down)]), "undo machine-1");
}

#[test]
fn the_state_is_read_off_the_entries() {
    let state = |entries: &[Entry]| Journal::of(entries).state(&plan());
    assert_eq!(state(&[]), DeploymentState::Launching);
    assert_eq!(state(&launched()), DeploymentState::SettingUp);
    let off = |n: u32| event(&format!("machine-{n}"), StepEvent::Power { power: Power::Off });
    assert_eq!(state(&with(launched(), [off(0)])), DeploymentState::SettingUp);
    assert_eq!(state(&with(launched(), [off(0), off(1)])), DeploymentState::Stopped);
    assert_eq!(state(&with(launched(), [Entry::Goal(Goal::Down)])), DeploymentState::GoingDown);
    assert_eq!(
        state(&with(launched(), [Entry::Goal(Goal::RollBack(RollBackCause::Interrupt))])),
        DeploymentState::RollingBack
    );
}

#[test]
fn a_held_deployment_does_not_expire() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let until = Entry::Until(Some(at("2026-01-01T10:00:00Z")));
    let journal = Journal::of(std::slice::from_ref(&until));
    assert!(journal.has_expired(&plan(), at("2026-01-01T10:00:00Z")));
    assert!(!journal.has_expired(&plan(), at("2026-01-01T09:59:59Z")));
    assert!(!Journal::of(&[until, Entry::Hold(true)]).has_expired(&plan(), at("2027-01-01T10:00:00Z")));
}

/// The stored text of an entry never changes meaning: a line may be added here, none may be changed.
#[test]
fn stored_entries_read_as_they_were_written() {
    for line in include_str!("golden.jsonl").lines() {
        let entry: Entry = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(serde_json::to_string(&entry).unwrap(), line);
    }
}

/// The rule for what comes next as it is said in words, looking at every step: what the index is held against.
fn plain_next<'p>(journal: &Journal, plan: &'p Plan, flight: &BTreeSet<StepId>) -> Next<'p> {
    let steps = |wanted: &dyn Fn(&Step) -> bool| plan.steps.iter().filter(|step| wanted(step)).collect::<Vec<_>>();
    let progress = |step: &Step| journal.step_status(&step.id);
    if *journal.goal() != Goal::Up {
        let there = steps(&|step| {
            matches!(step.action, Action::Create(_)) && !matches!(progress(step), None | Some(StepStatus::Undone))
        });
        let tired = |step: &Step| matches!(progress(step), Some(StepStatus::UndoFailed(_, MAX_UNDO_ATTEMPTS..)));
        let undoable = steps(&|step| {
            there.contains(&step)
                && !flight.contains(&step.id)
                && !tired(step)
                && !there.iter().any(|other| other.after.contains(&step.id))
        });
        return match (undoable.is_empty(), flight.is_empty(), there.is_empty()) {
            (false, ..) => Next::Undo(undoable),
            (true, false, _) => Next::Wait,
            (true, true, false) => Next::Stuck(journal.remaining(plan)),
            (true, true, true) if *journal.goal() == Goal::Down => Next::Down,
            (true, true, true) => Next::RolledBack,
        };
    }
    let done = |step: &Step| matches!(progress(step), Some(StepStatus::Done(_)));
    let waits = |step: &Step| match progress(step) {
        None => true,
        Some(StepStatus::Started) => !flight.contains(&step.id),
        Some(_) => false,
    };
    let failed = steps(&|step| !done(step) && !matches!(progress(step), None | Some(StepStatus::Started)));
    let is_setup =
        |step: &Step| matches!(&step.action, Action::SetUp { phase, .. } if !matches!(phase, Phase::Verify(_)));
    if !journal.is_kept_on_failure() && !failed.iter().all(|step| is_setup(step)) {
        return Next::RollBack;
    }
    let all_ready = plan.steps.iter().all(|step| is_user_run(step) || done(step));
    let settled = |id: &StepId| {
        let failed_run =
            || matches!(journal.step_status(id), Some(StepStatus::Failed(_))) && plan.step(id).is_some_and(is_user_run);
        matches!(journal.step_status(id), Some(StepStatus::Done(_))) || failed_run()
    };
    let runnable = steps(&|step| (all_ready || !is_user_run(step)) && waits(step) && step.after.iter().all(settled));
    match (runnable.is_empty(), flight.is_empty()) {
        (false, _) => Next::Run(runnable),
        (true, false) => Next::Wait,
        (true, true) if failed.iter().any(|step| !is_user_run(step)) => Next::Stuck(journal.remaining(plan)),
        (true, true) => Next::Ready(failed),
    }
}

/// An entry about any step, or about the whole; also such as no process would write.
fn any_entry() -> impl Strategy<Value = Entry> {
    let ids: Vec<StepId> = plan().steps.into_iter().map(|step| step.id).chain([id("of-an-earlier-round")]).collect();
    let events = vec![
        StepEvent::Started,
        StepEvent::Done { created: None },
        StepEvent::Done { created: Some(Created { reference: Ref("x".into()), address: None }) },
        StepEvent::Failed { failure: failure() },
        StepEvent::UndoStarted,
        StepEvent::Undone,
        StepEvent::UndoFailed { failure: failure() },
        StepEvent::Power { power: Power::Off },
    ];
    let step =
        (prop::sample::select(ids), prop::sample::select(events)).prop_map(|(step, event)| Entry::Step { step, event });
    let whole = prop::sample::select(vec![
        Entry::Goal(Goal::Up),
        Entry::Goal(Goal::RollBack(RollBackCause::Failure)),
        Entry::Goal(Goal::Down),
        Entry::Ready,
        Entry::Hold(true),
        Entry::Hold(false),
    ]);
    prop_oneof![9 => step, 1 => whole]
}

/// Plays a whole life: at each turn the world answers as the dice say, crashes included.
fn play(dice: &[u8]) -> (Journal, Vec<String>) {
    let plan = plan();
    let (mut journal, mut flight, mut at_site, mut log) =
        (Journal::default(), BTreeSet::new(), BTreeSet::new(), vec![]);
    let mut dice = dice.iter().copied().chain(std::iter::repeat(0));
    for _ in 0..2_000 {
        let next = journal.next(&plan, &flight);
        log.push(show(&next));
        match next {
            Next::Run(steps) => {
                for step in steps {
                    journal.apply(&Entry::Step { step: step.id.clone(), event: StepEvent::Started });
                    flight.insert(step.id.clone());
                }
            }
            Next::Undo(steps) => {
                for step in steps {
                    journal.apply(&Entry::Step { step: step.id.clone(), event: StepEvent::UndoStarted });
                    let fails = dice.next().unwrap_or(0) % 4 == 1;
                    let event = if fails { StepEvent::UndoFailed { failure: failure() } } else { StepEvent::Undone };
                    if !fails {
                        at_site.remove(&step.id);
                    }
                    journal.apply(&Entry::Step { step: step.id.clone(), event });
                }
            }
            Next::Wait => {
                let step = flight.pop_first().expect("waiting for something");
                let makes = matches!(plan.step(&step).unwrap().action, Action::Create(_));
                let die = dice.next().unwrap_or(0) % 8;
                if makes && die != 1 {
                    at_site.insert(step.clone());
                }
                match die {
                    1 | 2 => journal.apply(&Entry::Step { step, event: StepEvent::Failed { failure: failure() } }),
                    3 => {
                        // The process dies: what was in flight may or may not have happened.
                        let makes = |id: &StepId| matches!(plan.step(id).unwrap().action, Action::Create(_));
                        at_site.extend(std::mem::take(&mut flight).into_iter().filter(makes));
                    }
                    4 => journal.apply(&Entry::Goal(Goal::RollBack(RollBackCause::Interrupt))),
                    _ => journal.apply(&done(step.as_str(), makes)),
                }
            }
            Next::RollBack if flight.is_empty() || dice.next().unwrap_or(0) % 2 == 0 => {
                journal.apply(&Entry::Goal(Goal::RollBack(RollBackCause::Failure)));
            }
            Next::RollBack => {
                let step = flight.pop_first().expect("waiting for something");
                let makes = matches!(plan.step(&step).unwrap().action, Action::Create(_));
                at_site.extend(makes.then(|| step.clone()));
                journal.apply(&done(step.as_str(), makes));
            }
            Next::Ready(_) if dice.next().unwrap_or(0) % 2 == 1 => journal.apply(&Entry::Goal(Goal::Down)),
            Next::Ready(_) => {
                journal.apply(&Entry::Ready);
                break;
            }
            Next::Stuck(left) => {
                let named: BTreeSet<_> = left.into_iter().map(|left| left.step).collect();
                assert!(at_site.is_subset(&named), "left behind unnamed: {at_site:?} in {log:?}");
                journal.apply(&Entry::Goal(Goal::Down));
            }
            Next::RolledBack | Next::Down => {
                assert!(at_site.is_empty(), "left behind: {at_site:?} in {log:?}");
                break;
            }
        }
    }
    (journal, log)
}

proptest! {
    #[test]
    fn the_index_says_what_the_plain_rule_says(
        entries in prop::collection::vec((any_entry(), any::<bool>()), 0..80),
        strange in any::<bool>(),
    ) {
        let mut plan = plan();
        if strange {
            plan.steps[3].after.push(id("of-an-earlier-round"));
        }
        let (mut course, mut flight) = (LiveJournal::new(&plan, Journal::default()), BTreeSet::new());
        for (entry, flies) in &entries {
            course.apply(entry);
            if let Entry::Step { step, .. } = entry {
                if *flies {
                    course.begun(step);
                    flight.insert(step.clone());
                } else {
                    course.ended(step);
                    flight.remove(step);
                }
            }
            let plain = plain_next(course.journal(), &plan, &flight);
            prop_assert_eq!(show(&course.next()), show(&plain));
            prop_assert_eq!(show(&course.journal().next(&plan, &flight)), show(&plain));
        }
    }

    #[test]
    fn every_life_ends_and_leaves_nothing_unnamed(dice in prop::collection::vec(any::<u8>(), 0..60)) {
        let (journal, log) = play(&dice);
        let last = log.last().unwrap();
        prop_assert!(last.starts_with("ready") || last == "rolledback" || last == "down", "{log:?}");
        prop_assert_eq!(last.starts_with("ready"), journal.is_ready());
    }
}
