//! Holds of leases on hosts, from Blazar's calendar.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hostler_core::inventory::{Feed, Reservation, join};
use hostler_core::time::Window;
use jiff::SignedDuration;

use crate::failure::CallFailure;
use crate::openstack::blazar::{self, LeaseId, ReservationId};
use crate::openstack::error::{ApiError, ErrorResponse};
use crate::openstack::keystone::KeystoneSession;
use crate::openstack::wait;

/// The hold of one lease on one host.
pub(super) struct HostHold {
    pub lease: LeaseId,
    pub reservation: ReservationId,
    window: Window,
}

/// Holds by host, under the name of its hypervisor.
pub(super) type HostHolds = BTreeMap<String, Vec<HostHold>>;

/// Those of some hosts that any lease holds at some time within a window.
pub(super) async fn held_hosts(
    session: &KeystoneSession,
    hosts: &[String],
    window: Window,
) -> Result<BTreeSet<String>, CallFailure> {
    let calendar = calendar(session).await?;
    let is_held = |holds: &[HostHold]| holds.iter().any(|hold| hold.window.overlaps(&window));
    let held = calendar.into_iter().filter(|(host, holds)| hosts.contains(host) && is_held(holds));
    Ok(held.map(|(host, _)| host).collect())
}

/// Chameleon keeps hosts for some minutes before and after each lease, and its calendar shows that time as held.
const PADDING: SignedDuration = SignedDuration::from_mins(5);

/// Time for the owner of a rival lease to see that a host was granted twice, and to delete that lease.
const RIVAL_TIMEOUT: Duration = Duration::from_secs(15);

/// Outcome of a check for hosts that Blazar granted twice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exclusivity {
    /// No other lease holds the hosts, or the rival lease is gone.
    Exclusive,
    /// Another lease holds one of the hosts, so the new lease has to be deleted.
    LostTo {
        /// The host.
        host: String,
        /// The other lease.
        lease: LeaseId,
    },
}

/// Checks that a new lease alone holds its hosts.
///
/// Blazar searches for free hosts and books them in two steps, so two concurrent requests may both be granted one host
/// (seen in 2023.1). Of two such leases the one with the greater id gives way as soon as it sees the other. The one with
/// the smaller id waits for that. If the rival is still there after the wait, it belongs to another program or checked before
/// the new lease existed, so the new lease gives way. Should the rival check again in that second, both give way, and both
/// requests are planned again.
pub(super) async fn resolve_double_grant(
    session: &KeystoneSession,
    lease: &LeaseId,
    hosts: &[String],
    window: Window,
) -> Result<Exclusivity, CallFailure> {
    let resolved = wait::poll(RIVAL_TIMEOUT, || async {
        match rival_lease(session, lease, hosts, window).await? {
            Some((host, rival)) if rival < *lease => Ok(Some(Exclusivity::LostTo { host, lease: rival })),
            Some(_) => Ok(None),
            None => Ok(Some(Exclusivity::Exclusive)),
        }
    });
    if let Some(outcome) = resolved.await? {
        return Ok(outcome);
    }
    let rival = rival_lease(session, lease, hosts, window).await?;
    Ok(rival.map_or(Exclusivity::Exclusive, |(host, lease)| Exclusivity::LostTo { host, lease }))
}

/// The other lease with the smallest id that holds one of the hosts at the same time, with that host.
async fn rival_lease(
    session: &KeystoneSession,
    lease: &LeaseId,
    hosts: &[String],
    window: Window,
) -> Result<Option<(String, LeaseId)>, CallFailure> {
    let calendar = calendar(session).await?;
    let holds = calendar.into_iter().flat_map(|(host, holds)| holds.into_iter().map(move |hold| (host.clone(), hold)));
    let holds = holds.filter(|(host, _)| hosts.contains(host));
    let rivals = holds.filter(|(_, hold)| hold.lease != *lease && overlaps_beyond_padding(&hold.window, &window));
    Ok(rivals.map(|(host, hold)| (host, hold.lease)).min_by(|a, b| a.1.cmp(&b.1)))
}

fn overlaps_beyond_padding(held: &Window, ours: &Window) -> bool {
    let shared = held.end().min(ours.end()).duration_since(held.start().max(ours.start()));
    shared > PADDING.min(ours.duration() / 2)
}

/// All holds. Empty if the cloud shows its calendar to operators only.
pub(super) async fn calendar(session: &KeystoneSession) -> Result<HostHolds, CallFailure> {
    let (hosts, allocations) = match tokio::try_join!(blazar::hosts(session), blazar::allocations(session)) {
        Ok(both) => both,
        Err(ApiError::Response(ErrorResponse { status: 403, .. })) => return Ok(HostHolds::new()),
        Err(error) => return Err(error.into()),
    };
    let feeds = [Feed { hosts: Some(hosts), allocations: Some(allocations), ..Feed::default() }];
    let inventory = join(&feeds, SignedDuration::ZERO).map_err(|error| CallFailure::unexpected(error.to_string()))?;
    let hold = |reservation: &Reservation<'_>| HostHold {
        lease: LeaseId(reservation.lease_id.to_string()),
        reservation: ReservationId(reservation.id.to_string()),
        window: reservation.window,
    };
    let mut calendar = HostHolds::new();
    for (_, node) in inventory.nodes() {
        if let Some(name) = &node.hypervisor {
            calendar.entry(name.to_string()).or_default().extend(node.reservations.iter().map(hold));
        }
    }
    Ok(calendar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, to: &str) -> Window {
        let at = |time: &str| format!("2025-10-30T{time}Z").parse().unwrap();
        Window::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn padding_is_not_a_double_grant() {
        let ours = window("10:00:00", "12:00:00");
        for (held, double) in [
            (window("08:00:00", "10:05:00"), false),
            (window("11:55:00", "13:00:00"), false),
            (window("08:00:00", "10:05:01"), true),
            (window("10:00:00", "12:00:00"), true),
            (window("12:00:00", "13:00:00"), false),
        ] {
            assert_eq!(overlaps_beyond_padding(&held, &ours), double, "{held}");
        }
        let shortest = window("10:00:00", "10:02:00");
        assert!(overlaps_beyond_padding(&ours, &shortest), "a lease shorter than the padding is never shared");
    }
}
