//! Why something failed, before it is known where: the site and the doing are added at the port.

use std::time::Duration;

use hostler_core::name::SiteId;
use hostler_core::ports::{Remedy, SiteError};

/// A failure, and what the caller does next.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub message: String,
    pub remedy: Remedy,
    pub hint: Option<String>,
}

impl Trouble {
    /// An answer that we don't know what to do about.
    pub fn report(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Remedy::Report, hint: None }
    }

    /// There is not enough of something.
    pub fn full(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Remedy::Replan, hint: None }
    }

    /// The user has to do something.
    pub fn ask(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Remedy::Ask, hint: Some(hint.into()) }
    }

    /// It may work in a while.
    pub fn retry(message: impl Into<String>, after: Duration) -> Self {
        Self { message: message.into(), remedy: Remedy::Retry(after), hint: None }
    }

    /// With the place, as the port wants it.
    pub fn at(self, site: &SiteId, doing: &str) -> SiteError {
        let Self { message, remedy, hint } = self;
        SiteError { site: site.clone(), doing: doing.to_owned(), message, remedy, hint }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::report(error.to_string())
    }
}
