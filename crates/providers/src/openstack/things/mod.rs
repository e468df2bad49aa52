//! The things that a deployment has at a cloud, one file each: made under a ticket, looked at, and removed by it.

pub(super) mod address;
mod calendar;
pub(super) mod keypair;
pub(super) mod lease;
pub(super) mod machine;
pub(super) mod network;

use hostler_core::ticket::Ticket;

use crate::trouble::Trouble;

/// Refuses to remove what bears no ticket of ours, or another one.
fn bears(what: &str, id: &str, ticket: &Ticket, found: Option<&Ticket>) -> Result<(), Trouble> {
    if found == Some(ticket) {
        return Ok(());
    }
    Err(Trouble::report(format!("the {what} `{id}` doesn't bear the ticket `{ticket}`: it is left alone")))
}
