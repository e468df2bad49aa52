//! Resources of a deployment at a cloud, one file per kind: created under a ticket, read, and deleted by it.

pub(super) mod address;
mod calendar;
pub(super) mod keypair;
pub(super) mod lease;
pub(super) mod machine;
pub(super) mod network;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Owned, Resource};
use hostler_core::ticket::{Ref, Ticket};

use crate::failure::CallFailure;

/// Refuses to delete a resource without a ticket, or with another one than expected.
fn check_ticket(kind: ResourceKind, id: &str, expected: &Ticket, actual: Option<&Ticket>) -> Result<(), CallFailure> {
    if actual == Some(expected) {
        return Ok(());
    }
    Err(CallFailure::unexpected(format!("the {kind} `{id}` does not bear the ticket `{expected}`: not deleted")))
}

/// The resources that bear a ticket.
fn with_tickets(resources: Vec<Resource>) -> Vec<Owned> {
    let owned = |resource: Resource| {
        Some(Owned { ticket: resource.ticket?, kind: resource.kind, reference: resource.reference })
    };
    resources.into_iter().filter_map(owned).collect()
}

/// A resource without status, owner and details.
fn minimal(kind: ResourceKind, id: String, name: String, ticket: Option<Ticket>) -> Resource {
    let (reference, site_status) = (Ref(id), String::new());
    Resource { kind, reference, name, status: None, site_status, ticket, owner: None, details: None }
}
