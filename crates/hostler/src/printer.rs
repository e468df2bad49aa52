//! The only writer to the terminal. Data goes to standard output; everything else goes to standard error.

use std::io::{self, IsTerminal, Stderr, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anstream::AutoStream;
use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::args::Colour;
use crate::config::Env;
use crate::table::Width;

/// Writes to the terminal. Texts contain ANSI styles, which are stripped where colour is off.
#[derive(Debug)]
pub struct Printer {
    stdout: Mutex<AutoStream<Stdout>>,
    stderr: Mutex<AutoStream<Stderr>>,
    bars: OnceLock<MultiProgress>,
    unwritten: Mutex<Option<io::Error>>,
    has_data: AtomicBool,
    /// Width of standard output.
    pub width: Width,
    /// Width of standard error.
    pub error_width: Width,
    /// True if standard error is a terminal that can draw progress bars.
    pub is_watched: bool,
    /// True if standard input and standard error are a terminal, so that questions can be asked.
    pub can_ask: bool,
}

impl Printer {
    /// A printer with the colour and width that the environment and terminal call for.
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

    /// Writes bytes to standard output, which need not be text.
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

    /// Writes a line to standard error. A failure to write is ignored: there is no place left to report it.
    pub fn say(&self, line: &str) {
        self.quietly(|| {
            let mut stderr = locked(&self.stderr);
            let _ = writeln!(stderr, "{}", line.trim_end_matches('\n'));
        });
    }

    /// Asks a yes-or-no question. Anything but `y` or `yes` is a no.
    pub fn confirm(&self, question: &str) -> bool {
        self.quietly(|| {
            let mut stderr = locked(&self.stderr);
            let _ = write!(stderr, "{question} [y/N] ");
            let _ = stderr.flush();
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
        })
    }

    /// Current size of the terminal of standard error: columns and lines.
    pub fn screen(&self) -> (Width, Option<u16>) {
        let size = terminal_size::terminal_size_of(io::stderr());
        (size.map(|(width, _)| width.0).or(self.error_width), size.map(|(_, height)| height.0))
    }

    /// A text as standard error shows it: with styles, or stripped.
    pub fn as_drawn(&self, text: &str) -> String {
        match locked(&self.stderr).current_choice() {
            anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
            _ => text.to_owned(),
        }
    }

    /// The progress bars, drawn below all other output.
    pub fn bars(&self) -> &MultiProgress {
        self.bars.get_or_init(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)))
    }

    /// True if anything was written to standard output. JSON and YAML output is a single document.
    pub fn has_data(&self) -> bool {
        self.has_data.load(Ordering::Relaxed)
    }

    /// The error of a failed write to standard output, if any. A closed pipe is no error: `hostler ls | head -1` ends early
    /// on purpose.
    pub fn unwritten(&self) -> Option<io::Error> {
        locked(&self.unwritten).take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// Writes while the progress bars are hidden.
    fn quietly<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.bars.get() {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// Locks, ignoring poison: a stream stays usable after a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
