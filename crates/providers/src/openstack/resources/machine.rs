//! Machines: Nova's servers.

use std::collections::BTreeMap;
use std::time::Duration;

use hostler_core::plan::{MachineSpec, ResourceKind};
use hostler_core::ports::{Address, Created, Owned, Power, Resource, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{calendar, check_ticket, lease, minimal, network, with_tickets};
use crate::failure::CallFailure;
use crate::openstack::blazar::{BlazarLease, LeaseId, ReservationId};
use crate::openstack::error::{ApiError, none_if_missing};
use crate::openstack::keystone::KeystoneSession;
use crate::openstack::nova::{NewServer, NovaServer};
use crate::openstack::{OpenStackSettings, glance, nova, tickets, wait};

/// Time limit for a machine to be deleted, or to change its power state. Bare metal is slow at both.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(900);

/// A machine to launch, with the resources that it uses.
pub(in crate::openstack) struct Launch<'a> {
    pub spec: &'a MachineSpec,
    pub network: Option<&'a Ref>,
    pub lease: Option<&'a Ref>,
    pub keypair: Option<&'a Ref>,
}

/// Launches the machine, or finds it. It is running when this returns.
pub(in crate::openstack) async fn create(
    session: &KeystoneSession,
    settings: &OpenStackSettings,
    ticket: &Ticket,
    launch: &Launch<'_>,
) -> Result<Created, CallFailure> {
    let id = match find(session, ticket).await? {
        Some(server) => server.id,
        None => launch_new(session, settings, ticket, launch).await?,
    };
    let server = wait_until_running(session, &id, settings.launch_timeout).await?;
    Ok(Created { reference: Ref(server.id.clone()), address: server.fixed_address().map(ssh_address) })
}

async fn find(session: &KeystoneSession, ticket: &Ticket) -> Result<Option<NovaServer>, CallFailure> {
    let servers = nova::servers(session).await?;
    Ok(servers.into_iter().find(|server| ticket_of(server).as_ref() == Some(ticket)))
}

fn ticket_of(server: &NovaServer) -> Option<Ticket> {
    server.metadata.get(tickets::METADATA)?.parse().ok()
}

fn ssh_address(address: &str) -> Address {
    Address { host: address.to_owned(), port: 22 }
}

async fn launch_new(
    session: &KeystoneSession,
    settings: &OpenStackSettings,
    ticket: &Ticket,
    launch: &Launch<'_>,
) -> Result<String, CallFailure> {
    let spec = launch.spec;
    let attachment = async { network::attachment(session, launch.network, spec.shared_network.as_deref()).await };
    let (image, flavor, network) =
        tokio::try_join!(image(session, &spec.image), flavor(session, settings, launch), attachment)?;
    let reservation = match launch.lease {
        Some(id) => {
            let lease = lease::started(session, &LeaseId(id.0.clone())).await?;
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
        metadata: BTreeMap::from([(tickets::METADATA.to_owned(), ticket.to_string())]),
    };
    Ok(nova::launch(session, &new).await?)
}

/// The newest active image of the name, which several builds may share.
async fn image(session: &KeystoneSession, name: &str) -> Result<String, CallFailure> {
    let images = glance::images_named(session, name).await?;
    let newest = images.into_iter().next();
    let missing = || CallFailure::unavailable(format!("no active image `{name}` exists any more"));
    newest.map(|image| image.id).ok_or_else(missing)
}

/// The flavor's id: the configured one for leased hosts, else the one that the node type names.
async fn flavor(
    session: &KeystoneSession,
    settings: &OpenStackSettings,
    launch: &Launch<'_>,
) -> Result<String, CallFailure> {
    let name = if launch.lease.is_some() { settings.flavor.as_str() } else { launch.spec.node_type.as_str() };
    let flavors = nova::flavors(session).await?;
    let named = flavors.iter().find(|flavor| flavor.name == name || flavor.id == name);
    named.map(|flavor| flavor.id.clone()).ok_or_else(|| {
        let names: Vec<&str> = flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        let hint = format!("flavors are: {}", names.join(", "));
        CallFailure::needs_user(format!("the flavor `{name}` does not exist"), hint)
    })
}

/// The reservation of the lease that holds the machine's host. A lease that hostler created names the host in it; for
/// other leases the calendar tells.
async fn reservation_for(
    session: &KeystoneSession,
    lease: &BlazarLease,
    spec: &MachineSpec,
) -> Result<ReservationId, CallFailure> {
    let of_hosts = || lease.reservations.iter().filter(|it| it.resource_type == "physical:host");
    let Some(host) = spec.host.as_ref().map(|host| &host.0) else {
        let first = of_hosts().next().map(|reservation| reservation.id.clone());
        return first.ok_or_else(|| CallFailure::unavailable(format!("the lease `{}` holds no host", lease.id)));
    };
    if let Some(reservation) = of_hosts().find(|it| it.pinned_host().as_ref() == Some(host)) {
        return Ok(reservation.id.clone());
    }
    let holds = calendar::calendar(session).await?.remove(host).unwrap_or_default();
    let reservation = holds.into_iter().find(|hold| hold.lease == lease.id).map(|hold| hold.reservation);
    let missing = || CallFailure::unavailable(format!("the lease `{}` doesn't hold the host `{host}`", lease.id));
    reservation.ok_or_else(missing)
}

async fn wait_until_running(session: &KeystoneSession, id: &str, limit: Duration) -> Result<NovaServer, CallFailure> {
    let query = || async {
        let server = none_if_missing(nova::server(session, id).await)?;
        let deleted = || CallFailure::unavailable(format!("the machine `{id}` was deleted before it was running"));
        let server = server.ok_or_else(deleted)?;
        match server.status.as_str() {
            // SHUTOFF: an earlier call launched it, and it was shut down since. It exists, so this step is done.
            "ACTIVE" | "SHUTOFF" => Ok(Some(server).filter(|server| server.fixed_address().is_some())),
            "ERROR" => Err(CallFailure::unavailable(format!("the machine went to ERROR: {}", fault(&server)))),
            _ => Ok(None),
        }
    };
    let late =
        || CallFailure::unavailable(format!("the machine is not running after {} minutes", limit.as_secs() / 60));
    wait::poll(limit, query).await?.ok_or_else(late)
}

fn fault(server: &NovaServer) -> String {
    server.fault.as_ref().map_or_else(|| "no reason given".to_owned(), |fault| fault.message.clone())
}

pub(in crate::openstack) async fn status(session: &KeystoneSession, id: &str) -> Result<ResourceStatus, CallFailure> {
    let server = none_if_missing(nova::server(session, id).await)?;
    Ok(server.map_or(ResourceStatus::Missing, |server| status_of(&server)))
}

fn status_of(server: &NovaServer) -> ResourceStatus {
    match server.status.as_str() {
        "ACTIVE" => ResourceStatus::Running { address: server.address().map(ssh_address) },
        "SHUTOFF" => ResourceStatus::Stopped,
        "ERROR" => ResourceStatus::Error { message: fault(server) },
        "DELETED" | "SOFT_DELETED" => ResourceStatus::Missing,
        "BUILD" | "REBUILD" | "REBOOT" | "HARD_REBOOT" | "PASSWORD" | "MIGRATING" | "RESIZE" | "VERIFY_RESIZE" => {
            ResourceStatus::Pending
        }
        other => ResourceStatus::Unknown { reported: other.to_owned() },
    }
}

pub(in crate::openstack) async fn set_power(
    session: &KeystoneSession,
    id: &str,
    power: Power,
) -> Result<(), CallFailure> {
    let (target, name) = match power {
        Power::On => ("ACTIVE", "on"),
        Power::Off => ("SHUTOFF", "off"),
    };
    let query = || async {
        let server = nova::server(session, id).await?;
        match (server.status.as_str(), server.task.as_deref()) {
            (status, None) if status == target => return Ok(Some(())),
            ("ERROR", None) => {
                return Err(CallFailure::unexpected(format!("the machine is in ERROR: {}", fault(&server))));
            }
            ("ACTIVE" | "SHUTOFF", None) => {}
            // Nova is running a task on it, and rejects others until that has ended.
            _ => return Ok(None),
        }
        match power {
            Power::On => nova::start(session, id).await?,
            Power::Off => nova::stop(session, id).await?,
        }
        Ok(None)
    };
    match wait::poll(CHANGE_TIMEOUT, query).await? {
        Some(()) => Ok(()),
        None => {
            let minutes = CHANGE_TIMEOUT.as_secs() / 60;
            Err(CallFailure::unexpected(format!("the machine `{id}` is not {name} after {minutes} minutes")))
        }
    }
}

pub(in crate::openstack) async fn delete(session: &KeystoneSession, owned: &Owned) -> Result<(), CallFailure> {
    let id = &owned.reference.0;
    let Some(server) = none_if_missing(nova::server(session, id).await)? else { return Ok(()) };
    check_ticket(owned.kind, id, &owned.ticket, ticket_of(&server).as_ref())?;
    none_if_missing(nova::delete_server(session, id).await)?;
    let query = || async {
        match none_if_missing(nova::server(session, id).await)? {
            None => Ok(Some(())),
            Some(server) if matches!(server.status.as_str(), "DELETED" | "SOFT_DELETED") => Ok(Some(())),
            // ERROR without a task: the deletion failed, so it is requested again.
            Some(server) if server.status == "ERROR" && server.task.is_none() => {
                none_if_missing(nova::delete_server(session, id).await)?;
                Ok(None)
            }
            Some(_) => Ok(None),
        }
    };
    match wait::poll(CHANGE_TIMEOUT, query).await? {
        Some(()) => Ok(()),
        None => Err(CallFailure::unexpected(format!("the machine `{id}` still exists after its deletion"))),
    }
}

pub(in crate::openstack) async fn owned(session: &KeystoneSession) -> Result<Vec<Owned>, ApiError> {
    resources(session).await.map(with_tickets)
}

pub(in crate::openstack) async fn resources(session: &KeystoneSession) -> Result<Vec<Resource>, ApiError> {
    let resource = |server: NovaServer| {
        let (ticket, status) = (ticket_of(&server), Some(status_of(&server)));
        Resource {
            status,
            site_status: server.status,
            ..minimal(ResourceKind::Machine, server.id, server.name, ticket)
        }
    };
    Ok(nova::servers(session).await?.into_iter().map(resource).collect())
}
