//! `hostler extend`: moves the end of a deployment.

use hostler_core::time::{parse_duration, parse_instant};
use hostler_engine::operate::NewEnd;

use crate::app::App;
use crate::args::ExtendArgs;
use crate::error::Error;
use crate::view;

/// Moves the end, and shows the new one.
pub fn run(app: &App, args: &ExtendArgs) -> Result<(), Error> {
    let end = match (&args.until, &args.duration) {
        (Some(until), _) => NewEnd::At(parse_instant(until)?),
        (None, Some(longer)) => NewEnd::Later(parse_duration(longer)?),
        (None, None) => NewEnd::Never,
    };
    let summary = app.operate(async |operator, _| Ok(operator.extend(&args.name, end).await?))?;
    app.emit(&summary, |_| view::extended(&summary, (app.now)()))
}
