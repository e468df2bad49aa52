//! Hosts that can be leased, and their allocations, as raw documents. [`hostler_core::inventory`] interprets them.

use hostler_core::inventory::Document;
use serde::Deserialize;

use super::HostId;
use crate::openstack::call::ApiCall;
use crate::openstack::error::ApiError;
use crate::openstack::keystone::{KeystoneSession, Service};

/// The identity of a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReservableHost {
    /// Blazar's id, which allocations refer to.
    pub id: HostId,
    /// Nova's name of its hypervisor, by which it is reserved. On bare metal: the node's UUID.
    pub hypervisor_hostname: String,
}

/// All hosts, as a raw document.
pub async fn hosts(session: &KeystoneSession) -> Result<Document, ApiError> {
    document(session, &["os-hosts"]).await
}

/// Allocations of all hosts to leases of all projects, as a raw document.
pub async fn allocations(session: &KeystoneSession) -> Result<Document, ApiError> {
    document(session, &["os-hosts", "allocations"]).await
}

/// The identities of the hosts in a document.
pub fn parse_hosts(hosts: &Document) -> Result<Vec<ReservableHost>, ApiError> {
    #[derive(Deserialize)]
    struct HostsResponse {
        hosts: Vec<ReservableHost>,
    }
    let hosts: Result<HostsResponse, _> = serde_json::from_slice(&hosts.bytes);
    hosts.map(|all| all.hosts).map_err(|error| ApiError::unreadable(Service::Reservation, &error))
}

async fn document(session: &KeystoneSession, path: &[&str]) -> Result<Document, ApiError> {
    let call = ApiCall::get_bytes(Service::Reservation, path);
    Ok(Document::new(format!("Blazar's {}", path.join("/")), session.call(&call).await?))
}
