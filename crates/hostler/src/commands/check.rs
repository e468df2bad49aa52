//! `hostler check`: the health of the sites.

use hostler_core::ports::CheckResult;

use crate::app::App;
use crate::args::CheckArgs;
use crate::error::{Error, ErrorKind};
use crate::view;

/// Shows all findings; fails if a site cannot be used.
pub fn run(app: &App, args: &CheckArgs) -> Result<(), Error> {
    let report = app.operate(async |operator, _| {
        let on = operator.select(&args.sites)?;
        Ok(operator.check(&on).await)
    })?;
    app.emit(&report, |_| view::checks(&report.sites))?;
    if report.verdict != CheckResult::Failed {
        return Ok(());
    }
    let failed = report.sites.iter().filter(|site| site.verdict == CheckResult::Failed);
    let names: Vec<String> = failed.map(|site| format!("`{}`", site.site)).collect();
    let error = Error::new(ErrorKind::Site, format!("{} cannot be used", names.join(", ")));
    let has_hints = report.sites.iter().flat_map(|site| &site.findings).any(|finding| finding.hint.is_some());
    Err(if has_hints { error.hinted("apply the fixes above") } else { error })
}
