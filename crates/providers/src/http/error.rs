//! Errors of HTTP calls.

use std::error::Error as _;

use hostler_core::size::Bytes;

/// A failed HTTP call. Messages show addresses without user name, password and query.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No response, or an incomplete one.
    #[error("fetching `{url}` failed: {why}")]
    Transport {
        /// The requested address.
        url: String,
        /// All causes: the outermost one alone says little.
        why: String,
    },
    /// The server responded with an error status.
    #[error("fetching `{url}` failed: the server answered {status}")]
    Status {
        /// The requested address.
        url: String,
        /// The response's status.
        status: u16,
    },
    /// The response exceeds the size limit.
    #[error("fetching `{url}` failed: it is larger than {limit}")]
    TooLarge {
        /// The requested address.
        url: String,
        /// The size limit.
        limit: Bytes,
    },
    /// The body is not JSON of the expected shape.
    #[error("the answer of `{url}` ({status}) is not the expected JSON: {why}")]
    NotJson {
        /// The requested address.
        url: String,
        /// The response's status.
        status: u16,
        /// The parser's message.
        why: String,
    },
    /// The text is not an address.
    #[error("`{0}` is not an http or https address")]
    BadUrl(String),
    /// The downloaded file could not be written.
    #[error("writing a download failed")]
    File(#[from] std::io::Error),
}

/// The messages of an error and of all its causes.
pub(super) fn cause_chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
