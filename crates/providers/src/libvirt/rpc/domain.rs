//! Domains: virtual machines.

use super::connection::{Connection, Procedure};
use super::error::RpcError;
use super::xdr::{Decode, DecodeError, Encode, XdrReader};

/// Removes what belongs to a domain with its definition: saved memory, snapshots' records and firmware variables. Sum
/// of `VIR_DOMAIN_UNDEFINE_MANAGED_SAVE`, `…_SNAPSHOTS_METADATA` and `…_NVRAM`.
const UNDEFINE_EVERYTHING: u32 = 1 | 2 | 4;

/// Tag of the resident memory in KiB among a domain's memory statistics: `VIR_DOMAIN_MEMORY_STAT_RSS`.
const MEMORY_STAT_RSS: i32 = 7;

/// Most memory statistics to report; libvirt knows 14 kinds.
const MEMORY_STATS_LIMIT: u32 = 32;

/// A domain's name, UUID, and number while it runs (else -1).
#[derive(Debug, Clone, PartialEq, Eq)]
struct DomainId {
    name: String,
    uuid: [u8; 16],
    number: i32,
}

impl Encode for DomainId {
    fn encode(&self, out: &mut Vec<u8>) {
        (&self.name, self.uuid, self.number).encode(out);
    }
}

impl Decode for DomainId {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let (name, uuid, number) = Decode::decode(from)?;
        Ok(Self { name, uuid, number })
    }
}

/// A domain that exists, or existed when it was looked up.
#[derive(Debug)]
pub(in crate::libvirt) struct Domain<'c> {
    connection: &'c Connection,
    id: DomainId,
}

/// Power state of a domain, as numbered by `virDomainState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::libvirt) enum DomainState {
    Running,
    /// Waiting for a resource.
    Blocked,
    Paused,
    /// Shutting down.
    ShuttingDown,
    Off,
    Crashed,
    /// Suspended by the guest's power management.
    Suspended,
    /// 0, which is no state, or one of a newer libvirt.
    Other(i32),
}

/// Option of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::libvirt) enum StartFlags {
    /// The domain is destroyed when the connection ends: `VIR_DOMAIN_START_AUTODESTROY`.
    Autodestroy = 2,
}

impl Connection {
    /// All domains, running or not.
    pub fn domains(&self) -> Result<Vec<Domain<'_>>, RpcError> {
        let (ids, _count): (Vec<DomainId>, u32) = self.call(Procedure::ConnectListAllDomains, &(1_i32, 0_u32))?;
        Ok(ids.into_iter().map(|id| self.domain(id)).collect())
    }

    /// The domain of a name. Fails with [`ErrorCode::NO_DOMAIN`](super::ErrorCode::NO_DOMAIN) if there is none.
    pub fn domain_by_name(&self, name: &str) -> Result<Domain<'_>, RpcError> {
        Ok(self.domain(self.call(Procedure::DomainLookupByName, &(name,))?))
    }

    /// Defines a domain, or replaces the definition of its name and UUID. It is not started.
    pub fn define_domain(&self, xml: &str) -> Result<Domain<'_>, RpcError> {
        Ok(self.domain(self.call(Procedure::DomainDefineXml, &(xml,))?))
    }

    /// Starts a transient domain, which vanishes when it ends.
    pub fn create_domain(&self, xml: &str, flags: StartFlags) -> Result<Domain<'_>, RpcError> {
        Ok(self.domain(self.call(Procedure::DomainCreateXml, &(xml, flags as u32))?))
    }

    fn domain(&self, id: DomainId) -> Domain<'_> {
        Domain { connection: self, id }
    }
}

impl Domain<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Its definition.
    pub fn xml(&self) -> Result<String, RpcError> {
        self.connection.call(Procedure::DomainGetXmlDesc, &(&self.id, 0_u32))
    }

    /// True while it runs, or is paused.
    pub fn is_active(&self) -> Result<bool, RpcError> {
        Ok(self.connection.call::<i32>(Procedure::DomainIsActive, &(&self.id,))? == 1)
    }

    /// Its power state.
    pub fn state(&self) -> Result<DomainState, RpcError> {
        let (state, _reason): (i32, i32) = self.connection.call(Procedure::DomainGetState, &(&self.id, 0_u32))?;
        Ok(match state {
            1 => DomainState::Running,
            2 => DomainState::Blocked,
            3 => DomainState::Paused,
            4 => DomainState::ShuttingDown,
            5 => DomainState::Off,
            6 => DomainState::Crashed,
            7 => DomainState::Suspended,
            number => DomainState::Other(number),
        })
    }

    /// The most memory that it may grow to, in KiB.
    pub fn max_memory(&self) -> Result<u64, RpcError> {
        type DomainInfo = (u32, u64, u64, u32, u64);
        let (_state, max_memory, _memory, _cpus, _cpu_time): DomainInfo =
            self.connection.call(Procedure::DomainGetInfo, &(&self.id,))?;
        Ok(max_memory)
    }

    /// Host memory that it occupies, in KiB. `None` if not reported.
    pub fn resident_memory(&self) -> Result<Option<u64>, RpcError> {
        let stats: Vec<(i32, u64)> =
            self.connection.call(Procedure::DomainMemoryStats, &(&self.id, MEMORY_STATS_LIMIT, 0_u32))?;
        Ok(stats.into_iter().find(|(tag, _)| *tag == MEMORY_STAT_RSS).map(|(_, kib)| kib))
    }

    /// Starts it.
    pub fn start(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::DomainCreate, &(&self.id,))
    }

    /// Presses its power button. Returns before the guest is off.
    pub fn shutdown(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::DomainShutdown, &(&self.id,))
    }

    /// Cuts its power.
    pub fn destroy(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::DomainDestroy, &(&self.id,))
    }

    /// Removes its definition and what belongs to that. Its disks stay.
    pub fn undefine(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::DomainUndefineFlags, &(&self.id, UNDEFINE_EVERYTHING))
    }
}
