//! Leases of hosts.

use std::collections::BTreeSet;
use std::time::Duration;

use hostler_core::offer::HostId;
use hostler_core::plan::{LeaseSpec, ResourceKind};
use hostler_core::ports::{Created, Grant, Owned, Remedy, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::{SignedDuration, Timestamp};

use super::calendar::{Exclusivity, HostHolds};
use super::{calendar, check_ticket, minimal};
use crate::failure::CallFailure;
use crate::openstack::blazar::{self, BlazarLease, LeaseChange, LeaseId, LeaseStatus, NewLease, ReservationRequest};
use crate::openstack::error::{ApiError, ErrorResponse, none_if_missing};
use crate::openstack::keystone::{KeystoneSession, Service};
use crate::openstack::{tickets, wait};

/// Time limit for a lease to get from one status to the next.
const TRANSITION_TIMEOUT: Duration = Duration::from_secs(300);

/// Attempts to create a lease that starts at once and goes to ERROR. Of two leases on one host, Blazar starts one and sets
/// the other to ERROR; that one can start once its rival has given way.
const START_ATTEMPTS: u32 = 3;

/// Time limit for the start of a lease that is due. Blazar's manager looks for due leases every 10 seconds (2023.1). A
/// later start is no failure: launching a machine waits for it.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Creates the lease, or finds it. It is granted when this returns, and usually active if it was due; its window may start
/// later.
pub(in crate::openstack) async fn create(
    session: &KeystoneSession,
    ticket: &Ticket,
    spec: &LeaseSpec,
) -> Result<Created, CallFailure> {
    let mut attempts_left = START_ATTEMPTS;
    loop {
        let lease = match find(session, ticket).await? {
            Some(lease) => lease,
            None => create_new(session, ticket, spec).await?,
        };
        let lease = granted(session, lease, spec).await?;
        attempts_left -= 1;
        match lease.status {
            LeaseStatus::Pending | LeaseStatus::Active => {
                return Ok(Created { reference: Ref(lease.id.0), address: None });
            }
            LeaseStatus::Error if attempts_left > 0 => delete_and_wait(session, &lease.id).await?,
            status => return Err(CallFailure::unavailable(format!("the lease `{}` went to {status}", lease.id))),
        }
    }
}

/// Waits until the lease alone holds its hosts, and for its start if it is due. Returns its last status.
async fn granted(session: &KeystoneSession, lease: BlazarLease, spec: &LeaseSpec) -> Result<BlazarLease, CallFailure> {
    let lease = settled(session, lease).await?;
    if !matches!(lease.status, LeaseStatus::Pending | LeaseStatus::Active) {
        return Ok(lease);
    }
    check_hosts(&lease, spec)?;
    ensure_exclusive(session, &lease, spec).await?;
    if lease.status == LeaseStatus::Active || lease.start > Timestamp::now() {
        return Ok(lease);
    }
    let Some(lease) = wait::poll(START_TIMEOUT, || started_or_over(session, &lease.id)).await? else {
        return Ok(lease);
    };
    // A concurrent request may have been granted the same host after the first check.
    ensure_exclusive(session, &lease, spec).await?;
    Ok(lease)
}

async fn find(session: &KeystoneSession, ticket: &Ticket) -> Result<Option<BlazarLease>, CallFailure> {
    let leases = blazar::leases(session).await?;
    Ok(leases.into_iter().find(|lease| tickets::from_lease_name(&lease.name).as_ref() == Some(ticket)))
}

async fn create_new(session: &KeystoneSession, ticket: &Ticket, spec: &LeaseSpec) -> Result<BlazarLease, CallFailure> {
    if session.token().await?.account.restricted {
        return Err(restricted_credential());
    }
    let now = Timestamp::now();
    let start = Some(spec.window.start()).filter(|start| blazar::floor_to_minute(*start) > now);
    let new = NewLease {
        name: tickets::lease_name(&spec.name, ticket)?,
        start,
        end: spec.window.end(),
        reservations: spec.hosts.iter().map(|host| ReservationRequest::Host(host.0.clone())).collect(),
    };
    match blazar::create(session, &new).await {
        Ok(lease) => Ok(lease),
        Err(error) => Err(explain_rejection(session, error, &host_names(spec), spec.window).await),
    }
}

pub(in crate::openstack) fn restricted_credential() -> CallFailure {
    let hint = "create an unrestricted one with `openstack application credential create --unrestricted`, or log in with \
                a password";
    CallFailure::needs_user("the application credential is restricted, so Blazar can't create leases with it", hint)
}

/// Classifies the rejection of a lease. Clouds report a taken host with different messages, as `409` or `500`, so the
/// calendar is consulted as well.
async fn explain_rejection(
    session: &KeystoneSession,
    error: ApiError,
    hosts: &[String],
    window: Window,
) -> CallFailure {
    let status = match &error {
        ApiError::Response(response) => response.status,
        ApiError::Http(_) | ApiError::NoService { .. } | ApiError::NoToken => return error.into(),
    };
    let too_long = matches!(status, 400 | 403) && exceeds_max_duration(&error);
    let failure = CallFailure::from(error);
    if too_long {
        return CallFailure::needs_user(failure.message, "request a shorter lease, and extend it later");
    }
    if failure.remedy == Remedy::Replan || !matches!(status, 400 | 409 | 500) {
        return failure;
    }
    match calendar::held_hosts(session, hosts, window).await {
        Ok(held) if !held.is_empty() => {
            let held = held.into_iter().collect::<Vec<_>>().join(", ");
            CallFailure::unavailable(format!("other leases hold {held} in this window: {}", failure.message))
        }
        // Without an explanation from the calendar, the original failure stands.
        Ok(_) | Err(_) => failure,
    }
}

/// True if the lease exceeds the cloud's maximum duration, which Blazar reports in the message only.
fn exceeds_max_duration(error: &ApiError) -> bool {
    matches!(error, ApiError::Response(ErrorResponse { message, .. })
        if message.to_ascii_lowercase().contains("maximum lease duration"))
}

fn host_names(spec: &LeaseSpec) -> Vec<String> {
    spec.hosts.iter().map(|host| host.0.clone()).collect()
}

/// Checks that the lease still holds the planned hosts: another user may have changed it since it was created.
fn check_hosts(lease: &BlazarLease, spec: &LeaseSpec) -> Result<(), CallFailure> {
    let held: BTreeSet<String> = lease.reservations.iter().filter_map(blazar::BlazarReservation::pinned_host).collect();
    let missing: Vec<&str> =
        spec.hosts.iter().map(|host| host.0.as_str()).filter(|host| !held.contains(*host)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CallFailure::unavailable(format!("the lease `{}` doesn't hold {}", lease.id, missing.join(", "))))
}

/// Deletes the lease if one of its hosts was also granted to another lease.
async fn ensure_exclusive(session: &KeystoneSession, lease: &BlazarLease, spec: &LeaseSpec) -> Result<(), CallFailure> {
    let Ok(window) = Window::new(lease.start, lease.end) else { return Ok(()) };
    match calendar::resolve_double_grant(session, &lease.id, &host_names(spec), window).await? {
        Exclusivity::Exclusive => Ok(()),
        Exclusivity::LostTo { host, lease: other } => {
            delete_and_wait(session, &lease.id).await?;
            Err(CallFailure::unavailable(format!(
                "Blazar granted the host `{host}` to the lease `{other}` at the same time"
            )))
        }
    }
}

/// Waits for the end of a transition: during one, Blazar rejects any change of the lease, with `500` and no reason. Returns
/// the unchanged lease if the time limit passes.
async fn settled(session: &KeystoneSession, lease: BlazarLease) -> Result<BlazarLease, CallFailure> {
    if !matches!(lease.status, LeaseStatus::Transitional(_)) {
        return Ok(lease);
    }
    let id = lease.id.clone();
    let query = || async {
        let lease = blazar::lease(session, &id).await?;
        Ok(Some(lease).filter(|lease| !matches!(lease.status, LeaseStatus::Transitional(_))))
    };
    Ok(wait::poll(TRANSITION_TIMEOUT, query).await?.unwrap_or(lease))
}

/// Waits for a lease to start. Before that, Nova can't launch servers on its hosts.
pub(in crate::openstack) async fn started(session: &KeystoneSession, id: &LeaseId) -> Result<BlazarLease, CallFailure> {
    loop {
        if let Some(lease) = wait::poll(TRANSITION_TIMEOUT, || started_or_over(session, id)).await? {
            return match lease.status {
                LeaseStatus::Active => Ok(lease),
                LeaseStatus::Terminated => Err(CallFailure::unavailable(format!("the lease `{id}` has ended"))),
                status => Err(CallFailure::unavailable(format!("Blazar reports {status} for the lease `{id}`"))),
            };
        }
        // A lease planned for tomorrow is awaited until tomorrow; one that is overdue is not.
        let start = existing(session, id).await?.start;
        let limit = SignedDuration::try_from(TRANSITION_TIMEOUT).unwrap_or_default();
        if Timestamp::now().duration_since(start) > limit {
            let message = format!("the lease `{id}` was due to start at {start}, and has not");
            return Err(CallFailure::unavailable(message));
        }
    }
}

/// The lease, once it is active, over or failed.
async fn started_or_over(session: &KeystoneSession, id: &LeaseId) -> Result<Option<BlazarLease>, CallFailure> {
    let lease = existing(session, id).await?;
    let is_before = matches!(lease.status, LeaseStatus::Pending | LeaseStatus::Transitional(_));
    Ok(Some(lease).filter(|_| !is_before))
}

async fn existing(session: &KeystoneSession, id: &LeaseId) -> Result<BlazarLease, CallFailure> {
    none_if_missing(blazar::lease(session, id).await)?.ok_or_else(|| gone(id))
}

fn gone(id: &LeaseId) -> CallFailure {
    CallFailure::unavailable(format!("the lease `{id}` was deleted by another user or program"))
}

pub(in crate::openstack) async fn status(
    session: &KeystoneSession,
    id: &LeaseId,
) -> Result<ResourceStatus, CallFailure> {
    let lease = none_if_missing(blazar::lease(session, id).await)?;
    Ok(lease.map_or(ResourceStatus::Missing, |lease| status_of(&lease)))
}

/// A terminated lease holds no hosts: it counts as missing.
fn status_of(lease: &BlazarLease) -> ResourceStatus {
    match &lease.status {
        LeaseStatus::Active => ResourceStatus::Running { address: None },
        LeaseStatus::Pending | LeaseStatus::Transitional(_) => ResourceStatus::Pending,
        LeaseStatus::Terminated => ResourceStatus::Missing,
        LeaseStatus::Error => ResourceStatus::Error { message: "Blazar reports ERROR".to_owned() },
    }
}

/// Attempts to change a lease whose status changes meanwhile. A lease has no more transitions ahead than these.
const MAX_ATTEMPTS: u32 = 3;

/// Moves the end, and waits until Blazar reports it: its response to the change may still show the old lease.
pub(in crate::openstack) async fn extend(
    session: &KeystoneSession,
    id: &LeaseId,
    until: Timestamp,
) -> Result<(), CallFailure> {
    let until = blazar::ceil_to_minute(until);
    let change = LeaseChange { end: Some(until), ..LeaseChange::default() };
    let mut attempts_left = MAX_ATTEMPTS;
    loop {
        let lease = existing(session, id).await?;
        let lease = settled(session, lease).await?;
        if lease.end >= until {
            return Ok(());
        }
        let Err(error) = blazar::update(session, id, &change).await else { break };
        attempts_left -= 1;
        // Blazar rejects changes during a transition: if the status has changed, the attempt is repeated.
        let now = existing(session, id).await?;
        if now.status == lease.status || attempts_left == 0 {
            return Err(explain_failed_extension(session, error, &lease, until).await);
        }
    }
    let query = || async { Ok(Some(blazar::lease(session, id).await?).filter(|lease| lease.end >= until)) };
    match wait::poll(TRANSITION_TIMEOUT, query).await? {
        Some(_) => Ok(()),
        None => Err(CallFailure::unexpected(format!(
            "Blazar accepted the new end of the lease `{id}`, but did not move it"
        ))),
    }
}

/// Classifies a rejected extension. The usual cause is another lease on the host right after this one.
async fn explain_failed_extension(
    session: &KeystoneSession,
    error: ApiError,
    lease: &BlazarLease,
    until: Timestamp,
) -> CallFailure {
    let hosts: Vec<String> = lease.reservations.iter().filter_map(blazar::BlazarReservation::pinned_host).collect();
    match Window::new(lease.end, until) {
        Ok(window) => explain_rejection(session, error, &hosts, window).await,
        Err(_) => error.into(),
    }
}

pub(in crate::openstack) async fn delete(session: &KeystoneSession, owned: &Owned) -> Result<(), CallFailure> {
    let id = LeaseId(owned.reference.0.clone());
    let Some(lease) = none_if_missing(blazar::lease(session, &id).await)? else { return Ok(()) };
    check_ticket(owned.kind, &id.0, &owned.ticket, tickets::from_lease_name(&lease.name).as_ref())?;
    delete_and_wait(session, &id).await
}

async fn delete_and_wait(session: &KeystoneSession, id: &LeaseId) -> Result<(), CallFailure> {
    let query = || async {
        let Some(lease) = none_if_missing(blazar::lease(session, id).await)? else { return Ok(Some(())) };
        if !matches!(lease.status, LeaseStatus::Transitional(_)) {
            none_if_missing(blazar::delete(session, id).await)?;
        }
        Ok(None)
    };
    match wait::poll(TRANSITION_TIMEOUT, query).await? {
        Some(()) => Ok(()),
        None => Err(CallFailure::unexpected(format!("the lease `{id}` still exists after its deletion"))),
    }
}

pub(in crate::openstack) async fn owned(session: &KeystoneSession) -> Result<Vec<Owned>, ApiError> {
    if !session.has_service(Service::Reservation).await? {
        return Ok(Vec::new());
    }
    let owned = |lease: BlazarLease| {
        let ticket = tickets::from_lease_name(&lease.name)?;
        Some(Owned { ticket, kind: ResourceKind::Lease, reference: Ref(lease.id.0) })
    };
    Ok(blazar::leases(session).await?.into_iter().filter_map(owned).collect())
}

/// All leases of the project, with their hosts from the calendar: a lease itself does not tell which hosts Blazar chose.
pub(in crate::openstack) async fn resources(session: &KeystoneSession) -> Result<Vec<Resource>, CallFailure> {
    if !session.has_service(Service::Reservation).await? {
        return Ok(Vec::new());
    }
    let leases = async { Ok::<_, CallFailure>(blazar::leases(session).await?) };
    let (leases, calendar) = tokio::try_join!(leases, calendar::calendar(session))?;
    Ok(leases.into_iter().map(|lease| resource(lease, &calendar)).collect())
}

fn resource(lease: BlazarLease, calendar: &HostHolds) -> Resource {
    let ticket = tickets::from_lease_name(&lease.name);
    let held = calendar.iter().filter(|(_, holds)| holds.iter().any(|hold| hold.lease == lease.id));
    let mut hosts: BTreeSet<String> = held.map(|(host, _)| host.clone()).collect();
    if calendar.is_empty() {
        hosts.extend(lease.reservations.iter().filter_map(blazar::BlazarReservation::pinned_host));
    }
    let hosts = hosts.into_iter().map(HostId).collect();
    let details =
        Window::new(lease.start, lease.end).map(|window| ResourceDetails::Lease(Grant { window, hosts })).ok();
    let (status, site_status) = (Some(status_of(&lease)), lease.status.to_string());
    let name = match &ticket {
        Some(ticket) => lease.name.trim_end_matches(&ticket.to_string()).trim_end().to_owned(),
        None => lease.name,
    };
    let owner = Some(lease.project_id).filter(|id| !id.is_empty()).map(|id| format!("project {id}"));
    Resource { status, site_status, owner, details, ..minimal(ResourceKind::Lease, lease.id.0, name, ticket) }
}
