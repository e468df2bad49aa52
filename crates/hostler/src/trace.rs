//! The trace: every call to a site with its time, and what else the insides tell, as JSON lines in a file.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::error::{Error, Kind};

/// Writes the trace from now on to the end of a file, which only its owner reads: addresses of things stand in it.
///
/// # Errors
/// [`Kind::System`] where the file can't be written.
pub fn to(file: &Path) -> Result<(), Error> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(file);
    let unwritten =
        |error| Error::new(Kind::System, format!("`{}` can't be written", file.display())).caused_by(&error);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(Mutex::new(opened.map_err(unwritten)?));
    // What our own crates tell; libraries talk of bytes and sockets.
    let ours = Targets::new().with_target("hostler", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(ours).with(lines).init();
    Ok(())
}
