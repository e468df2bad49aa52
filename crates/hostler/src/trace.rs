//! `--trace`: calls to sites and internal spans with their durations, as JSON lines in a file.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::error::Error;

/// Appends the trace to a file. The file is readable by its owner only, because it contains addresses.
///
/// # Errors
/// If the file can't be written.
pub fn to(file: &Path) -> Result<(), Error> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(file);
    let opened = opened.map_err(|error| Error::unwritable(file, &error))?;
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(Mutex::new(opened));
    // Only hostler's crates: libraries log single reads and writes of sockets.
    let own_crates = Targets::new().with_target("hostler", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(own_crates).with(lines).init();
    Ok(())
}
