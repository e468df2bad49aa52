//! Storage pools and their volumes.

use super::connection::{Connection, Procedure};
use super::error::RpcError;
use super::stream::{Download, Upload};
use super::xdr::{Decode, DecodeError, Encode, XdrReader};

/// A pool's name and UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PoolId {
    name: String,
    uuid: [u8; 16],
}

impl Encode for PoolId {
    fn encode(&self, out: &mut Vec<u8>) {
        (&self.name, self.uuid).encode(out);
    }
}

impl Decode for PoolId {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let (name, uuid) = Decode::decode(from)?;
        Ok(Self { name, uuid })
    }
}

/// A volume's pool, its name there, and its key, which is unique on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct VolumeId {
    pool: String,
    name: String,
    key: String,
}

impl Encode for VolumeId {
    fn encode(&self, out: &mut Vec<u8>) {
        (&self.pool, &self.name, &self.key).encode(out);
    }
}

impl Decode for VolumeId {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let (pool, name, key) = Decode::decode(from)?;
        Ok(Self { pool, name, key })
    }
}

/// A pool that exists, or existed when it was looked up.
#[derive(Debug)]
pub(in crate::libvirt) struct StoragePool<'c> {
    connection: &'c Connection,
    id: PoolId,
}

/// A volume that exists, or existed when it was looked up.
#[derive(Debug)]
pub(in crate::libvirt) struct Volume<'c> {
    connection: &'c Connection,
    id: VolumeId,
}

/// Sizes of a volume in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::libvirt) struct VolumeSize {
    /// Most bytes that it can hold.
    pub capacity: u64,
    /// Space that it occupies in the pool now.
    pub allocation: u64,
}

impl Connection {
    /// The pool of a name. Fails with [`ErrorCode::NO_STORAGE_POOL`](super::ErrorCode::NO_STORAGE_POOL) if there is
    /// none.
    pub fn pool_by_name(&self, name: &str) -> Result<StoragePool<'_>, RpcError> {
        Ok(self.pool(self.call(Procedure::StoragePoolLookupByName, &(name,))?))
    }

    /// Defines a pool. Neither creates its directory nor starts it.
    pub fn define_pool(&self, xml: &str) -> Result<StoragePool<'_>, RpcError> {
        Ok(self.pool(self.call(Procedure::StoragePoolDefineXml, &(xml, 0_u32))?))
    }

    fn pool(&self, id: PoolId) -> StoragePool<'_> {
        StoragePool { connection: self, id }
    }
}

impl<'c> StoragePool<'c> {
    /// True while it runs.
    pub fn is_active(&self) -> Result<bool, RpcError> {
        Ok(self.connection.call::<i32>(Procedure::StoragePoolIsActive, &(&self.id,))? == 1)
    }

    /// Creates its directory.
    pub fn build(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::StoragePoolBuild, &(&self.id, 0_u32))
    }

    /// Starts it.
    pub fn start(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::StoragePoolCreate, &(&self.id, 0_u32))
    }

    /// Has the daemon start it when the daemon itself starts.
    pub fn enable_autostart(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::StoragePoolSetAutostart, &(&self.id, 1_i32))
    }

    /// Reads its directory again: free space, and volumes that came or went without the daemon.
    pub fn refresh(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::StoragePoolRefresh, &(&self.id, 0_u32))
    }

    /// Free bytes of its file system, as of the last refresh.
    pub fn available(&self) -> Result<u64, RpcError> {
        let (_state, _capacity, _allocation, available): (u32, u64, u64, u64) =
            self.connection.call(Procedure::StoragePoolGetInfo, &(&self.id,))?;
        Ok(available)
    }

    /// All its volumes, as of the last refresh.
    pub fn volumes(&self) -> Result<Vec<Volume<'c>>, RpcError> {
        let (ids, _count): (Vec<VolumeId>, u32) =
            self.connection.call(Procedure::StoragePoolListAllVolumes, &(&self.id, 1_i32, 0_u32))?;
        Ok(ids.into_iter().map(|id| self.volume(id)).collect())
    }

    /// The volume of a name. Fails with [`ErrorCode::NO_STORAGE_VOLUME`](super::ErrorCode::NO_STORAGE_VOLUME) if there
    /// is none.
    pub fn volume_by_name(&self, name: &str) -> Result<Volume<'c>, RpcError> {
        Ok(self.volume(self.connection.call(Procedure::StorageVolLookupByName, &(&self.id, name))?))
    }

    /// Creates a volume.
    pub fn create_volume(&self, xml: &str) -> Result<Volume<'c>, RpcError> {
        Ok(self.volume(self.connection.call(Procedure::StorageVolCreateXml, &(&self.id, xml, 0_u32))?))
    }

    fn volume(&self, id: VolumeId) -> Volume<'c> {
        Volume { connection: self.connection, id }
    }
}

impl<'c> Volume<'c> {
    /// Its name in its pool.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Path of its file.
    pub fn path(&self) -> Result<String, RpcError> {
        self.connection.call(Procedure::StorageVolGetPath, &(&self.id,))
    }

    /// Its definition.
    pub fn xml(&self) -> Result<String, RpcError> {
        self.connection.call(Procedure::StorageVolGetXmlDesc, &(&self.id, 0_u32))
    }

    /// Its sizes.
    pub fn size(&self) -> Result<VolumeSize, RpcError> {
        let (_type, capacity, allocation): (u32, u64, u64) =
            self.connection.call(Procedure::StorageVolGetInfo, &(&self.id,))?;
        Ok(VolumeSize { capacity, allocation })
    }

    /// Deletes it with its content.
    pub fn delete(&self) -> Result<(), RpcError> {
        self.connection.call(Procedure::StorageVolDelete, &(&self.id, 0_u32))
    }

    /// Begins to write `length` bytes from its start.
    pub fn upload(&self, length: u64) -> Result<Upload<'c>, RpcError> {
        Upload::open(self.connection, Procedure::StorageVolUpload, &(&self.id, 0_u64, length, 0_u32))
    }

    /// Begins to read from an offset to its end.
    pub fn download(&self, offset: u64) -> Result<Download<'c>, RpcError> {
        Download::open(self.connection, Procedure::StorageVolDownload, &(&self.id, offset, 0_u64, 0_u32))
    }
}
