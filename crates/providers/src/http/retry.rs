//! Retries: which failed attempts are repeated, and after what delay.

use std::fmt;
use std::time::Duration;

use backon::ExponentialBuilder;
use hostler_core::size::Bytes;

use super::error::HttpError;
use super::message::{Idempotency, Response};

/// Time limits, retries and size limit of a client's calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Time limit of one attempt.
    pub attempt_timeout: Duration,
    /// Attempts in all, including the first.
    pub attempts: usize,
    /// Delay before the second attempt. Each further delay is twice the previous one, with jitter.
    pub first_delay: Duration,
    /// The longest delay. If a service requests a longer one, its response is returned instead.
    pub max_delay: Duration,
    /// The largest response that is read.
    pub max_response: Bytes,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(60),
            attempts: 4,
            first_delay: Duration::from_millis(300),
            max_delay: Duration::from_secs(5),
            max_response: Bytes::mib(256),
        }
    }
}

impl RetryPolicy {
    pub(super) fn delays(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.attempts.saturating_sub(1))
            .with_jitter()
    }
}

/// A failed attempt at a request.
#[derive(Debug)]
pub(super) enum FailedAttempt {
    /// A response with an error status.
    Response(Response),
    /// No usable response.
    NoResponse(HttpError, NoResponse),
}

/// Reason for the lack of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoResponse {
    /// No connection: the request certainly did not arrive.
    ConnectFailed,
    /// None within the time limit.
    TimedOut,
    /// The connection broke.
    Interrupted,
    /// The response exceeds the size limit.
    TooLarge,
}

impl NoResponse {
    pub(super) fn from_error(error: &reqwest::Error) -> Self {
        match error {
            error if error.is_connect() => Self::ConnectFailed,
            error if error.is_timeout() => Self::TimedOut,
            _ => Self::Interrupted,
        }
    }
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ConnectFailed => "no connection",
            Self::TimedOut => "no answer in time",
            Self::Interrupted => "broken off",
            Self::TooLarge => "too large",
        })
    }
}

impl FailedAttempt {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Response(response) => response.retry_after(),
            Self::NoResponse(..) => None,
        }
    }

    /// True if the request may be sent again and another attempt may succeed.
    ///
    /// A gateway can answer `502` or `504` although the service behind it has carried out the request. A request that is
    /// not idempotent is therefore resent only if it did not connect, or was turned away with `429`.
    pub(super) fn is_retryable(&self, idempotency: Idempotency) -> bool {
        match (self, idempotency) {
            (Self::NoResponse(_, NoResponse::ConnectFailed), _) => true,
            (Self::NoResponse(_, NoResponse::TimedOut | NoResponse::Interrupted), idempotency) => {
                idempotency == Idempotency::Idempotent
            }
            (Self::NoResponse(_, NoResponse::TooLarge), _) => false,
            (Self::Response(response), Idempotency::Idempotent) => response.is_transient(),
            (Self::Response(response), Idempotency::NotIdempotent) => response.status == 429,
        }
    }
}
