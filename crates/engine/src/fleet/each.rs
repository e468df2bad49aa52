//! A bounded number of concurrent jobs.

use std::future::Future;
use std::pin::pin;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::{FleetOptions, OnHostFailure};

/// Runs `work` for each member, [`FleetOptions::parallel`] at a time. Results are in the order of the members; `None` for
/// work that was stopped or never started.
///
/// Returns early when `stop` completes, or on the first result that `failed` under [`OnHostFailure::Stop`]. Work still
/// running is dropped then.
pub async fn each<'m, M, T, W>(
    members: &'m [M],
    options: &FleetOptions,
    stop: impl Future<Output = ()>,
    work: impl Fn(&'m M) -> W,
    failed: impl Fn(&T) -> bool,
) -> Vec<Option<T>>
where
    W: Future<Output = T>,
{
    let numbered = |(number, member)| {
        let work = work(member);
        async move { (number, work.await) }
    };
    let mut waiting = members.iter().enumerate().map(numbered);
    let mut results: Vec<Option<T>> = members.iter().map(|_| None).collect();
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(options.parallel.get()).collect();
    let mut stop = pin!(stop);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop => return results,
            next = running.next() => next,
        };
        let Some((number, result)) = next else { return results };
        let is_end = failed(&result) && options.on_failure == OnHostFailure::Stop;
        results[number] = Some(result);
        if is_end {
            return results;
        }
        running.extend(waiting.next());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::num::NonZeroUsize;

    use super::*;

    fn options(parallel: usize, on_failure: OnHostFailure) -> FleetOptions {
        FleetOptions { parallel: NonZeroUsize::new(parallel).unwrap(), on_failure, ..FleetOptions::default() }
    }

    #[tokio::test]
    async fn parallelism_is_bounded_and_results_keep_the_order() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let members: Vec<u32> = (0..20).collect();
        let work = async |member: &u32| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            // Later members finish sooner.
            for _ in *member..20 {
                tokio::task::yield_now().await;
            }
            now.set(now.get() - 1);
            *member * 2
        };
        let results = each(&members, &options(3, OnHostFailure::Continue), pending(), work, |_| false).await;
        assert_eq!(results, members.iter().map(|member| Some(member * 2)).collect::<Vec<_>>());
        assert_eq!(most.get(), 3);
    }

    #[tokio::test]
    async fn first_failure_stops_the_others_if_requested() {
        let work = async |member: &i32| if *member == 1 { *member } else { pending().await };
        let stopped = each(&[0, 1, 2, 3], &options(2, OnHostFailure::Stop), pending(), work, |_| true).await;
        assert_eq!(stopped, [None, Some(1), None, None]);
    }

    #[tokio::test]
    async fn interrupt_stops_all() {
        let options = options(2, OnHostFailure::Continue);
        let results = each(&[0, 1], &options, ready(()), async |_| pending().await, |(): &()| false).await;
        assert_eq!(results, [None, None]);
    }
}
