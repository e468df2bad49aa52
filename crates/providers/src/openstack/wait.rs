//! Polling a site, with growing delays.

use std::time::{Duration, Instant};

use hostler_core::ports::Remedy;

use crate::failure::CallFailure;

/// The shortest and the longest delay between two queries.
const DELAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Repeats a query until it returns a value. `Ok(None)` once the time limit has passed.
///
/// A transient failure is retried within the limit, no sooner than the site requests.
pub(super) async fn poll<T, F>(limit: Duration, mut query: impl FnMut() -> F) -> Result<Option<T>, CallFailure>
where
    F: Future<Output = Result<Option<T>, CallFailure>>,
{
    let started = Instant::now();
    loop {
        let left = limit.checked_sub(started.elapsed());
        match query().await {
            Ok(Some(value)) => return Ok(Some(value)),
            Ok(None) if left.is_none() => return Ok(None),
            Ok(None) => sleep(delay(started.elapsed())).await,
            Err(CallFailure { remedy: Remedy::Retry(requested), .. }) if let Some(left) = left => {
                sleep(delay(started.elapsed()).max(requested).min(left)).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(target: "hostler::wait", ms, "waited for a site");
}

/// A tenth of the time waited so far: a change that takes minutes is not queried hundreds of times.
fn delay(waited: Duration) -> Duration {
    (waited / 10).clamp(DELAY.0, DELAY.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn transient_failures_are_retried_after_the_requested_delay() {
        let mut answers =
            vec![Ok(Some("running")), Ok(None), Err(CallFailure::transient("away", Duration::from_secs(60))), Ok(None)];
        let started = tokio::time::Instant::now();
        let value = poll(Duration::from_secs(600), || std::future::ready(answers.pop().unwrap())).await.unwrap();
        assert_eq!(value, Some("running"));
        assert!(started.elapsed() >= Duration::from_secs(60), "not queried before the requested delay");
        let fatal = poll(Duration::MAX, || async { Err::<Option<()>, _>(CallFailure::unexpected("no")) }).await;
        assert_eq!(fatal.unwrap_err().message, "no");
        let never = poll(Duration::ZERO, || async { Ok(None::<()>) }).await.unwrap();
        assert_eq!(never, None);
    }

    #[test]
    fn delay_is_between_one_and_five_seconds() {
        assert_eq!(delay(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(delay(Duration::from_secs(30)), Duration::from_secs(3));
        assert_eq!(delay(Duration::from_secs(3600)), Duration::from_secs(5));
    }
}
