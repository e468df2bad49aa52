//! The shared HTTP layer. Invariant: nothing else in this crate opens connections to other hosts.

mod client;
mod download;
mod error;
mod message;
mod retry;
#[cfg(test)]
pub(crate) mod testing;

pub use client::HttpClient;
pub use download::{ProgressFn, download};
pub use error::HttpError;
pub use message::{Body, Idempotency, Method, Request, Response};
pub use reqwest::Url;
pub use retry::RetryPolicy;

pub(crate) use message::http_url;
