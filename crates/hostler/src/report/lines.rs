//! Progress off a terminal: one line per event, with the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hostler_core::ticket::StepId;
use hostler_engine::event::{Event, Report};
use hostler_engine::run::Performed;
use jiff::Timestamp;

use super::text::{Labels, first_line, took};
use crate::printer::Printer;

pub(super) struct Lines {
    printer: Arc<Printer>,
    labels: Labels,
    now: fn() -> Timestamp,
    running: Mutex<BTreeMap<StepId, (String, Timestamp)>>,
}

impl Lines {
    pub(super) fn new(printer: Arc<Printer>, labels: Labels, now: fn() -> Timestamp) -> Self {
        Self { printer, labels, now, running: Mutex::new(BTreeMap::new()) }
    }

    /// The line of an event; `None` for events without one.
    fn line(&self, event: &Event, now: Timestamp) -> Option<String> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let title = |step: &StepId| running.get(step).map_or_else(|| step.to_string(), |(title, _)| title.clone());
        let line = match event {
            Event::Journaled { .. } => return None,
            Event::Started { step, title } => {
                running.insert(step.clone(), (title.clone(), now));
                title.clone()
            }
            Event::Progress { step, text } => format!("{}: {text}", title(step)),
            Event::Output { machine, line, .. } => self.labels.output(machine, line),
            Event::Done { step, how: Performed::Already } => format!("{}: unchanged", title(step)),
            Event::Done { step, how: Performed::NotNeeded } => format!("{}: not needed", title(step)),
            Event::Done { step, how: Performed::Now } => {
                let duration = running.get(step).map(|(_, began)| now.duration_since(*began)).unwrap_or_default();
                format!("{}: done{}", title(step), took(duration))
            }
            Event::Failed { step, error } => format!("{}: failed: {}", title(step), first_line(error)),
            Event::Undoing { step } => format!("delete {step}"),
            Event::Undone { step } => format!("delete {step}: done"),
            Event::UndoFailed { step, error } => format!("delete {step}: failed: {}", first_line(error)),
            Event::Note { text } => text.clone(),
        };
        Some(line)
    }
}

impl Report for Lines {
    fn report(&self, event: &Event) {
        let now = (self.now)();
        if let Some(line) = self.line(event, now) {
            self.printer.say(&format!("{} {line}", now.strftime("%H:%M:%S")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Colour;
    use crate::config::Env;

    #[test]
    fn every_event_becomes_one_complete_line() {
        let printer = Arc::new(Printer::new(&Env::default(), Colour::Never));
        let lines = Lines::new(printer, Labels { several: true }, || Timestamp::UNIX_EPOCH);
        let step = || StepId::new("machine-a").unwrap();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let error = "it is full\nand more".to_owned();
        let events = [
            (0, Event::Started { step: step(), title: "launch a".to_owned() }),
            (1, Event::Progress { step: step(), text: "booting".to_owned() }),
            (2, Event::Output { step: step(), machine: "a".to_owned(), line: "50%\r100%".to_owned() }),
            (95, Event::Done { step: step(), how: Performed::Now }),
            (95, Event::Done { step: step(), how: Performed::Already }),
            (95, Event::Failed { step: step(), error }),
            (95, Event::Undoing { step: step() }),
            (95, Event::Undone { step: step() }),
        ];
        let shown: Vec<String> = events.iter().filter_map(|(second, event)| lines.line(event, at(*second))).collect();
        assert_eq!(
            shown,
            [
                "launch a",
                "launch a: booting",
                "a | 100%",
                "launch a: done in 1m35s",
                "launch a: unchanged",
                "launch a: failed: it is full",
                "delete machine-a",
                "delete machine-a: done",
            ]
        );
    }
}
