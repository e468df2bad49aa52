//! Blazar's allocations, as read.

use serde::Deserialize;

use super::feed::{BadFeed, Document};
use super::value::{FeedText, FeedTime, OneOrMany};

/// The reservations of one host.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawAllocation<'a> {
    /// Blazar's id of the host.
    #[serde(borrow)]
    pub(super) resource_id: FeedText<'a>,
    #[serde(borrow)]
    pub(super) reservations: OneOrMany<RawReservation<'a>>,
}

/// One reservation, before its times are checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawReservation<'a> {
    #[serde(borrow)]
    pub(super) id: FeedText<'a>,
    #[serde(borrow)]
    pub(super) lease_id: FeedText<'a>,
    #[serde(borrow, alias = "start")]
    pub(super) start_date: FeedTime<'a>,
    #[serde(borrow, alias = "end")]
    pub(super) end_date: FeedTime<'a>,
    #[serde(borrow)]
    pub(super) status: Option<FeedText<'a>>,
    #[serde(borrow)]
    pub(super) extras: Option<Extras<'a>>,
}

/// Chameleon's additional fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Extras<'a> {
    #[serde(borrow)]
    pub(super) user_name: Option<FeedText<'a>>,
}

/// Passes each allocation of a document to `take`. An empty list is valid: every host is free.
pub(super) fn allocations<'a>(document: &'a Document, take: impl FnMut(RawAllocation<'a>)) -> Result<(), BadFeed> {
    if document.each(take)? { Ok(()) } else { Err(document.nothing("allocations")) }
}

/// True if a lease with this status holds its hosts. Pending leases do, and so does an unknown status: unknown never
/// counts as free.
pub(super) fn holds(status: &str) -> bool {
    !["DELETED", "TERMINATED", "COMPLETE", "COMPLETED"].iter().any(|ended| status.eq_ignore_ascii_case(ended))
}
