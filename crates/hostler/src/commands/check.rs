//! `hostler check`: the health of the sites.

use hostler_core::name::SiteId;
use hostler_core::ports::{CheckResult, Health};
use serde_json::json;

use crate::app::App;
use crate::args::CheckArgs;
use crate::error::{Error, ErrorKind};
use crate::view;

/// Shows all findings; fails if a site cannot be used.
pub fn run(app: &App, args: &CheckArgs) -> Result<(), Error> {
    let checks = app.operate(async |operator, _| {
        let on = operator.select(&args.sites)?;
        Ok(operator.check(&on).await)
    })?;
    let document = |(site, findings): &(SiteId, Vec<Health>)| json!({ "site": site, "verdict": worst(findings), "findings": findings });
    let all = checks.iter().flat_map(|(_, findings)| findings);
    let verdict = all.clone().map(|finding| finding.result).max().unwrap_or(CheckResult::Passed);
    let value = json!({ "verdict": verdict, "sites": checks.iter().map(document).collect::<Vec<_>>() });
    app.emit(&value, |_| view::checks(&checks))?;
    let bad: Vec<String> = checks
        .iter()
        .filter(|(_, findings)| worst(findings) == CheckResult::Failed)
        .map(|(site, _)| format!("`{site}`"))
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    let error = Error::new(ErrorKind::Site, format!("{} cannot be used", bad.join(", ")));
    let has_hints = all.clone().any(|finding| finding.hint.is_some());
    Err(if has_hints { error.hinted("apply the fixes above") } else { error })
}

fn worst(findings: &[Health]) -> CheckResult {
    findings.iter().map(|finding| finding.result).max().unwrap_or(CheckResult::Passed)
}
