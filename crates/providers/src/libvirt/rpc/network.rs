//! Networks: bridges with NAT, DHCP and DNS.

use super::connection::{Connection, Procedure};
use super::error::RpcError;
use super::xdr::{Decode, DecodeError, Encode, XdrReader};

/// A network's name and UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NetworkId {
    name: String,
    uuid: [u8; 16],
}

impl Encode for NetworkId {
    fn encode(&self, out: &mut Vec<u8>) {
        (&self.name, self.uuid).encode(out);
    }
}

impl Decode for NetworkId {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let (name, uuid) = Decode::decode(from)?;
        Ok(Self { name, uuid })
    }
}

/// A network that exists, or existed when it was looked up.
#[derive(Debug)]
pub(in crate::libvirt) struct Network<'c> {
    connection: &'c Connection,
    id: NetworkId,
}

impl Connection {
    /// All networks, running or not.
    pub fn networks(&self) -> Result<Vec<Network<'_>>, RpcError> {
        let (ids, _count): (Vec<NetworkId>, u32) = self.call(Procedure::ConnectListAllNetworks, &(1_i32, 0_u32))?;
        Ok(ids.into_iter().map(|id| self.network(id)).collect())
    }

    /// The network of a name. Fails with [`ErrorCode::NO_NETWORK`](super::ErrorCode::NO_NETWORK) if there is none.
    pub fn network_by_name(&self, name: &str) -> Result<Network<'_>, RpcError> {
        Ok(self.network(self.call(Procedure::NetworkLookupByName, &(name,))?))
    }

    /// Defines a network. It is not started.
    pub fn define_network(&self, xml: &str) -> Result<Network<'_>, RpcError> {
        Ok(self.network(self.call(Procedure::NetworkDefineXml, &(xml,))?))
    }

    fn network(&self, id: NetworkId) -> Network<'_> {
        Network { connection: self, id }
    }
}

impl Network<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Its definition.
    pub fn xml(&self) -> Result<String, RpcError> {
        self.connection.call(Procedure::NetworkGetXmlDesc, &(&self.id, 0_u32))
    }

    /// True while it runs.
    pub fn is_active(&self) -> Result<bool, RpcError> {
        Ok(self.connection.call::<i32>(Procedure::NetworkIsActive, &(&self.id,))? == 1)
    }

    /// Starts it.
    pub fn start(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::NetworkCreate, &(&self.id,))
    }

    /// Stops it. Its definition stays.
    pub fn destroy(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::NetworkDestroy, &(&self.id,))
    }

    /// Removes its definition.
    pub fn undefine(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::NetworkUndefine, &(&self.id,))
    }
}
