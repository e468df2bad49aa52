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

/// A network, two machines on it with a login and a set-up each, then a run on each.
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

fn event(step: &str, event: StepEvent) -> Entry {
    Entry::Step { step: id(step), event }
}

fn up() -> Vec<Entry> {
    vec![Entry::Goal(Goal::Up)]
}

/// A step that runs and succeeds.
fn done(step: &str, creates: bool) -> [Entry; 2] {
    let created = creates.then(|| Created { reference: Ref(step.into()), address: None });
    [event(step, StepEvent::Started), event(step, StepEvent::Done { created })]
}

/// A step that runs and fails.
fn failed(step: &str) -> [Entry; 2] {
    [event(step, StepEvent::Started), event(step, StepEvent::Failed { failure: failure() })]
}

fn undone(step: &str) -> [Entry; 2] {
    [event(step, StepEvent::UndoStarted), event(step, StepEvent::Undone)]
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

fn journal(entries: &[Entry]) -> Journal {
    Journal::of(entries).unwrap()
}

fn check(entries: &[Entry], expect: &str) {
    assert_eq!(show(&journal(entries).next(&plan(), &BTreeSet::new())), expect);
}

fn launched() -> Vec<Entry> {
    let mut entries = with(up(), done("network", true));
    for n in 0..2 {
        entries.extend(done(&format!("machine-{n}"), true));
        entries.extend(done(&format!("wait-ssh-{n}"), false));
    }
    entries
}

fn with(mut entries: Vec<Entry>, more: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    entries.extend(more);
    entries
}

#[test]
fn steps_run_in_parallel_as_soon_as_their_dependencies_are_done() {
    check(&[], "run network");
    check(&up(), "run network");
    let network = with(up(), done("network", true));
    check(&network, "run machine-0 machine-1");
    check(&with(network, done("machine-1", true)), "run machine-0 wait-ssh-1");
    check(&launched(), "run setup-0 setup-1");
    let setup = with(launched(), done("setup-0", false));
    check(&setup, "run setup-1");
    check(&with(setup, done("setup-1", false)), "run run-0 run-1");
}

#[test]
fn step_without_an_outcome_runs_again_after_a_crash() {
    let started = with(up(), [event("network", StepEvent::Started)]);
    check(&started, "run network");
    assert_eq!(journal(&started).next(&plan(), &BTreeSet::from([id("network")])), Next::Wait);
}

#[test]
fn failed_machine_rolls_everything_back_in_reverse_order() {
    let entries = with(with(up(), done("network", true)), done("machine-0", true));
    let entries = with(entries, failed("machine-1"));
    check(&entries, "rollback");
    let entries = with(entries, [Entry::Goal(Goal::RollBack(RollBackCause::Failure))]);
    check(&entries, "undo machine-0 machine-1");
    let entries = with(entries, undone("machine-0"));
    check(&entries, "undo machine-1");
    let entries = with(entries, undone("machine-1"));
    check(&entries, "undo network");
    check(&with(entries, undone("network")), "rolledback");
}

#[test]
fn failed_set_up_keeps_the_machines_and_the_next_round_retries() {
    let entries = with(with(launched(), failed("setup-0")), done("setup-1", false));
    check(&entries, "stuck network machine-0 machine-1");
    check(&with(entries, up()), "run wait-ssh-0 wait-ssh-1");
}

#[test]
fn failed_run_leaves_a_ready_deployment() {
    let entries = with(with(launched(), done("setup-0", false)), done("setup-1", false));
    let entries = with(with(entries, done("run-0", false)), failed("run-1"));
    check(&entries, "ready run-1");
}

#[test]
fn deployment_that_was_ready_or_is_held_is_never_deleted_automatically() {
    let lose =
        |entries| with(with(with(entries, failed("wait-ssh-0")), done("wait-ssh-1", false)), done("setup-1", false));
    let stuck = "stuck network machine-0 machine-1";
    let created = || with(with(with(up(), done("network", true)), done("machine-0", true)), done("machine-1", true));
    check(&lose(created()), "rollback");
    check(&lose(with(created(), [Entry::Hold(true)])), stuck);
    check(&lose(with(with(created(), [Entry::Ready]), up())), stuck);
    // A machine that accepted a login in an earlier round may hold work, although its set-up failed.
    check(&lose(with(with(launched(), failed("setup-0")), up())), stuck);
}

#[test]
fn login_counts_in_all_later_rounds() {
    let logged_in = |entries: &[Entry]| journal(entries).login_succeeded();
    let created = with(with(up(), done("network", true)), done("machine-0", true));
    assert!(!logged_in(&created));
    let login = with(created, done("wait-ssh-0", false));
    assert!(logged_in(&login) && logged_in(&with(login, up())));
}

#[test]
fn failure_on_one_machine_delays_no_other() {
    let entries = with(launched(), failed("setup-0"));
    check(&entries, "run setup-1");
    check(&with(entries, done("setup-1", false)), "stuck network machine-0 machine-1");
}

#[test]
fn partial_round_does_not_make_a_deployment_ready() {
    let only = [crate::setup::PhaseKind::Setup].into();
    let part = plan().with_phases(crate::plan::PhaseSelection { only, ..Default::default() });
    let round = || {
        let steps = ["wait-ssh-0", "wait-ssh-1", "setup-0", "setup-1"].map(|step| done(step, false));
        [Entry::Goal(Goal::Up), Entry::PartialRound].into_iter().chain(steps.into_iter().flatten())
    };
    let state = |entries: &[Entry]| journal(entries).state(&part);
    let once = with(launched(), round());
    assert_eq!(state(&once), DeploymentState::SettingUp);
    assert_eq!(state(&with(once, round())), DeploymentState::SettingUp);
    let ready = with(launched(), [Entry::Ready]);
    let again = with(ready, round());
    assert_eq!(state(&again), DeploymentState::Ready);
    // A full round that failed later counts, not the ready one before it.
    let broken = with(with(again, up()), failed("setup-0"));
    assert_eq!(state(&with(broken, round())), DeploymentState::SettingUp);
}

#[test]
fn deletion_is_tried_three_times_per_round() {
    let down = [Entry::Goal(Goal::Down)];
    let mut entries = with(with(launched(), down.clone()), undone("machine-0"));
    for _ in 0..MAX_UNDO_ATTEMPTS {
        check(&entries, "undo machine-1");
        entries.push(event("machine-1", StepEvent::UndoStarted));
        // A crash here does not reset the number of attempts.
        check(&entries, "undo machine-1");
        entries.push(event("machine-1", StepEvent::UndoStarted));
        entries.push(event("machine-1", StepEvent::UndoFailed { failure: failure() }));
    }
    check(&entries, "stuck network machine-1");
    check(&with(entries, down), "undo machine-1");
}

#[test]
fn roll_back_undoes_a_create_call_of_unknown_outcome() {
    let again = with(with(with(up(), done("network", true)), failed("machine-1")), up());
    check(&again, "run machine-0 machine-1");
    check(&with(again, [Entry::Goal(Goal::Down)]), "undo machine-1");
}

#[test]
fn state_follows_from_the_entries() {
    let state = |entries: &[Entry]| journal(entries).state(&plan());
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
fn held_deployment_does_not_expire() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let entries = with(up(), [Entry::Until(Some(at("2026-01-01T10:00:00Z")))]);
    assert!(journal(&entries).has_expired(&plan(), at("2026-01-01T10:00:00Z")));
    assert!(!journal(&entries).has_expired(&plan(), at("2026-01-01T09:59:59Z")));
    let held = with(entries, [Entry::Hold(true)]);
    assert!(!journal(&held).has_expired(&plan(), at("2027-01-01T10:00:00Z")));
}

/// Stored text never changes meaning: lines may be added to the file, but not changed.
#[test]
fn stored_entries_keep_their_meaning() {
    for line in include_str!("golden.jsonl").lines() {
        let entry: Entry = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(serde_json::to_string(&entry).unwrap(), line);
    }
}

/// The rule for what comes next, without an index: it checks every step.
fn plain_next<'p>(journal: &Journal, plan: &'p Plan, flight: &BTreeSet<StepId>) -> Next<'p> {
    let steps = |wanted: &dyn Fn(&Step) -> bool| plan.steps.iter().filter(|step| wanted(step)).collect::<Vec<_>>();
    let progress = |step: &Step| journal.step_status(&step.id);
    if *journal.goal() != Goal::Up {
        let there = steps(&|step| {
            matches!(step.action, Action::Create(_)) && !matches!(progress(step), None | Some(StepStatus::Undone))
        });
        let tired = |step: &Step| {
            use StepStatus::{UndoFailed, Undoing};
            matches!(progress(step), Some(UndoFailed(_, MAX_UNDO_ATTEMPTS..) | Undoing(MAX_UNDO_ATTEMPTS..)))
        };
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

/// Any entry, legal or not.
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
    // Mostly up: a deletion is final.
    let whole = prop::sample::select(vec![
        Entry::Goal(Goal::Up),
        Entry::Goal(Goal::Up),
        Entry::Goal(Goal::Up),
        Entry::Goal(Goal::RollBack(RollBackCause::Failure)),
        Entry::Goal(Goal::Down),
        Entry::PartialRound,
        Entry::Ready,
        Entry::Hold(true),
        Entry::Hold(false),
    ]);
    prop_oneof![19 => step, 1 => whole]
}

/// A deployment from begin to end. Random numbers decide the outcome of each call, interrupts and crashes.
struct Drive<'d> {
    plan: Plan,
    journal: Journal,
    in_flight: BTreeSet<StepId>,
    at_site: BTreeSet<StepId>,
    dice: &'d mut dyn Iterator<Item = u8>,
    log: Vec<String>,
}

impl Drive<'_> {
    fn roll(&mut self, sides: u8) -> u8 {
        self.dice.next().unwrap_or(0) % sides
    }

    /// Panics if the entry is illegal: the rule for what comes next leads to legal entries only.
    fn enter(&mut self, entry: Entry) {
        self.journal.apply(&entry).unwrap_or_else(|error| panic!("{error} in {:?}", self.log));
    }

    fn creates(&self, step: &StepId) -> bool {
        matches!(self.plan.step(step).unwrap().action, Action::Create(_))
    }

    fn run(mut self) -> (Journal, Vec<String>) {
        self.enter(Entry::Goal(Goal::Up));
        for _ in 0..2_000 {
            if self.roll(16) == 15 {
                self.change();
            }
            if self.turn() {
                break;
            }
        }
        (self.journal, self.log)
    }

    /// A request of the user while no process works on the deployment, or another process of the user.
    fn change(&mut self) {
        match self.roll(4) {
            0 => self.enter(Entry::Until(None)),
            1 => self.enter(Entry::Hold(true)),
            2 => self.enter(Entry::Hold(false)),
            _ if self.journal.created(&id("machine-0")).is_some() => {
                self.enter(event("machine-0", StepEvent::Power { power: Power::Off }));
            }
            _ => {}
        }
    }

    /// The process dies: calls in flight may or may not have succeeded. The next process begins with a goal.
    fn crash(&mut self) {
        for step in std::mem::take(&mut self.in_flight) {
            if self.creates(&step) && *self.journal.goal() == Goal::Up {
                self.at_site.insert(step);
            }
        }
        let goes_up = *self.journal.goal() == Goal::Up && self.roll(2) == 0;
        self.enter(Entry::Goal(if goes_up { Goal::Up } else { Goal::Down }));
        if goes_up && self.roll(4) == 1 {
            self.enter(Entry::PartialRound);
        }
    }

    /// Performs the next action. Returns true at an end.
    fn turn(&mut self) -> bool {
        let plan = self.plan.clone();
        let next = self.journal.next(&plan, &self.in_flight);
        self.log.push(show(&next));
        match next {
            Next::Run(steps) => {
                for step in steps {
                    self.enter(event(step.id.as_str(), StepEvent::Started));
                    self.in_flight.insert(step.id.clone());
                }
            }
            Next::Undo(steps) => {
                for step in steps {
                    self.enter(event(step.id.as_str(), StepEvent::UndoStarted));
                    match self.roll(8) {
                        1 | 2 => self.enter(event(step.id.as_str(), StepEvent::UndoFailed { failure: failure() })),
                        3 => {
                            self.crash();
                            break;
                        }
                        _ => {
                            self.at_site.remove(&step.id);
                            self.enter(event(step.id.as_str(), StepEvent::Undone));
                        }
                    }
                }
            }
            Next::Wait => self.wait(),
            Next::RollBack if self.in_flight.is_empty() || self.roll(2) == 0 => {
                self.enter(Entry::Goal(Goal::RollBack(RollBackCause::Failure)));
            }
            Next::RollBack => self.wait(),
            Next::Ready(_) => {
                let can_be_ready = !self.journal.is_ready() && self.journal.extent != RoundExtent::Partial;
                match self.roll(4) {
                    1 => self.enter(Entry::Goal(Goal::Down)),
                    2 => self.enter(Entry::Goal(Goal::Up)),
                    _ if can_be_ready => {
                        self.enter(Entry::Ready);
                        return true;
                    }
                    _ => self.enter(Entry::Goal(Goal::Up)),
                }
            }
            Next::Stuck(left) => {
                let named: BTreeSet<_> = left.into_iter().map(|left| left.step).collect();
                assert!(self.at_site.is_subset(&named), "left behind unnamed: {:?} in {:?}", self.at_site, self.log);
                self.enter(Entry::Goal(Goal::Down));
            }
            Next::RolledBack | Next::Down => {
                assert!(self.at_site.is_empty(), "left behind: {:?} in {:?}", self.at_site, self.log);
                return true;
            }
        }
        false
    }

    /// A call in flight ends, or the process is interrupted or dies.
    fn wait(&mut self) {
        let step = self.in_flight.pop_first().expect("a step in flight");
        let creates = self.creates(&step);
        let die = self.roll(8);
        if creates && die != 1 {
            self.at_site.insert(step.clone());
        }
        match die {
            1 | 2 => self.enter(event(step.as_str(), StepEvent::Failed { failure: failure() })),
            3 => self.crash(),
            4 if *self.journal.goal() == Goal::Up && !self.journal.is_kept_on_interrupt() => {
                self.in_flight.insert(step);
                self.enter(Entry::Goal(Goal::RollBack(RollBackCause::Interrupt)));
            }
            _ => {
                let [_, done] = done(step.as_str(), creates);
                self.enter(done);
            }
        }
    }
}

proptest! {
    #[test]
    fn index_agrees_with_the_plain_rule(
        entries in prop::collection::vec((any_entry(), any::<bool>()), 0..300),
        strange in any::<bool>(),
    ) {
        let mut plan = plan();
        if strange {
            plan.steps[3].after.push(id("of-an-earlier-round"));
        }
        let (mut live, mut in_flight) = (LiveJournal::new(&plan, journal(&up())), BTreeSet::new());
        for (entry, flies) in &entries {
            let before = live.journal().clone();
            if live.apply(entry).is_err() {
                prop_assert_eq!(live.journal(), &before, "a refused entry changes nothing");
            }
            if let Entry::Step { step, .. } = entry {
                if *flies {
                    live.begun(step);
                    in_flight.insert(step.clone());
                } else {
                    live.ended(step);
                    in_flight.remove(step);
                }
            }
            let plain = plain_next(live.journal(), &plan, &in_flight);
            prop_assert_eq!(show(&live.next()), show(&plain));
            prop_assert_eq!(show(&live.journal().next(&plan, &in_flight)), show(&plain));
        }
    }

    #[test]
    fn every_drive_enters_only_legal_entries_and_forgets_no_resource(dice in prop::collection::vec(any::<u8>(), 0..80)) {
        let drive = Drive {
            plan: plan(),
            journal: Journal::default(),
            in_flight: BTreeSet::new(),
            at_site: BTreeSet::new(),
            dice: &mut dice.into_iter(),
            log: vec![],
        };
        let (journal, log) = drive.run();
        let last = log.last().unwrap();
        prop_assert!(last.starts_with("ready") || last == "rolledback" || last == "down", "{log:?}");
        prop_assert_eq!(last.starts_with("ready"), journal.is_ready());
    }
}
