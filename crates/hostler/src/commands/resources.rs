//! `hostler key`, `network`, `ip` and `server`: single resources of a site.

use std::path::Path;

use hostler_core::name::Name;
use hostler_core::plan::ResourceKind;
use hostler_engine::deploy::KeySource;
use hostler_engine::operate::{
    CreateOne, KeyRequest, ListedOwners, OneResource, OperateError, PlacementRequest, Requested, UpRequest, UpScope,
};
use hostler_engine::run::unless_interrupted;
use serde_json::json;

use super::down::show_left;
use super::up;
use crate::app::App;
use crate::args::Consent;
use crate::args::{
    DeleteArgs, DemandArgs, IpArgs, IpCreateArgs, IpVerb, KeyCreateArgs, KeyImportArgs, KeyVerb, KeypairArgs, ListArgs,
    NetworkArgs, NetworkVerb, ServerArgs, ServerCreateArgs, ServerVerb, ShowArgs,
};
use crate::document::would_be_deleted;
use crate::error::{Error, ErrorKind};
use crate::output::Format;
use crate::view;

/// Runs a `key` command.
pub fn keys(app: &App, args: &KeypairArgs) -> Result<(), Error> {
    match &args.verb {
        KeyVerb::Create(args) => create_key(app, args),
        KeyVerb::Import(args) => import_key(app, args),
        KeyVerb::Ls(args) => ls(app, ResourceKind::Keypair, args),
        KeyVerb::Delete(args) => delete(app, ResourceKind::Keypair, args),
    }
}

/// Runs a `network` command.
pub fn networks(app: &App, args: &NetworkArgs) -> Result<(), Error> {
    let NetworkVerb::Ls(args) = &args.verb;
    ls(app, ResourceKind::Network, args)
}

/// Runs an `ip` command.
pub fn addresses(app: &App, args: &IpArgs) -> Result<(), Error> {
    match &args.verb {
        IpVerb::Create(args) => create_address(app, args),
        IpVerb::Ls(args) => ls(app, ResourceKind::Address, args),
        IpVerb::Release(args) => delete(app, ResourceKind::Address, args),
    }
}

/// Runs a `server` command.
pub fn servers(app: &App, args: &ServerArgs) -> Result<(), Error> {
    match &args.verb {
        ServerVerb::Create(args) => create_server(app, args),
        ServerVerb::Ls(args) => ls(app, ResourceKind::Machine, args),
        ServerVerb::Show(args) => show(app, ResourceKind::Machine, args),
        ServerVerb::Delete(args) => delete(app, ResourceKind::Machine, args),
        ServerVerb::Console(args) => console(app, args),
    }
}

/// Lists the resources of a kind that deployments created, or all.
pub(super) fn ls(app: &App, kind: ResourceKind, args: &ListArgs) -> Result<(), Error> {
    let owners = if args.all { ListedOwners::Any } else { ListedOwners::Store };
    let listed = app.operate(async |operator, interrupts| {
        let on = operator.select(&args.on)?;
        Ok(unless_interrupted(interrupts, operator.resources(kind, &on, owners)).await?)
    })?;
    if listed.is_empty() && app.format == Format::Text {
        let hint = if args.all { "" } else { " created by a deployment; `--all` lists all that the account can see" };
        app.printer.say(&format!("no {kind}{hint}"));
        return Ok(());
    }
    app.emit(&listed, |width| view::resources(kind, &listed, width))
}

/// Shows one resource.
pub(super) fn show(app: &App, kind: ResourceKind, args: &ShowArgs) -> Result<(), Error> {
    let listed = app.operate(async |operator, interrupts| {
        let on = operator.select(&args.on)?;
        Ok(unless_interrupted(interrupts, operator.find_resource(kind, &on, &args.name)).await?)
    })?;
    app.emit(&listed, |width| view::resource(&listed, width))
}

/// Brings down the deployment that created a resource.
pub(super) fn delete(app: &App, kind: ResourceKind, args: &DeleteArgs) -> Result<(), Error> {
    let (text, mode) = (&args.name, args.consent.mode());
    let deleted = app.operate_with(&args.consent, async |operator, interrupts| {
        match operator.delete_resource(kind, text, mode, interrupts).await {
            Err(OperateError::UnknownResource { .. }) if args.missing_ok => Ok(None),
            Err(error @ OperateError::UnknownResource { .. }) => {
                Err(Error::from(error).hinted("to succeed if it does not exist, add `--missing-ok`"))
            }
            deleted => Ok(Some(deleted?)),
        }
    })?;
    let Some((name, down)) = deleted else {
        let gone = json!({ "status": "already_deleted", "name": text, "down": [], "would_be_deleted": null });
        return app.emit(&gone, |_| format!("no {kind} `{text}`\n"));
    };
    if args.consent.dry_run {
        show_left(app, &down);
    }
    let status = if args.consent.dry_run { "would_be_deleted" } else { "deleted" };
    let would_be_deleted = would_be_deleted(&down, mode);
    let value = json!({ "status": status, "name": name, "down": down.down, "would_be_deleted": would_be_deleted });
    app.emit(&value, |_| {
        if args.consent.dry_run { format!("{name} would be brought down\n") } else { format!("{name} is down\n") }
    })
}

fn create_key(app: &App, args: &KeyCreateArgs) -> Result<(), Error> {
    let key = match &args.out {
        Some(path) => KeyRequest::new_in(app.settings.directory.join(path))?,
        None => KeyRequest::default(),
    };
    create_one(app, &args.name, &args.site, OneResource::Keypair, key, &args.consent)
}

fn import_key(app: &App, args: &KeyImportArgs) -> Result<(), Error> {
    let key = KeyRequest { source: KeySource::PublicOnly(public_key(app, &args.public_key)?), copy: None };
    create_one(app, &args.name, &args.site, OneResource::Keypair, key, &args.consent)
}

fn create_address(app: &App, args: &IpCreateArgs) -> Result<(), Error> {
    let resource = OneResource::Address { pool: args.pool.clone() };
    create_one(app, &args.name, &args.site, resource, KeyRequest::default(), &args.consent)
}

fn create_one(
    app: &App,
    name: &str,
    site: &str,
    resource: OneResource,
    key: KeyRequest,
    consent: &Consent,
) -> Result<(), Error> {
    let request = CreateOne { name: Name::new(name)?, site: site.to_owned(), resource, key, mode: consent.mode() };
    let created =
        app.operate_with(consent, async |operator, interrupts| Ok(operator.create_one(&request, interrupts).await?))?;
    match created {
        Some(created) => app.emit(&created, |width| view::resource(&created, width)),
        None => {
            let planned = json!({ "status": "would_be_created", "name": name });
            app.emit(&planned, |_| format!("{name} would be created\n"))
        }
    }
}

/// The resources of a machine, without its set-up.
const SERVER: &[ResourceKind] =
    &[ResourceKind::Keypair, ResourceKind::Network, ResourceKind::Lease, ResourceKind::Machine, ResourceKind::Address];

fn create_server(app: &App, args: &ServerCreateArgs) -> Result<(), Error> {
    let result = app.operate_with(&args.consent, async |operator, interrupts| {
        let options = DemandArgs { name: Some(args.deployment.clone()), ..args.demand.clone() };
        let demand = app.demand_of(operator, &options, &args.deployment).await?;
        let request = UpRequest {
            placement: PlacementRequest { lease: args.lease.clone(), ..PlacementRequest::default() },
            key: app.key(&args.key)?,
            ssh_timeout: args.timeout.ssh_timeout,
            scope: UpScope::Only(SERVER),
            mode: args.consent.mode(),
            ..UpRequest::new(Requested::from(demand))
        };
        Ok(operator.up(&request, interrupts).await?)
    })?;
    up::show(app, &result)
}

fn console(app: &App, args: &ShowArgs) -> Result<(), Error> {
    let text = app.operate(async |operator, interrupts| {
        let on = operator.select(&args.on)?;
        Ok(operator.console(&args.name, &on, interrupts).await?)
    })?;
    app.emit(&json!({ "console": text }), |_| text.clone())
}

/// The public key in a file.
fn public_key(app: &App, path: &Path) -> Result<String, Error> {
    let text = app.settings.read_file(path, ErrorKind::Usage)?;
    let is_key = |line: &&str| {
        let kind = line.split_whitespace().next();
        kind.is_some_and(|kind| ["ssh-", "ecdsa-", "sk-"].iter().any(|prefix| kind.starts_with(prefix)))
    };
    match text.lines().map(str::trim).find(is_key) {
        Some(line) if !text.contains("PRIVATE KEY") => Ok(line.to_owned()),
        _ => {
            let error = Error::new(ErrorKind::Usage, format!("`{}` is not a public key", path.display()));
            Err(error.hinted("name the file that ends in `.pub`"))
        }
    }
}
