//! `hostler check`: whether the sites can be used.

use futures::future::join_all;
use hostler_core::demand::SiteWish;
use hostler_core::name::SiteId;
use hostler_core::ports::{Health, Verdict};
use serde_json::json;

use crate::app::App;
use crate::args::CheckArgs;
use crate::error::{Error, Kind};
use crate::view;

/// Shows all findings; fails where a site can't be used.
pub fn run(app: &App, args: &CheckArgs) -> Result<(), Error> {
    let wished = args.sites.iter().map(|site| site.parse().map(SiteWish)).collect::<Result<Vec<SiteWish>, _>>()?;
    let checks = app.block_on(look(app, &wished))?;
    let documents: Vec<_> =
        checks.iter().map(|(site, findings)| json!({ "site": site, "findings": findings })).collect();
    app.emit(&documents, |_| view::checks(&checks))?;
    let bad = |(site, findings): &(SiteId, Vec<Health>)| {
        findings.iter().any(|finding| finding.verdict == Verdict::Bad).then(|| format!("`{site}`"))
    };
    let bad: Vec<String> = checks.iter().filter_map(bad).collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Site, format!("{} can't be used", bad.join(", "))).hinted("do what stands below each finding"))
}

async fn look(app: &App, wished: &[SiteWish]) -> Result<Vec<(SiteId, Vec<Health>)>, Error> {
    let sites = app.sites()?;
    if let Some(wish) = wished.iter().find(|wish| !sites.keys().any(|site| wish.means(site))) {
        let configured: Vec<String> = sites.keys().map(|site| format!("`{site}`")).collect();
        let error = Error::new(Kind::Unknown, format!("the site `{wish}` is not configured"));
        return Err(error.hinted(format!("configured are: {}", configured.join(", "))));
    }
    let wished = sites.iter().filter(|(id, _)| wished.is_empty() || wished.iter().any(|wish| wish.means(id)));
    // All at once: one that doesn't answer keeps nobody waiting for the others as well.
    Ok(join_all(wished.map(async |(id, site)| (id.clone(), site.check().await))).await)
}
