//! Waiting for something at a site: asked again and again, less and less often.

use std::time::{Duration, Instant};

use hostler_core::ports::Remedy;

use crate::trouble::Trouble;

/// The least and the most time between two looks at one thing.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Looks until there is an answer; nothing after the time is up. A site that is away for a moment is asked again, and not
/// before it wants to be.
pub(super) async fn until<T, F>(patience: Duration, mut look: impl FnMut() -> F) -> Result<Option<T>, Trouble>
where
    F: Future<Output = Result<Option<T>, Trouble>>,
{
    let begun = Instant::now();
    loop {
        let left = patience.checked_sub(begun.elapsed());
        match look().await {
            Ok(Some(answer)) => return Ok(Some(answer)),
            Ok(None) if left.is_none() => return Ok(None),
            Ok(None) => rest(pause(begun.elapsed())).await,
            Err(Trouble { remedy: Remedy::Retry(asked), .. }) if let Some(left) = left => {
                rest(pause(begun.elapsed()).max(asked).min(left)).await;
            }
            Err(trouble) => return Err(trouble),
        }
    }
}

async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
    let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(target: "hostler::wait", ms, "waited for a site");
}

/// A tenth of the time that has gone, so that what takes minutes is not asked hundreds of times.
fn pause(waited: Duration) -> Duration {
    (waited / 10).clamp(PAUSE.0, PAUSE.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_site_that_is_away_for_a_moment_is_asked_again() {
        let mut answers =
            vec![Ok(Some("there")), Ok(None), Err(Trouble::retry("away", Duration::from_secs(60))), Ok(None)];
        let begun = tokio::time::Instant::now();
        let got = until(Duration::from_secs(600), || std::future::ready(answers.pop().unwrap())).await.unwrap();
        assert_eq!(got, Some("there"));
        assert!(begun.elapsed() >= Duration::from_secs(60), "it is left alone for as long as it asks");
        let fatal = until(Duration::MAX, || async { Err::<Option<()>, _>(Trouble::report("no")) }).await;
        assert_eq!(fatal.unwrap_err().message, "no");
        let never = until(Duration::ZERO, || async { Ok(None::<()>) }).await.unwrap();
        assert_eq!(never, None);
    }

    #[test]
    fn nothing_is_asked_more_than_once_a_second() {
        assert_eq!(pause(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(pause(Duration::from_secs(30)), Duration::from_secs(3));
        assert_eq!(pause(Duration::from_secs(3600)), Duration::from_secs(5));
    }
}
