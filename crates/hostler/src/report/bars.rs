//! On a terminal: a line for each step that runs, with the time it has taken; what has ended scrolls up above them. The
//! steps of several machines stand in a table instead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hostler_core::ticket::StepId;
use hostler_core::time::show_duration;
use hostler_engine::event::{Event, Report};
use hostler_engine::run::Performed;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;

use super::live::Live;
use super::{Labels, first_line};
use crate::grid::{Grid, Standing};
use crate::printer::Printer;

/// How wide a mark is, with the space behind it.
const MARK: usize = 7;

pub(super) struct Bars {
    printer: Arc<Printer>,
    labels: Labels,
    now: fn() -> Timestamp,
    running: Mutex<BTreeMap<StepId, ProgressBar>>,
    /// Where there are several machines.
    table: Option<Live>,
}

impl Bars {
    pub(super) fn new(printer: Arc<Printer>, labels: Labels, grid: Grid, now: fn() -> Timestamp) -> Self {
        let table = labels.several.then(|| Live::new(Arc::clone(&printer), grid, now));
        Self { printer, labels, now, running: Mutex::new(BTreeMap::new()), table }
    }

    /// Takes in where a step stands now, if it is one of the table's.
    fn in_table(&self, step: &StepId, standing: Standing) -> bool {
        self.table.as_ref().is_some_and(|table| table.set(step, standing))
    }

    fn say(&self, line: String) {
        match &self.table {
            Some(table) => table.say(line),
            None => self.printer.say(&line),
        }
    }

    fn start(&self, step: &StepId, title: String) {
        if self.in_table(step, Standing::Running((self.now)())) {
            return;
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {prefix}  {wide_msg}");
        let bar = ProgressBar::new_spinner().with_prefix(title);
        let bar = self.printer.bars().add(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())));
        bar.enable_steady_tick(Duration::from_millis(200));
        self.with_running(|running| running.insert(step.clone(), bar));
    }

    /// Takes a step's bar away, and writes how it ended.
    fn end(&self, step: &StepId, mark: &str, after: &str) {
        let bar = self.with_running(|running| running.remove(step));
        let (title, took) = match &bar {
            Some(bar) => (bar.prefix(), elapsed(bar)),
            None => (step.to_string(), String::new()),
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.say(format!("{mark} {took:>5} {title}{after}"));
    }

    /// As much of a text as fits into a line behind a mark: all of it is told at the end.
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

/// What stands behind a step that had not to be done.
fn after(how: Performed) -> &'static str {
    match how {
        Performed::Now => "",
        Performed::Already => " (already)",
        Performed::NotNeeded => " (not needed)",
    }
}

fn elapsed(bar: &ProgressBar) -> String {
    show_duration(SignedDuration::try_from(bar.elapsed()).unwrap_or_default())
}

impl Report for Bars {
    fn report(&self, event: &Event) {
        let (done, failed) = ("done  ".green().to_string(), "failed".red().to_string());
        match event {
            Event::Journaled { .. } => {}
            Event::Started { step, title } => self.start(step, title.clone()),
            Event::Undoing { step } => self.start(step, format!("give back {step}")),
            Event::Progress { step, text } => {
                self.with_running(|running| running.get(step).map(|bar| bar.set_message(text.clone())));
            }
            Event::Output { machine, line, .. } => {
                self.say(self.labels.output(machine, line).dimmed().to_string());
            }
            Event::Done { step, how } => {
                if !self.in_table(step, Standing::of(*how)) {
                    self.end(step, &done, after(*how));
                }
            }
            Event::Undone { step } => {
                if !self.in_table(step, Standing::Gone) {
                    self.end(step, &done, "");
                }
            }
            Event::Failed { step, error } | Event::UndoFailed { step, error } => {
                match self.table.as_ref().filter(|table| table.set(step, Standing::Failed)) {
                    // It names the phase and the machine by itself.
                    Some(table) => table.say(format!("{failed} {}", self.fitting(first_line(error)))),
                    None => self.end(step, &failed, &format!(": {}", first_line(error))),
                }
            }
            Event::Note { text } => self.say(text.clone()),
        }
    }
}
