//! Networks of deployments: NAT, DHCP and DNS on a free subnet. Other networks are only read.

use hostler_core::ticket::Ticket;

use super::error::{CallFailure, found};
use super::names::{bridge_name, mac_address, resource_name, ticket_seed};
use super::read;
use super::rpc::{Connection, ErrorCode, Network};
use super::subnet::{self, Subnet};
use super::xml::{DhcpHost, FIRST_HOST, LAST_HOST, NetworkXml};

/// Creates and starts a network, or finds the one with this ticket. Returns its name. The caller holds the site's lock,
/// as a subnet is chosen.
pub(super) fn create(connection: &Connection, ticket: &Ticket, machines: &[String]) -> Result<String, CallFailure> {
    let name = resource_name(ticket);
    let network = match find(connection, &name)? {
        Some(network) if read::ticket(&network.xml()?).as_ref() == Some(ticket) => network,
        Some(_) => {
            return Err(CallFailure::unexpected(format!("the network `{name}` exists and was not created by hostler")));
        }
        None => define(connection, ticket, &name, machines)?,
    };
    start(&network)?;
    Ok(name)
}

/// The network of a name.
pub(super) fn find<'c>(connection: &'c Connection, name: &str) -> Result<Option<Network<'c>>, CallFailure> {
    found(connection.network_by_name(name), ErrorCode::NO_NETWORK)
}

/// Starts a network that is not running, as after a restart of the host.
pub(super) fn start(network: &Network<'_>) -> Result<(), CallFailure> {
    if !network.is_active()? {
        network.start()?;
    }
    Ok(())
}

/// Deletes a network that carries the ticket. Succeeds if there is none of this name.
pub(super) fn delete(connection: &Connection, name: &str, ticket: &Ticket) -> Result<(), CallFailure> {
    let Some(network) = find(connection, name)? else { return Ok(()) };
    if read::ticket(&network.xml()?).as_ref() != Some(ticket) {
        return Err(CallFailure::unexpected(format!(
            "the network `{name}` does not carry the ticket `{ticket}`: not deleted"
        )));
    }
    if network.is_active()? {
        found(network.destroy(), ErrorCode::NO_NETWORK)?;
    }
    found(network.undefine(), ErrorCode::NO_NETWORK)?;
    Ok(())
}

/// Hardware address and IP address that a network reserves for a machine.
pub(super) fn host(network: &Network<'_>, name: &str) -> Result<DhcpHost, CallFailure> {
    let xml = network.xml()?;
    let missing = || CallFailure::unexpected(format!("the network has no address for `{name}`"));
    let hosts = read::elements(&xml, "host");
    let host = hosts.into_iter().find(|host| host.get("name").is_some_and(|it| it == name)).ok_or_else(missing)?;
    let (mac, address) = (host.get("mac").ok_or_else(missing)?, host.get("ip").ok_or_else(missing)?);
    let address = address.parse().map_err(|_| missing())?;
    Ok(DhcpHost { name: name.to_owned(), mac: mac.clone(), address })
}

fn define<'c>(
    connection: &'c Connection,
    ticket: &Ticket,
    name: &str,
    machines: &[String],
) -> Result<Network<'c>, CallFailure> {
    let subnet = subnet::choose(&subnets_in_use(connection)?, ticket_seed(ticket)).ok_or_else(no_subnet)?;
    if machines.len() > usize::from(LAST_HOST - FIRST_HOST) {
        return Err(CallFailure::unavailable(format!(
            "a network has addresses for {} machines",
            LAST_HOST - FIRST_HOST
        )));
    }
    let host = |(number, name): (u8, &String)| DhcpHost {
        name: name.clone(),
        mac: mac_address(ticket, number),
        address: subnet.address(number),
    };
    let hosts: Vec<DhcpHost> = (FIRST_HOST..LAST_HOST).zip(machines).map(host).collect();
    let xml = NetworkXml { name, ticket, bridge: &bridge_name(ticket), subnet, hosts: &hosts };
    Ok(connection.define_network(&xml.to_string())?)
}

fn no_subnet() -> CallFailure {
    let hint = "`ip route` shows what uses 10.214.0.0/16, 172.29.0.0/16 and 192.168.128.0/19: a VPN, perhaps";
    CallFailure {
        hint: Some(hint.to_owned()),
        ..CallFailure::unavailable("no subnet is free: this computer has routes to every candidate")
    }
}

/// Subnets that the host has routes to, and those of networks that are not started.
fn subnets_in_use(connection: &Connection) -> Result<Vec<Subnet>, CallFailure> {
    let mut subnets = subnet::routes(&std::fs::read_to_string("/proc/net/route").unwrap_or_default());
    for network in connection.networks()? {
        let xml = found(network.xml(), ErrorCode::NO_NETWORK)?;
        subnets.extend(xml.iter().flat_map(|xml| read::subnets(xml)));
    }
    Ok(subnets)
}
