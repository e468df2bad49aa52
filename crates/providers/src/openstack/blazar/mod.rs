//! Blazar: hosts, who has them when, and leases.

mod date;
mod host;
mod lease;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use date::{ceiled, floored, read as read_date, written};
pub use host::{Host, allocations, hosts, named};
pub use lease::{
    Event, Lease, LeaseChange, LeaseStatus, NewLease, Reservation, ReservationRequest, create, delete, lease, leases,
    update,
};

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub String);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

id!(
    /// A lease's id.
    LeaseId
);
id!(
    /// The id of one part of a lease: the hint that a server is launched with.
    ReservationId
);
id!(
    /// The id of what a reservation reserves. Nothing is ever asked with it.
    ResourceId
);
id!(
    /// Blazar's own id for a host, which allocations use. A small number here, a UUID there.
    HostId
);
