//! Errors as text: message, details, causes, and hints last. Of many failures, only the first are shown in full.

use hostler_core::demand::render_with;
use hostler_core::plan::NoPlan;
use hostler_engine::run::FailedStep;
use owo_colors::OwoColorize;

use super::plan::rejections;
use super::remaining::remaining;
use super::words::{heading, indented};
use crate::args::as_flag;
use crate::error::{Details, Error, distinct};
use crate::table::{Column, Width, cell, table};

/// Maximum number of failures to show in full.
pub(super) const SHOWN: usize = 20;

/// The whole error, with ANSI styles that the printer strips where colour is off.
pub fn failure(error: &Error, width: Width) -> String {
    let mut out = match &*error.details {
        // Each problem has its own `error:` prefix and location.
        Details::Problems(problems) => render_with(problems, as_flag),
        _ => format!("{} {}\n", "error:".red().bold(), error.message),
    };
    out.push_str(&details(error, width));
    for cause in &error.causes {
        out.push_str(&format!("{} {}\n", "caused by:".red(), cause.replace('\n', "\n  ")));
    }
    if !error.hints.is_empty() {
        out.push('\n');
    }
    for hint in &error.hints {
        out.push_str(&format!("{} {}\n", "hint:".cyan().bold(), hint.replace('\n', "\n  ")));
    }
    out
}

fn details(error: &Error, width: Width) -> String {
    match &*error.details {
        Details::None | Details::Problems(_) => String::new(),
        Details::NoPlan(no_plan) => no_offer(no_plan, width),
        Details::Each { down, failed } => {
            let down = down.iter().map(|name| format!("{name} is down\n"));
            down.chain(failed.iter().map(|(_, error)| format!("\n{}", failure(error, width)))).collect()
        }
        Details::Remains { failed, left } => {
            let mut out = failures(&distinct(failed), |step| failed_step(step), |step| step.step.to_string());
            if !left.is_empty() {
                out.push_str(&heading("Remaining resources"));
                out.push_str(&remaining(&left[..left.len().min(SHOWN)], width));
                if left.len() > SHOWN {
                    let more = left.len() - SHOWN;
                    out.push_str(&format!("{more} more; `hostler status` lists all\n"));
                }
            }
            out
        }
    }
}

fn failed_step(failed: &FailedStep) -> String {
    let hint =
        failed.failure.hint.as_ref().map(|hint| indented(&format!("{} {hint}", "hint:".cyan()))).unwrap_or_default();
    format!("  {}: {}\n{hint}", failed.step.bold(), failed.failure.message.replace('\n', "\n    "))
}

fn no_offer(no_plan: &NoPlan, width: Width) -> String {
    let mut out = String::new();
    for (site, why) in &no_plan.unreachable {
        out.push_str(&format!("  site `{site}` is unreachable: {why}\n"));
    }
    if no_plan.tally.is_empty() {
        return out;
    }
    let mut tally: Vec<_> = no_plan.tally.iter().collect();
    tally.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let row = |(kind, count): (&_, &usize)| vec![cell(kind), cell(count)];
    out.push('\n');
    out.push_str(&table(
        width,
        &[Column::Left("UNMET REQUIREMENT"), Column::Right("OFFERS")],
        tally.into_iter().map(row),
    ));
    out.push('\n');
    out.push_str(&rejections(&no_plan.rejections, width));
    out
}

/// The first failures in full, and the names of the rest.
pub(super) fn failures<T>(failed: &[T], full: impl Fn(&T) -> String, name: impl Fn(&T) -> String) -> String {
    let (shown, rest) = failed.split_at(failed.len().min(SHOWN));
    shown.iter().map(full).chain([also_failed(rest, name)]).collect()
}

/// Names of further failures; empty if there are none.
pub(super) fn also_failed<T>(rest: &[T], name: impl Fn(&T) -> String) -> String {
    let names: Vec<String> = rest.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!("{} {}\n", "also failed:".red(), names.join(", ")) }
}
