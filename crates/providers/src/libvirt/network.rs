//! A deployment's network: NAT, DHCP and names of its own, on a subnet that is free. Others' networks are only read.

use hostler_core::ticket::Ticket;
use virt::connect::Connect;
use virt::error::ErrorNumber;
use virt::network::Network;

use super::names::{bridge_of, mac_of, name_of, number_of};
use super::read;
use super::subnet::{self, Subnet};
use super::trouble::{Trouble, found};
use super::xml::{FIRST_HOST, Host, LAST_HOST, NetworkXml};

/// Makes a network, or finds the one that is there. Only under the site's lock: a subnet is chosen.
pub(super) fn create(connect: &Connect, ticket: &Ticket, machines: &[String]) -> Result<String, Trouble> {
    let name = name_of(ticket);
    let network = match find(connect, &name)? {
        Some(network) if read::ticket(&network.xml_desc(0)?).as_ref() == Some(ticket) => network,
        Some(_) => return Err(Trouble::report(format!("there is a network `{name}` that doesn't bear our ticket"))),
        None => define(connect, ticket, &name, machines)?,
    };
    start(&network)?;
    Ok(name)
}

/// A network by its name.
pub(super) fn find(connect: &Connect, name: &str) -> Result<Option<Network>, Trouble> {
    found(connect.lookup_network_by_name(name), ErrorNumber::NoNetwork)
}

/// Starts it where it isn't running, as after a restart of the computer.
pub(super) fn start(network: &Network) -> Result<(), Trouble> {
    if !network.is_active()? {
        network.create()?;
    }
    Ok(())
}

/// Removes a network that bears the ticket; one that isn't there is removed already.
pub(super) fn delete(connect: &Connect, name: &str, ticket: &Ticket) -> Result<(), Trouble> {
    let Some(network) = find(connect, name)? else { return Ok(()) };
    if read::ticket(&network.xml_desc(0)?).as_ref() != Some(ticket) {
        return Err(Trouble::report(format!(
            "the network `{name}` doesn't bear the ticket `{ticket}`: it is left alone"
        )));
    }
    if network.is_active()? {
        found(network.destroy(), ErrorNumber::NoNetwork)?;
    }
    found(network.undefine(), ErrorNumber::NoNetwork)?;
    Ok(())
}

/// The card and the address that a network holds for a machine.
pub(super) fn host(network: &Network, name: &str) -> Result<Host, Trouble> {
    let xml = network.xml_desc(0)?;
    let missing = || Trouble::report(format!("the network has no address for `{name}`"));
    let hosts = read::elements(&xml, "host");
    let host = hosts.into_iter().find(|host| host.get("name").is_some_and(|it| it == name)).ok_or_else(missing)?;
    let (mac, address) = (host.get("mac").ok_or_else(missing)?, host.get("ip").ok_or_else(missing)?);
    let address = address.parse().map_err(|_| missing())?;
    Ok(Host { name: name.to_owned(), mac: mac.clone(), address })
}

fn define(connect: &Connect, ticket: &Ticket, name: &str, machines: &[String]) -> Result<Network, Trouble> {
    let subnet = subnet::choose(&taken(connect)?, number_of(ticket)).ok_or_else(no_subnet)?;
    if machines.len() > usize::from(LAST_HOST - FIRST_HOST) {
        return Err(Trouble::full(format!("a network has room for {} machines", LAST_HOST - FIRST_HOST)));
    }
    let host = |(number, name): (u8, &String)| Host {
        name: name.clone(),
        mac: mac_of(ticket, number),
        address: subnet.address(number),
    };
    let hosts: Vec<Host> = (FIRST_HOST..LAST_HOST).zip(machines).map(host).collect();
    let xml = NetworkXml { name, ticket, bridge: &bridge_of(ticket), subnet, hosts: &hosts };
    Ok(connect.define_network_xml(&xml.to_string())?)
}

fn no_subnet() -> Trouble {
    let hint = "`ip route` shows what takes 10.214.0.0/16, 172.29.0.0/16 and 192.168.128.0/19: a VPN, perhaps";
    Trouble {
        hint: Some(hint.to_owned()),
        ..Trouble::full("no subnet is free: the computer has routes to all that are tried")
    }
}

/// What the computer has routes to, and what other networks will have when they are started.
fn taken(connect: &Connect) -> Result<Vec<Subnet>, Trouble> {
    let mut taken = subnet::routes(&std::fs::read_to_string("/proc/net/route").unwrap_or_default());
    for network in connect.list_all_networks(0)? {
        taken.extend(read::subnets(&network.xml_desc(0)?));
    }
    Ok(taken)
}
