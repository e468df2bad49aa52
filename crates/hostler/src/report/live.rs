//! Progress on a terminal with several machines: a table of machines and phases, redrawn as it changes. Output and
//! failures scroll up above it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hostler_core::ticket::StepId;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::printer::Printer;
use crate::view::{self, Room};
use hostler_engine::grid::{Grid, StageState};

/// Interval between drawings.
const EVERY: Duration = Duration::from_millis(200);
/// Maximum number of lines that wait for the next drawing, so that memory stays bounded.
const WAITING_LINES: usize = 1_000;
/// Lines of the screen that the table leaves to the output above it.
const ABOVE: usize = 4;

/// The table, and the thread that draws it.
pub(super) struct Live {
    shared: Arc<Shared>,
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    printer: Arc<Printer>,
    now: fn() -> Timestamp,
    bar: ProgressBar,
    grid: Mutex<Grid>,
    lines: Mutex<Vec<String>>,
}

impl Live {
    pub(super) fn new(printer: Arc<Printer>, grid: Grid, now: fn() -> Timestamp) -> Self {
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = printer.bars().add(ProgressBar::new_spinner().with_style(style));
        let shared = Arc::new(Shared { printer, now, bar, grid: Mutex::new(grid), lines: Mutex::new(Vec::new()) });
        let (end, ended) = channel();
        let drawn = Arc::clone(&shared);
        let drawing = std::thread::Builder::new().name("table".to_owned()).spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                drawn.draw();
            }
        });
        // Without a thread, the table is drawn when lines arrive and at the end.
        Self { shared, drawing: drawing.ok().map(|thread| (end, thread)) }
    }

    /// Updates a step; false if it is not a step of one machine.
    pub(super) fn set(&self, step: &StepId, state: StageState) -> bool {
        locked(&self.shared.grid).set(step, state)
    }

    /// Queues a line to print above the table.
    pub(super) fn say(&self, line: String) {
        let mut lines = locked(&self.shared.lines);
        lines.push(line);
        let full = lines.len() >= WAITING_LINES || self.drawing.is_none();
        drop(lines);
        if full {
            self.shared.write_lines();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.drawing.take() {
            drop(end);
            let _ = thread.join();
        }
        self.shared.write_lines();
        self.shared.bar.finish_and_clear();
        self.shared.printer.say(&self.shared.text());
    }
}

impl Shared {
    fn draw(&self) {
        self.write_lines();
        let text = self.printer.as_drawn(&self.text());
        if self.bar.message() != text {
            self.bar.set_message(text);
        }
    }

    fn write_lines(&self) {
        let lines = std::mem::take(&mut *locked(&self.lines));
        if !lines.is_empty() {
            self.printer.say(&lines.join("\n"));
        }
    }

    fn text(&self) -> String {
        let (width, height) = self.printer.screen();
        let room = Room { width, height: height.map(|height| usize::from(height).saturating_sub(ABOVE)) };
        let grid = locked(&self.grid);
        let text = view::grid(&grid, (self.now)(), room);
        format!("{text}{}", view::tally(&grid))
    }
}

/// Locks, ignoring poison: a drawing stays usable after a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
