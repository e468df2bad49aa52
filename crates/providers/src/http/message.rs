//! Requests and responses, as values.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::HttpError;

pub use reqwest::Method;

/// One call to a service.
#[derive(Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// Headers other than those that follow from the body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Decides whether a request that may have arrived is sent again.
    pub idempotency: Idempotency,
}

/// The body of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Body {
    /// No body.
    #[default]
    Empty,
    /// A JSON document.
    Json(Value),
    /// The fields of a form.
    Form(Vec<(&'static str, String)>),
}

/// Effect of a request that arrives twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// The same as if it arrived once.
    Idempotent,
    /// It may create a second resource: resent only if it certainly did not arrive.
    NotIdempotent,
}

impl Request {
    /// A request without body. Idempotent if HTTP defines the method so.
    pub fn new(method: Method, url: Url) -> Self {
        let idempotency = if method.is_idempotent() { Idempotency::Idempotent } else { Idempotency::NotIdempotent };
        Self { method, url, headers: HeaderMap::new(), body: Body::Empty, idempotency }
    }

    /// Adds a header. A value that is not valid in a header is dropped.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a header whose value must not appear in logs.
    pub fn secret_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sets a JSON body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }
}

/// Shows neither headers nor body: they hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, with_masked_secrets(&self.url))
    }
}

/// A service's response, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The requested address, without user name, password and query.
    pub url: String,
    /// The request's method.
    pub method: Method,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// True for a failure that may pass if the same request is sent again.
    ///
    /// `500` counts for reads and deletions only: it may come from a worker that was just restarted or a database that was
    /// briefly away. A creation that ended in `500` may have been carried out in part.
    pub fn is_transient(&self) -> bool {
        let repeatable = matches!(self.method, Method::GET | Method::HEAD | Method::DELETE);
        matches!(self.status, 429 | 502 | 503 | 504) || (self.status == 500 && repeatable)
    }

    /// True for a status from 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, parsed as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError::NotJson {
            url: self.url.clone(),
            status: self.status,
            why: error.to_string(),
        })
    }

    /// The delay that the service requests with `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        parse_retry_after(self.header("retry-after")?)
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3). A date in the past is no delay.
fn parse_retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO))
}

/// Parses an address with the scheme `http` or `https`.
pub(crate) fn http_url(text: &str) -> Result<Url, HttpError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(HttpError::BadUrl(text.to_owned())),
    }
}

/// An address for display: user name, password and query may be secret.
pub(super) fn without_credentials(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// An address for the log, with its query. Values of parameters with telling names are masked by `…`.
pub(super) fn with_masked_secrets(url: &Url) -> String {
    const SECRET: [&str; 6] = ["token", "secret", "password", "signature", "credential", "key"];
    let is_secret = |name: &str| SECRET.iter().any(|word| name.to_ascii_lowercase().contains(word));
    let pairs: Vec<String> = url
        .query_pairs()
        .map(|(name, value)| if is_secret(&name) { format!("{name}=…") } else { format!("{name}={value}") })
        .collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    format!("{}{query}", without_credentials(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_secret() {
        let url = Url::parse("https://u:p@site/v3/x?name=a%20b&X-Amz-Signature=s1&auth_token=s2").unwrap();
        let request = Request::new(Method::POST, url).secret_header("x-auth-token", "s3").json("s4".into());
        assert_eq!(format!("{request:?}"), "POST https://site/v3/x?name=a b&X-Amz-Signature=…&auth_token=…");
        assert_eq!(format!("{:?}", request.headers), "{\"x-auth-token\": Sensitive}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parse_retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("soon"), None);
    }
}
