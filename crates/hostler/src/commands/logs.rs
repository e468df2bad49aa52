//! `hostler logs`: the output of a deployment's steps, and the consoles of its machines.

use hostler_engine::operate::{LogRequest, StepLog};
use serde_json::json;

use crate::app::App;
use crate::args::LogsArgs;
use crate::error::Error;

/// Prints the logs of the steps in order; with `--follow`, new output until the running command ends.
pub fn run(app: &App, args: &LogsArgs) -> Result<(), Error> {
    let request = LogRequest { name: args.name.clone(), step: args.step.clone(), lines: args.lines };
    app.operate(async |operator, interrupts| {
        let logs = operator.logs(&request).await?;
        show(app, &logs)?;
        if args.follow {
            let output = |bytes: &[u8]| app.printer.data_bytes(bytes);
            operator.follow(&request, &logs, &output, interrupts).await?;
        }
        Ok(())
    })
}

fn show(app: &App, logs: &[StepLog]) -> Result<(), Error> {
    let text = |log: &StepLog| String::from_utf8_lossy(&log.text).into_owned();
    let documents: Vec<_> =
        logs.iter().map(|log| json!({ "step": log.step, "file": log.file, "text": text(log) })).collect();
    app.emit(&documents, |_| {
        let heading = |log: &StepLog| if logs.len() > 1 { format!("==> {} <==\n", log.step) } else { String::new() };
        logs.iter().map(|log| format!("{}{}", heading(log), text(log))).collect()
    })
}
