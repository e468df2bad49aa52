//! The catalog: addresses of a cloud's services.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::http::Url;
use crate::openstack::cloud::Interface;

/// A service that the provider calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Keystone.
    Identity,
    /// Nova.
    Compute,
    /// Glance.
    Image,
    /// Neutron.
    Network,
    /// Blazar.
    Reservation,
}

impl Service {
    /// Its type in catalogs, and the type's former names, from the service types authority.
    fn types(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Compute => &["compute"],
            Self::Image => &["image"],
            Self::Network => &["network"],
            Self::Reservation => &["reservation", "resource-reservation"],
        }
    }

    /// The service type under which the user may override its address.
    pub(super) fn key(self) -> &'static str {
        self.types()[0]
    }

    /// The API version, which is the last part of its address. Catalogs list addresses with and without it.
    fn version(self) -> &'static str {
        match self {
            Self::Identity => "v3",
            Self::Compute => "v2.1",
            Self::Image => "v2",
            Self::Network => "v2.0",
            Self::Reservation => "v1",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identity => "Keystone",
            Self::Compute => "Nova",
            Self::Image => "Glance",
            Self::Network => "Neutron",
            Self::Reservation => "Blazar",
        })
    }
}

/// A service in a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CatalogEntry {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
}

/// One address of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    pub interface: String,
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub region_id: Option<String>,
    pub url: String,
}

impl Endpoint {
    fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }
}

/// The address of a service, with its version. Without a requested region the first address counts.
pub(super) fn address(
    entries: &[CatalogEntry],
    service: Service,
    region: Option<&str>,
    interface: Interface,
) -> Option<Url> {
    let fits = |endpoint: &&Endpoint| {
        endpoint.interface.trim_end_matches("URL") == interface.as_str()
            && region.is_none_or(|wanted| endpoint.region() == Some(wanted))
    };
    let of_type = |kind: &&str| {
        let entry = entries.iter().find(|entry| entry.kind == *kind)?;
        entry.endpoints.iter().find(fits)
    };
    let endpoint = service.types().iter().find_map(of_type)?;
    Url::parse(&endpoint.url).ok().map(|url| with_version(url, service))
}

/// All regions of a catalog, sorted.
pub(super) fn regions(entries: &[CatalogEntry]) -> Vec<String> {
    let all = entries.iter().flat_map(|entry| &entry.endpoints).filter_map(Endpoint::region);
    let mut regions: Vec<String> = all.map(str::to_owned).collect();
    regions.sort();
    regions.dedup();
    regions
}

pub(super) fn with_version(mut url: Url, service: Service) -> Url {
    let is_version =
        |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let versioned = url.path_segments().is_some_and(|mut parts| parts.any(is_version));
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        if !versioned {
            path.push(service.version());
        }
    }
    url
}
