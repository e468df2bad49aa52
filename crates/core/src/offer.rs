//! What the sites have: offers, with facts, supply and price. Gathered at the edge, compared here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::name::SiteId;
use crate::size::Bytes;

/// A node type at a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Where.
    pub site: SiteId,
    /// The site's name for this shape of hardware.
    pub node_type: String,
    /// What one machine of it has. Of a [`Supply::Cut`] offer: the most that one machine can have.
    pub facts: Facts,
    /// How much of it there is.
    pub supply: Supply,
    /// Whether it can be had in the window asked for.
    pub availability: Availability,
    /// What one machine costs an hour; unknown where absent. Unknown is never taken for free of charge.
    pub price_per_hour: Option<Money>,
    /// Whether the site may take it away at any time.
    pub spot: bool,
    /// The images that boot on it.
    pub images: Vec<ImageFacts>,
}

/// What one machine has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Processors.
    pub cpus: u32,
    /// Memory.
    pub memory: Bytes,
    /// Disk.
    pub disk: Bytes,
    /// Architecture, as `uname -m` says it.
    pub arch: String,
    /// Accelerators, each one listed.
    pub gpus: Vec<GpuFacts>,
    /// What else the site says of it.
    pub labels: BTreeMap<String, String>,
}

/// One accelerator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuFacts {
    /// The site's own name for the model.
    pub model: String,
    /// Its memory, where the site says.
    pub memory: Option<Bytes>,
}

/// How much of an offer there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// So many whole machines, each just as the facts say.
    Whole(u32),
    /// Machines are cut to measure out of what is left, each at most as the facts say.
    Cut {
        /// Processors may be shared between machines, so they limit only one machine's size.
        memory: Bytes,
        /// What is left of the disk.
        disk: Bytes,
    },
    /// As many as one asks for, as far as the site tells.
    Unlimited,
}

/// Whether an offer can be had in the window asked for. Unknown is never counted as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It can be had.
    Free,
    /// Somebody has it, until then where that is known.
    Busy(Option<Timestamp>),
    /// The site has taken it out of service.
    Maintenance,
    /// The site doesn't say.
    Unknown,
}

/// An image that a site can boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Its name at the site.
    pub name: String,
    /// Architecture, as `uname -m` says it.
    pub arch: String,
    /// The user to log in as.
    pub user: String,
    /// The least disk that it fits on.
    pub disk: Bytes,
    /// The least memory that it boots with.
    pub memory: Bytes,
}

/// All that was gathered: the offers, and what each site that could not be asked said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// Every offer of every site that answered.
    pub offers: Vec<Offer>,
    /// The sites that did not, and why: a dead site never blinds the others.
    pub silent: BTreeMap<SiteId, String>,
}

impl Market {
    /// The sites that made an offer.
    pub fn sites(&self) -> BTreeSet<&SiteId> {
        self.offers.iter().map(|offer| &offer.site).collect()
    }
}
