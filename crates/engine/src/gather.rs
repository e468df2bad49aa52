//! Offers of all sites, queried at the same time. A site that fails or does not answer does not hide the others.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::demand::{Demand, SiteSelector};
use hostler_core::offer::Market;
use hostler_core::plan::DEFAULT_LEASE_DURATION;
use hostler_core::ports::SiteError;
use hostler_core::time::{BadTime, Window};
use jiff::Timestamp;

use crate::sites::Sites;

/// Limit for a query to a site.
const SITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Offers of the sites that a demand allows, in the demand's window. Without a duration, the window has the length of the
/// lease that the planner assumes then, so that the availability in the offers covers the whole lease.
///
/// # Errors
/// If the demand's start and duration are no valid window.
pub async fn query_market(sites: &Sites, demand: &Demand, now: Timestamp) -> Result<Market, BadTime> {
    let start = demand.lease.start.unwrap_or(now);
    let window = Window::starting_at(start, demand.lease.duration.unwrap_or(DEFAULT_LEASE_DURATION))?;
    Ok(gather(sites, &demand.on, &window).await)
}

/// Offers of the selected sites in a window. An empty selection means all sites.
pub async fn gather(sites: &Sites, on: &[SiteSelector], window: &Window) -> Market {
    let selected = sites.iter().filter(|(id, _)| SiteSelector::includes(on, id));
    // Boxed: a plain future of a closure is `Send` for one lifetime only, and could not be spawned.
    let queries = selected.map(|(id, site)| async move { (id, query(site.offers(window)).await) }.boxed());
    let mut market = Market::default();
    for (id, answer) in join_all(queries).await {
        match answer {
            Ok(offers) => market.offers.extend(offers),
            Err(reason) => {
                market.unreachable.insert(id.clone(), reason);
            }
        }
    }
    market
}

/// A site's answer, or the reason why there is none within [`SITE_TIMEOUT`].
pub(crate) async fn query<T>(call: impl Future<Output = Result<T, SiteError>>) -> Result<T, String> {
    match tokio::time::timeout(SITE_TIMEOUT, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(SiteError { message, hint: Some(hint), .. })) => Err(format!("{message} ({hint})")),
        Ok(Err(error)) => Err(error.message),
        Err(_) => Err(format!("no answer within {} s", SITE_TIMEOUT.as_secs())),
    }
}
