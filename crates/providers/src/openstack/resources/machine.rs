//! Machines: Nova's servers.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use hostler_core::plan::{MachineSpec, ResourceKind};
use hostler_core::ports::{Address, Created, Owned, Power, Resource, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{bare, bears, calendar, lease, network, ours};
use crate::openstack::blazar::{Lease, LeaseId, ReservationId};
use crate::openstack::error::{ApiError, found};
use crate::openstack::keystone::Session;
use crate::openstack::nova::{NewServer, Server};
use crate::openstack::{Settings, glance, nova, tickets, wait};
use crate::trouble::Trouble;

/// How long a machine may take to go, or to switch. Bare metal is slow at both.
const TURN: Duration = Duration::from_secs(900);

/// The most user data that Nova takes, in base64.
const MOST_USER_DATA: usize = 65_535;

/// What a machine is launched with.
pub(in crate::openstack) struct Launch<'a> {
    pub spec: &'a MachineSpec,
    pub network: Option<&'a Ref>,
    pub lease: Option<&'a Ref>,
    pub keypair: Option<&'a Ref>,
    pub first_boot: &'a str,
}

/// Launches the machine, or finds it; it runs when this returns.
pub(in crate::openstack) async fn create(
    session: &Session,
    settings: &Settings,
    ticket: &Ticket,
    launch: &Launch<'_>,
) -> Result<Created, Trouble> {
    let id = match find(session, ticket).await? {
        Some(server) => server.id,
        None => start(session, settings, ticket, launch).await?,
    };
    let server = running(session, &id, settings.patience).await?;
    Ok(Created { reference: Ref(server.id.clone()), address: server.fixed_address().map(at) })
}

async fn find(session: &Session, ticket: &Ticket) -> Result<Option<Server>, Trouble> {
    let servers = nova::servers(session).await?;
    Ok(servers.into_iter().find(|server| ticket_of(server).as_ref() == Some(ticket)))
}

fn ticket_of(server: &Server) -> Option<Ticket> {
    server.metadata.get(tickets::METADATA)?.parse().ok()
}

fn at(address: &str) -> Address {
    Address { host: address.to_owned(), port: 22 }
}

async fn start(
    session: &Session,
    settings: &Settings,
    ticket: &Ticket,
    launch: &Launch<'_>,
) -> Result<String, Trouble> {
    let user_data = user_data(launch.first_boot)?;
    let spec = launch.spec;
    let standing = async { network::standing(session, launch.network, spec.shared_network.as_deref()).await };
    let (image, flavor, network) =
        tokio::try_join!(image(session, &spec.image), flavor(session, settings, launch), standing)?;
    let reservation = match launch.lease {
        Some(id) => {
            let lease = lease::begun(session, &LeaseId(id.0.clone())).await?;
            Some(reservation_for(session, &lease, spec).await?)
        }
        None => None,
    };
    let new = NewServer {
        name: spec.name.clone(),
        image,
        flavor,
        keypair: launch.keypair.map(|keypair| keypair.0.clone()),
        network: network.as_ref().map(|network| network.id.clone()),
        security_groups: network.map(|network| network.security_groups).unwrap_or_default(),
        reservation,
        user_data,
        metadata: BTreeMap::from([(tickets::METADATA.to_owned(), ticket.to_string())]),
    };
    Ok(nova::launch(session, &new).await?)
}

fn user_data(first_boot: &str) -> Result<Option<String>, Trouble> {
    if first_boot.is_empty() {
        return Ok(None);
    }
    let encoded = BASE64_STANDARD.encode(first_boot);
    if encoded.len() > MOST_USER_DATA {
        let most = MOST_USER_DATA * 3 / 4;
        let message = format!("the script for the first boot has {} bytes, and Nova takes {most}", first_boot.len());
        return Err(Trouble::report(message));
    }
    Ok(Some(encoded))
}

/// The newest active image of the name: a name may be used again for each build.
async fn image(session: &Session, name: &str) -> Result<String, Trouble> {
    let images = glance::images_named(session, name).await?;
    let newest = images.into_iter().next();
    newest.map(|image| image.id).ok_or_else(|| Trouble::full(format!("there is no active image `{name}` any more")))
}

/// What is leased is launched with the flavor for hosts; else the node type is a flavor.
async fn flavor(session: &Session, settings: &Settings, launch: &Launch<'_>) -> Result<String, Trouble> {
    let name = if launch.lease.is_some() { settings.flavor.as_str() } else { launch.spec.node_type.as_str() };
    let flavors = nova::flavors(session).await?;
    let named = flavors.iter().find(|flavor| flavor.name == name || flavor.id == name);
    named.map(|flavor| flavor.id.clone()).ok_or_else(|| {
        let there: Vec<&str> = flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        Trouble::ask(format!("there is no flavor `{name}`"), format!("there are: {}", there.join(", ")))
    })
}

/// The part of the lease that holds the machine's host. One of ours names the host; of one that others have made, the
/// calendar says which part has it.
async fn reservation_for(session: &Session, lease: &Lease, spec: &MachineSpec) -> Result<ReservationId, Trouble> {
    let of_hosts = || lease.reservations.iter().filter(|part| part.resource_type == "physical:host");
    let Some(host) = spec.host.as_ref().map(|host| &host.0) else {
        let first = of_hosts().next().map(|part| part.id.clone());
        return first.ok_or_else(|| Trouble::full(format!("the lease `{}` holds no host", lease.id)));
    };
    if let Some(part) = of_hosts().find(|part| part.pinned_host().as_ref() == Some(host)) {
        return Ok(part.id.clone());
    }
    let held = calendar::calendar(session).await?.remove(host).unwrap_or_default();
    let part = held.into_iter().find(|held| held.lease == lease.id).map(|held| held.reservation);
    part.ok_or_else(|| Trouble::full(format!("the lease `{}` doesn't hold the host `{host}`", lease.id)))
}

/// The machine once it runs.
async fn running(session: &Session, id: &str, patience: Duration) -> Result<Server, Trouble> {
    let look = || async {
        let server = found(nova::server(session, id).await)?;
        let server = server.ok_or_else(|| Trouble::full(format!("the machine `{id}` is gone before it ran")))?;
        match server.status.as_str() {
            // It was launched before, and somebody has shut it down since: it is there.
            "ACTIVE" | "SHUTOFF" => Ok(Some(server).filter(|server| server.fixed_address().is_some())),
            "ERROR" => Err(Trouble::full(format!("the machine went to ERROR: {}", fault(&server)))),
            _ => Ok(None),
        }
    };
    let late = || Trouble::full(format!("the machine doesn't run after {} minutes", patience.as_secs() / 60));
    wait::until(patience, look).await?.ok_or_else(late)
}

fn fault(server: &Server) -> String {
    server.fault.as_ref().map_or_else(|| "no reason given".to_owned(), |fault| fault.message.clone())
}

pub(in crate::openstack) async fn status(session: &Session, id: &str) -> Result<ResourceStatus, Trouble> {
    let server = found(nova::server(session, id).await)?;
    Ok(server.map_or(ResourceStatus::Missing, |server| status_of(&server)))
}

fn status_of(server: &Server) -> ResourceStatus {
    match server.status.as_str() {
        "ACTIVE" => ResourceStatus::Running { address: server.address().map(at) },
        "SHUTOFF" => ResourceStatus::Stopped,
        "ERROR" => ResourceStatus::Error { message: fault(server) },
        "DELETED" | "SOFT_DELETED" => ResourceStatus::Missing,
        "BUILD" | "REBUILD" | "REBOOT" | "HARD_REBOOT" | "PASSWORD" | "MIGRATING" | "RESIZE" | "VERIFY_RESIZE" => {
            ResourceStatus::Pending
        }
        other => ResourceStatus::Unknown { reported: other.to_owned() },
    }
}

pub(in crate::openstack) async fn set_power(session: &Session, id: &str, power: Power) -> Result<(), Trouble> {
    let (wanted, name) = match power {
        Power::On => ("ACTIVE", "on"),
        Power::Off => ("SHUTOFF", "off"),
    };
    let look = || async {
        let server = nova::server(session, id).await?;
        match (server.status.as_str(), server.task.as_deref()) {
            (status, None) if status == wanted => return Ok(Some(())),
            ("ERROR", None) => return Err(Trouble::report(format!("the machine is in ERROR: {}", fault(&server)))),
            ("ACTIVE" | "SHUTOFF", None) => {}
            // Nova is at something with it, and refuses all else until that is done.
            _ => return Ok(None),
        }
        match power {
            Power::On => nova::start(session, id).await?,
            Power::Off => nova::stop(session, id).await?,
        }
        Ok(None)
    };
    match wait::until(TURN, look).await? {
        Some(()) => Ok(()),
        None => Err(Trouble::report(format!("the machine `{id}` is not {name} after {} minutes", TURN.as_secs() / 60))),
    }
}

pub(in crate::openstack) async fn delete(session: &Session, owned: &Owned) -> Result<(), Trouble> {
    let id = &owned.reference.0;
    let Some(server) = found(nova::server(session, id).await)? else { return Ok(()) };
    bears("machine", id, &owned.ticket, ticket_of(&server).as_ref())?;
    found(nova::delete_server(session, id).await)?;
    let look = || async {
        match found(nova::server(session, id).await)? {
            None => Ok(Some(())),
            Some(server) if matches!(server.status.as_str(), "DELETED" | "SOFT_DELETED") => Ok(Some(())),
            // A server whose deletion failed is in ERROR, with no task: it is asked for once more.
            Some(server) if server.status == "ERROR" && server.task.is_none() => {
                found(nova::delete_server(session, id).await)?;
                Ok(None)
            }
            Some(_) => Ok(None),
        }
    };
    match wait::until(TURN, look).await? {
        Some(()) => Ok(()),
        None => Err(Trouble::report(format!("the machine `{id}` is still there"))),
    }
}

pub(in crate::openstack) async fn owned(session: &Session) -> Result<Vec<Owned>, ApiError> {
    resources(session).await.map(ours)
}

pub(in crate::openstack) async fn resources(session: &Session) -> Result<Vec<Resource>, ApiError> {
    let resource = |server: Server| {
        let (ticket, status) = (ticket_of(&server), Some(status_of(&server)));
        Resource { status, site_status: server.status, ..bare(ResourceKind::Machine, server.id, server.name, ticket) }
    };
    Ok(nova::servers(session).await?.into_iter().map(resource).collect())
}
