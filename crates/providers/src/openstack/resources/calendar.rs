//! Who holds which host when, as the calendar of a cloud says it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hostler_core::inventory::{Feed, Reservation, join};
use hostler_core::time::Window;
use jiff::SignedDuration;

use crate::openstack::blazar::{self, LeaseId, ReservationId};
use crate::openstack::error::{ApiError, Refusal};
use crate::openstack::keystone::Session;
use crate::openstack::wait;
use crate::trouble::Trouble;

/// One lease's hold on one host.
pub(super) struct Held {
    pub lease: LeaseId,
    pub reservation: ReservationId,
    window: Window,
}

/// The holds on hosts, by the hypervisors' names.
pub(super) type Calendar = BTreeMap<String, Vec<Held>>;

/// Those of some hosts that somebody holds at some time of a window.
pub(super) async fn taken(session: &Session, hosts: &[String], window: Window) -> Result<BTreeSet<String>, Trouble> {
    let calendar = calendar(session).await?;
    let is_taken = |held: &[Held]| held.iter().any(|held| held.window.overlaps(&window));
    let taken = calendar.into_iter().filter(|(host, held)| hosts.contains(host) && is_taken(held));
    Ok(taken.map(|(host, _)| host).collect())
}

/// Chameleon keeps hosts for some minutes before and after each lease, and shows that as held.
const PADDING: SignedDuration = SignedDuration::from_mins(5);

/// How long another that was granted the same host may take to see it and give way.
const GIVING_WAY: Duration = Duration::from_secs(15);

/// What to do about a host that was granted twice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nobody else holds it, or the others have given way.
    Ours,
    /// It is another's: we have to give way.
    Theirs {
        /// The host.
        host: String,
        /// The other lease.
        lease: LeaseId,
    },
}

/// Whether the hosts of a new lease are ours alone. Blazar looks for what is free and books it in two steps, so that two
/// that ask at once may both be granted one host (seen in 2023.1). Of such two the one with the greater id gives way
/// when it sees the other. The other waits for that: if it doesn't happen, the first has looked before there were two.
pub(super) async fn verdict(
    session: &Session,
    lease: &LeaseId,
    hosts: &[String],
    window: Window,
) -> Result<Verdict, Trouble> {
    let alone = wait::until(GIVING_WAY, || async {
        match rival(session, lease, hosts, window).await? {
            Some((host, other)) if other < *lease => Ok(Some(Verdict::Theirs { host, lease: other })),
            Some(_) => Ok(None),
            None => Ok(Some(Verdict::Ours)),
        }
    });
    if let Some(verdict) = alone.await? {
        return Ok(verdict);
    }
    let rival = rival(session, lease, hosts, window).await?;
    Ok(rival.map_or(Verdict::Ours, |(host, lease)| Verdict::Theirs { host, lease }))
}

/// The first of the others' leases that holds a host of ours at the same time.
async fn rival(
    session: &Session,
    lease: &LeaseId,
    hosts: &[String],
    window: Window,
) -> Result<Option<(String, LeaseId)>, Trouble> {
    let calendar = calendar(session).await?;
    let others = calendar.into_iter().flat_map(|(host, held)| held.into_iter().map(move |held| (host.clone(), held)));
    let others = others.filter(|(host, _)| hosts.contains(host));
    let rivals = others.filter(|(_, held)| held.lease != *lease && is_double(&held.window, &window));
    Ok(rivals.map(|(host, held)| (host, held.lease)).min_by(|a, b| a.1.cmp(&b.1)))
}

/// Whether two share more than what padding explains.
fn is_double(held: &Window, ours: &Window) -> bool {
    let shared = held.end().min(ours.end()).duration_since(held.start().max(ours.start()));
    shared > PADDING.min(ours.duration() / 2)
}

/// All holds; none where the cloud shows them to its operators only.
pub(super) async fn calendar(session: &Session) -> Result<Calendar, Trouble> {
    let documents = tokio::try_join!(blazar::hosts(session), blazar::allocations(session));
    let (documents, allocations) = match documents {
        Ok(both) => both,
        Err(ApiError::Refused(Refusal { status: 403, .. })) => return Ok(Calendar::new()),
        Err(error) => return Err(error.into()),
    };
    let names = blazar::named(&documents)?;
    let feeds = [Feed { hosts: Some(documents), allocations: Some(allocations), ..Feed::default() }];
    let inventory = join(&feeds, SignedDuration::ZERO).map_err(|error| Trouble::report(error.to_string()))?;
    let name_of = |id: &str| names.iter().find(|host| host.id.0 == id).map(|host| &host.hypervisor_hostname);
    let held = |held: &Reservation<'_>| Held {
        lease: LeaseId(held.lease_id.to_string()),
        reservation: ReservationId(held.id.to_string()),
        window: held.window,
    };
    let mut calendar = Calendar::new();
    for (_, node) in inventory.nodes() {
        if let Some(name) = node.host_id.as_deref().and_then(name_of) {
            calendar.entry(name.clone()).or_default().extend(node.reservations.iter().map(held));
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
    fn padding_is_no_rival() {
        let ours = window("10:00:00", "12:00:00");
        for (held, double) in [
            (window("08:00:00", "10:05:00"), false),
            (window("11:55:00", "13:00:00"), false),
            (window("08:00:00", "10:05:01"), true),
            (window("10:00:00", "12:00:00"), true),
            (window("12:00:00", "13:00:00"), false),
        ] {
            assert_eq!(is_double(&held, &ours), double, "{held}");
        }
        assert!(is_double(&ours, &window("10:00:00", "10:02:00")), "even the shortest can't be shared");
    }
}
