//! The only writer to the terminal. Data goes to standard output; everything else goes to standard error.

use std::io::{self, IsTerminal, Stderr, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anstream::AutoStream;
use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::args::Colour;
use crate::config::Env;
use crate::table::Width;

/// Writes to the terminal, with or without colour. Texts carry their styles; they are taken out where they aren't
/// wanted.
#[derive(Debug)]
pub struct Printer {
    stdout: Mutex<AutoStream<Stdout>>,
    stderr: Mutex<AutoStream<Stderr>>,
    bars: OnceLock<MultiProgress>,
    unwritten: Mutex<Option<io::Error>>,
    has_data: AtomicBool,
    /// How wide standard output is.
    pub width: Width,
    /// How wide standard error is.
    pub error_width: Width,
    /// Whether somebody watches standard error on a terminal that can draw.
    pub is_watched: bool,
    /// Whether somebody is there to answer a question.
    pub can_ask: bool,
}

impl Printer {
    /// A printer that follows the environment and the terminal.
    pub fn new(env: &Env, colour: Colour) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (out_is_terminal, error_is_terminal) = (stdout.is_terminal(), stderr.is_terminal());
        let out_width = out_is_terminal.then(|| terminal_size::terminal_size_of(&stdout)).flatten();
        let error_width = error_is_terminal.then(|| terminal_size::terminal_size_of(&stderr)).flatten();
        Self {
            width: env.columns().or(out_width.map(|(width, _)| width.0)),
            error_width: env.columns().or(error_width.map(|(width, _)| width.0)),
            is_watched: error_is_terminal && !env.is_dumb(),
            can_ask: error_is_terminal && io::stdin().is_terminal(),
            stdout: Mutex::new(AutoStream::new(stdout, env.colour(colour, out_is_terminal))),
            stderr: Mutex::new(AutoStream::new(stderr, env.colour(colour, error_is_terminal))),
            bars: OnceLock::new(),
            unwritten: Mutex::new(None),
            has_data: AtomicBool::new(false),
        }
    }

    /// Writes data to standard output.
    pub fn data(&self, text: &str) {
        self.data_bytes(text.as_bytes());
    }

    /// Writes data to standard output that need not be text.
    pub fn data_bytes(&self, bytes: &[u8]) {
        self.has_data.store(true, Ordering::Relaxed);
        let written = self.quietly(|| {
            let mut stdout = locked(&self.stdout);
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        });
        if let Err(error) = written {
            locked(&self.unwritten).get_or_insert(error);
        }
    }

    /// Writes a line for the user to standard error. Nobody can be told where that fails, so it is not an error.
    pub fn say(&self, line: &str) {
        self.quietly(|| {
            let mut stderr = locked(&self.stderr);
            let _ = writeln!(stderr, "{}", line.trim_end_matches('\n'));
        });
    }

    /// Asks a question that is answered by yes or no; anything else than a clear yes is a no.
    pub fn confirm(&self, question: &str) -> bool {
        self.quietly(|| {
            let mut stderr = locked(&self.stderr);
            let _ = write!(stderr, "{question} [y/N] ");
            let _ = stderr.flush();
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
        })
    }

    /// How large the terminal behind standard error is at this time: its columns and its lines.
    pub fn screen(&self) -> (Width, Option<u16>) {
        let size = terminal_size::terminal_size_of(io::stderr());
        (size.map(|(width, _)| width.0).or(self.error_width), size.map(|(_, height)| height.0))
    }

    /// A text as it would be written to standard error: with its styles, or without.
    pub fn as_drawn(&self, text: &str) -> String {
        match locked(&self.stderr).current_choice() {
            anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
            _ => text.to_owned(),
        }
    }

    /// Where progress bars are drawn: below everything that is written meanwhile.
    pub fn bars(&self) -> &MultiProgress {
        self.bars.get_or_init(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)))
    }

    /// Whether anything was written to standard output: of JSON and YAML there is one document, and no second.
    pub fn has_data(&self) -> bool {
        self.has_data.load(Ordering::Relaxed)
    }

    /// What could not be written to standard output. A reader that went away (`hostler ls | head -1`) has what it
    /// wanted, and is no error.
    pub fn unwritten(&self) -> Option<io::Error> {
        locked(&self.unwritten).take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// Writes while no bar is on the screen.
    fn quietly<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.bars.get() {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// What a panicking thread held is still good: it is only a stream.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
