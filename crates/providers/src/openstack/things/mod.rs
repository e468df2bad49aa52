//! The things that a deployment has at a cloud, one file each: made under a ticket, looked at, and removed by it.

pub(super) mod address;
mod calendar;
pub(super) mod keypair;
pub(super) mod lease;
pub(super) mod machine;
pub(super) mod network;

use hostler_core::plan::Kind;
use hostler_core::ports::{Owned, Thing};
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
fn ours(things: Vec<Thing>) -> Vec<Owned> {
    let owned = |thing: Thing| Some(Owned { ticket: thing.ticket?, kind: thing.kind, reference: thing.reference });
    things.into_iter().filter_map(owned).collect()
}

/// A thing of which nothing is told but who it is.
fn bare(kind: Kind, id: String, name: String, ticket: Option<Ticket>) -> Thing {
    let (reference, state, detail) = (Ref(id), String::new(), Default::default());
    Thing { kind, reference, name, state, ticket, owner: None, detail }
}
