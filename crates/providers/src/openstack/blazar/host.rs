//! Hosts that can be leased, and who has them when. [`hostler_core::inventory`] makes sense of what they have.

use hostler_core::inventory::Document;
use serde::Deserialize;

use super::HostId;
use crate::openstack::call::Call;
use crate::openstack::error::ApiError;
use crate::openstack::keystone::{Service, Session};

/// Who a host is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Host {
    /// Blazar's id for it.
    pub id: HostId,
    /// The hypervisor's name for it, by which it is reserved: on bare metal the node's UUID.
    pub hypervisor_hostname: String,
}

/// All hosts, as Blazar writes them.
pub async fn hosts(session: &Session) -> Result<Document, ApiError> {
    document(session, &["os-hosts"]).await
}

/// Who has which host when, as Blazar writes it. All leases of all projects count.
pub async fn allocations(session: &Session) -> Result<Document, ApiError> {
    document(session, &["os-hosts", "allocations"]).await
}

/// Who the hosts of a document are.
pub fn named(hosts: &Document) -> Result<Vec<Host>, ApiError> {
    #[derive(Deserialize)]
    struct Hosts {
        hosts: Vec<Host>,
    }
    let hosts: Result<Hosts, _> = serde_json::from_slice(&hosts.bytes);
    hosts.map(|all| all.hosts).map_err(|error| ApiError::unreadable(Service::Reservation, &error))
}

async fn document(session: &Session, path: &[&str]) -> Result<Document, ApiError> {
    let call = Call::raw(Service::Reservation, path);
    Ok(Document::new(format!("Blazar's {}", path.join("/")), session.call(&call).await?))
}
