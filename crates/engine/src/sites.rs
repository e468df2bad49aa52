//! The configured sites.

use std::collections::BTreeMap;
use std::sync::Arc;

use hostler_core::inventory::InventorySource;
use hostler_core::name::SiteId;
use hostler_core::ports::Provider;

/// The configured sites, by name.
pub type Sites = BTreeMap<SiteId, Arc<dyn Provider>>;

/// The sites that publish a reservation calendar, by name.
pub type Calendars = BTreeMap<SiteId, Arc<dyn InventorySource>>;
