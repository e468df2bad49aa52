//! Progress on a terminal: one line per running step, with its elapsed time; ended steps scroll up above. With several
//! machines, a table replaces the lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hostler_core::ticket::StepId;
use hostler_core::time::format_duration;
use hostler_engine::event::{Event, Report};
use hostler_engine::run::Performed;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;

use super::live::Live;
use super::text::{Labels, first_line};
use crate::printer::Printer;
use hostler_engine::grid::{Grid, StageState};

/// Width of a mark with the space after it.
const MARK: usize = 2;
/// Width that titles are padded to, so that durations align.
const TITLE: usize = 44;

pub(super) struct Bars {
    printer: Arc<Printer>,
    labels: Labels,
    now: fn() -> Timestamp,
    running: Mutex<BTreeMap<StepId, ProgressBar>>,
    /// The table, with several machines.
    table: Option<Live>,
}

impl Bars {
    pub(super) fn new(printer: Arc<Printer>, labels: Labels, grid: Grid, now: fn() -> Timestamp) -> Self {
        let table = labels.several.then(|| Live::new(Arc::clone(&printer), grid, now));
        Self { printer, labels, now, running: Mutex::new(BTreeMap::new()), table }
    }

    /// Updates the table; false if the step is not in it.
    fn in_table(&self, step: &StepId, state: StageState) -> bool {
        self.table.as_ref().is_some_and(|table| table.set(step, state))
    }

    fn say(&self, line: String) {
        match &self.table {
            Some(table) => table.say(line),
            None => self.printer.say(&line),
        }
    }

    fn start(&self, step: &StepId, title: String) {
        if self.in_table(step, StageState::Running((self.now)())) {
            return;
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {prefix}  {wide_msg}");
        let bar = ProgressBar::new_spinner().with_prefix(title);
        let bar = self.printer.bars().add(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())));
        bar.enable_steady_tick(Duration::from_millis(200));
        self.with_running(|running| running.insert(step.clone(), bar));
    }

    /// Removes a step's bar and prints its outcome.
    fn end(&self, step: &StepId, mark: &str, after: &str) {
        let bar = self.with_running(|running| running.remove(step));
        let (title, took) = match &bar {
            Some(bar) => (bar.prefix(), elapsed(bar)),
            None => (step.to_string(), String::new()),
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let line = format!("{mark} {:TITLE$} {took:>6}", format!("{title}{after}"));
        self.say(line.trim_end().to_owned());
    }

    /// A text cut to one line after a mark. The whole text is printed at the end.
    fn fitting(&self, text: &str) -> String {
        let room = usize::from(self.printer.screen().0.unwrap_or(80)).saturating_sub(MARK);
        if text.chars().count() <= room {
            return text.to_owned();
        }
        text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
    }

    fn with_running<T>(&self, act: impl FnOnce(&mut BTreeMap<StepId, ProgressBar>) -> T) -> T {
        act(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Note on a step that changed nothing.
fn after(how: Performed) -> &'static str {
    match how {
        Performed::Now => "",
        Performed::Already => " (unchanged)",
        Performed::NotNeeded => " (not needed)",
    }
}

fn elapsed(bar: &ProgressBar) -> String {
    format_duration(SignedDuration::try_from(bar.elapsed()).unwrap_or_default())
}

impl Report for Bars {
    fn report(&self, event: &Event) {
        let (done, failed) = ("✓".green().to_string(), "✗".red().to_string());
        match event {
            Event::Journaled { .. } => {}
            Event::Started { step, title } => self.start(step, title.clone()),
            Event::Undoing { step } => self.start(step, format!("delete {step}")),
            Event::Progress { step, text } => {
                self.with_running(|running| running.get(step).map(|bar| bar.set_message(text.clone())));
            }
            Event::Output { machine, line, .. } => {
                self.say(self.labels.output(machine, line).dimmed().to_string());
            }
            Event::Done { step, how } => {
                if !self.in_table(step, StageState::of(*how)) {
                    self.end(step, &done, after(*how));
                }
            }
            Event::Undone { step } => {
                if !self.in_table(step, StageState::Deleted) {
                    self.end(step, &done, "");
                }
            }
            Event::Failed { step, error } | Event::UndoFailed { step, error } => {
                match self.table.as_ref().filter(|table| table.set(step, StageState::Failed)) {
                    // The error names phase and machine.
                    Some(table) => table.say(format!("{failed} {}", self.fitting(first_line(error)))),
                    None => self.end(step, &failed, &format!(": {}", first_line(error))),
                }
            }
            Event::Note { text } => self.say(text.clone()),
        }
    }
}
