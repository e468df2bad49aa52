//! `hostler analyze`: what a repository needs, and which lines of it say so.

use serde_json::json;

use crate::app::App;
use crate::args::AnalyzeArgs;
use crate::drive::{interrupts, unless_interrupted};
use crate::error::Error;
use crate::target::{look_at, source};
use crate::view;

/// Shows each fact with its evidence.
pub fn run(app: &App, args: &AnalyzeArgs) -> Result<(), Error> {
    let source = source(app, &args.source)?;
    let looked = app.block_on(async {
        let interrupts = interrupts()?;
        unless_interrupted(&interrupts, look_at(app, &source)).await
    })?;
    let scan = &looked.scan;
    let document = json!({
        "source": source,
        "commit": looked.checkout.commit,
        "findings": scan.findings,
        "problems": scan.problems,
        "needs": scan.needs(),
    });
    app.emit(&document, |width| view::findings(scan, width))
}
