//! The things that a deployment has at a cloud, one file each: made under a ticket, looked at, and removed by it.

pub(super) mod address;
mod calendar;
pub(super) mod keypair;
pub(super) mod lease;
pub(super) mod machine;
pub(super) mod network;

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Owned, Resource};
use hostler_core::ticket::{Ref, Ticket};

use crate::trouble::Trouble;

/// Refuses to remove what bears no ticket of ours, or another one.
fn bears(what: &str, id: &str, ticket: &Ticket, found: Option<&Ticket>) -> Result<(), Trouble> {
    if found == Some(ticket) {
        return Ok(());
    }
    Err(Trouble::report(format!("the {what} `{id}` doesn't bear the ticket `{ticket}`: it is left alone")))
}

/// Those of some things that are ours.
fn ours(resources: Vec<Resource>) -> Vec<Owned> {
    let owned = |resource: Resource| {
        Some(Owned { ticket: resource.ticket?, kind: resource.kind, reference: resource.reference })
    };
    resources.into_iter().filter_map(owned).collect()
}

/// A thing of which nothing is told but who it is.
fn bare(kind: ResourceKind, id: String, name: String, ticket: Option<Ticket>) -> Resource {
    let (reference, site_status) = (Ref(id), String::new());
    Resource { kind, reference, name, status: None, site_status, ticket, owner: None, details: None }
}
