//! The client that sends [`Request`]s to services, with retries.

use std::time::{Duration, Instant};

use backon::Retryable;
use reqwest::Url;

use super::error::{HttpError, cause_chain};
use super::message::{Body, Request, Response, with_masked_secrets, without_credentials};
use super::retry::{FailedAttempt, NoResponse, RetryPolicy};

/// Sends requests, reuses connections, and retries transient failures.
#[derive(Debug, Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    policy: RetryPolicy,
}

impl HttpClient {
    /// A client that trusts these authorities (the text of PEM files) in addition to those of the operating system.
    pub fn new(policy: RetryPolicy, authorities: &[String]) -> Result<Self, HttpError> {
        Ok(Self { http: client_with_authorities(authorities)?, policy })
    }

    /// Sends a request. A response with any status is `Ok`; only the lack of a response is an error.
    pub async fn send(&self, request: &Request) -> Result<Response, HttpError> {
        let max_delay = self.policy.max_delay;
        let outcome = (|| self.attempt(request))
            .retry(self.policy.delays())
            .when(|failed| failed.is_retryable(request.idempotency))
            .adjust(|failed, delay| match (failed.retry_after(), delay) {
                (Some(requested), Some(_)) => (requested <= max_delay).then_some(requested),
                (_, delay) => delay,
            })
            .await;
        match outcome {
            Ok(response) | Err(FailedAttempt::Response(response)) => Ok(response),
            Err(FailedAttempt::NoResponse(error, _)) => Err(error),
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Response, FailedAttempt> {
        let started = Instant::now();
        let outcome = self.exchange(request).await;
        let status = match &outcome {
            Ok(response) | Err(FailedAttempt::Response(response)) => response.status.to_string(),
            Err(FailedAttempt::NoResponse(_, reason)) => reason.to_string(),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (method, url) = (request.method.as_str(), with_masked_secrets(&request.url));
        tracing::debug!(target: "hostler::http", method, url, status, ms, "call");
        outcome.and_then(
            |response| if response.is_success() { Ok(response) } else { Err(FailedAttempt::Response(response)) },
        )
    }

    async fn exchange(&self, request: &Request) -> Result<Response, FailedAttempt> {
        let shown = without_credentials(&request.url);
        let no_response = |error: reqwest::Error| {
            let reason = NoResponse::from_error(&error);
            let why = cause_chain(&error.without_url());
            FailedAttempt::NoResponse(HttpError::Transport { url: shown.clone(), why }, reason)
        };
        let mut response = self.prepare(request).send().await.map_err(no_response)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_response)? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > self.policy.max_response.0 {
                let error = HttpError::TooLarge { url: shown, limit: self.policy.max_response };
                return Err(FailedAttempt::NoResponse(error, NoResponse::TooLarge));
            }
        }
        let status = response.status().as_u16();
        Ok(Response {
            url: shown,
            method: request.method.clone(),
            status,
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    fn prepare(&self, request: &Request) -> reqwest::RequestBuilder {
        let builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .timeout(self.policy.attempt_timeout)
            .header("accept", "application/json")
            .headers(request.headers.clone());
        match &request.body {
            Body::Empty => builder,
            Body::Json(value) => builder.header("content-type", "application/json").body(value.to_string()),
            Body::Form(fields) => {
                builder.header("content-type", "application/x-www-form-urlencoded").body(form_encoded(fields))
            }
        }
    }
}

/// A client for calls with secrets: it also trusts these certificates (the text of PEM files), and follows redirects only
/// within one server.
fn client_with_authorities(authorities: &[String]) -> Result<reqwest::Client, HttpError> {
    let failed = |error: reqwest::Error| HttpError::Transport { url: String::new(), why: cause_chain(&error) };
    let mut builder = client_builder().redirect(reqwest::redirect::Policy::custom(same_origin_redirects));
    for pem in authorities {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(failed)?;
        builder = certificates.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    builder.build().map_err(failed)
}

/// A client that trusts the operating system's authorities (and `SSL_CERT_FILE`), and uses the proxies of the
/// environment.
pub(super) fn client_builder() -> reqwest::ClientBuilder {
    // Only the first call of a process takes effect, and every call installs the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("hostler/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(30))
        .read_timeout(Duration::from_secs(60))
}

/// reqwest removes `Authorization` when it follows a redirect to another server, but no other header that holds a token.
fn same_origin_redirects(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().last().is_some_and(|last| last.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= 5 { attempt.follow() } else { attempt.stop() }
}

fn form_encoded(fields: &[(&'static str, String)]) -> String {
    // A query has the same encoding (URL standard, section 5).
    let Ok(mut url) = Url::parse("http://form/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;
    use crate::http::testing::{self, Reply};

    async fn send(method: Method, replies: &[Reply]) -> (Result<Response, HttpError>, usize) {
        let server = testing::serve(replies.to_vec()).await;
        let policy = RetryPolicy {
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_secs(1),
            max_response: hostler_core::size::Bytes(1000),
            ..RetryPolicy::default()
        };
        let url = format!("{}x?token=s", server.url).parse().unwrap();
        let outcome = HttpClient::new(policy, &[]).unwrap().send(&Request::new(method, url)).await;
        (outcome, server.requests().len())
    }

    #[tokio::test]
    async fn transient_failures_are_retried_unless_the_request_creates() {
        let ok = Reply::json(200, "{}");
        for (method, replies, expected, calls) in [
            (Method::GET, vec![Reply::json(503, ""), Reply::json(502, ""), ok.clone()], 200, 3),
            (Method::DELETE, vec![Reply::Hangup, ok.clone()], 200, 2),
            (Method::GET, vec![Reply::json(504, ""); 5], 504, 4),
            (Method::GET, vec![Reply::json(500, ""), ok.clone()], 200, 2),
            (Method::DELETE, vec![Reply::json(500, ""), ok.clone()], 200, 2),
            (Method::PUT, vec![Reply::json(500, ""), ok.clone()], 500, 1),
            (Method::POST, vec![Reply::json(503, ""), ok.clone()], 503, 1),
            (Method::POST, vec![Reply::json(429, ""), ok.clone()], 200, 2),
        ] {
            let (response, count) = send(method.clone(), &replies).await;
            assert_eq!((response.unwrap().status, count), (expected, calls), "{method} {replies:?}");
        }
        let (outcome, count) = send(Method::POST, &[Reply::Hangup, ok]).await;
        assert!(matches!(outcome, Err(HttpError::Transport { .. })) && count == 1);
    }

    #[tokio::test]
    async fn longer_retry_after_than_allowed_returns_the_response() {
        let (response, count) = send(Method::GET, &[Reply::json(503, "").with("Retry-After", "3600")]).await;
        let response = response.unwrap();
        assert_eq!((response.status, response.retry_after(), count), (503, Some(Duration::from_secs(3600)), 1));
        let (response, count) =
            send(Method::GET, &[Reply::json(429, "").with("Retry-After", "0"), Reply::json(200, "[]")]).await;
        assert_eq!((response.unwrap().status, count), (200, 2));
    }

    #[tokio::test]
    async fn errors_about_size_and_json_hide_the_query() {
        let (outcome, count) = send(Method::GET, &[Reply::json(200, &"x".repeat(1001))]).await;
        let text = outcome.unwrap_err().to_string();
        assert!(text.ends_with("it is larger than 1000B") && !text.contains("token") && count == 1, "{text}");
        let (outcome, _) = send(Method::GET, &[Reply::json(200, "<html>")]).await;
        let text = outcome.unwrap().json::<serde_json::Value>().unwrap_err().to_string();
        assert!(text.contains("is not the expected JSON") && !text.contains("token"), "{text}");
    }

    #[test]
    fn form_fields_are_percent_encoded() {
        assert_eq!(form_encoded(&[("user", "a b&c".to_owned()), ("x", "é=".to_owned())]), "user=a+b%26c&x=%C3%A9%3D");
    }
}
