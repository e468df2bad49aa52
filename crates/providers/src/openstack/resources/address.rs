//! Public addresses: Neutron's floating IPs. One that isn't ours is never touched.

use std::time::Duration;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Address, Created, Owned, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{bare, bears, ours};
use crate::openstack::error::{ApiError, Refusal, found};
use crate::openstack::keystone::Session;
use crate::openstack::neutron::{FloatingIp, Port};
use crate::openstack::{neutron, tickets, wait};
use crate::trouble::Trouble;

/// How long a running machine may be without a port.
const PORT: Duration = Duration::from_secs(60);

/// Makes the address, or finds it; it leads to the machine, if there is one, when this returns.
pub(in crate::openstack) async fn create(
    session: &Session,
    ticket: &Ticket,
    pool: &str,
    machine: Option<&Ref>,
) -> Result<Created, Trouble> {
    let port = match machine {
        Some(machine) => Some(port_of(session, machine).await?.id),
        None => None,
    };
    let address = match (find(session, ticket).await?, &port) {
        (Some(address), Some(port)) if address.port_id.as_ref() != Some(port) => {
            neutron::lead_floating_ip(session, &address.id, port).await.map_err(why_not)?
        }
        (Some(address), _) => address,
        (None, port) => {
            let pool = external(session, pool).await?;
            let made = neutron::create_floating_ip(session, &pool, port.as_deref(), &ticket.to_string()).await;
            made.map_err(why_not)?
        }
    };
    Ok(Created { reference: Ref(address.id.clone()), address: Some(at(&address)) })
}

async fn find(session: &Session, ticket: &Ticket) -> Result<Option<FloatingIp>, Trouble> {
    let all = neutron::floating_ips(session).await?;
    Ok(all.into_iter().find(|address| tickets::of_description(&address.description).as_ref() == Some(ticket)))
}

fn at(address: &FloatingIp) -> Address {
    Address { host: address.floating_ip_address.clone(), port: 22 }
}

async fn port_of(session: &Session, machine: &Ref) -> Result<Port, Trouble> {
    let look = || async {
        let ports = neutron::ports_of(session, &machine.0).await?;
        Ok(ports.into_iter().find(|port| port.fixed_ips.iter().any(|ip| !ip.ip_address.contains(':'))))
    };
    let none = || Trouble::full(format!("the machine `{machine}` has no port with an IPv4 address"));
    wait::until(PORT, look).await?.ok_or_else(none)
}

/// The id of an external network.
async fn external(session: &Session, name: &str) -> Result<String, Trouble> {
    let networks = neutron::networks(session).await?;
    let external = || networks.iter().filter(|network| network.external);
    external().find(|network| network.name == name).map(|network| network.id.clone()).ok_or_else(|| {
        let there: Vec<&str> = external().map(|network| network.name.as_str()).collect();
        let hint = format!("external networks are: {}", there.join(", "));
        Trouble::ask(format!("there is no external network `{name}` to have addresses from"), hint)
    })
}

/// Neutron says with 404 that the machine's network leads nowhere near the pool.
fn why_not(error: ApiError) -> Trouble {
    match &error {
        ApiError::Refused(Refusal { status: 404, .. }) => {
            let hint = "a router has to lead from the machine's network to the pool";
            Trouble::ask(error.to_string(), hint)
        }
        _ => error.into(),
    }
}

pub(in crate::openstack) async fn status(session: &Session, id: &str) -> Result<ResourceStatus, Trouble> {
    let there = found(neutron::floating_ip(session, id).await)?;
    Ok(there.map_or(ResourceStatus::Missing, |address| ResourceStatus::Running { address: Some(at(&address)) }))
}

pub(in crate::openstack) async fn delete(session: &Session, owned: &Owned) -> Result<(), Trouble> {
    let id = &owned.reference.0;
    let Some(address) = found(neutron::floating_ip(session, id).await)? else { return Ok(()) };
    bears("address", id, &owned.ticket, tickets::of_description(&address.description).as_ref())?;
    found(neutron::delete_floating_ip(session, id).await)?;
    Ok(())
}

pub(in crate::openstack) async fn owned(session: &Session) -> Result<Vec<Owned>, ApiError> {
    resources(session).await.map(ours)
}

pub(in crate::openstack) async fn resources(session: &Session) -> Result<Vec<Resource>, ApiError> {
    let resource = |ip: FloatingIp| {
        let ticket = tickets::of_description(&ip.description);
        let details =
            Some(ResourceDetails::Address { address: ip.floating_ip_address.clone(), in_use: ip.port_id.is_some() });
        Resource { details, ..bare(ResourceKind::Address, ip.id, ip.floating_ip_address, ticket) }
    };
    Ok(neutron::floating_ips(session).await?.into_iter().map(resource).collect())
}
