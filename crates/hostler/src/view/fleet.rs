//! Result of a command on several machines: counts, and the last lines of each failed machine.

use std::error::Error as _;

use hostler_engine::fleet::{HostOutcome, HostResult};
use owo_colors::OwoColorize;

use super::failure::failures;
use super::words::{indented, machines};

/// Outcome on one machine, as a fragment.
pub fn outcome(ending: &HostOutcome) -> String {
    match ending {
        HostOutcome::Exited(exit) => exit.to_string(),
        HostOutcome::HostFailed(error) => {
            let (mut text, mut next) = (error.to_string(), error.source());
            while let Some(cause) = next {
                text.push_str(&format!(": {cause}"));
                next = cause.source();
            }
            text
        }
        HostOutcome::TimedOut(limit) => format!("timed out after {} s", limit.as_secs_f32()),
        HostOutcome::LogFailed(error) => format!("the log can't be written: {error}"),
        HostOutcome::Stopped => "cancelled".to_owned(),
    }
}

/// The summary; empty if every machine succeeded.
pub fn fleet(ran: &[HostResult], hint: &dyn Fn(&HostResult) -> Option<String>) -> String {
    let stopped = ran.iter().filter(|ran| matches!(ran.outcome, HostOutcome::Stopped)).count();
    let failed: Vec<&HostResult> =
        ran.iter().filter(|ran| !ran.outcome.is_success() && !matches!(ran.outcome, HostOutcome::Stopped)).collect();
    if failed.is_empty() && stopped == 0 {
        return String::new();
    }
    let done = ran.len() - failed.len() - stopped;
    let mut out = format!("{done} of {} done, {} failed", machines(ran.len()), failed.len());
    if stopped > 0 {
        out.push_str(&format!(", {stopped} cancelled"));
    }
    out.push('\n');
    out.push_str(&failures(&failed, |ran| one(ran, hint(ran)), |ran| ran.machine.clone()));
    out
}

fn one(ran: &HostResult, hint: Option<String>) -> String {
    let mut out = format!("{} {}\n", format!("{}:", ran.machine).red().bold(), outcome(&ran.outcome));
    out.push_str(&indented(&ran.tail.join("\n")));
    if let Some(log) = &ran.log {
        out.push_str(&format!("  {} {}\n", "full log:".dimmed(), log.display()));
    }
    if let Some(hint) = hint {
        out.push_str(&indented(&format!("{} {hint}", "hint:".cyan())));
    }
    out
}

#[cfg(test)]
mod tests {
    use hostler_engine::host::ProcessExit;

    use super::super::failure::SHOWN;
    use super::*;

    fn ran(machine: &str, ending: HostOutcome, tail: &[&str]) -> HostResult {
        let tail = tail.iter().map(|line| (*line).to_owned()).collect();
        HostResult {
            machine: machine.to_owned(),
            outcome: ending,
            tail,
            log: Some(format!("/logs/{machine}.log").into()),
            host_key: None,
        }
    }

    #[test]
    fn failed_machines_are_listed_with_their_last_lines() {
        let all = [
            ran("a", HostOutcome::Exited(ProcessExit::Status(0)), &["fine"]),
            ran("b", HostOutcome::Exited(ProcessExit::Status(3)), &["one", "two"]),
            ran("c", HostOutcome::TimedOut(std::time::Duration::from_secs(5)), &[]),
            ran("d", HostOutcome::Stopped, &[]),
        ];
        let text = anstream::adapter::strip_str(&fleet(&all, &|_| Some("look".to_owned()))).to_string();
        insta::assert_snapshot!(text);
        assert_eq!(fleet(&all[..1], &|_| None), "");
    }

    #[test]
    fn hundreds_of_failures_are_listed_by_name_only() {
        let all: Vec<HostResult> =
            (0..200).map(|n| ran(&format!("n{n}"), HostOutcome::Exited(ProcessExit::Status(1)), &["x"])).collect();
        let text = fleet(&all, &|_| None);
        assert!(text.lines().count() < 5 * SHOWN && text.contains("n199"));
    }
}
