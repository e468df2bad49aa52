//! Work on each of many, so many at a time.

use std::future::Future;
use std::pin::pin;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::{FleetOptions, OnHostFailure};

/// Does `work` for each member, and answers in their order: `None` where it was stopped, or never begun.
///
/// It ends early when `stop` does, or when one result `failed` and the orders say so. What still runs is dropped then.
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
    async fn no_more_at_a_time_than_ordered_and_answers_in_order() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let members: Vec<u32> = (0..20).collect();
        let work = async |member: &u32| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            // Later ones are done sooner.
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
    async fn a_failure_stops_the_others_where_that_is_the_order() {
        let work = async |member: &i32| if *member == 1 { *member } else { pending().await };
        let stopped = each(&[0, 1, 2, 3], &options(2, OnHostFailure::Stop), pending(), work, |_| true).await;
        assert_eq!(stopped, [None, Some(1), None, None]);
    }

    #[tokio::test]
    async fn the_user_stops_all() {
        let options = options(2, OnHostFailure::Continue);
        let results = each(&[0, 1], &options, ready(()), async |_| pending().await, |(): &()| false).await;
        assert_eq!(results, [None, None]);
    }
}
