//! Commands, one file each.

mod analyze;
mod apply;
mod audit;
mod availability;
mod check;
mod completions;
mod cost_report;
mod down;
mod exec;
mod extend;
mod hold;
mod image;
mod lease;
mod logs;
mod ls;
mod man;
mod plan;
mod power;
mod resources;
mod setup;
mod ssh;
mod status;
mod sweep;
mod sync;
mod up;

use std::process::ExitCode;

use crate::app::App;
use crate::args::Verb;
use crate::error::Error;

/// Runs a command. The exit code is zero, except for `exec` (that of the user's command) and `availability` (the answer).
pub fn run(app: &App, verb: &Verb) -> Result<ExitCode, Error> {
    let done = match verb {
        Verb::Exec(args) => return exec::run(app, args),
        Verb::Availability(args) => return availability::run(app, args),
        Verb::Analyze(args) => analyze::run(app, args),
        Verb::Plan(args) => plan::run(app, args),
        Verb::Up(args) => up::run(app, args),
        Verb::Apply(args) => apply::run(app, args),
        Verb::Setup(args) => setup::run(app, args),
        Verb::Status(args) => status::run(app, args),
        Verb::Ls(args) => ls::run(app, args),
        Verb::Ssh(args) => ssh::run(app, args),
        Verb::Sync(args) => sync::run(app, args),
        Verb::Logs(args) => logs::run(app, args),
        Verb::Extend(args) => extend::run(app, args),
        Verb::Hold(args) => hold::run(app, args),
        Verb::Stop(args) => power::stop(app, args),
        Verb::Start(args) => power::start(app, args),
        Verb::Down(args) => down::run(app, args),
        Verb::Sweep(args) => sweep::run(app, args),
        Verb::Check(args) => check::run(app, args),
        Verb::Image(args) => image::run(app, args),
        Verb::Lease(args) => lease::run(app, args),
        Verb::Key(args) => resources::keys(app, args),
        Verb::Network(args) => resources::networks(app, args),
        Verb::Ip(args) => resources::addresses(app, args),
        Verb::Server(args) => resources::servers(app, args),
        Verb::Audit(args) => audit::run(app, args),
        Verb::CostReport(args) => cost_report::run(app, args),
        Verb::Completions(args) => completions::run(app, args),
        Verb::Man(args) => man::run(app, args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
