//! `hostler lease`: leases of hosts for a window.

use std::time::Duration;

use hostler_core::offer::HostId;
use hostler_core::plan::ResourceKind;
use hostler_engine::operate::{LeaseResult, ListedResource, PlacementRequest, Requested, UpRequest, UpResult, UpScope};

use super::resources::{delete, ls, show};
use super::{extend, up};
use crate::app::App;
use crate::args::{LeaseArgs, LeaseCreateArgs, LeaseVerb, LeaseWaitArgs};
use crate::error::Error;
use crate::view;

/// Runs a `lease` command.
pub fn run(app: &App, args: &LeaseArgs) -> Result<(), Error> {
    match &args.verb {
        LeaseVerb::Create(args) => create(app, args),
        LeaseVerb::Ls(args) => ls(app, ResourceKind::Lease, args),
        LeaseVerb::Show(args) => show(app, ResourceKind::Lease, args),
        LeaseVerb::Extend(args) => extend::run(app, args),
        LeaseVerb::Delete(args) => delete(app, ResourceKind::Lease, args),
        LeaseVerb::Wait(args) => wait(app, args),
    }
}

/// Creates a lease, and shows the hosts and window that the site granted. With `--reuse-lease`, shows the existing one.
fn create(app: &App, args: &LeaseCreateArgs) -> Result<(), Error> {
    let commands = app.client_commands(&args.commands)?;
    let result = app.operate_or_print(&args.consent, commands.clone(), async |operator, interrupts| {
        let demand = app.demand_of(operator, &args.demand(), &args.name).await?;
        if let Some(lease) = &args.reuse_lease {
            let lease = operator.active_lease(lease, &demand.on, interrupts).await?;
            return Ok(LeaseResult::Granted(Box::new(lease)));
        }
        let placement = PlacementRequest {
            lease: None,
            hosts: args.host.iter().cloned().map(HostId).collect(),
            filter: args.filter.as_ref().map(|text| text.parse()).transpose()?,
        };
        let request = UpRequest {
            placement,
            ssh_timeout: Duration::ZERO,
            later_start: args.shift.later_start(),
            scope: UpScope::Only(&[ResourceKind::Lease]),
            mode: args.consent.mode(),
            ..UpRequest::new(Requested::from(demand))
        };
        Ok(operator.create_lease(&request, interrupts).await?)
    })?;
    match result {
        LeaseResult::Granted(lease) => emit(app, &lease),
        LeaseResult::Planned(plan) => {
            commands.output(&plan)?;
            up::show(app, &UpResult::Planned(plan))
        }
    }
}

fn wait(app: &App, args: &LeaseWaitArgs) -> Result<(), Error> {
    let lease = app.operate(async |operator, interrupts| {
        let on = operator.select(&args.on)?;
        Ok(operator.wait_for_lease(&args.name, &on, args.timeout, interrupts).await?)
    })?;
    emit(app, &lease)
}

fn emit(app: &App, lease: &ListedResource) -> Result<(), Error> {
    app.emit(lease, |width| view::resource(lease, width))
}
