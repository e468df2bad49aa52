//! The availability query: nodes, window and sites.

use std::num::NonZeroU32;

use jiff::SignedDuration;

use crate::downgrade::Caps;
use crate::filter::Filter;
use crate::time::Window;

/// A request for `amount` nodes of one site, the same nodes over the whole window.
#[derive(Debug, Clone, PartialEq)]
pub struct AvailabilityQuery {
    /// Site ids, in order of preference. Empty: all sites, without preference.
    pub sites: Vec<String>,
    /// The condition that each node meets.
    pub filter: Filter,
    /// The preferred window.
    pub window: Window,
    /// Number of nodes.
    pub amount: NonZeroU32,
    /// The most that the start may be delayed, inclusive.
    pub within: SignedDuration,
    /// The smallest hardware of an alternative, relative to the filter.
    pub caps: Caps,
}
