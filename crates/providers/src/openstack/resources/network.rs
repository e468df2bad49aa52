//! Networks of a deployment's own: a network, its addresses, a router that leads out of it, and a security group that
//! lets SSH in. All bear one ticket, and go together.

use std::collections::BTreeMap;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Created, Owned, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{bare, bears};
use crate::openstack::error::{ApiError, Refusal, found};
use crate::openstack::keystone::Session;
use crate::openstack::neutron::{Network, Router, SecurityGroup};
use crate::openstack::{neutron, tickets};
use crate::trouble::Trouble;

/// The addresses of a network of ours. Networks of different deployments are apart, and may have the same.
const ADDRESSES: &str = "10.93.0.0/22";

const SSH: u16 = 22;

/// A network as a machine needs it.
pub(in crate::openstack) struct Standing {
    pub id: String,
    pub security_groups: Vec<String>,
}

/// The parts of a network of ours. After a crash some may be missing; where a call had to be made again, some may be there
/// twice.
#[derive(Default)]
struct Parts {
    networks: Vec<Network>,
    routers: Vec<Router>,
    groups: Vec<SecurityGroup>,
}

/// Makes the network with all that belongs to it, or what is still missing of it.
pub(in crate::openstack) async fn create(
    session: &Session,
    ticket: &Ticket,
    pool: Option<&str>,
) -> Result<Created, Trouble> {
    let parts = parts(session, ticket).await?;
    let (name, description) = (tickets::keypair_name(ticket), ticket.to_string());
    let network = match parts.networks.into_iter().next() {
        Some(network) => network,
        None => neutron::create_network(session, &name, &description).await?,
    };
    let subnet = match neutron::subnets(session, &network.id).await?.into_iter().next() {
        Some(subnet) => subnet,
        None => neutron::create_subnet(session, &network.id, &name, ADDRESSES).await?,
    };
    let group = match parts.groups.into_iter().next() {
        Some(group) => group,
        None => neutron::create_security_group(session, &name, &description).await?,
    };
    // Neutron says 409 of a rule that is there: a crash may have left the group without.
    already(neutron::open_port(session, &group.id, SSH).await)?;
    already(neutron::open_within(session, &group.id).await)?;
    let outside = outside(session, pool).await?;
    let router = match (parts.routers.into_iter().next(), outside) {
        (Some(router), _) => Some(router),
        (None, Some(outside)) => Some(neutron::create_router(session, &name, &description, &outside).await?),
        (None, None) => None,
    };
    if let Some(router) = router {
        let ports = neutron::ports_of(session, &router.id).await?;
        if ports.iter().flat_map(|port| &port.fixed_ips).all(|ip| ip.subnet_id != subnet.id) {
            neutron::join_router(session, &router.id, &subnet.id).await?;
        }
    }
    Ok(Created { reference: Ref(network.id), address: None })
}

fn already(answer: Result<(), ApiError>) -> Result<(), ApiError> {
    match answer {
        Err(ApiError::Refused(Refusal { status: 409, message, .. })) if !message.to_lowercase().contains("quota") => {
            Ok(())
        }
        answer => answer,
    }
}

/// The external network that a router leads to.
async fn outside(session: &Session, pool: Option<&str>) -> Result<Option<String>, Trouble> {
    let networks = neutron::networks(session).await?;
    let mut external = networks.into_iter().filter(|network| network.external);
    let fits = |network: &Network| pool.is_none_or(|pool| pool == network.name);
    Ok(external.find(fits).map(|network| network.id))
}

async fn parts(session: &Session, ticket: &Ticket) -> Result<Parts, Trouble> {
    Ok(all(session).await?.remove(ticket).unwrap_or_default())
}

/// Everything of ours, by ticket.
async fn all(session: &Session) -> Result<BTreeMap<Ticket, Parts>, ApiError> {
    let (networks, routers, groups) =
        tokio::try_join!(neutron::networks(session), neutron::routers(session), neutron::security_groups(session))?;
    let mut all: BTreeMap<Ticket, Parts> = BTreeMap::new();
    for network in networks {
        if let Some(ticket) = tickets::of_description(&network.description) {
            all.entry(ticket).or_default().networks.push(network);
        }
    }
    for router in routers {
        if let Some(ticket) = tickets::of_description(&router.description) {
            all.entry(ticket).or_default().routers.push(router);
        }
    }
    for group in groups {
        if let Some(ticket) = tickets::of_description(&group.description) {
            all.entry(ticket).or_default().groups.push(group);
        }
    }
    Ok(all)
}

/// The network that a machine stands on: one of ours, one by name, or whatever Nova takes where there is only one.
pub(in crate::openstack) async fn standing(
    session: &Session,
    own: Option<&Ref>,
    shared: Option<&str>,
) -> Result<Option<Standing>, Trouble> {
    match (own, shared) {
        (Some(own), _) => {
            let network = neutron::network(session, &own.0).await?;
            let group = match tickets::of_description(&network.description) {
                Some(ticket) => parts(session, &ticket).await?.groups,
                None => Vec::new(),
            };
            let security_groups = group.into_iter().map(|group| group.id).collect();
            Ok(Some(Standing { id: network.id, security_groups }))
        }
        (None, Some(name)) => {
            let networks = neutron::networks(session).await?;
            let named = networks.into_iter().find(|network| network.name == name);
            let missing = || Trouble::full(format!("there is no network `{name}` any more"));
            Ok(Some(Standing { id: named.ok_or_else(missing)?.id, security_groups: Vec::new() }))
        }
        (None, None) => Ok(None),
    }
}

pub(in crate::openstack) async fn status(session: &Session, id: &str) -> Result<ResourceStatus, Trouble> {
    let there = found(neutron::network(session, id).await)?;
    Ok(there.map_or(ResourceStatus::Missing, |_| ResourceStatus::Running { address: None }))
}

/// Removes all that bears the ticket, the router first: it holds on to the network.
pub(in crate::openstack) async fn delete(session: &Session, owned: &Owned) -> Result<(), Trouble> {
    let (id, ticket) = (&owned.reference.0, &owned.ticket);
    if let Some(network) = found(neutron::network(session, id).await)? {
        bears("network", id, ticket, tickets::of_description(&network.description).as_ref())?;
    }
    let parts = parts(session, ticket).await?;
    for router in &parts.routers {
        for ip in neutron::ports_of(session, &router.id).await?.iter().flat_map(|port| &port.fixed_ips) {
            // The way out has a port as well, which goes with the router, and which it can't be taken off.
            match neutron::leave_router(session, &router.id, &ip.subnet_id).await {
                Ok(()) | Err(ApiError::Refused(Refusal { status: 400 | 404, .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        found(neutron::delete_router(session, &router.id).await)?;
    }
    for network in &parts.networks {
        found(neutron::delete_network(session, &network.id).await)?;
    }
    for group in &parts.groups {
        found(neutron::delete_security_group(session, &group.id).await)?;
    }
    Ok(())
}

pub(in crate::openstack) async fn owned(session: &Session) -> Result<Vec<Owned>, ApiError> {
    let owned = |(ticket, parts): (Ticket, Parts)| {
        // Of a network that a crash has left in parts, what is there says so for all.
        let network = parts.networks.into_iter().map(|network| network.id);
        let router = parts.routers.into_iter().map(|router| router.id);
        let group = parts.groups.into_iter().map(|group| group.id);
        let id = network.chain(router).chain(group).next()?;
        Some(Owned { ticket, kind: ResourceKind::Network, reference: Ref(id) })
    };
    Ok(all(session).await?.into_iter().filter_map(owned).collect())
}

pub(in crate::openstack) async fn resources(session: &Session) -> Result<Vec<Resource>, ApiError> {
    let resource = |network: Network| {
        let ticket = tickets::of_description(&network.description);
        let details = Some(ResourceDetails::Network { shared: network.shared, external: network.external });
        Resource { details, ..bare(ResourceKind::Network, network.id, network.name, ticket) }
    };
    Ok(neutron::networks(session).await?.into_iter().map(resource).collect())
}
