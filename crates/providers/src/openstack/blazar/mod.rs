//! Blazar: hosts, their allocations, and leases.

mod date;
mod host;
mod lease;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use date::{ceil_to_minute, floor_to_minute, format_date, parse_date};
pub use host::{ReservableHost, allocations, hosts, parse_hosts};
pub use lease::{
    BlazarLease, BlazarReservation, LeaseChange, LeaseEvent, LeaseStatus, NewLease, ReservationRequest, create, delete,
    lease, leases, update,
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
    /// Id of a lease.
    LeaseId
);
id!(
    /// Id of a reservation, which is one part of a lease. A server is launched with it as a scheduler hint.
    ReservationId
);
id!(
    /// Id of a reservation's resource. No call takes it.
    ResourceId
);
id!(
    /// Blazar's own id of a host, which allocations refer to: a small number or a UUID, depending on the cloud.
    HostId
);
