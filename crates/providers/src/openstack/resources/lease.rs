//! The hold on hosts.

use std::collections::BTreeSet;
use std::time::Duration;

use hostler_core::offer::HostId;
use hostler_core::plan::{LeaseSpec, ResourceKind};
use hostler_core::ports::{Created, Grant, Owned, Remedy, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::{SignedDuration, Timestamp};

use super::calendar::{Calendar, Verdict};
use super::{bare, bears, calendar};
use crate::openstack::blazar::{self, Lease, LeaseChange, LeaseId, LeaseStatus, NewLease, ReservationRequest};
use crate::openstack::error::{ApiError, Refusal, found};
use crate::openstack::keystone::{Service, Session};
use crate::openstack::{tickets, wait};
use crate::trouble::Trouble;

/// How long a lease may be on its way from one status to the next.
const TURN: Duration = Duration::from_secs(300);

/// Makes the lease, or finds it. It is granted when this returns, and need not have begun.
pub(in crate::openstack) async fn create(
    session: &Session,
    ticket: &Ticket,
    spec: &LeaseSpec,
) -> Result<Created, Trouble> {
    let lease = match find(session, ticket).await? {
        Some(lease) => lease,
        None => make(session, ticket, spec).await?,
    };
    let lease = settled(session, lease).await?;
    match lease.status {
        LeaseStatus::Pending | LeaseStatus::Active => {
            holds_what_was_asked(&lease, spec)?;
            ours_alone(session, &lease, spec).await?;
            Ok(Created { reference: Ref(lease.id.0), address: None })
        }
        LeaseStatus::Terminated => Err(Trouble::full(format!("the lease `{}` is over already", lease.id))),
        status => Err(Trouble::full(format!("the lease `{}` went to {status}", lease.id))),
    }
}

async fn find(session: &Session, ticket: &Ticket) -> Result<Option<Lease>, Trouble> {
    let leases = blazar::leases(session).await?;
    Ok(leases.into_iter().find(|lease| tickets::of_lease(&lease.name).as_ref() == Some(ticket)))
}

async fn make(session: &Session, ticket: &Ticket, spec: &LeaseSpec) -> Result<Lease, Trouble> {
    if session.token().await?.account.restricted {
        return Err(restricted());
    }
    let now = Timestamp::now();
    let start = Some(spec.window.start()).filter(|start| blazar::floored(*start) > now);
    let new = NewLease {
        name: tickets::lease_name(&spec.name, ticket)?,
        start,
        end: spec.window.end(),
        reservations: spec.hosts.iter().map(|host| ReservationRequest::Host(host.0.clone())).collect(),
    };
    match blazar::create(session, &new).await {
        Ok(lease) => Ok(lease),
        Err(error) => Err(why_not(session, error, &hosts(spec), spec.window).await),
    }
}

pub(in crate::openstack) fn restricted() -> Trouble {
    let hint = "make one with `openstack application credential create --unrestricted`, or log in with a password";
    Trouble::ask("the application credential is restricted, and Blazar can't make leases with it", hint)
}

/// Why a lease was not granted. Clouds say so in different words, with 409 or 500: so the calendar is asked, too.
async fn why_not(session: &Session, error: ApiError, hosts: &[String], window: Window) -> Trouble {
    let status = match &error {
        ApiError::Refused(refusal) => refusal.status,
        ApiError::Http(_) | ApiError::NoService { .. } | ApiError::NoToken => return error.into(),
    };
    let too_long = matches!(status, 400 | 403) && says_too_long(&error);
    let trouble = Trouble::from(error);
    if too_long {
        return Trouble::ask(trouble.message, "ask for a shorter lease, and extend it later");
    }
    if trouble.remedy == Remedy::Replan || !matches!(status, 400 | 409 | 500) {
        return trouble;
    }
    match calendar::taken(session, hosts, window).await {
        Ok(taken) if !taken.is_empty() => {
            let taken: Vec<String> = taken.into_iter().collect();
            Trouble::full(format!("others hold {} in the lease's time: {}", taken.join(", "), trouble.message))
        }
        // What the calendar can't say leaves the first answer.
        Ok(_) | Err(_) => trouble,
    }
}

/// The longest lease is a setting of each cloud, and is told in no field of its own.
fn says_too_long(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused(Refusal { message, .. })
        if message.to_ascii_lowercase().contains("maximum lease duration"))
}

fn hosts(spec: &LeaseSpec) -> Vec<String> {
    spec.hosts.iter().map(|host| host.0.clone()).collect()
}

/// A lease that is found by its ticket may have been changed by somebody since.
fn holds_what_was_asked(lease: &Lease, spec: &LeaseSpec) -> Result<(), Trouble> {
    let held: BTreeSet<String> = lease.reservations.iter().filter_map(blazar::Reservation::pinned_host).collect();
    let missing: Vec<&str> =
        spec.hosts.iter().map(|host| host.0.as_str()).filter(|host| !held.contains(*host)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Trouble::full(format!("the lease `{}` doesn't hold {}", lease.id, missing.join(", "))))
}

/// Gives the lease back where a host of it is another's as well.
async fn ours_alone(session: &Session, lease: &Lease, spec: &LeaseSpec) -> Result<(), Trouble> {
    let Ok(window) = Window::new(lease.start, lease.end) else { return Ok(()) };
    match calendar::verdict(session, &lease.id, &hosts(spec), window).await? {
        Verdict::Ours => Ok(()),
        Verdict::Theirs { host, lease: other } => {
            remove(session, &lease.id).await?;
            Err(Trouble::full(format!(
                "Blazar has granted the host `{host}` to the lease `{other}` at the same moment"
            )))
        }
    }
}

/// The lease once it stands still: while it moves Blazar refuses to touch it, with a `500` and no reason.
async fn settled(session: &Session, lease: Lease) -> Result<Lease, Trouble> {
    if !matches!(lease.status, LeaseStatus::Moving(_)) {
        return Ok(lease);
    }
    let id = lease.id.clone();
    let look = || async {
        let lease = blazar::lease(session, &id).await?;
        Ok(Some(lease).filter(|lease| !matches!(lease.status, LeaseStatus::Moving(_))))
    };
    Ok(wait::until(TURN, look).await?.unwrap_or(lease))
}

/// The lease once it has begun. Until then there is nothing to launch a server on.
pub(in crate::openstack) async fn begun(session: &Session, id: &LeaseId) -> Result<Lease, Trouble> {
    let read = || async { found(blazar::lease(session, id).await)?.ok_or_else(|| gone(id)) };
    let look = || async {
        let lease = read().await?;
        match lease.status {
            LeaseStatus::Active => Ok(Some(lease)),
            LeaseStatus::Pending | LeaseStatus::Moving(_) => Ok(None),
            LeaseStatus::Terminated => Err(Trouble::full(format!("the lease `{id}` is over"))),
            LeaseStatus::Error => Err(Trouble::full(format!("the lease `{id}` is broken: Blazar says ERROR"))),
        }
    };
    loop {
        if let Some(lease) = wait::until(TURN, look).await? {
            return Ok(lease);
        }
        // What is planned for tomorrow is waited for until tomorrow; what should have begun long ago is not.
        let start = read().await?.start;
        if Timestamp::now().duration_since(start) > SignedDuration::try_from(TURN).unwrap_or_default() {
            return Err(Trouble::full(format!("the lease `{id}` should have begun at {start}, and has not")));
        }
    }
}

fn gone(id: &LeaseId) -> Trouble {
    Trouble::full(format!("the lease `{id}` is gone: somebody else has deleted it"))
}

pub(in crate::openstack) async fn status(session: &Session, id: &LeaseId) -> Result<ResourceStatus, Trouble> {
    let lease = found(blazar::lease(session, id).await)?;
    Ok(lease.map_or(ResourceStatus::Missing, |lease| status_of(&lease)))
}

/// A terminated lease holds nothing any more: it counts as missing.
fn status_of(lease: &Lease) -> ResourceStatus {
    match &lease.status {
        LeaseStatus::Active => ResourceStatus::Running { address: None },
        LeaseStatus::Pending | LeaseStatus::Moving(_) => ResourceStatus::Pending,
        LeaseStatus::Terminated => ResourceStatus::Missing,
        LeaseStatus::Error => ResourceStatus::Error { message: "Blazar reports ERROR".to_owned() },
    }
}

/// So often a lease is asked for a change at most that comes to another status meanwhile: there are not more.
const MOVES: u32 = 3;

/// Moves the end, and makes sure that it was moved: Blazar's answer may still be the old lease.
pub(in crate::openstack) async fn extend(session: &Session, id: &LeaseId, until: Timestamp) -> Result<(), Trouble> {
    let until = blazar::ceiled(until);
    let change = LeaseChange { end: Some(until), ..LeaseChange::default() };
    let mut left = MOVES;
    loop {
        let lease = found(blazar::lease(session, id).await)?.ok_or_else(|| gone(id))?;
        let lease = settled(session, lease).await?;
        if lease.end >= until {
            return Ok(());
        }
        let Err(error) = blazar::update(session, id, &change).await else { break };
        left -= 1;
        // Blazar changes no lease that is on its way to another status: one that began in this very moment is asked again.
        let now = found(blazar::lease(session, id).await)?.ok_or_else(|| gone(id))?;
        if now.status == lease.status || left == 0 {
            return Err(not_extended(session, error, &lease, until).await);
        }
    }
    let look = || async { Ok(Some(blazar::lease(session, id).await?).filter(|lease| lease.end >= until)) };
    match wait::until(TURN, look).await? {
        Some(_) => Ok(()),
        None => Err(Trouble::report(format!("Blazar took the new end of the lease `{id}`, and didn't move it"))),
    }
}

/// Why an extension was refused: mostly since somebody has the host next.
async fn not_extended(session: &Session, error: ApiError, lease: &Lease, until: Timestamp) -> Trouble {
    let hosts: Vec<String> = lease.reservations.iter().filter_map(blazar::Reservation::pinned_host).collect();
    match Window::new(lease.end, until) {
        Ok(window) => why_not(session, error, &hosts, window).await,
        Err(_) => error.into(),
    }
}

pub(in crate::openstack) async fn delete(session: &Session, owned: &Owned) -> Result<(), Trouble> {
    let id = LeaseId(owned.reference.0.clone());
    let Some(lease) = found(blazar::lease(session, &id).await)? else { return Ok(()) };
    bears("lease", &id.0, &owned.ticket, tickets::of_lease(&lease.name).as_ref())?;
    remove(session, &id).await
}

async fn remove(session: &Session, id: &LeaseId) -> Result<(), Trouble> {
    let look = || async {
        let Some(lease) = found(blazar::lease(session, id).await)? else { return Ok(Some(())) };
        if !matches!(lease.status, LeaseStatus::Moving(_)) {
            found(blazar::delete(session, id).await)?;
        }
        Ok(None)
    };
    match wait::until(TURN, look).await? {
        Some(()) => Ok(()),
        None => Err(Trouble::report(format!("the lease `{id}` is still there"))),
    }
}

pub(in crate::openstack) async fn owned(session: &Session) -> Result<Vec<Owned>, ApiError> {
    if !session.has(Service::Reservation).await? {
        return Ok(Vec::new());
    }
    let owned = |lease: Lease| {
        let ticket = tickets::of_lease(&lease.name)?;
        Some(Owned { ticket, kind: ResourceKind::Lease, reference: Ref(lease.id.0) })
    };
    Ok(blazar::leases(session).await?.into_iter().filter_map(owned).collect())
}

/// All leases of the project, with the hosts that the calendar has for them: Blazar itself doesn't say which it chose.
pub(in crate::openstack) async fn resources(session: &Session) -> Result<Vec<Resource>, Trouble> {
    if !session.has(Service::Reservation).await? {
        return Ok(Vec::new());
    }
    let leases = async { Ok::<_, Trouble>(blazar::leases(session).await?) };
    let (leases, calendar) = tokio::try_join!(leases, calendar::calendar(session))?;
    Ok(leases.into_iter().map(|lease| resource(lease, &calendar)).collect())
}

fn resource(lease: Lease, calendar: &Calendar) -> Resource {
    let ticket = tickets::of_lease(&lease.name);
    let in_calendar = calendar.iter().filter(|(_, held)| held.iter().any(|held| held.lease == lease.id));
    let mut hosts: BTreeSet<String> = in_calendar.map(|(host, _)| host.clone()).collect();
    if calendar.is_empty() {
        hosts.extend(lease.reservations.iter().filter_map(blazar::Reservation::pinned_host));
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
    Resource { status, site_status, owner, details, ..bare(ResourceKind::Lease, lease.id.0, name, ticket) }
}
