//! Off a terminal: a line with the time for everything that happens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hostler_core::ticket::StepId;
use hostler_engine::event::{Event, Report};
use jiff::Timestamp;

use super::{Labels, first_line, took};
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

    /// The line for an event; nothing where it isn't worth one.
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
            Event::Done { step, already: true } => format!("{}: already done", title(step)),
            Event::Done { step, already: false } => {
                let duration = running.get(step).map(|(_, began)| now.duration_since(*began)).unwrap_or_default();
                format!("{}: done{}", title(step), took(duration))
            }
            Event::Failed { step, error } => format!("{}: failed: {}", title(step), first_line(error)),
            Event::Undoing { step } => format!("give back {step}"),
            Event::Undone { step } => format!("give back {step}: done"),
            Event::UndoFailed { step, error } => format!("give back {step}: failed: {}", first_line(error)),
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
