//! Leases: a hold on hosts, addresses or flavors for a window.

use std::collections::BTreeMap;
use std::fmt;

use hostler_core::time::BadTime;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::{LeaseId, ReservationId, ResourceId, date};
use crate::openstack::call::Call;
use crate::openstack::error::ApiError;
use crate::openstack::keystone::{Service, Session};

/// A lease.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Its name; several leases may have the same.
    pub name: String,
    /// What it is doing.
    pub status: LeaseStatus,
    /// Its first minute.
    #[serde(rename = "start_date", deserialize_with = "instant")]
    pub start: Timestamp,
    /// The first minute after it.
    #[serde(rename = "end_date", deserialize_with = "instant")]
    pub end: Timestamp,
    /// Whether a part of it is not what was reserved any more.
    #[serde(default)]
    pub degraded: bool,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: String,
    /// Its parts.
    #[serde(default)]
    pub reservations: Vec<Reservation>,
    /// What happens to it when.
    #[serde(default)]
    pub events: Vec<Event>,
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    date::read(&text).map_err(|error: BadTime| serde::de::Error::custom(error))
}

/// What a lease is doing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum LeaseStatus {
    /// Granted, and not begun.
    Pending,
    /// It runs.
    Active,
    /// It is over.
    Terminated,
    /// It is broken.
    Error,
    /// It is on its way to another status: `CREATING`, `STARTING`, `UPDATING`, `TERMINATING`, `DELETING`.
    Moving(String),
}

impl From<String> for LeaseStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "PENDING" => Self::Pending,
            "ACTIVE" => Self::Active,
            "TERMINATED" => Self::Terminated,
            "ERROR" => Self::Error,
            _ => Self::Moving(text),
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
            Self::Moving(text) => text,
        })
    }
}

/// A part of a lease.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reservation {
    /// Its id: the hint that a server is launched with.
    pub id: ReservationId,
    /// What it reserves.
    #[serde(default)]
    pub resource_id: Option<ResourceId>,
    /// What kind of thing that is, as `physical:host`.
    pub resource_type: String,
    /// What it is doing, in Blazar's words.
    #[serde(default)]
    pub status: String,
    /// Whether a thing of it was lost, and none found in its place.
    #[serde(default)]
    pub missing_resources: bool,
    /// The rest, as each kind has it.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Reservation {
    /// The host that it was pinned to by [`ReservationRequest::Host`], or by others in the way of Chameleon.
    pub fn pinned_host(&self) -> Option<String> {
        let pinned = |key: &str| {
            let wish: [String; 3] = serde_json::from_str(self.rest.get(key)?.as_str()?).ok()?;
            let [is, what, host] = wish;
            (is == "==" && matches!(what.as_str(), "$uid" | "$hypervisor_hostname")).then_some(host)
        };
        pinned("resource_properties").or_else(|| pinned("hypervisor_properties"))
    }

    /// How many of its things it has at least.
    pub fn least(&self) -> Option<u64> {
        let count = |key: &str| match self.rest.get(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        count("min").or_else(|| count("amount"))
    }
}

/// What happens to a lease when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// What, as `start_lease`.
    pub event_type: String,
    /// When.
    #[serde(deserialize_with = "instant")]
    pub time: Timestamp,
    /// Whether it has, as `UNDONE` or `DONE`.
    pub status: String,
}

/// A lease to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLease {
    /// Its name.
    pub name: String,
    /// When it starts; at once where there is none. Blazar's own clock says when that is, and ours may differ.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Timestamp,
    /// What it holds.
    pub reservations: Vec<ReservationRequest>,
}

/// A part of a lease to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationRequest {
    /// This one host, by its hypervisor's name.
    Host(String),
    /// Some hosts, chosen by Blazar.
    Hosts {
        /// At least so many.
        least: u32,
        /// At most so many.
        most: u32,
        /// Those of which this holds, in Blazar's JSON; all where it is empty.
        resource_properties: String,
    },
    /// Some addresses of a network.
    FloatingIps {
        /// Neutron's id of the network.
        network: String,
        /// How many.
        amount: u32,
    },
    /// Some machines of a flavor.
    Flavor {
        /// Nova's id of the flavor.
        flavor: String,
        /// How many.
        amount: u32,
    },
}

impl ReservationRequest {
    fn body(&self) -> Value {
        match self {
            Self::Host(name) => {
                // A property of every host of every cloud; `uid` is one only where the operators have set it.
                let pin = json!(["==", "$hypervisor_hostname", name]).to_string();
                hosts_body(1, 1, "", &pin)
            }
            Self::Hosts { least, most, resource_properties } => hosts_body(*least, *most, resource_properties, ""),
            Self::FloatingIps { network, amount } => {
                json!({"resource_type": "virtual:floatingip", "network_id": network, "amount": amount})
            }
            Self::Flavor { flavor, amount } => json!({
                "resource_type": "flavor:instance", "flavor_id": flavor, "amount": amount, "affinity": null,
            }),
        }
    }
}

fn hosts_body(least: u32, most: u32, resource_properties: &str, hypervisor_properties: &str) -> Value {
    json!({
        "resource_type": "physical:host",
        "min": least,
        "max": most,
        "resource_properties": resource_properties,
        "hypervisor_properties": hypervisor_properties,
    })
}

/// What to change of a lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseChange {
    /// Its name.
    pub name: Option<String>,
    /// Its end.
    pub end: Option<Timestamp>,
}

#[derive(Deserialize)]
struct One {
    lease: Lease,
}

/// All leases of the project.
pub async fn leases(session: &Session) -> Result<Vec<Lease>, ApiError> {
    #[derive(Deserialize)]
    struct Leases {
        leases: Vec<Lease>,
    }
    let call: Call<Leases> = Call::get(Service::Reservation, &["leases"]);
    Ok(session.call(&call).await?.leases)
}

/// A lease.
pub async fn lease(session: &Session, id: &LeaseId) -> Result<Lease, ApiError> {
    let call: Call<One> = Call::get(Service::Reservation, &["leases", &id.0]);
    Ok(session.call(&call).await?.lease)
}

/// Makes a lease. It is granted when this returns, and begins some seconds later at the earliest.
pub async fn create(session: &Session, new: &NewLease) -> Result<Lease, ApiError> {
    let body = json!({
        "name": new.name,
        "start_date": new.start.map_or_else(|| "now".to_owned(), |start| date::written(date::floored(start))),
        "end_date": date::written(date::ceiled(new.end)),
        "reservations": new.reservations.iter().map(ReservationRequest::body).collect::<Vec<_>>(),
        "events": [],
    });
    let call: Call<One> = Call::post(Service::Reservation, &["leases"], body);
    Ok(session.call(&call).await?.lease)
}

/// Changes a lease. The answer may still show it as it was: read it again.
pub async fn update(session: &Session, id: &LeaseId, change: &LeaseChange) -> Result<Lease, ApiError> {
    let mut body = Map::new();
    if let Some(name) = &change.name {
        body.insert("name".to_owned(), name.as_str().into());
    }
    if let Some(end) = change.end {
        body.insert("end_date".to_owned(), date::written(date::ceiled(end)).into());
    }
    let call: Call<One> = Call::put(Service::Reservation, &["leases", &id.0], body.into());
    Ok(session.call(&call).await?.lease)
}

/// Ends and removes a lease, and the servers on it.
pub async fn delete(session: &Session, id: &LeaseId) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Reservation, &["leases", &id.0])).await
}
