//! `hostler down`: brings deployments down.

use hostler_engine::operate::{Down, DownRequest};
use serde_json::json;

use crate::app::App;
use crate::args::DownArgs;
use crate::document::would_be_deleted;
use crate::error::Error;
use crate::view;

/// Shows what would be deleted, asks, and brings the deployments down one after the other.
pub fn run(app: &App, args: &DownArgs) -> Result<(), Error> {
    let names = (!args.all).then(|| args.names.clone());
    let down = app.operate_with(&args.consent, async |operator, interrupts| {
        Ok(operator.down(&DownRequest { names, mode: args.consent.mode() }, interrupts).await?)
    })?;
    if args.consent.dry_run {
        show_left(app, &down);
    }
    let value = json!({ "down": down.down, "would_be_deleted": would_be_deleted(&down, args.consent.mode()) });
    app.emit(&value, |_| down.down.iter().map(|name| format!("{name} is down\n")).collect())
}

/// Shows the resources that would be deleted.
pub(super) fn show_left(app: &App, down: &Down) {
    let left: Vec<_> = down.left.iter().map(|it| (it.deployment.to_string(), it.left.clone())).collect();
    if !left.is_empty() {
        app.printer.say(&view::deletions(&left, app.printer.error_width));
    }
}
