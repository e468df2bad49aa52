//! A machine: a domain, with its disk, seed and console log in the pool, all under one ticket.
//!
//! Order of making: the volumes, then the domain, then its start. A crash in between leaves either volumes without a
//! domain (made anew by the next `create`), or a domain that is off (started by it). Order of removing: the domain,
//! then the volumes, so that no domain is left without its disk.

use std::thread::sleep;
use std::time::{Duration, Instant};

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Address, Owned, Power, ResourceStatus};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, Ticket};
use virt::connect::Connect;
use virt::domain::{Domain, DomainState};
use virt::error::ErrorNumber;

use super::names::{Part, name_of, volume_of};
use super::pool::{Base, Pool};
use super::probe::Accelerator;
use super::room::{self, Guest, Memory};
use super::seed::Seed;
use super::trouble::{Trouble, found};
use super::xml::{DomainXml, Host, MachineXml, Readers, VolumeXml};
use super::{network, read};

/// What a machine is to be.
pub(super) struct Wanted<'a> {
    pub ticket: &'a Ticket,
    pub name: &'a str,
    pub cpus: u32,
    pub memory: Bytes,
    pub disk: Bytes,
    pub network: &'a str,
    pub host: &'a Host,
    pub public_key: &'a str,
    pub script: &'a str,
}

/// The domain that bears a ticket. One of its name without it is somebody else's, and an error.
pub(super) fn find(connect: &Connect, ticket: &Ticket) -> Result<Option<Domain>, Trouble> {
    let name = name_of(ticket);
    match by_name(connect, &name)? {
        Some(domain) if read::ticket(&domain.xml_desc(0)?).as_ref() == Some(ticket) => Ok(Some(domain)),
        Some(_) => Err(Trouble::report(format!("there is a domain `{name}` that doesn't bear our ticket"))),
        None => Ok(None),
    }
}

/// Defines a machine. Only under the site's lock: it takes room that others must not take too.
pub(super) fn define(
    connect: &Connect,
    pool: &Pool<'_>,
    base: &Base,
    accelerator: &Accelerator,
    wanted: &Wanted<'_>,
) -> Result<Domain, Trouble> {
    let Wanted { ticket, name, host, .. } = *wanted;
    // What a crash may have left lies under the same names.
    pool.remove_all(ticket)?;
    room_for(connect, pool, accelerator, wanted)?;
    let volume = |part| volume_of(ticket, part);
    let (disk, console) = (volume(Part::Disk), volume(Part::Console));
    let readers = Readers::Owner;
    let disk = pool.make(&VolumeXml { name: &disk, capacity: wanted.disk, base: Some(&base.disk), readers })?;
    let instance = name_of(ticket);
    let seed = Seed { instance: &instance, host_name: name, public_key: wanted.public_key, script: wanted.script };
    let seed = pool.write(&volume(Part::Seed), &seed.volume()?)?;
    let console = pool.make(&VolumeXml { name: &console, capacity: Bytes(0), base: None, readers })?;
    let machine = MachineXml { ticket, title: name, network: wanted.network, host, disk: &disk, seed: &seed };
    let domain = DomainXml {
        name: &instance,
        accelerator,
        cpus: wanted.cpus,
        memory: wanted.memory,
        boot: &base.boot,
        console: &console,
        machine: Some(machine),
    };
    Ok(connect.define_domain_xml(&domain.to_string())?)
}

/// What is known of the computer's memory and of its guests'.
pub(super) fn memory(connect: &Connect, accelerator: &Accelerator) -> Result<Memory, Trouble> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let (total, available) =
        room::meminfo(&text).ok_or_else(|| Trouble::report("`/proc/meminfo` says nothing of the memory"))?;
    let mut guests = Vec::new();
    for domain in connect.list_all_domains(0)? {
        if let Some(guest) = guest(&domain) {
            guests.push(guest);
        }
    }
    Ok(Memory { total, available, guests, overhead: room::overhead(accelerator) })
}

/// Starts a machine, and the network that it stands on where that isn't running.
pub(super) fn start(connect: &Connect, domain: &Domain) -> Result<(), Trouble> {
    if domain.is_active()? {
        return Ok(());
    }
    let source = read::elements(&domain.xml_desc(0)?, "source").into_iter().find_map(|mut it| it.remove("network"));
    if let Some(name) = source
        && let Some(network) = network::find(connect, &name)?
    {
        network::start(&network)?;
    }
    match domain.create() {
        // Somebody else started it in the meantime.
        Err(_) if domain.is_active()? => Ok(()),
        started => Ok(started?),
    }
}

/// Starts a machine, or asks it to shut down and forces it where it doesn't in time.
pub(super) fn set_power(connect: &Connect, name: &str, power: Power, patience: Duration) -> Result<(), Trouble> {
    let domain = by_name(connect, name)?.ok_or_else(|| Trouble::report(format!("there is no machine `{name}`")))?;
    ours(&domain, name)?;
    match power {
        Power::On => start(connect, &domain),
        Power::Off => stop(&domain, patience),
    }
}

/// What a machine is doing.
pub(super) fn look(connect: &Connect, name: &str) -> Result<ResourceStatus, Trouble> {
    let Some(domain) = by_name(connect, name)? else { return Ok(ResourceStatus::Missing) };
    let address = read::address(&domain.xml_desc(0)?).map(|host| Address { host, port: 22 });
    let (state, _) = domain.state()?;
    Ok(match state.unwrap_or(DomainState::NoState) {
        DomainState::Running | DomainState::Blocked | DomainState::Shutdown => ResourceStatus::Running { address },
        DomainState::Shutoff | DomainState::PMSuspended => ResourceStatus::Stopped,
        DomainState::Paused => ResourceStatus::Error { message: "it is paused; the disk may be full".to_owned() },
        DomainState::Crashed => ResourceStatus::Error { message: "it crashed".to_owned() },
        DomainState::NoState => ResourceStatus::Pending,
    })
}

/// Removes a machine that bears the ticket, with everything that goes with it.
pub(super) fn delete(connect: &Connect, name: &str, ticket: &Ticket) -> Result<(), Trouble> {
    if let Some(domain) = by_name(connect, name)? {
        if read::ticket(&domain.xml_desc(0)?).as_ref() != Some(ticket) {
            return Err(Trouble::report(format!(
                "the machine `{name}` doesn't bear the ticket `{ticket}`: it is left alone"
            )));
        }
        if domain.is_active()? {
            // It may end by itself at this moment.
            found(domain.destroy(), ErrorNumber::OperationInvalid)?;
        }
        let flags = virt::sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | virt::sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | virt::sys::VIR_DOMAIN_UNDEFINE_NVRAM;
        found(domain.undefine_flags(flags), ErrorNumber::NoDomain)?;
    }
    match Pool::find(connect)? {
        Some(pool) => pool.remove_all(ticket),
        None => Ok(()),
    }
}

/// Every machine that bears a ticket.
pub(super) fn owned(connect: &Connect) -> Result<Vec<Owned>, Trouble> {
    let mut owned = Vec::new();
    for domain in connect.list_all_domains(0)? {
        // One that went away since it was listed is not there.
        if let Ok(xml) = domain.xml_desc(0)
            && let Some(ticket) = read::ticket(&xml)
        {
            owned.push(Owned { ticket, kind: ResourceKind::Machine, reference: Ref(domain.name()?) });
        }
    }
    Ok(owned)
}

/// The ticket of a machine, which must bear one.
pub(super) fn ticket(connect: &Connect, name: &str) -> Result<Ticket, Trouble> {
    let domain = by_name(connect, name)?.ok_or_else(|| Trouble::report(format!("there is no machine `{name}`")))?;
    ours(&domain, name)
}

fn by_name(connect: &Connect, name: &str) -> Result<Option<Domain>, Trouble> {
    found(connect.lookup_domain_by_name(name), ErrorNumber::NoDomain)
}

fn ours(domain: &Domain, name: &str) -> Result<Ticket, Trouble> {
    read::ticket(&domain.xml_desc(0)?)
        .ok_or_else(|| Trouble::report(format!("the domain `{name}` is not ours: it is left alone")))
}

/// A domain that counts: ours, or running. What vanished since it was listed doesn't.
fn guest(domain: &Domain) -> Option<Guest> {
    let info = domain.info().ok()?;
    let running = domain.is_active().ok()?;
    if !running && read::ticket(&domain.xml_desc(0).ok()?).is_none() {
        return None;
    }
    let stats = if running { domain.memory_stats(0).unwrap_or_default() } else { Vec::new() };
    let resident =
        stats.iter().find(|stat| stat.tag == virt::sys::VIR_DOMAIN_MEMORY_STAT_RSS).map_or(0, |stat| stat.val);
    Some(Guest { promised: Bytes(info.max_mem << 10), resident: Bytes(resident << 10) })
}

fn room_for(connect: &Connect, pool: &Pool<'_>, accelerator: &Accelerator, wanted: &Wanted<'_>) -> Result<(), Trouble> {
    let memory = memory(connect, accelerator)?.largest();
    let disk = pool.left()?;
    let mut short = Vec::new();
    if wanted.memory > memory {
        short.push(format!("it wants {} of memory and {memory} is left", wanted.memory));
    }
    if wanted.disk > disk {
        short.push(format!("it wants {} of disk and {disk} is left", wanted.disk));
    }
    if short.is_empty() {
        Ok(())
    } else {
        Err(Trouble::full(format!("no room for `{}`: {}", wanted.name, short.join(", "))))
    }
}

/// Asked again now and then: a guest that is still booting doesn't hear the first time.
fn stop(domain: &Domain, patience: Duration) -> Result<(), Trouble> {
    let end = Instant::now() + patience;
    let mut asked = None::<Instant>;
    while domain.is_active()? {
        if Instant::now() > end {
            found(domain.destroy(), ErrorNumber::OperationInvalid)?;
            return Ok(());
        }
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(5)) {
            asked = Some(Instant::now());
            found(domain.shutdown(), ErrorNumber::OperationInvalid)?;
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
