//! Every pair of a state and an entry, legal or not.

use super::*;
use crate::ports::Remedy;
use crate::ticket::Ref;

fn failure() -> Failure {
    Failure { message: "no room".into(), remedy: Remedy::Report, hint: None }
}

fn step(event: StepEvent) -> Entry {
    Entry::Step { step: StepId::new("s").unwrap(), event }
}

fn entry(name: &str) -> Entry {
    let created = Some(Created { reference: Ref("1".into()), address: None });
    match name {
        "up" => Entry::Goal(Goal::Up),
        "roll_back" => Entry::Goal(Goal::RollBack(RollBackCause::Failure)),
        "down" => Entry::Goal(Goal::Down),
        "partial" => Entry::PartialRound,
        "ready" => Entry::Ready,
        "until" => Entry::Until(None),
        "hold" => Entry::Hold(true),
        "account" => {
            let account = Account { id: "a".into(), name: "ann".into() };
            Entry::Account { site: "local".parse().unwrap(), account }
        }
        "started" => step(StepEvent::Started),
        "done" => step(StepEvent::Done { created: None }),
        "created" => step(StepEvent::Done { created }),
        "failed" => step(StepEvent::Failed { failure: failure() }),
        "undo_started" => step(StepEvent::UndoStarted),
        "undone" => step(StepEvent::Undone),
        "undo_failed" => step(StepEvent::UndoFailed { failure: failure() }),
        "power" => step(StepEvent::Power { power: Power::Off }),
        _ => panic!("{name}"),
    }
}

fn journal(names: &str) -> Journal {
    let entries: Vec<Entry> = names.split_whitespace().map(entry).collect();
    Journal::of(&entries).unwrap_or_else(|error| panic!("{names}: {error}"))
}

/// Checks that exactly these of all entries may follow, and that a refused one changes nothing.
fn check(before: &str, all: &[&str], legal: &str) {
    let journal = journal(before);
    let accepted: Vec<&str> = all
        .iter()
        .copied()
        .filter(|name| {
            let mut after = journal.clone();
            let applied = after.apply(&entry(name));
            assert!(
                applied.is_ok() || after == journal,
                "`{name}` was refused after `{before}`, but changed the journal"
            );
            applied.is_ok()
        })
        .collect();
    assert_eq!(accepted.join(" "), legal, "after `{before}`");
}

#[test]
fn events_of_a_step_that_are_legal_after_each_status() {
    let check = |before: &str, legal: &str| {
        let events = ["started", "done", "created", "failed", "undo_started", "undone", "undo_failed", "power"];
        check(before, &events, legal);
    };
    check("", "");
    check("up", "started");
    check("up started", "started done created failed");
    check("up started done", "");
    check("up started created", "power");
    check("up started failed", "");
    // A round retries failed steps, and repeats set-up steps that were done. Created resources stay done.
    check("up started up", "started done created failed");
    check("up started done up", "started");
    check("up started created up", "power");
    check("up started failed up", "started done created failed");
    for deleting in ["roll_back", "down", "roll_back down"] {
        let check = |steps: &str, undo: &str, legal: &str| check(&format!("up {steps} {deleting} {undo}"), legal);
        check("", "", "");
        check("started", "", "done created failed undo_started");
        check("started", "created", "undo_started power");
        check("started", "failed", "undo_started");
        check("started done", "", "undo_started");
        check("started created", "", "undo_started power");
        check("started failed", "", "undo_started");
        for steps in ["started", "started created", "started failed"] {
            check(steps, "undo_started", "undo_started undone undo_failed power");
            check(steps, "undo_started undo_started", "undo_started undone undo_failed power");
            check(steps, "undo_started down", "undo_started undone undo_failed power");
            check(steps, "undo_started undo_failed", "undo_started power");
            check(steps, "undo_started undo_failed down", "undo_started power");
            check(steps, "undo_started undo_failed undo_started", "undo_started undone undo_failed power");
            check(steps, "undo_started undone", "");
            check(steps, "undo_started undone down", "");
        }
    }
}

#[test]
fn entries_about_the_deployment_that_are_legal_in_each_state() {
    let check = |before: &str, legal: &str| {
        let entries = ["up", "roll_back", "down", "partial", "ready", "until", "hold", "account"];
        check(before, &entries, legal);
    };
    check("", "up");
    check("up", "up roll_back down partial ready until hold account");
    check("up started", "up roll_back down ready until hold account");
    check("up hold", "up roll_back down ready until hold account");
    check("up account", "up roll_back down ready until hold");
    check("up account up", "up roll_back down partial ready until hold");
    check("up partial", "up roll_back down until hold account");
    check("up partial started done", "up roll_back down until hold account");
    check("up ready", "up roll_back down until hold account");
    check("up ready up", "up roll_back down partial ready until hold account");
    check("up ready up partial", "up roll_back down until hold account");
    check("up roll_back", "down until hold");
    check("up down", "down until hold");
    check("up roll_back down", "down until hold");
    check("up down down", "down until hold");
}

#[test]
fn illegal_entry_names_itself_and_the_state_it_met() {
    let error = |before: &str, name: &str| journal(before).apply(&entry(name)).unwrap_err().to_string();
    let texts = [
        error("", "ready"),
        error("up", "undone"),
        error("up down", "started"),
        error("up started created", "failed"),
        error("up down", "up"),
        error("up ready", "ready"),
        error("up partial", "ready"),
        error("up account", "account"),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r"
    `ready` is illegal: the journal is empty
    `undone` of step `s` is illegal: the step has not started and the goal is `up`
    `started` of step `s` is illegal: the step has not started and the goal is `down`
    `failed` of step `s` is illegal: the step is done and the goal is `up`
    the goal `up` is illegal: the goal is `down`
    `ready` is illegal: the round is under way, the deployment is ready and the goal is `up`
    `ready` is illegal: the round is partial and the goal is `up`
    `account` of site `local` is illegal: the site has an account recorded and the goal is `up`
    ");
}
