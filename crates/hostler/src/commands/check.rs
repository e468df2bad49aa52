//! `hostler check`: whether the sites can be used.

use futures::future::join_all;
use hostler_core::name::SiteId;
use hostler_core::ports::{Health, Verdict};
use serde_json::json;

use crate::app::App;
use crate::args::CheckArgs;
use crate::error::{Error, ErrorKind};
use crate::resources;
use crate::view;

/// Shows all findings; fails where a site can't be used.
pub fn run(app: &App, args: &CheckArgs) -> Result<(), Error> {
    let checks = app.block_on(look(app, &args.sites))?;
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
    let error = Error::new(ErrorKind::Site, format!("{} can't be used", bad.join(", ")));
    let told = checks.iter().flat_map(|(_, findings)| findings).any(|finding| finding.hint.is_some());
    Err(if told { error.hinted("do what stands below the findings") } else { error })
}

async fn look(app: &App, names: &[String]) -> Result<Vec<(SiteId, Vec<Health>)>, Error> {
    let sites = app.sites()?;
    let wished = resources::wished(&sites, names)?;
    let wished = sites.iter().filter(|(id, _)| wished.is_empty() || wished.iter().any(|wish| wish.means(id)));
    // All at once: one that doesn't answer keeps nobody waiting for the others as well.
    Ok(join_all(wished.map(async |(id, site)| (id.clone(), site.check().await))).await)
}
