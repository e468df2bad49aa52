//! `hostler extend`: moves the end of a deployment.

use hostler_core::time::{duration, instant};
use hostler_engine::keep;
use hostler_engine::store::Record;
use jiff::Timestamp;

use crate::app::App;
use crate::args::ExtendArgs;
use crate::error::{Error, ErrorKind};
use crate::view;

/// Moves the end, and shows the new one.
pub fn run(app: &App, args: &ExtendArgs) -> Result<(), Error> {
    let summary = app.block_on(async {
        let mut locked = app.locked(&args.name).await?;
        let until = end(args, &locked.record, (app.now)())?;
        keep::extend(&locked.store, &app.sites()?, &mut locked.record, until, (app.now)()).await?;
        Ok(locked.summary(app))
    })?;
    app.emit(&summary, |_| {
        let window = view::window(summary.created, summary.until, (app.now)());
        format!("{} is kept {window}\n", summary.name)
    })
}

/// The new end; `None` is: until given back. A duration is added to the end as it is, not to the present.
fn end(args: &ExtendArgs, record: &Record, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    if let Some(until) = &args.until {
        return Ok(Some(instant(until)?));
    }
    let Some(longer) = &args.duration else { return Ok(None) };
    let Some(until) = record.journal().until(&record.plan) else {
        let message = format!("`{}` has no end that could be moved: it is kept until given back", record.name);
        return Err(Error::new(ErrorKind::InvalidState, message).hinted("set one by `--until TIME`"));
    };
    let from = until.max(now);
    Ok(Some(from.saturating_add(duration(longer)?).unwrap_or(Timestamp::MAX)))
}
