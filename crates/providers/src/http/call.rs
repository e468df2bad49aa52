//! Calls to services that speak JSON. A call is a value; only [`Caller`] sends it.

use std::fmt;
use std::time::{Duration, Instant};

use backon::Retryable;
use hostler_core::size::Bytes;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::retry::{Failed, passes, pause_asked_for};
use super::{HttpError, chain, client_trusting, without_credentials};

pub use reqwest::Method;

/// One call to a service, with all that it says.
#[derive(Clone)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// To what.
    pub url: Url,
    /// Headers beside those that the body asks for.
    pub headers: HeaderMap,
    /// What is sent along.
    pub body: Body,
    /// Whether a call that may have arrived can be sent again.
    pub repeat: Repeat,
}

/// What a call sends along.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// A JSON document.
    Json(Value),
    /// The fields of a form.
    Form(Vec<(&'static str, String)>),
}

/// Whether a call that may have arrived can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It does the same however often it arrives.
    Safe,
    /// It may make a second thing: it is sent again only where it surely did not arrive.
    Once,
}

impl Request {
    /// A call without body.
    pub fn new(method: Method, url: Url) -> Self {
        let repeat = if method.is_idempotent() { Repeat::Safe } else { Repeat::Once };
        Self { method, url, headers: HeaderMap::new(), body: Body::Empty, repeat }
    }

    /// With a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a header that no log may show.
    pub fn secret_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a JSON document.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }
}

/// Neither headers nor body: they hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, without_secrets(&self.url))
    }
}

/// A service's answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, as it may be shown.
    pub url: String,
    /// How it was asked.
    pub method: Method,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the service broke over a call that changes nothing by being made again, as looking and removing: it may have
    /// been a worker that was just restarted, or a database that was away. Of other calls nobody knows how far they got.
    pub fn may_pass(&self) -> bool {
        let repeats = matches!(self.method, Method::GET | Method::HEAD | Method::DELETE);
        matches!(self.status, 429 | 502 | 503 | 504) || (self.status == 500 && repeats)
    }

    /// Whether it is a yes.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError::NotJson {
            url: self.url.clone(),
            status: self.status,
            why: error.to_string(),
        })
    }

    /// How long the service asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        pause_asked_for(self.header("retry-after")?)
    }
}

/// How long to wait, and how often to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// For one answer.
    pub answer: Duration,
    /// Tries in all.
    pub tries: usize,
    /// The pause before the second try; each is twice the one before, and is never exactly so long.
    pub first_pause: Duration,
    /// The longest pause. A service that asks for more gets none: its answer is handed on.
    pub longest_pause: Duration,
    /// The largest answer that is read.
    pub limit: Bytes,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(60),
            tries: 4,
            first_pause: Duration::from_millis(300),
            longest_pause: Duration::from_secs(5),
            limit: Bytes::mib(256),
        }
    }
}

/// Sends calls: connections are kept, and calls that can be repeated are, where the trouble looks as if it passes.
#[derive(Debug, Clone)]
pub struct Caller {
    http: reqwest::Client,
    patience: Patience,
}

impl Caller {
    /// Trusts these authorities (the text of PEM files) beside those of the operating system.
    pub fn new(patience: Patience, authorities: &[String]) -> Result<Self, HttpError> {
        Ok(Self { http: client_trusting(authorities)?, patience })
    }

    /// Sends a call. An answer with any status is an answer; only silence is an error.
    pub async fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        let longest = self.patience.longest_pause;
        let tried = (|| self.once(request))
            .retry(self.patience.pauses())
            .when(|failed| passes(request.repeat, failed))
            .adjust(|failed, pause| match (failed.retry_after(), pause) {
                (Some(asked), Some(_)) => (asked <= longest).then_some(asked),
                (_, pause) => pause,
            })
            .await;
        match tried {
            Ok(answer) | Err(Failed::Answer(answer)) => Ok(answer),
            Err(Failed::Silence(error, _)) => Err(error),
        }
    }

    async fn once(&self, request: &Request) -> Result<Answer, Failed> {
        let begun = Instant::now();
        let outcome = self.exchange(request).await;
        let status = match &outcome {
            Ok(answer) => answer.status.to_string(),
            Err(Failed::Silence(_, silence)) => silence.to_string(),
            Err(Failed::Answer(answer)) => answer.status.to_string(),
        };
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (method, url) = (request.method.as_str(), without_secrets(&request.url));
        tracing::debug!(target: "hostler::http", method, url, status, ms, "call");
        outcome.and_then(|answer| if answer.is_good() { Ok(answer) } else { Err(Failed::Answer(answer)) })
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Failed> {
        let shown = without_credentials(&request.url);
        let broken = |error: reqwest::Error| {
            let silence = Silence::of(&error);
            let why = chain(&error.without_url());
            Failed::Silence(HttpError::Transport { url: shown.clone(), why }, silence)
        };
        let mut answer = self.prepare(request).send().await.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > self.patience.limit.0 {
                let error = HttpError::TooLarge { url: shown, limit: self.patience.limit };
                return Err(Failed::Silence(error, Silence::TooMuch));
            }
        }
        let status = answer.status().as_u16();
        Ok(Answer {
            url: shown,
            method: request.method.clone(),
            status,
            headers: std::mem::take(answer.headers_mut()),
            body,
        })
    }

    fn prepare(&self, request: &Request) -> reqwest::RequestBuilder {
        let builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .timeout(self.patience.answer)
            .header("accept", "application/json")
            .headers(request.headers.clone());
        match &request.body {
            Body::Empty => builder,
            Body::Json(value) => builder.header("content-type", "application/json").body(value.to_string()),
            Body::Form(fields) => {
                builder.header("content-type", "application/x-www-form-urlencoded").body(form(fields))
            }
        }
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Silence {
    /// No connection: the call surely did not arrive.
    Unreached,
    /// None in time.
    TimedOut,
    /// It broke off.
    Broken,
    /// More came than was allowed.
    TooMuch,
}

impl Silence {
    fn of(error: &reqwest::Error) -> Self {
        match error {
            error if error.is_connect() => Self::Unreached,
            error if error.is_timeout() => Self::TimedOut,
            _ => Self::Broken,
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unreached => "no connection",
            Self::TimedOut => "no answer in time",
            Self::Broken => "broken off",
            Self::TooMuch => "too large",
        })
    }
}

fn form(fields: &[(&'static str, String)]) -> String {
    // A query has the same form (URL standard, section 5).
    let Ok(mut url) = Url::parse("http://form/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// An address with its query, where what may be secret shows as `…`.
fn without_secrets(url: &Url) -> String {
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
    fn a_shown_request_has_no_secret() {
        let url = Url::parse("https://u:p@site/v3/x?name=a%20b&X-Amz-Signature=s1&auth_token=s2").unwrap();
        let request = Request::new(Method::POST, url).secret_header("x-auth-token", "s3").json("s4".into());
        assert_eq!(format!("{request:?}"), "POST https://site/v3/x?name=a b&X-Amz-Signature=…&auth_token=…");
        assert_eq!(format!("{:?}", request.headers), "{\"x-auth-token\": Sensitive}");
    }

    #[test]
    fn a_form_is_encoded() {
        assert_eq!(form(&[("user", "a b&c".to_owned()), ("x", "é=".to_owned())]), "user=a+b%26c&x=%C3%A9%3D");
    }
}
