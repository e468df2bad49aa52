//! Errors of a cloud's services, and what the caller does next.

use std::time::Duration;

use hostler_core::ports::Remedy;
use serde_json::Value;

use super::keystone::Service;
use crate::failure::CallFailure;
use crate::http::{HttpError, Response};

/// A failed call to a service.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A service responded with an error status.
    #[error(transparent)]
    Response(#[from] ErrorResponse),
    /// No response, or an unreadable one.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The catalog does not list the service, or not in the configured region.
    #[error("the cloud has no {service}{}", in_region(region.as_ref()))]
    NoService {
        /// The service.
        service: Service,
        /// The configured region.
        region: Option<String>,
        /// The regions of the catalog.
        regions: Vec<String>,
    },
    /// Keystone's response contains no token.
    #[error("Keystone's answer contains no token")]
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

/// A service's response with an error status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} answered {status}: {message}")]
pub struct ErrorResponse {
    /// The service.
    pub service: Service,
    /// The status.
    pub status: u16,
    /// The service's own message.
    pub message: String,
    /// The delay that the service requests before a retry.
    pub retry_after: Option<Duration>,
    /// True if the same call may succeed a while later.
    pub is_transient: bool,
}

/// Characters of a service's message that are shown at most.
const MAX_MESSAGE: usize = 500;

impl ErrorResponse {
    /// Reads a response with an error status.
    pub fn new(service: Service, response: &Response) -> Self {
        let message = serde_json::from_slice(&response.body).ok().and_then(|body| find_message(&body));
        // Anything but JSON comes from a proxy in between, or is Glance's HTML page about an invalid token.
        let message = message.unwrap_or_else(|| "no reason given".to_owned());
        let mut message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((cut, _)) = message.char_indices().nth(MAX_MESSAGE) {
            message.truncate(cut);
            message.push('…');
        }
        let (retry_after, is_transient) = (response.retry_after(), response.is_transient());
        Self { service, status: response.status, message, retry_after, is_transient }
    }

    /// True if a quota of the user's project is exhausted. Nova says so in the message only.
    fn is_quota(&self) -> bool {
        matches!(self.status, 403 | 409 | 413) && contains_any(&self.message, &["quota"])
    }

    /// True if the cloud has run out of hosts or addresses.
    fn is_out_of_capacity(&self) -> bool {
        contains_any(&self.message, &["not enough", "no more ip addresses", "no valid host"])
    }
}

fn contains_any(text: &str, phrases: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// The message of an error body. Each service nests it differently: Nova in an object named after the kind of error,
/// Neutron in `NeutronError`, Keystone in `error`, Blazar in `error_message`, OpenID providers in `error_description`.
fn find_message(body: &Value) -> Option<String> {
    let table = body.as_object()?;
    for key in ["error_message", "error_description", "message", "faultstring", "detail"] {
        if let Some(text) = table.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            return Some(text.to_owned());
        }
    }
    let inner = table.values().find_map(find_message);
    inner.or_else(|| table.get("error").and_then(Value::as_str).map(str::to_owned))
}

/// `Ok(None)` if the service answers that the resource does not exist.
pub(super) fn none_if_missing<T>(outcome: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match outcome {
        Ok(resource) => Ok(Some(resource)),
        Err(ApiError::Response(ErrorResponse { status: 404 | 410, .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

const RETRY_DELAY: Duration = Duration::from_secs(5);

const LOGIN_HINT: &str = "check the user, the password or credential, and the project in clouds.yaml or the OS_ variables, and that they \
     have not expired";

/// Advice for an exhausted quota.
pub(super) const QUOTA_HINT: &str =
    "delete resources that are no longer needed, or ask the cloud's operators for a larger quota";

impl From<ApiError> for CallFailure {
    fn from(error: ApiError) -> Self {
        let message = error.to_string();
        match error {
            ApiError::Response(response) => from_response(&response, message),
            ApiError::Http(error @ HttpError::Transport { .. }) => Self::transient(error.to_string(), RETRY_DELAY),
            ApiError::Http(_) => Self::unexpected(message),
            ApiError::NoService { regions, .. } if regions.is_empty() => {
                Self::needs_user(message, "name a project: without one Keystone lists no services")
            }
            ApiError::NoService { regions, .. } => {
                Self::needs_user(message, format!("the cloud's regions are: {}", regions.join(", ")))
            }
            ApiError::NoToken => Self::unexpected(message),
        }
    }
}

fn from_response(response: &ErrorResponse, message: String) -> CallFailure {
    let delay = response.retry_after.unwrap_or(RETRY_DELAY);
    match response.status {
        401 if response.service == Service::Identity => {
            CallFailure::needs_user("Keystone rejects the credentials", LOGIN_HINT)
        }
        401 => CallFailure::needs_user(format!("{} rejects Keystone's token", response.service), LOGIN_HINT),
        _ if response.is_quota() => {
            CallFailure { hint: Some(QUOTA_HINT.to_owned()), ..CallFailure::unavailable(message) }
        }
        403 => CallFailure::needs_user(message, "the project, or the user's role in it, does not permit this"),
        // Nova: another task is running on the same machine. The other services: the resource is taken.
        409 if response.service == Service::Compute => CallFailure::transient(message, RETRY_DELAY),
        409 => CallFailure::unavailable(message),
        500 if response.is_out_of_capacity() => CallFailure::unavailable(message),
        _ if response.is_transient => CallFailure::transient(message, delay),
        _ => CallFailure { message, remedy: Remedy::Report, hint: None },
    }
}
