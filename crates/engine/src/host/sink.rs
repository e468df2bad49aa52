//! Receivers of a command's output and of progress messages.

use super::command::Stream;

/// Receives output lines as they arrive. Called for every line, so it must be fast.
pub type OutputSink<'a> = &'a (dyn Fn(Stream, &str) + Send + Sync);

/// Receives progress messages for the user.
pub type ProgressSink<'a> = &'a (dyn Fn(&str) + Send + Sync);
