//! Asks all sites at once what they have. A dead site never blinds the others.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::demand::{Demand, SiteSelector};
use hostler_core::offer::Market;
use hostler_core::ports::SiteError;
use hostler_core::time::{BadTime, Window};
use jiff::{SignedDuration, Timestamp};

use crate::sites::Sites;

/// How long a site may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The window that offers are asked for where a demand has no end.
const OPEN_END: SignedDuration = SignedDuration::from_hours(24);

/// What the sites that a demand allows have in its window.
///
/// # Errors
/// Where its start and duration make no window.
pub async fn market(sites: &Sites, demand: &Demand, now: Timestamp) -> Result<Market, BadTime> {
    let start = demand.lease.start.unwrap_or(now);
    let window = Window::of(start, demand.lease.duration.unwrap_or(OPEN_END))?;
    Ok(gather(sites, &demand.on, &window).await)
}

/// What the wished sites (all, where none is wished) have in a window.
pub async fn gather(sites: &Sites, on: &[SiteSelector], window: &Window) -> Market {
    let wished = sites.iter().filter(|(id, _)| on.is_empty() || on.iter().any(|wish| wish.means(id)));
    // Boxed: a plain future of a closure is `Send` for one lifetime only, and could not be spawned.
    let asked = wished.map(|(id, site)| async move { (id, answer(site.offers(window)).await) }.boxed());
    let mut market = Market::default();
    for (id, answer) in join_all(asked).await {
        match answer {
            Ok(offers) => market.offers.extend(offers),
            Err(why) => {
                market.silent.insert(id.clone(), why);
            }
        }
    }
    market
}

/// A site's answer within the time that it may take, or why there is none.
pub(crate) async fn answer<T>(call: impl Future<Output = Result<T, SiteError>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(SiteError { message, hint: Some(hint), .. })) => Err(format!("{message} ({hint})")),
        Ok(Err(error)) => Err(error.message),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
