//! A failed call inside a provider, before the port adds the site and the operation.

use std::time::Duration;

use hostler_core::name::SiteId;
use hostler_core::ports::{Remedy, SiteError};

/// A failed call, classified by what the caller does next.
#[derive(Debug)]
pub(crate) struct CallFailure {
    pub message: String,
    pub remedy: Remedy,
    pub hint: Option<String>,
}

impl CallFailure {
    /// An answer that this version does not know how to handle.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Remedy::Report, hint: None }
    }

    /// The requested resource is taken or over a quota; another offer may still work.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Remedy::Replan, hint: None }
    }

    /// Only the user can resolve it: credentials, permission, configuration.
    pub fn needs_user(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Remedy::Ask, hint: Some(hint.into()) }
    }

    /// The same call may succeed after this delay.
    pub fn transient(message: impl Into<String>, after: Duration) -> Self {
        Self { message: message.into(), remedy: Remedy::Retry(after), hint: None }
    }

    /// The port's error for this failure.
    pub fn at_site(self, site: &SiteId, operation: &str) -> SiteError {
        let Self { message, remedy, hint } = self;
        SiteError { site: site.clone(), doing: operation.to_owned(), message, remedy, hint }
    }
}

impl From<std::io::Error> for CallFailure {
    fn from(error: std::io::Error) -> Self {
        Self::unexpected(error.to_string())
    }
}
