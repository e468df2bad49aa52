//! Asks all sites at once what they have. A dead site never blinds the others.

use std::time::Duration;

use futures::future::join_all;
use hostler_core::demand::SiteWish;
use hostler_core::offer::Market;
use hostler_core::time::Window;

use crate::run::Sites;

/// How long a site may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the wished sites (all, where none is wished) have in a window.
pub async fn gather(sites: &Sites, on: &[SiteWish], window: &Window) -> Market {
    let wished = sites.iter().filter(|(id, _)| on.is_empty() || on.iter().any(|wish| wish.means(id)));
    let asked = wished.map(async |(id, site)| (id, tokio::time::timeout(PATIENCE, site.offers(window)).await));
    let mut market = Market::default();
    for (id, answer) in join_all(asked).await {
        match answer {
            Ok(Ok(offers)) => market.offers.extend(offers),
            Ok(Err(error)) => {
                let hint = error.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                market.silent.insert(id.clone(), format!("{}{hint}", error.message));
            }
            Err(_) => {
                market.silent.insert(id.clone(), format!("no answer within {} s", PATIENCE.as_secs()));
            }
        }
    }
    market
}
