//! Leases as sites list them, for sites that report only the number of hosts of a lease and not which ones.

use jiff::Timestamp;
use serde::Deserialize;

use super::allocation::holds;
use super::feed::{BadFeed, Document};
use super::value::{FeedText, FeedTime, Loose, OneOrMany};
use crate::time::Window;

/// A number of hosts, held for a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding<'a> {
    /// The lease.
    pub lease_id: FeedText<'a>,
    /// The availability zone, if the lease names it.
    pub zone: Option<FeedText<'a>>,
    /// The window.
    pub window: Window,
    /// The maximum number of hosts.
    pub hosts: u32,
}

/// The hosts that the leases of a document hold. Pending leases count like active ones; ended and deleted leases do
/// not, nor do reservations of other resources than hosts. An unreadable start or end counts as unbounded.
pub fn holdings(document: &Document) -> Result<Vec<Holding<'_>>, BadFeed> {
    let leases: Vec<RawLease<'_>> = document.list()?.ok_or_else(|| document.nothing("leases"))?;
    let live = leases.into_iter().filter(|lease| lease.status.as_deref().is_none_or(holds));
    Ok(live.flat_map(RawLease::holdings).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawLease<'a> {
    #[serde(borrow)]
    id: FeedText<'a>,
    #[serde(borrow)]
    status: Option<FeedText<'a>>,
    #[serde(borrow)]
    zone: Option<FeedText<'a>>,
    #[serde(borrow, alias = "start")]
    start_date: FeedTime<'a>,
    #[serde(borrow, alias = "end")]
    end_date: FeedTime<'a>,
    #[serde(borrow)]
    reservations: OneOrMany<RawPart<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPart<'a> {
    #[serde(borrow)]
    resource_type: Option<FeedText<'a>>,
    #[serde(borrow)]
    zone: Option<FeedText<'a>>,
    #[serde(borrow)]
    min: Loose<'a>,
    #[serde(borrow)]
    max: Loose<'a>,
}

impl<'a> RawLease<'a> {
    fn holdings(self) -> impl Iterator<Item = Holding<'a>> {
        let start = self.start_date.read().unwrap_or(Timestamp::MIN);
        let end = self.end_date.read().unwrap_or(Timestamp::MAX);
        let window = Window::new(start, end).unwrap_or_else(|_| Window::open_ended(start));
        let is_host = |part: &RawPart<'_>| part.resource_type.as_deref().is_none_or(|kind| kind == "physical:host");
        self.reservations.0.into_iter().filter(is_host).map(move |part| Holding {
            lease_id: self.id.clone(),
            zone: part.zone.or_else(|| self.zone.clone()),
            window,
            hosts: part.min.count().max(part.max.count()).unwrap_or(1),
        })
    }
}
