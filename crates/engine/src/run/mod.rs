//! Executes a plan: takes the next steps from the journal, writes them down, performs them, and writes down the results.
//!
//! [`Journal::next`](hostler_core::journal::Journal::next) makes every decision. Calls that create or delete are awaited, so
//! that this process knows their outcome; if it dies first, the next process looks the resource up by its ticket. Sessions
//! with machines are dropped as soon as they are no longer needed.

mod completion;
mod executor;
mod interrupt;
mod machine;
mod outcome;
mod registry;
mod runner;
mod site;
mod title;

pub use crate::event::Performed;
pub use executor::{Executor, Machine};
pub use interrupt::{Interrupted, Interrupts, interrupted, never, unless_interrupted};
pub use outcome::{FailedStep, RunOutcome};
pub use runner::JournalRunner;
pub use title::title;
