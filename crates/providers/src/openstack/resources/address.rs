//! Public addresses: Neutron's floating IPs. Those without our ticket are never changed.

use std::time::Duration;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Address, Created, Owned, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{check_ticket, minimal, with_tickets};
use crate::failure::CallFailure;
use crate::openstack::error::{ApiError, ErrorResponse, none_if_missing};
use crate::openstack::keystone::KeystoneSession;
use crate::openstack::neutron::{FloatingIp, Port};
use crate::openstack::{neutron, tickets, wait};

/// Time for Neutron to show the port of a running machine.
const PORT_TIMEOUT: Duration = Duration::from_secs(60);

/// Creates the address, or finds it. It is associated with the machine, if one is given, when this returns.
pub(in crate::openstack) async fn create(
    session: &KeystoneSession,
    ticket: &Ticket,
    pool: &str,
    machine: Option<&Ref>,
) -> Result<Created, CallFailure> {
    let port = match machine {
        Some(machine) => Some(port_of(session, machine).await?.id),
        None => None,
    };
    let address = match (find(session, ticket).await?, &port) {
        (Some(address), Some(port)) if address.port_id.as_ref() != Some(port) => {
            neutron::associate_floating_ip(session, &address.id, port).await.map_err(explain_missing_route)?
        }
        (Some(address), _) => address,
        (None, port) => {
            let pool = external_network(session, pool).await?;
            let created = neutron::create_floating_ip(session, &pool, port.as_deref(), &ticket.to_string()).await;
            created.map_err(explain_missing_route)?
        }
    };
    Ok(Created { reference: Ref(address.id.clone()), address: Some(ssh_address(&address)) })
}

async fn find(session: &KeystoneSession, ticket: &Ticket) -> Result<Option<FloatingIp>, CallFailure> {
    let all = neutron::floating_ips(session).await?;
    Ok(all.into_iter().find(|address| tickets::from_description(&address.description).as_ref() == Some(ticket)))
}

fn ssh_address(address: &FloatingIp) -> Address {
    Address { host: address.floating_ip_address.clone(), port: 22 }
}

async fn port_of(session: &KeystoneSession, machine: &Ref) -> Result<Port, CallFailure> {
    let query = || async {
        let ports = neutron::ports_of(session, &machine.0).await?;
        Ok(ports.into_iter().find(|port| port.fixed_ips.iter().any(|ip| !ip.ip_address.contains(':'))))
    };
    let none = || CallFailure::unavailable(format!("the machine `{machine}` has no port with an IPv4 address"));
    wait::poll(PORT_TIMEOUT, query).await?.ok_or_else(none)
}

/// The id of an external network.
async fn external_network(session: &KeystoneSession, name: &str) -> Result<String, CallFailure> {
    let networks = neutron::networks(session).await?;
    let external = || networks.iter().filter(|network| network.external);
    external().find(|network| network.name == name).map(|network| network.id.clone()).ok_or_else(|| {
        let names: Vec<&str> = external().map(|network| network.name.as_str()).collect();
        let hint = format!("external networks are: {}", names.join(", "));
        CallFailure::needs_user(format!("the external network `{name}` does not exist"), hint)
    })
}

/// Adds advice to Neutron's `404` for a machine whose network has no route to the pool.
fn explain_missing_route(error: ApiError) -> CallFailure {
    match &error {
        ApiError::Response(ErrorResponse { status: 404, .. }) => {
            let hint = "connect the machine's network to the pool with a router";
            CallFailure::needs_user(error.to_string(), hint)
        }
        _ => error.into(),
    }
}

pub(in crate::openstack) async fn status(session: &KeystoneSession, id: &str) -> Result<ResourceStatus, CallFailure> {
    let address = none_if_missing(neutron::floating_ip(session, id).await)?;
    let running = |address| ResourceStatus::Running { address: Some(ssh_address(&address)) };
    Ok(address.map_or(ResourceStatus::Missing, running))
}

pub(in crate::openstack) async fn delete(session: &KeystoneSession, owned: &Owned) -> Result<(), CallFailure> {
    let id = &owned.reference.0;
    let Some(address) = none_if_missing(neutron::floating_ip(session, id).await)? else { return Ok(()) };
    check_ticket(owned.kind, id, &owned.ticket, tickets::from_description(&address.description).as_ref())?;
    none_if_missing(neutron::delete_floating_ip(session, id).await)?;
    Ok(())
}

pub(in crate::openstack) async fn owned(session: &KeystoneSession) -> Result<Vec<Owned>, ApiError> {
    resources(session).await.map(with_tickets)
}

pub(in crate::openstack) async fn resources(session: &KeystoneSession) -> Result<Vec<Resource>, ApiError> {
    let resource = |ip: FloatingIp| {
        let ticket = tickets::from_description(&ip.description);
        let details =
            Some(ResourceDetails::Address { address: ip.floating_ip_address.clone(), in_use: ip.port_id.is_some() });
        Resource { details, ..minimal(ResourceKind::Address, ip.id, ip.floating_ip_address, ticket) }
    };
    Ok(neutron::floating_ips(session).await?.into_iter().map(resource).collect())
}
