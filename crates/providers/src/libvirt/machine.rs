//! Machines: a domain, with its disk, seed and console log in the pool, all with one ticket.
//!
//! Order of creation: volumes, domain, start. A crash in between leaves volumes without a domain, which the next `create`
//! replaces, or a domain that is off, which the next `create` starts. Order of deletion: domain, volumes. No domain is
//! ever left without its disk.

use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Address, Owned, Power, ResourceStatus};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, Ticket};

use super::capacity::{self, GuestMemory, HostMemory};
use super::error::{CallFailure, found};
use super::names::{MachineVolume, resource_name, volume_name};
use super::pool::{BaseImage, Pool};
use super::rpc::{Connection, Domain, DomainState, ErrorCode};
use super::seed::Seed;
use super::virtualization::Virtualization;
use super::xml::{DhcpHost, DomainXml, MachineXml, Readers, VolumeXml};
use super::{network, read};

/// A machine to define.
pub(super) struct MachineRequest<'a> {
    pub ticket: &'a Ticket,
    /// Host name.
    pub name: &'a str,
    pub cpus: u32,
    pub memory: Bytes,
    pub disk: Bytes,
    pub network: &'a str,
    pub host: &'a DhcpHost,
    pub public_key: &'a str,
    /// Script for the first boot.
    pub script: &'a str,
}

/// The domain with this ticket. A domain of its name without the ticket is an error.
pub(super) fn find<'c>(connection: &'c Connection, ticket: &Ticket) -> Result<Option<Domain<'c>>, CallFailure> {
    let name = resource_name(ticket);
    match by_name(connection, &name)? {
        Some(domain) if read::ticket(&domain.xml()?).as_ref() == Some(ticket) => Ok(Some(domain)),
        Some(_) => Err(CallFailure::unexpected(format!("the domain `{name}` exists and was not created by hostler"))),
        None => Ok(None),
    }
}

/// Defines a machine. The caller holds the site's lock, as memory and disk are claimed.
pub(super) fn define<'c>(
    connection: &'c Connection,
    pool: &Pool<'_>,
    base: &BaseImage,
    virtualization: &Virtualization,
    request: &MachineRequest<'_>,
) -> Result<Domain<'c>, CallFailure> {
    let MachineRequest { ticket, name, host, .. } = *request;
    // A crashed attempt may have left volumes of the same names.
    pool.delete_all(ticket)?;
    check_capacity(connection, pool, virtualization, request)?;
    let volume = |volume| volume_name(ticket, volume);
    let (disk, console) = (volume(MachineVolume::Disk), volume(MachineVolume::Console));
    let readers = Readers::Owner;
    let disk = pool.create(&VolumeXml { name: &disk, capacity: request.disk, base: Some(&base.disk), readers })?;
    let instance = resource_name(ticket);
    let seed = Seed { instance: &instance, host_name: name, public_key: request.public_key, script: request.script };
    let seed = pool.write(&volume(MachineVolume::Seed), &seed.volume()?)?;
    let console = pool.create(&VolumeXml { name: &console, capacity: Bytes(0), base: None, readers })?;
    let machine = MachineXml { ticket, title: name, network: request.network, host, disk: &disk, seed: &seed };
    let domain = DomainXml {
        name: &instance,
        virtualization,
        cpus: request.cpus,
        memory: request.memory,
        boot: &base.boot,
        console: &console,
        machine: Some(machine),
    };
    Ok(connection.define_domain(&domain.to_string())?)
}

/// Memory of the host and of all guests that count.
pub(super) fn memory(connection: &Connection, virtualization: &Virtualization) -> Result<HostMemory, CallFailure> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let (total, available) = capacity::meminfo(&text)
        .ok_or_else(|| CallFailure::unexpected("`/proc/meminfo` has no `MemTotal` or no `MemAvailable`"))?;
    let mut guests = Vec::new();
    for domain in connection.domains()? {
        guests.extend(found(guest_memory(&domain), ErrorCode::NO_DOMAIN)?.flatten());
    }
    Ok(HostMemory { total, available, guests, overhead: capacity::overhead(virtualization) })
}

/// Starts a machine, after its network if that is not running.
pub(super) fn start(connection: &Connection, domain: &Domain<'_>) -> Result<(), CallFailure> {
    if domain.is_active()? {
        return Ok(());
    }
    let source = read::elements(&domain.xml()?, "source").into_iter().find_map(|mut it| it.remove("network"));
    if let Some(name) = source
        && let Some(network) = network::find(connection, &name)?
    {
        network::start(&network)?;
    }
    match domain.start() {
        // Another client has started it meanwhile.
        Err(_) if domain.is_active()? => Ok(()),
        started => Ok(started?),
    }
}

/// Starts a machine, or shuts it down: by its power button, and after the timeout by force.
pub(super) fn set_power(
    connection: &Connection,
    name: &str,
    power: Power,
    shutdown_timeout: Duration,
) -> Result<(), CallFailure> {
    let domain =
        by_name(connection, name)?.ok_or_else(|| CallFailure::unexpected(format!("there is no machine `{name}`")))?;
    ticket_of(&domain)?;
    match power {
        Power::On => start(connection, &domain),
        Power::Off => stop(&domain, shutdown_timeout),
    }
}

/// Current status of a machine.
pub(super) fn status(connection: &Connection, name: &str) -> Result<ResourceStatus, CallFailure> {
    let Some(domain) = by_name(connection, name)? else { return Ok(ResourceStatus::Missing) };
    let address = read::address(&domain.xml()?).map(|host| Address { host, port: 22 });
    Ok(match domain.state()? {
        DomainState::Running | DomainState::Blocked | DomainState::ShuttingDown => ResourceStatus::Running { address },
        DomainState::Off | DomainState::Suspended => ResourceStatus::Stopped,
        DomainState::Paused => ResourceStatus::Error { message: "it is paused; the disk may be full".to_owned() },
        DomainState::Crashed => ResourceStatus::Error { message: "it crashed".to_owned() },
        DomainState::Other(number) => ResourceStatus::Unknown { reported: format!("domain state {number}") },
    })
}

/// Deletes a machine that carries the ticket, with its volumes. Succeeds if there is none of this name.
pub(super) fn delete(connection: &Connection, name: &str, ticket: &Ticket) -> Result<(), CallFailure> {
    if let Some(domain) = by_name(connection, name)? {
        if read::ticket(&domain.xml()?).as_ref() != Some(ticket) {
            return Err(CallFailure::unexpected(format!(
                "the machine `{name}` does not carry the ticket `{ticket}`: not deleted"
            )));
        }
        if domain.is_active()? {
            // Fails with this code if it has ended by itself meanwhile.
            found(domain.destroy(), ErrorCode::OPERATION_INVALID)?;
        }
        found(domain.undefine(), ErrorCode::NO_DOMAIN)?;
    }
    match Pool::find(connection)? {
        Some(pool) => pool.delete_all(ticket),
        None => Ok(()),
    }
}

/// Every machine that carries a ticket.
pub(super) fn owned(connection: &Connection) -> Result<Vec<Owned>, CallFailure> {
    let mut owned = Vec::new();
    for domain in connection.domains()? {
        if let Some(xml) = found(domain.xml(), ErrorCode::NO_DOMAIN)?
            && let Some(ticket) = read::ticket(&xml)
        {
            owned.push(Owned { ticket, kind: ResourceKind::Machine, reference: Ref(domain.name().to_owned()) });
        }
    }
    Ok(owned)
}

/// Ticket of a machine. A domain without one is an error.
pub(super) fn ticket(connection: &Connection, name: &str) -> Result<Ticket, CallFailure> {
    let domain =
        by_name(connection, name)?.ok_or_else(|| CallFailure::unexpected(format!("there is no machine `{name}`")))?;
    ticket_of(&domain)
}

fn by_name<'c>(connection: &'c Connection, name: &str) -> Result<Option<Domain<'c>>, CallFailure> {
    found(connection.domain_by_name(name), ErrorCode::NO_DOMAIN)
}

fn ticket_of(domain: &Domain<'_>) -> Result<Ticket, CallFailure> {
    read::ticket(&domain.xml()?).ok_or_else(|| {
        CallFailure::unexpected(format!("the domain `{}` carries no ticket of hostler: left unchanged", domain.name()))
    })
}

/// Memory of a domain. `None` for another client's domain that is off.
fn guest_memory(domain: &Domain<'_>) -> Result<Option<GuestMemory>, super::rpc::RpcError> {
    let running = domain.is_active()?;
    if !running && read::ticket(&domain.xml()?).is_none() {
        return Ok(None);
    }
    // Not reported for a guest that starts or ends at this moment: it may yet take all of its memory.
    let resident = if running { domain.resident_memory().ok().flatten().unwrap_or(0) } else { 0 };
    Ok(Some(GuestMemory { max: Bytes(domain.max_memory()? << 10), resident: Bytes(resident << 10) }))
}

fn check_capacity(
    connection: &Connection,
    pool: &Pool<'_>,
    virtualization: &Virtualization,
    request: &MachineRequest<'_>,
) -> Result<(), CallFailure> {
    let memory = memory(connection, virtualization)?.largest_guest();
    let disk = pool.uncommitted()?;
    let mut short = Vec::new();
    if request.memory > memory {
        short.push(format!("it requests {} of memory, {memory} is available", request.memory));
    }
    if request.disk > disk {
        short.push(format!("it requests {} of disk, {disk} is available", request.disk));
    }
    if short.is_empty() {
        Ok(())
    } else {
        Err(CallFailure::unavailable(format!("no capacity for `{}`: {}", request.name, short.join(", "))))
    }
}

/// Time between two presses of the power button. A guest that is still booting ignores the first.
const PRESS_INTERVAL: Duration = Duration::from_secs(5);

fn stop(domain: &Domain<'_>, timeout: Duration) -> Result<(), CallFailure> {
    let end = Instant::now() + timeout;
    let mut pressed = None::<Instant>;
    while domain.is_active()? {
        if Instant::now() > end {
            found(domain.destroy(), ErrorCode::OPERATION_INVALID)?;
            return Ok(());
        }
        if pressed.is_none_or(|at| at.elapsed() > PRESS_INTERVAL) {
            pressed = Some(Instant::now());
            found(domain.shutdown(), ErrorCode::OPERATION_INVALID)?;
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
