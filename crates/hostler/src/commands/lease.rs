//! `hostler lease`: holding hosts for a window.
//!
//! A lease of ours is a deployment whose first round ends with the lease: it is journaled, ticketed, undone where it
//! fails, and given back as every other. `hostler up` of its name goes on with the machines.

use std::time::Duration;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Grant, ResourceStatus};
use hostler_engine::deploy::OnFailure;
use hostler_engine::run::Sites;
use jiff::Timestamp;

use super::resources::{Deleted, delete, ls, show};
use super::up::{Extent, Up, Upped};
use super::{extend, up};
use crate::app::App;
use crate::args::{LeaseArgs, LeaseCreateArgs, LeaseVerb, LeaseWaitArgs};
use crate::drive::{Manner, interrupts, still_there, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::keys::Keys;
use crate::place::Place;
use crate::planning::check_wished;
use crate::resources::{self, Listed, find};
use crate::target::Wanted;
use crate::view;

/// Does what is asked with leases.
pub fn run(app: &App, args: &LeaseArgs) -> Result<(), Error> {
    match &args.verb {
        LeaseVerb::Create(args) => create(app, args),
        LeaseVerb::Ls(args) => ls(app, ResourceKind::Lease, args),
        LeaseVerb::Show(args) => show(app, ResourceKind::Lease, args),
        LeaseVerb::Extend(args) => extend::run(app, args),
        LeaseVerb::Delete(args) => delete(app, ResourceKind::Lease, args, Deleted::Lease),
        LeaseVerb::Wait(args) => wait(app, args),
    }
}

/// Makes it, reads it back, and shows what was granted.
fn create(app: &App, args: &LeaseCreateArgs) -> Result<(), Error> {
    let made = app.block_on(make(app, args))?;
    match made {
        Created::Lease(lease) => app.emit(&lease, |width| view::resource(&lease, width)),
        Created::Nothing(upped) => up::show(app, &upped),
    }
}

enum Created {
    /// It is there.
    Lease(Box<Listed>),
    /// It was only asked what would be done.
    Nothing(Box<Upped>),
}

async fn make(app: &App, args: &LeaseCreateArgs) -> Result<Created, Error> {
    let mut interrupts = interrupts()?;
    let (sites, wanted) = (app.sites()?, wanted(app, args)?);
    if let Some(lease) = &args.reuse_lease {
        // It need not have room for our machines now: who launches is told.
        let there = unless_interrupted(&interrupts, find(app, &sites, ResourceKind::Lease, &wanted.demand.on, lease));
        return running(there.await?).map(|lease| Created::Lease(Box::new(lease)));
    }
    let place = unless_interrupted(&interrupts, place(app, &sites, args, &wanted)).await?;
    let up = Up {
        app,
        sites: &sites,
        wanted: &wanted,
        consent: &args.consent,
        manner: Manner { patience: Duration::ZERO, on_failure: OnFailure::GiveBack },
        shift: args.shift(),
        extent: Extent::Making(&[ResourceKind::Lease]),
        place: &place,
        keys: &Keys::default(),
        commands: &args.commands,
    };
    let upped = up.run(&mut interrupts).await?;
    if let Upped::Only(_) = upped {
        return Ok(Created::Nothing(Box::new(upped)));
    }
    let lease = resources::made(app, &sites, ResourceKind::Lease, &wanted.demand.name, &interrupts).await?;
    verify(app, args, lease).await.map(|lease| Created::Lease(Box::new(lease)))
}

/// Among the hosts that are named, and of those the ones that fit.
async fn place(app: &App, sites: &Sites, args: &LeaseCreateArgs, wanted: &Wanted) -> Result<Place, Error> {
    check_wished(sites, &wanted.demand)?;
    let place = Place::of_hosts(&args.host);
    match &args.filter {
        Some(text) => place.fitting(app, sites, &wanted.demand.on, &text.parse()?).await,
        None => Ok(place),
    }
}

fn wanted(app: &App, args: &LeaseCreateArgs) -> Result<Wanted, Error> {
    let demand = app.demand_of_flags(&args.demand(), &args.name)?;
    Ok(Wanted { demand, secrets: Default::default(), warnings: Vec::new(), checkout: None })
}

fn running(lease: Listed) -> Result<Listed, Error> {
    if lease.resource.is_running() {
        return Ok(lease);
    }
    let message = format!("the lease `{}` does not run: it is {}", lease.name(), lease.resource.site_status);
    Err(Error::new(ErrorKind::InvalidState, message))
}

/// What the site granted is what was planned, or the user is told what isn't.
async fn verify(app: &App, args: &LeaseCreateArgs, lease: Listed) -> Result<Listed, Error> {
    let (_, record) = app.deployment(&args.name).await?;
    let planned = record.plan.picks.iter().flat_map(|pick| pick.hosts.clone()).collect::<Vec<_>>();
    let Some(Grant { hosts, window }) = lease.resource.grant() else { return Ok(lease) };
    let missing: Vec<String> =
        planned.iter().filter(|host| !hosts.contains(host)).map(|host| format!("`{host}`")).collect();
    let until = record.journal().until(&record.plan);
    let message = if !missing.is_empty() {
        format!("the lease `{}` was granted without {}", args.name, missing.join(", "))
    } else if until.is_some_and(|until| window.end() < until) {
        format!("the lease `{}` was granted until {} only", args.name, window.end())
    } else {
        return Ok(lease);
    };
    Err(still_there(&record, Error::new(ErrorKind::Stuck, message)))
}

/// How long to wait between two looks: more and more, but a lease that begins is seen soon.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

fn wait(app: &App, args: &LeaseWaitArgs) -> Result<(), Error> {
    let lease = app.block_on(async {
        let interrupts = interrupts()?;
        let begun = tokio::time::timeout(args.timeout, unless_interrupted(&interrupts, begun(app, args)));
        match begun.await {
            Ok(begun) => begun,
            Err(_) => {
                let message = format!("the lease `{}` has not begun after {} s", args.name, args.timeout.as_secs());
                Err(Error::new(ErrorKind::TimedOut, message)
                    .hinted(format!("look at it: `hostler lease show {}`", args.name)))
            }
        }
    })?;
    app.emit(&lease, |width| view::resource(&lease, width))
}

/// The lease once it runs. One that runs already is not waited for.
async fn begun(app: &App, args: &LeaseWaitArgs) -> Result<Listed, Error> {
    let sites = app.sites()?;
    let on = resources::wished(&sites, &args.on)?;
    let mut pauses = PAUSES.into_iter();
    let mut pause = PAUSES[0];
    loop {
        let lease = find(app, &sites, ResourceKind::Lease, &on, &args.name).await?;
        let over = |grant: &Grant| grant.window.end() <= (app.now)();
        match &lease.resource.status {
            Some(ResourceStatus::Running { .. }) => return Ok(lease),
            Some(ResourceStatus::Missing | ResourceStatus::Error { .. }) => return running(lease),
            _ if lease.resource.grant().is_some_and(over) => return running(lease),
            _ => {}
        }
        pause = pauses.next().unwrap_or(pause);
        tokio::time::sleep(pause.min(until_start(&lease, (app.now)()))).await;
    }
}

/// Until it should begin, where that is soon; at least a second.
fn until_start(lease: &Listed, now: Timestamp) -> Duration {
    let starts = lease.resource.grant().map(|grant| now.duration_until(grant.window.start()));
    let wait = starts.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or(PAUSES[2]);
    wait.clamp(PAUSES[0], PAUSES[2])
}
