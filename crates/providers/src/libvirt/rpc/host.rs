//! The host of a daemon, and the versions of libvirt and QEMU.

use super::connection::{Connection, Procedure};
use super::error::RpcError;
use super::xdr::{Decode, DecodeError, XdrReader};

/// `remote_node_get_info_ret`. XDR gives each character of the model 4 bytes.
struct NodeInfo {
    cpus: i32,
}

impl Decode for NodeInfo {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        from.take(32 * 4)?;
        let (_memory, cpus, _mhz): (u64, i32, i32) = Decode::decode(from)?;
        let (_nodes, _sockets, _cores, _threads): (i32, i32, i32, i32) = Decode::decode(from)?;
        Ok(Self { cpus })
    }
}

impl Connection {
    /// Version of libvirt: a million for each major, a thousand for each minor.
    pub fn lib_version(&self) -> Result<u64, RpcError> {
        self.call(Procedure::ConnectGetLibVersion, &())
    }

    /// Version of QEMU, in the same form. Fails if there is no QEMU.
    pub fn hypervisor_version(&self) -> Result<u64, RpcError> {
        self.call(Procedure::ConnectGetVersion, &())
    }

    /// Number of CPUs of the host.
    pub fn cpus(&self) -> Result<u32, RpcError> {
        let NodeInfo { cpus } = self.call(Procedure::NodeGetInfo, &())?;
        Ok(u32::try_from(cpus).unwrap_or(0))
    }

    /// Guests that the daemon can run, as XML.
    pub fn capabilities(&self) -> Result<String, RpcError> {
        self.call(Procedure::ConnectGetCapabilities, &())
    }

    /// Features of guests of an architecture and a virtualization type (`kvm`, `qemu`), as XML. Fails if the daemon
    /// can't run them.
    pub fn domain_capabilities(&self, arch: &str, virtualization: &str) -> Result<String, RpcError> {
        let (emulator, machine) = (None::<&str>, None::<&str>);
        let arguments = (emulator, Some(arch), machine, Some(virtualization), 0_u32);
        self.call(Procedure::ConnectGetDomainCapabilities, &arguments)
    }
}
