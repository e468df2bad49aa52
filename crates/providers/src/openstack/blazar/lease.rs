//! Leases of hosts, floating IPs or flavors for a window.

use std::collections::BTreeMap;
use std::fmt;

use hostler_core::time::BadTime;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::{LeaseId, ReservationId, ResourceId, date};
use crate::openstack::call::ApiCall;
use crate::openstack::error::ApiError;
use crate::openstack::keystone::{KeystoneSession, Service};

/// A lease.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BlazarLease {
    /// Its id.
    pub id: LeaseId,
    /// Its name, which need not be unique.
    pub name: String,
    /// Its status.
    pub status: LeaseStatus,
    /// Its start.
    #[serde(rename = "start_date", deserialize_with = "instant")]
    pub start: Timestamp,
    /// Its end, exclusive.
    #[serde(rename = "end_date", deserialize_with = "instant")]
    pub end: Timestamp,
    /// True if it has lost some of the reserved resources.
    #[serde(default)]
    pub degraded: bool,
    /// Id of its project.
    #[serde(default)]
    pub project_id: String,
    /// Its reservations.
    #[serde(default)]
    pub reservations: Vec<BlazarReservation>,
    /// Its events.
    #[serde(default)]
    pub events: Vec<LeaseEvent>,
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    date::parse_date(&text).map_err(|error: BadTime| serde::de::Error::custom(error))
}

/// Status of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum LeaseStatus {
    /// Granted, not started yet.
    Pending,
    /// Started.
    Active,
    /// Ended.
    Terminated,
    /// Failed.
    Error,
    /// Between two statuses: `CREATING`, `STARTING`, `UPDATING`, `TERMINATING`, `DELETING`.
    Transitional(String),
}

impl From<String> for LeaseStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "PENDING" => Self::Pending,
            "ACTIVE" => Self::Active,
            "TERMINATED" => Self::Terminated,
            "ERROR" => Self::Error,
            _ => Self::Transitional(text),
        }
    }
}

impl fmt::Display for LeaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Terminated => "TERMINATED",
            Self::Error => "ERROR",
            Self::Transitional(text) => text,
        })
    }
}

/// One part of a lease: resources of one type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BlazarReservation {
    /// Its id.
    pub id: ReservationId,
    /// Id of the reserved resource.
    #[serde(default)]
    pub resource_id: Option<ResourceId>,
    /// Type of the reserved resource, such as `physical:host`.
    pub resource_type: String,
    /// Its status, in Blazar's terms.
    #[serde(default)]
    pub status: String,
    /// True if Blazar found no replacement for a lost resource.
    #[serde(default)]
    pub missing_resources: bool,
    /// Fields that depend on the type.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl BlazarReservation {
    /// The host that it was pinned to, by [`ReservationRequest::Host`] or with `$uid`, as on Chameleon.
    pub fn pinned_host(&self) -> Option<String> {
        let pinned = |key: &str| {
            let filter: [String; 3] = serde_json::from_str(self.rest.get(key)?.as_str()?).ok()?;
            let [operator, property, host] = filter;
            (operator == "==" && matches!(property.as_str(), "$uid" | "$hypervisor_hostname")).then_some(host)
        };
        pinned("resource_properties").or_else(|| pinned("hypervisor_properties"))
    }

    /// The minimum number of reserved resources.
    pub fn min_count(&self) -> Option<u64> {
        let count = |key: &str| match self.rest.get(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        count("min").or_else(|| count("amount"))
    }
}

/// A scheduled change of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LeaseEvent {
    /// Its type, such as `start_lease`.
    pub event_type: String,
    /// Its time.
    #[serde(deserialize_with = "instant")]
    pub time: Timestamp,
    /// `UNDONE` or `DONE`.
    pub status: String,
}

/// A request to create a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLease {
    /// Its name.
    pub name: String,
    /// Its start. `None`: at once, by Blazar's own clock, which may differ from this computer's.
    pub start: Option<Timestamp>,
    /// Its end.
    pub end: Timestamp,
    /// Its reservations.
    pub reservations: Vec<ReservationRequest>,
}

/// A requested reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationRequest {
    /// One particular host, by the name of its hypervisor.
    Host(String),
    /// Hosts that Blazar chooses.
    Hosts {
        /// The minimum number.
        min: u32,
        /// The maximum number.
        max: u32,
        /// Filter on properties, in Blazar's JSON. Empty: any host.
        resource_properties: String,
    },
    /// Floating IPs.
    FloatingIps {
        /// Neutron's id of the external network.
        network: String,
        /// Their number.
        amount: u32,
    },
    /// Virtual machines of a flavor.
    Flavor {
        /// Nova's id of the flavor.
        flavor: String,
        /// Their number.
        amount: u32,
    },
}

impl ReservationRequest {
    fn body(&self) -> Value {
        match self {
            Self::Host(name) => {
                // Every host of every cloud has this property. It has `uid` only if the operators have set it.
                let pin = json!(["==", "$hypervisor_hostname", name]).to_string();
                hosts_body(1, 1, "", &pin)
            }
            Self::Hosts { min, max, resource_properties } => hosts_body(*min, *max, resource_properties, ""),
            Self::FloatingIps { network, amount } => {
                json!({"resource_type": "virtual:floatingip", "network_id": network, "amount": amount})
            }
            Self::Flavor { flavor, amount } => json!({
                "resource_type": "flavor:instance", "flavor_id": flavor, "amount": amount, "affinity": null,
            }),
        }
    }
}

fn hosts_body(min: u32, max: u32, resource_properties: &str, hypervisor_properties: &str) -> Value {
    json!({
        "resource_type": "physical:host",
        "min": min,
        "max": max,
        "resource_properties": resource_properties,
        "hypervisor_properties": hypervisor_properties,
    })
}

/// A change of a lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseChange {
    /// The new name, if it changes.
    pub name: Option<String>,
    /// The new end, if it changes.
    pub end: Option<Timestamp>,
}

#[derive(Deserialize)]
struct One {
    lease: BlazarLease,
}

/// All leases of the project.
pub async fn leases(session: &KeystoneSession) -> Result<Vec<BlazarLease>, ApiError> {
    #[derive(Deserialize)]
    struct Leases {
        leases: Vec<BlazarLease>,
    }
    let call: ApiCall<Leases> = ApiCall::get(Service::Reservation, &["leases"]);
    Ok(session.call(&call).await?.leases)
}

/// A lease.
pub async fn lease(session: &KeystoneSession, id: &LeaseId) -> Result<BlazarLease, ApiError> {
    let call: ApiCall<One> = ApiCall::get(Service::Reservation, &["leases", &id.0]);
    Ok(session.call(&call).await?.lease)
}

/// Creates a lease. It is granted when this returns, and starts some seconds later at the earliest.
pub async fn create(session: &KeystoneSession, new: &NewLease) -> Result<BlazarLease, ApiError> {
    let body = json!({
        "name": new.name,
        "start_date": new.start.map_or_else(|| "now".to_owned(), |start| date::format_date(date::floor_to_minute(start))),
        "end_date": date::format_date(date::ceil_to_minute(new.end)),
        "reservations": new.reservations.iter().map(ReservationRequest::body).collect::<Vec<_>>(),
        "events": [],
    });
    let call: ApiCall<One> = ApiCall::post(Service::Reservation, &["leases"], body);
    Ok(session.call(&call).await?.lease)
}

/// Changes a lease. The response may still show the old values: read the lease again.
pub async fn update(session: &KeystoneSession, id: &LeaseId, change: &LeaseChange) -> Result<BlazarLease, ApiError> {
    let mut body = Map::new();
    if let Some(name) = &change.name {
        body.insert("name".to_owned(), name.as_str().into());
    }
    if let Some(end) = change.end {
        body.insert("end_date".to_owned(), date::format_date(date::ceil_to_minute(end)).into());
    }
    let call: ApiCall<One> = ApiCall::put(Service::Reservation, &["leases", &id.0], body.into());
    Ok(session.call(&call).await?.lease)
}

/// Ends and deletes a lease, and the servers on it.
pub async fn delete(session: &KeystoneSession, id: &LeaseId) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Reservation, &["leases", &id.0])).await
}
