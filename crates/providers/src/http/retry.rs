//! Which failures of a call may pass if it is sent again, and after what pause.

use std::time::Duration;

use backon::ExponentialBuilder;
use jiff::Timestamp;

use super::HttpError;
use super::call::{Answer, Patience, Repeat, Silence};

/// A call that did not get a yes.
#[derive(Debug)]
pub(super) enum Failed {
    /// A no.
    Answer(Answer),
    /// Nothing that could be read.
    Silence(HttpError, Silence),
}

impl Failed {
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer(answer) => answer.retry_after(),
            Self::Silence(..) => None,
        }
    }
}

impl Patience {
    pub(super) fn pauses(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_max_times(self.tries.saturating_sub(1))
            .with_jitter()
    }
}

/// Whether it is worth another try, and allowed. A gateway's `502` or `504` may follow on work that was done, so a call
/// that must not arrive twice is sent again only where it got no further than the door.
pub(super) fn passes(repeat: Repeat, failed: &Failed) -> bool {
    match (failed, repeat) {
        (Failed::Silence(_, Silence::Unreached), _) => true,
        (Failed::Silence(_, Silence::TimedOut | Silence::Broken), repeat) => repeat == Repeat::Safe,
        (Failed::Silence(_, Silence::TooMuch), _) => false,
        (Failed::Answer(answer), Repeat::Safe) => answer.may_pass(),
        (Failed::Answer(answer), Repeat::Once) => answer.status == 429,
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn pause_asked_for(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{self, Reply};
    use crate::http::{Caller, Method, Request};

    async fn send(method: Method, replies: &[Reply]) -> (Result<Answer, HttpError>, usize) {
        let server = testing::serve(replies.to_vec()).await;
        let patience = Patience {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_secs(1),
            limit: hostler_core::size::Bytes(1000),
            ..Patience::default()
        };
        let url = format!("{}x?token=s", server.url).parse().unwrap();
        let answer = Caller::new(patience, &[]).unwrap().send(&Request::new(method, url)).await;
        (answer, server.seen().len())
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_again_and_what_makes_things_is_not() {
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
            let (answer, seen) = send(method.clone(), &replies).await;
            assert_eq!((answer.unwrap().status, seen), (expected, calls), "{method} {replies:?}");
        }
        let (answer, seen) = send(Method::POST, &[Reply::Hangup, ok]).await;
        assert!(matches!(answer, Err(HttpError::Transport { .. })) && seen == 1);
    }

    #[tokio::test]
    async fn a_service_that_asks_for_too_long_a_pause_is_not_waited_for() {
        let (answer, seen) = send(Method::GET, &[Reply::json(503, "").with("Retry-After", "3600")]).await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.retry_after(), seen), (503, Some(Duration::from_secs(3600)), 1));
        let (answer, seen) =
            send(Method::GET, &[Reply::json(429, "").with("Retry-After", "0"), Reply::json(200, "[]")]).await;
        assert_eq!((answer.unwrap().status, seen), (200, 2));
    }

    #[tokio::test]
    async fn what_is_too_large_or_no_json_is_said_without_the_query() {
        let (answer, seen) = send(Method::GET, &[Reply::json(200, &"x".repeat(1001))]).await;
        let text = answer.unwrap_err().to_string();
        assert!(text.ends_with("it is larger than 1000B") && !text.contains("token") && seen == 1, "{text}");
        let (answer, _) = send(Method::GET, &[Reply::json(200, "<html>")]).await;
        let text = answer.unwrap().json::<serde_json::Value>().unwrap_err().to_string();
        assert!(text.contains("is not the JSON that was expected") && !text.contains("token"), "{text}");
    }

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        assert_eq!(pause_asked_for("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause_asked_for("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert_eq!(pause_asked_for("soon"), None);
    }
}
