//! Progress from the engine's events: bars on a terminal, lines off it, or JSON lines.

mod bars;
mod lines;
mod live;

use std::sync::Arc;

use hostler_core::journal::Journal;
use hostler_core::plan::Plan;
use hostler_core::time::format_duration;
use hostler_engine::event::{DiscardEvents, Event, Report};
use jiff::{SignedDuration, Timestamp};

use crate::args::Events;
use crate::printer::Printer;
use hostler_engine::grid::Grid;

/// A reporter for the events of a deployment; `journal` is its state at the start.
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
        Events::None => Box::new(DiscardEvents),
    }
}

/// Labels of output lines.
#[derive(Debug, Clone, Copy)]
struct Labels {
    /// True with several machines: each line names its machine.
    several: bool,
}

impl Labels {
    /// A line of program output, safe to print: only the last state of a line that was overwritten (`\r`), without
    /// control characters.
    fn output(self, machine: &str, line: &str) -> String {
        let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        let plain = anstream::adapter::strip_str(last).to_string();
        let plain: String =
            plain.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
        if self.several { format!("{machine} | {plain}") } else { format!("| {plain}") }
    }
}

/// The first line of an error. The whole error is printed at the end, where it stays visible.
fn first_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default().trim_end_matches(':')
}

/// A duration of at least a second, as ` in 4s`.
fn took(duration: SignedDuration) -> String {
    if duration.as_secs() > 0 { format!(" in {}", format_duration(duration)) } else { String::new() }
}

/// One JSON document per event.
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
    fn control_characters_of_program_output_are_stripped() {
        let one = Labels { several: false };
        assert_eq!(one.output("a", "10%\r50%\r100%\r"), "| 100%");
        assert_eq!(one.output("a", "\x1b[2J\x1b[31mred\x1b[0m\x07\tx"), "| red x");
        assert_eq!(Labels { several: true }.output("a-2", "hi"), "a-2 | hi");
    }
}
