//! Progress from the engine's events: bars on a terminal, lines off it, or JSON lines.

mod bars;
mod lines;
mod live;
mod text;

use std::sync::Arc;

use hostler_core::journal::Journal;
use hostler_core::plan::Plan;
use hostler_engine::event::{DiscardEvents, Event, Report};
use jiff::Timestamp;

use self::text::Labels;
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
