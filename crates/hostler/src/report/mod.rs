//! From the engine's stream of events to what the user sees: bars on a terminal, lines off it, or JSON lines.

mod bars;
mod lines;
mod live;

use std::sync::Arc;

use hostler_core::journal::Journal;
use hostler_core::plan::Plan;
use hostler_core::time::show_duration;
use hostler_engine::event::{Event, Report, Silent};
use jiff::{SignedDuration, Timestamp};

use crate::args::Events;
use crate::grid::Grid;
use crate::printer::Printer;

/// A reporter for the events of a deployment, whose journal is the one that it begins with.
pub fn of(
    events: Events,
    printer: &Arc<Printer>,
    plan: &Plan,
    journal: &Journal,
    now: fn() -> Timestamp,
) -> Box<dyn Report> {
    let labels = Labels { several: plan.machines().nth(1).is_some() };
    let printer = Arc::clone(printer);
    match events {
        Events::Auto if printer.is_watched => Box::new(bars::Bars::new(printer, labels, Grid::of(plan, journal), now)),
        Events::Auto | Events::Lines => Box::new(lines::Lines::new(printer, labels, now)),
        Events::Json => Box::new(Json { printer, now }),
        Events::None => Box::new(Silent),
    }
}

/// How lines of output are told apart.
#[derive(Debug, Clone, Copy)]
struct Labels {
    /// Whether there are several machines.
    several: bool,
}

impl Labels {
    /// A line that a program on a machine wrote, as it is shown: only what it wrote last of a line that it wrote
    /// several times, without anything that steers a terminal, and with its machine where there are several.
    fn output(self, machine: &str, line: &str) -> String {
        let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        let plain = anstream::adapter::strip_str(last).to_string();
        let plain: String =
            plain.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
        if self.several { format!("{machine} | {plain}") } else { format!("| {plain}") }
    }
}

/// What an error says first. All of it is shown at the end, where it is not lost among other lines.
fn first_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default().trim_end_matches(':')
}

/// How long something took, where that is worth saying.
fn took(duration: SignedDuration) -> String {
    if duration.as_secs() > 0 { format!(" in {}", show_duration(duration)) } else { String::new() }
}

/// A JSON document in a line for everything that happens.
struct Json {
    printer: Arc<Printer>,
    now: fn() -> Timestamp,
}

impl Report for Json {
    fn report(&self, event: &Event) {
        if let Ok(mut line) = serde_json::to_value(event) {
            line["at"] = serde_json::Value::String((self.now)().to_string());
            self.printer.say(&line.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_wrote_cannot_steer_the_terminal() {
        let one = Labels { several: false };
        assert_eq!(one.output("a", "10%\r50%\r100%\r"), "| 100%");
        assert_eq!(one.output("a", "\x1b[2J\x1b[31mred\x1b[0m\x07\tx"), "| red x");
        assert_eq!(Labels { several: true }.output("a-2", "hi"), "a-2 | hi");
    }
}
