//! How a cloud says no, and what to do about it.

use std::time::Duration;

use hostler_core::ports::Remedy;
use serde_json::Value;

use super::keystone::Service;
use crate::http::{Answer, HttpError};
use crate::trouble::Trouble;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A service said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No answer, or one that can't be read.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The cloud has no such service, or not there.
    #[error("the cloud has no {service}{}", in_region(region.as_ref()))]
    NoService {
        /// Which.
        service: Service,
        /// Where it was looked for.
        region: Option<String>,
        /// The regions that there are.
        regions: Vec<String>,
    },
    /// Keystone's answer had no token.
    #[error("Keystone gave no token")]
    NoToken,
}

impl ApiError {
    pub(super) fn unreadable(service: Service, error: &serde_json::Error) -> Self {
        Self::Http(HttpError::NotJson { url: service.to_string(), status: 200, why: error.to_string() })
    }
}

fn in_region(region: Option<&String>) -> String {
    region.map(|region| format!(" in the region `{region}`")).unwrap_or_default()
}

/// A service's no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} answered {status}: {message}")]
pub struct Refusal {
    /// Which service.
    pub service: Service,
    /// The status.
    pub status: u16,
    /// The service's words.
    pub message: String,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the same call may get a yes a while later.
    pub may_pass: bool,
}

/// The longest text of a service that is shown.
const LONGEST: usize = 500;

impl Refusal {
    /// Reads an answer that is not a yes.
    pub fn of(service: Service, answer: &Answer) -> Self {
        let message = serde_json::from_slice(&answer.body).ok().and_then(|body| words(&body));
        // What is no JSON comes from something in between, or is Glance's page about a bad token.
        let message = message.unwrap_or_else(|| "no reason given".to_owned());
        let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((cut, _)) = message.char_indices().nth(LONGEST) {
            message.truncate(cut);
            message.push('…');
        }
        Self { service, status: answer.status, message, retry_after: answer.retry_after(), may_pass: answer.may_pass() }
    }

    /// Whether a limit of the user's project was reached. Nova has no other word for it than the text.
    fn is_quota(&self) -> bool {
        matches!(self.status, 403 | 409 | 413) && contains(&self.message, &["quota"])
    }

    /// Whether there is not enough of something.
    fn is_full(&self) -> bool {
        contains(&self.message, &["not enough", "no more ip addresses", "no valid host"])
    }
}

fn contains(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// The message of an answer. Every service wraps it in its own way: Nova in an object named after the kind, Neutron in
/// `NeutronError`, Keystone in `error`, Blazar in `error_message`, OpenID providers in `error_description`.
fn words(body: &Value) -> Option<String> {
    let table = body.as_object()?;
    for key in ["error_message", "error_description", "message", "faultstring", "detail"] {
        if let Some(text) = table.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            return Some(text.to_owned());
        }
    }
    let inner = table.values().find_map(words);
    inner.or_else(|| table.get("error").and_then(Value::as_str).map(str::to_owned))
}

/// `None` where the thing that was asked for is not there.
pub(super) fn found<T>(answer: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match answer {
        Ok(resource) => Ok(Some(resource)),
        Err(ApiError::Refused(Refusal { status: 404 | 410, .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

const SOON: Duration = Duration::from_secs(5);

const LOG_IN: &str = "check the user, the password or credential, and the project in clouds.yaml or the OS_ variables, and that they \
     have not expired";

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        let message = error.to_string();
        match error {
            ApiError::Refused(refusal) => from_refusal(&refusal, message),
            ApiError::Http(error @ HttpError::Transport { .. }) => Self::retry(error.to_string(), SOON),
            ApiError::Http(_) => Self::report(message),
            ApiError::NoService { regions, .. } if regions.is_empty() => {
                Self::ask(message, "name a project: without one Keystone lists no services")
            }
            ApiError::NoService { regions, .. } => {
                Self::ask(message, format!("the cloud knows the regions {}", regions.join(", ")))
            }
            ApiError::NoToken => Self::report(message),
        }
    }
}

fn from_refusal(refusal: &Refusal, message: String) -> Trouble {
    let after = refusal.retry_after.unwrap_or(SOON);
    match refusal.status {
        401 if refusal.service == Service::Identity => Trouble::ask("the credentials are not accepted", LOG_IN),
        401 => Trouble::ask(format!("{} doesn't accept Keystone's token", refusal.service), LOG_IN),
        _ if refusal.is_quota() => {
            let hint = "give back what is not needed, or ask the cloud's operators for a larger quota";
            Trouble { hint: Some(hint.to_owned()), ..Trouble::full(message) }
        }
        403 => Trouble::ask(message, "the project, or the user's role in it, doesn't allow it"),
        // Nova is at something else with the same machine; the others say so of a thing that is taken.
        409 if refusal.service == Service::Compute => Trouble::retry(message, SOON),
        409 => Trouble::full(message),
        500 if refusal.is_full() => Trouble::full(message),
        _ if refusal.may_pass => Trouble::retry(message, after),
        _ => Trouble { message, remedy: Remedy::Report, hint: None },
    }
}
