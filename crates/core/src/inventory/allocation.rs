//! Who holds what, when: Blazar's allocations, as they come.

use serde::Deserialize;

use super::feed::{BadFeed, Document};
use super::value::{FeedText, Parts, When};

/// The reservations of one host.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawAllocation<'a> {
    /// Blazar's id of the host.
    #[serde(borrow)]
    pub(super) resource_id: FeedText<'a>,
    #[serde(borrow)]
    pub(super) reservations: Parts<RawReservation<'a>>,
}

/// One reservation, before its times are made sense of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawReservation<'a> {
    #[serde(borrow)]
    pub(super) id: FeedText<'a>,
    #[serde(borrow)]
    pub(super) lease_id: FeedText<'a>,
    #[serde(borrow, alias = "start")]
    pub(super) start_date: When<'a>,
    #[serde(borrow, alias = "end")]
    pub(super) end_date: When<'a>,
    #[serde(borrow)]
    pub(super) status: Option<FeedText<'a>>,
    #[serde(borrow)]
    pub(super) extras: Option<Extras<'a>>,
}

/// What Chameleon adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Extras<'a> {
    #[serde(borrow)]
    pub(super) user_name: Option<FeedText<'a>>,
}

/// The allocations of a document, one after the other. None at all is a site where all is free.
pub(super) fn allocations<'a>(document: &'a Document, take: impl FnMut(RawAllocation<'a>)) -> Result<(), BadFeed> {
    if document.each(take)? { Ok(()) } else { Err(document.nothing("allocations")) }
}

/// Whether a lease in this state holds its hosts. What is to come holds them as what is running does; an unknown state
/// does too, since a host that is not surely free is not free.
pub(super) fn holds(status: &str) -> bool {
    !["DELETED", "TERMINATED", "COMPLETE", "COMPLETED"].iter().any(|over| status.eq_ignore_ascii_case(over))
}
