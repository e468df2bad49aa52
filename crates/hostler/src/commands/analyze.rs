//! `hostler analyze`: the requirements of a repository, with the lines that state them.

use hostler_engine::run::unless_interrupted;
use serde_json::json;

use crate::app::App;
use crate::args::AnalyzeArgs;
use crate::error::Error;
use crate::view;

/// Shows each finding with its evidence.
pub fn run(app: &App, args: &AnalyzeArgs) -> Result<(), Error> {
    let analysis = app.operate(async |operator, interrupts| {
        let analysis = operator.analyze(&args.source, &app.settings.directory);
        Ok(unless_interrupted(interrupts, analysis).await?)
    })?;
    let scan = &analysis.scan;
    let document = json!({
        "source": analysis.source,
        "commit": analysis.checkout.commit,
        "findings": scan.findings,
        "problems": scan.problems,
        "requirements": scan.suggestions(),
    });
    app.emit(&document, |width| view::findings(scan, width))
}
