//! `hostler key`, `network`, `ip` and `server`: single things of a site.
//!
//! What is made here is a small deployment of its own. What is given back is always a deployment of ours: a thing that
//! bears no ticket of this store is shown, and never deleted.

use hostler_core::name::{Name, SiteId};
use hostler_core::offer::ReachTerm;
use hostler_core::plan::{Action, Plan, PlannedResource, ResourceKind};
use hostler_core::ticket::Ref;
use hostler_core::time::Window;
use hostler_engine::deploy::{KeySource, OnFailure};
use hostler_engine::run::Sites;
use jiff::SignedDuration;
use serde_json::json;

use super::one::One;
use super::up::{Extent, Up, place};
use super::{down, up};
use crate::app::App;
use crate::args::{
    CommandsArgs, ConsoleArgs, DeleteArgs, IpArgs, IpCreateArgs, IpVerb, KeyCreateArgs, KeyImportArgs, KeyVerb,
    KeypairArgs, ListArgs, NetworkArgs, NetworkVerb, ServerArgs, ServerCreateArgs, ServerVerb, ShowArgs,
};
use crate::attempts::Shift;
use crate::drive::{Manner, interrupts, unless_interrupted};
use crate::error::{Error, ErrorKind};
use crate::keys::{Keys, public_key};
use crate::output::Format;
use crate::resources::{self, Listed, Whose, all, find};
use crate::target::Wanted;
use crate::view;

/// Does what is asked with keys.
pub fn keys(app: &App, args: &KeypairArgs) -> Result<(), Error> {
    match &args.verb {
        KeyVerb::Create(args) => create_key(app, args),
        KeyVerb::Import(args) => import_key(app, args),
        KeyVerb::Ls(args) => ls(app, ResourceKind::Keypair, args),
        KeyVerb::Delete(args) => delete(app, ResourceKind::Keypair, args, Deleted::Other),
    }
}

/// Does what is asked with networks.
pub fn networks(app: &App, args: &NetworkArgs) -> Result<(), Error> {
    let NetworkVerb::Ls(args) = &args.verb;
    ls(app, ResourceKind::Network, args)
}

/// Does what is asked with public addresses.
pub fn addresses(app: &App, args: &IpArgs) -> Result<(), Error> {
    match &args.verb {
        IpVerb::Create(args) => create_address(app, args),
        IpVerb::Ls(args) => ls(app, ResourceKind::Address, args),
        IpVerb::Release(args) => delete(app, ResourceKind::Address, args, Deleted::Other),
    }
}

/// Does what is asked with machines.
pub fn servers(app: &App, args: &ServerArgs) -> Result<(), Error> {
    match &args.verb {
        ServerVerb::Create(args) => create_server(app, args),
        ServerVerb::Ls(args) => ls(app, ResourceKind::Machine, args),
        ServerVerb::Show(args) => show(app, ResourceKind::Machine, args),
        ServerVerb::Delete(args) => delete(app, ResourceKind::Machine, args, Deleted::Other),
        ServerVerb::Console(args) => console(app, args),
    }
}

/// Lists things: ours, or all.
pub(super) fn ls(app: &App, kind: ResourceKind, args: &ListArgs) -> Result<(), Error> {
    let mut listed = app.block_on(async {
        let sites = app.sites()?;
        let on = resources::wished(&sites, &args.on)?;
        unless_interrupted(&interrupts()?, all(app, &sites, kind, &on)).await
    })?;
    listed.retain(|listed| args.all || listed.whose == Whose::Ours);
    if listed.is_empty() && app.format == Format::Text {
        let hint = if args.all { "" } else { " of ours; `--all` lists all that the project has" };
        app.printer.say(&format!("no {kind}{hint}"));
        return Ok(());
    }
    app.emit(&listed, |width| view::resources(kind, &listed, width))
}

/// Shows one thing.
pub(super) fn show(app: &App, kind: ResourceKind, args: &ShowArgs) -> Result<(), Error> {
    let listed = app.block_on(async {
        let sites = app.sites()?;
        let on = resources::wished(&sites, &args.on)?;
        unless_interrupted(&interrupts()?, find(app, &sites, kind, &on, &args.name)).await
    })?;
    app.emit(&listed, |width| view::resource(&listed, width))
}

/// What may be deleted with the rest of its deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    /// A lease, and all that stands on it.
    Lease,
    /// Anything else.
    Other,
}

/// Gives back the deployment that made a thing.
pub(super) fn delete(app: &App, kind: ResourceKind, args: &DeleteArgs, deleted: Deleted) -> Result<(), Error> {
    let name = match app.block_on(maker(app, kind, &args.name))? {
        Some(name) => name,
        None if args.missing_ok => {
            let gone = json!({ "status": "already_deleted", "name": args.name });
            return app.emit(&gone, |_| format!("there is no {kind} `{}` (any more)\n", args.name));
        }
        None => {
            let error = Error::new(ErrorKind::NotFound, format!("there is no {kind} `{}`", args.name));
            return Err(error.hinted("add `--missing-ok` where that is fine"));
        }
    };
    if deleted == Deleted::Lease {
        app.block_on(tell_who_stands_on(app, &name))?;
    }
    let gone = down::give_back(app, &name, args.consent)?;
    let status = if args.consent.dry_run { "would_be_deleted" } else { "deleted" };
    app.emit(&json!({ "status": status, "name": name, "released": gone }), |_| {
        if args.consent.dry_run { format!("{name} would be given back\n") } else { format!("{name} is given back\n") }
    })
}

/// The live deployment that made a thing; nothing where there is no such thing.
///
/// # Errors
/// Where it is not ours.
async fn maker(app: &App, kind: ResourceKind, text: &str) -> Result<Option<Name>, Error> {
    let store = app.store_if_there().await?;
    if let (Some(store), Ok(name)) = (&store, Name::new(text))
        && let Some(record) = store.find(&name).await?
        && makes(&record.plan, kind)
    {
        return if makes_only(&record.plan, kind) { Ok(Some(record.name)) } else { Err(more_than(kind, &record.name)) };
    }
    let found = find(app, &app.sites()?, kind, &[], text).await;
    let listed = match found {
        Ok(listed) => listed,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match (listed.whose, &listed.deployment) {
        (Whose::Ours, Some(name)) => {
            let record = match &store {
                Some(store) => store.find(name).await?,
                None => None,
            };
            let only = record.is_none_or(|record| makes_only(&record.plan, kind));
            if only { Ok(Some(name.clone())) } else { Err(more_than(kind, name)) }
        }
        (Whose::Ours, None) => {
            let error =
                Error::new(ErrorKind::InvalidState, format!("no deployment looks after the {kind} `{text}` any more"));
            Err(error.hinted("`hostler sweep` deletes what is ours and forgotten"))
        }
        (Whose::Foreign | Whose::Others, _) => Err(not_ours(kind, &listed)),
    }
}

/// Whether a deployment's plan makes a thing of this kind.
fn makes(plan: &Plan, kind: ResourceKind) -> bool {
    plan.steps.iter().any(|step| matches!(&step.action, Action::Create(what) if what.kind() == kind))
}

/// Whether a deployment has nothing that would be missed with the thing: with a lease its machines go, as at the site
/// itself, and with a machine its address.
fn makes_only(plan: &Plan, kind: ResourceKind) -> bool {
    if matches!(kind, ResourceKind::Lease | ResourceKind::Machine) {
        return true;
    }
    plan.steps.iter().all(|step| match &step.action {
        Action::Create(what) => what.kind() == kind,
        Action::Reach { .. } | Action::SetUp { .. } => true,
    })
}

fn more_than(kind: ResourceKind, name: &Name) -> Error {
    let error =
        Error::new(ErrorKind::InvalidState, format!("the deployment `{name}` has more than this {kind}, and needs it"));
    error.hinted(format!("give all of it back: `hostler down {name}`"))
}

fn not_ours(kind: ResourceKind, listed: &Listed) -> Error {
    let message = format!("the {kind} `{}` at `{}` is not ours, and is not deleted", listed.name(), listed.site);
    let error = Error::new(ErrorKind::InvalidState, message);
    match listed.whose {
        Whose::Foreign => {
            error.hinted("it bears a ticket of another store: `hostler sweep --ticket TICKET` deletes it")
        }
        _ => error.hinted("who made it can delete it: `openstack` and the site's own pages do"),
    }
}

/// Machines of other deployments on a lease go with it.
async fn tell_who_stands_on(app: &App, name: &Name) -> Result<(), Error> {
    let (store, record) = app.deployment(name.as_str()).await?;
    let leases: Vec<Ref> = record.journal().left(&record.plan).into_iter().filter_map(|left| left.reference).collect();
    for other in app.readable(&store).await?.iter().filter(|other| other.name != *name) {
        let on_it =
            |spec: &hostler_core::plan::MachineSpec| spec.uses.lease.as_ref().is_some_and(|it| leases.contains(it));
        if other.plan.machines().any(|(_, spec)| on_it(spec)) {
            app.printer.say(&format!("warning: the machines of `{}` stand on this lease, and go with it", other.name));
        }
    }
    Ok(())
}

fn create_key(app: &App, args: &KeyCreateArgs) -> Result<(), Error> {
    let keys = match &args.out {
        Some(path) => Keys::made_to(app.settings.directory.join(path))?,
        None => Keys::default(),
    };
    let sites = app.sites()?;
    let key = One { app, sites: &sites, name: &args.name, site: &args.site, keys: &keys, consent: &args.consent };
    key.make(async |_, site| Ok(PlannedResource::Keypair { site }))
}

fn import_key(app: &App, args: &KeyImportArgs) -> Result<(), Error> {
    let keys = Keys { source: KeySource::Public(public_key(app, &args.public_key)?), copy: None };
    let sites = app.sites()?;
    let key = One { app, sites: &sites, name: &args.name, site: &args.site, keys: &keys, consent: &args.consent };
    key.make(async |_, site| Ok(PlannedResource::Keypair { site }))
}

fn create_address(app: &App, args: &IpCreateArgs) -> Result<(), Error> {
    // Nobody logs in, and so the pair that every deployment has is made and forgotten.
    let keys = Keys::default();
    let sites = app.sites()?;
    let address = One { app, sites: &sites, name: &args.name, site: &args.site, keys: &keys, consent: &args.consent };
    address.make(async |sites, site| {
        let pool = match &args.pool {
            Some(pool) => pool.clone(),
            None => pool_of(app, sites, &site).await?,
        };
        Ok(PlannedResource::Address { site, pool, machine: None })
    })
}

/// Where a site's machines have their public addresses from.
async fn pool_of(app: &App, sites: &Sites, site: &SiteId) -> Result<String, Error> {
    let none = || {
        let error = Error::new(ErrorKind::Usage, format!("`{site}` doesn't say where public addresses come from"));
        error.hinted("name the external network: `--pool NETWORK`; `hostler network ls --all` lists those there are")
    };
    let provider = sites.get(site).ok_or_else(none)?;
    let window = Window::of((app.now)(), SignedDuration::from_hours(1))?;
    let offers = provider.offers(&window).await?;
    let pool = offers.into_iter().find_map(|offer| match offer.terms.reach {
        ReachTerm::PublicAddress(pool) => Some(pool),
        ReachTerm::Direct => None,
    });
    pool.ok_or_else(none)
}

/// What a machine takes, without its set-up.
const SERVER: &[ResourceKind] =
    &[ResourceKind::Keypair, ResourceKind::Network, ResourceKind::Lease, ResourceKind::Machine, ResourceKind::Address];

fn create_server(app: &App, args: &ServerCreateArgs) -> Result<(), Error> {
    let upped = app.block_on(async {
        let (mut interrupts, sites) = (interrupts()?, app.sites()?);
        let flags = crate::args::DemandArgs { name: Some(args.deployment.clone()), ..args.demand.clone() };
        let demand = app.demand_of_flags(&flags, &args.deployment)?;
        let wanted = Wanted { demand, secrets: Default::default(), warnings: Vec::new(), checkout: None };
        let place = place(app, &sites, args.lease.as_deref(), &interrupts).await?;
        let keys = Keys::of(app, &args.key)?;
        let up = Up {
            app,
            sites: &sites,
            wanted: &wanted,
            consent: &args.consent,
            manner: Manner { patience: args.timeout.ssh_timeout, on_failure: OnFailure::GiveBack },
            shift: Shift::Refused,
            extent: Extent::Making(SERVER),
            place: &place,
            keys: &keys,
            commands: &CommandsArgs::default(),
        };
        up.run(&mut interrupts).await
    })?;
    up::show(app, &upped)
}

fn console(app: &App, args: &ConsoleArgs) -> Result<(), Error> {
    let text = app.block_on(async {
        let sites = app.sites()?;
        let on = resources::wished(&sites, &args.on)?;
        let console = async {
            let machine = find(app, &sites, ResourceKind::Machine, &on, &args.name).await?;
            match sites.get(&machine.site) {
                Some(site) => Ok(site.console(&machine.resource.reference).await?),
                None => Ok(String::new()),
            }
        };
        unless_interrupted(&interrupts()?, console).await
    })?;
    app.emit(&json!({ "console": text }), |_| text.clone())
}
