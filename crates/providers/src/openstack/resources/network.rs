//! Networks of deployments: a network, its subnet, a router with a gateway, and a security group that admits SSH. All of
//! them bear one ticket, and are deleted together.

use std::collections::BTreeMap;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Created, Owned, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{check_ticket, minimal};
use crate::failure::CallFailure;
use crate::openstack::error::{ApiError, ErrorResponse, none_if_missing};
use crate::openstack::keystone::KeystoneSession;
use crate::openstack::neutron::{NeutronNetwork, Router, SecurityGroup};
use crate::openstack::{neutron, tickets};

/// Address range of a deployment's network. Networks of different deployments are isolated, so all use the same range.
const ADDRESS_RANGE: &str = "10.93.0.0/22";

const SSH: u16 = 22;

/// Network and security groups that a machine is launched with.
pub(in crate::openstack) struct Attachment {
    pub id: String,
    pub security_groups: Vec<String>,
}

/// The parts of a deployment's network. After a crash some may be missing; after a retried call some may exist twice.
#[derive(Default)]
struct Parts {
    networks: Vec<NeutronNetwork>,
    routers: Vec<Router>,
    groups: Vec<SecurityGroup>,
}

/// Creates the network with all its parts, or those that are still missing.
pub(in crate::openstack) async fn create(
    session: &KeystoneSession,
    ticket: &Ticket,
    pool: Option<&str>,
) -> Result<Created, CallFailure> {
    let parts = parts(session, ticket).await?;
    let (name, description) = (tickets::resource_name(ticket), ticket.to_string());
    let network = match parts.networks.into_iter().next() {
        Some(network) => network,
        None => neutron::create_network(session, &name, &description).await?,
    };
    let subnet = match neutron::subnets(session, &network.id).await?.into_iter().next() {
        Some(subnet) => subnet,
        None => neutron::create_subnet(session, &network.id, &name, ADDRESS_RANGE).await?,
    };
    let group = match parts.groups.into_iter().next() {
        Some(group) => group,
        None => neutron::create_security_group(session, &name, &description).await?,
    };
    // Also for a group that was found: a crash may have left it without its rules.
    ok_if_exists(neutron::allow_tcp(session, &group.id, SSH).await)?;
    ok_if_exists(neutron::allow_within_group(session, &group.id).await)?;
    let external = external_network(session, pool).await?;
    let router = match (parts.routers.into_iter().next(), external) {
        (Some(router), _) => Some(router),
        (None, Some(external)) => Some(neutron::create_router(session, &name, &description, &external).await?),
        (None, None) => None,
    };
    if let Some(router) = router {
        let ports = neutron::ports_of(session, &router.id).await?;
        if ports.iter().flat_map(|port| &port.fixed_ips).all(|ip| ip.subnet_id != subnet.id) {
            neutron::add_router_interface(session, &router.id, &subnet.id).await?;
        }
    }
    Ok(Created { reference: Ref(network.id), address: None })
}

/// Neutron answers `409` for a rule that exists, but also for an exhausted quota.
fn ok_if_exists(outcome: Result<(), ApiError>) -> Result<(), ApiError> {
    match outcome {
        Err(ApiError::Response(ErrorResponse { status: 409, message, .. }))
            if !message.to_lowercase().contains("quota") =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}

/// The id of the external network for the router's gateway: the pool, if one is given, else the first.
async fn external_network(session: &KeystoneSession, pool: Option<&str>) -> Result<Option<String>, CallFailure> {
    let networks = neutron::networks(session).await?;
    let mut external = networks.into_iter().filter(|network| network.external);
    let matches = |network: &NeutronNetwork| pool.is_none_or(|pool| pool == network.name);
    Ok(external.find(matches).map(|network| network.id))
}

async fn parts(session: &KeystoneSession, ticket: &Ticket) -> Result<Parts, CallFailure> {
    Ok(parts_by_ticket(session).await?.remove(ticket).unwrap_or_default())
}

/// The parts of all deployments' networks, by ticket.
async fn parts_by_ticket(session: &KeystoneSession) -> Result<BTreeMap<Ticket, Parts>, ApiError> {
    let (networks, routers, groups) =
        tokio::try_join!(neutron::networks(session), neutron::routers(session), neutron::security_groups(session))?;
    let mut all: BTreeMap<Ticket, Parts> = BTreeMap::new();
    for network in networks {
        if let Some(ticket) = tickets::from_description(&network.description) {
            all.entry(ticket).or_default().networks.push(network);
        }
    }
    for router in routers {
        if let Some(ticket) = tickets::from_description(&router.description) {
            all.entry(ticket).or_default().routers.push(router);
        }
    }
    for group in groups {
        if let Some(ticket) = tickets::from_description(&group.description) {
            all.entry(ticket).or_default().groups.push(group);
        }
    }
    Ok(all)
}

/// The network for a machine: the deployment's own, or a shared one by name. `None` leaves the choice to Nova, which works
/// if the project has only one network.
pub(in crate::openstack) async fn attachment(
    session: &KeystoneSession,
    own: Option<&Ref>,
    shared: Option<&str>,
) -> Result<Option<Attachment>, CallFailure> {
    match (own, shared) {
        (Some(own), _) => {
            let network = neutron::network(session, &own.0).await?;
            let group = match tickets::from_description(&network.description) {
                Some(ticket) => parts(session, &ticket).await?.groups,
                None => Vec::new(),
            };
            let security_groups = group.into_iter().map(|group| group.id).collect();
            Ok(Some(Attachment { id: network.id, security_groups }))
        }
        (None, Some(name)) => {
            let networks = neutron::networks(session).await?;
            let named = networks.into_iter().find(|network| network.name == name);
            let missing = || CallFailure::unavailable(format!("the network `{name}` no longer exists"));
            Ok(Some(Attachment { id: named.ok_or_else(missing)?.id, security_groups: Vec::new() }))
        }
        (None, None) => Ok(None),
    }
}

pub(in crate::openstack) async fn status(session: &KeystoneSession, id: &str) -> Result<ResourceStatus, CallFailure> {
    let network = none_if_missing(neutron::network(session, id).await)?;
    Ok(network.map_or(ResourceStatus::Missing, |_| ResourceStatus::Running { address: None }))
}

/// Deletes all parts that bear the ticket. The router comes first: it blocks the deletion of the network.
pub(in crate::openstack) async fn delete(session: &KeystoneSession, owned: &Owned) -> Result<(), CallFailure> {
    let (id, ticket) = (&owned.reference.0, &owned.ticket);
    if let Some(network) = none_if_missing(neutron::network(session, id).await)? {
        check_ticket(owned.kind, id, ticket, tickets::from_description(&network.description).as_ref())?;
    }
    let parts = parts(session, ticket).await?;
    for router in &parts.routers {
        for ip in neutron::ports_of(session, &router.id).await?.iter().flat_map(|port| &port.fixed_ips) {
            // Neutron answers 400 for the port of the gateway, which is deleted with the router.
            match neutron::remove_router_interface(session, &router.id, &ip.subnet_id).await {
                Ok(()) | Err(ApiError::Response(ErrorResponse { status: 400 | 404, .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        none_if_missing(neutron::delete_router(session, &router.id).await)?;
    }
    for network in &parts.networks {
        none_if_missing(neutron::delete_network(session, &network.id).await)?;
    }
    for group in &parts.groups {
        none_if_missing(neutron::delete_security_group(session, &group.id).await)?;
    }
    Ok(())
}

pub(in crate::openstack) async fn owned(session: &KeystoneSession) -> Result<Vec<Owned>, ApiError> {
    let owned = |(ticket, parts): (Ticket, Parts)| {
        // After a crash the network itself may be missing. Any part then stands for all.
        let network = parts.networks.into_iter().map(|network| network.id);
        let router = parts.routers.into_iter().map(|router| router.id);
        let group = parts.groups.into_iter().map(|group| group.id);
        let id = network.chain(router).chain(group).next()?;
        Some(Owned { ticket, kind: ResourceKind::Network, reference: Ref(id) })
    };
    Ok(parts_by_ticket(session).await?.into_iter().filter_map(owned).collect())
}

pub(in crate::openstack) async fn resources(session: &KeystoneSession) -> Result<Vec<Resource>, ApiError> {
    let resource = |network: NeutronNetwork| {
        let ticket = tickets::from_description(&network.description);
        let details = Some(ResourceDetails::Network { shared: network.shared, external: network.external });
        Resource { details, ..minimal(ResourceKind::Network, network.id, network.name, ticket) }
    };
    Ok(neutron::networks(session).await?.into_iter().map(resource).collect())
}
