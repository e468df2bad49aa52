//! Leases while others use the same site: planned, tried, planned again, and written to the audit trail.

use std::time::Duration;

use hostler_core::demand::{Demand, Overrides};
use hostler_core::offer::HostId;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Grant, Remedy};
use hostler_core::time::Window;
use hostler_engine::audit::{AuditStage, CallOutcome, LeaseCall};
use hostler_engine::operate::{
    DemandTarget, LaterStart, OperateError, PlacementRequest, Requested, TargetRequest, UpRequest, UpScope,
};
use hostler_sim::{CallKind, Fault, FaultKind};
use jiff::SignedDuration;

use crate::world::{NOW, User, id, uninterrupted};

const DURATION: SignedDuration = SignedDuration::from_hours(4);

impl User {
    /// The demand of `train`: hosts for four hours, from now on or within a time.
    async fn hosts(&self, count: u32, within: Option<&str>) -> Demand {
        let overrides = Overrides {
            count: Some(count.to_string()),
            duration: Some("4h".to_owned()),
            within: within.map(str::to_owned),
            ..Overrides::default()
        };
        let directory = std::env::temp_dir();
        let target = DemandTarget::Options("train");
        let request = TargetRequest { target, overrides, directory: &directory, home: None };
        self.operator.resolve(&request).await.unwrap().demand
    }

    async fn lease(
        &self,
        count: u32,
        hosts: &[&str],
        within: Option<&str>,
        later_start: LaterStart,
    ) -> Result<(), OperateError> {
        let hosts = hosts.iter().map(|host| HostId((*host).to_owned())).collect();
        let request = UpRequest {
            placement: PlacementRequest { hosts, ..PlacementRequest::default() },
            ssh_timeout: Duration::ZERO,
            later_start,
            scope: UpScope::Only(&[ResourceKind::Lease]),
            ..UpRequest::new(Requested::from(self.hosts(count, within).await))
        };
        self.operator.up(&request, &uninterrupted()).await.map(drop)
    }

    /// The creations in the audit trail: the number of hosts requested, and the grant.
    fn audit(&self) -> Vec<(usize, Option<Grant>)> {
        let (lines, unreadable) = self.trail.read().unwrap();
        assert_eq!(unreadable, 0);
        let ends = lines.into_iter().filter_map(|line| match (line.call, line.stage) {
            (LeaseCall::Create { hosts, .. }, AuditStage::Outcome { outcome, .. }) => Some(match outcome {
                CallOutcome::Done { granted } => (hosts.len(), granted),
                CallOutcome::Failed { .. } => (hosts.len(), None),
            }),
            _ => None,
        });
        ends.collect()
    }

    /// The grants of all leases at the site.
    async fn grants(&self) -> Vec<Grant> {
        let leases = self.operator.sites[&id()].resources(ResourceKind::Lease).await.unwrap();
        leases.iter().filter_map(|lease| lease.grant().cloned()).collect()
    }
}

/// A conflict that no calendar shows: another user was faster.
fn conflict() -> Vec<Fault> {
    let (step, kind) = ("lease".parse().unwrap(), FaultKind::Reject(Remedy::Replan));
    vec![Fault { call: CallKind::Create, step, kind, times: 1 }]
}

fn from(hours: i64) -> Window {
    Window::starting_at(NOW() + SignedDuration::from_hours(hours), DURATION).unwrap()
}

#[tokio::test]
async fn conflict_is_replanned_on_other_hosts_and_audited_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let user = User::new(&dir.path().join("site.json"), conflict());
    user.lease(2, &[], None, LaterStart::Refused).await.unwrap();
    let grants = user.grants().await;
    let [Grant { window, hosts }] = grants.as_slice() else { panic!("{grants:?}") };
    assert_eq!((window, hosts.len()), (&from(0), 2), "no more hosts than requested");
    assert_eq!(user.audit(), [(2, None), (2, Some(grants[0].clone()))]);
}

#[tokio::test]
async fn conflict_moves_no_lease_to_a_later_start_unless_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site.json");
    let (user, hosts) = (User::new(&site, conflict()), ["host-1", "host-2"]);
    let refused = user.lease(2, &hosts, Some("48h"), LaterStart::Refused).await.unwrap_err();
    assert!(matches!(refused, OperateError::LaterStart { start } if start == from(4).start()), "{refused}");
    assert_eq!((user.grants().await, user.audit()), (vec![], vec![(2, None)]));
    let other = User::new(&site, conflict());
    other.lease(2, &hosts, Some("48h"), LaterStart::Accepted).await.unwrap();
    let grants = other.grants().await;
    assert_eq!(grants.iter().map(|grant| (grant.window, grant.hosts.len())).collect::<Vec<_>>(), [(from(4), 2)]);
    assert_eq!(other.audit(), [(2, None), (2, Some(grants[0].clone()))], "the window that was granted in the end");
}

#[tokio::test]
async fn of_two_users_at_once_exactly_one_gets_the_last_host() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site.json");
    let (one, other) = (User::new(&site, vec![]), User::new(&site, vec![]));
    let (last, refused) = (["host-1"], LaterStart::Refused);
    let ends = tokio::join!(one.lease(1, &last, None, refused), other.lease(1, &last, None, refused));
    let (loser, error) = match ends {
        (Ok(()), Err(error)) => (other, error),
        (Err(error), Ok(())) => (one, error),
        both => panic!("{both:?}"),
    };
    // Both learn the earliest start: the user whose lease was refused, or who queried the site only after the host was taken.
    let earliest = |error: &OperateError| match error {
        OperateError::NoPlan(no_plan) => no_plan.earliest,
        OperateError::LaterStart { start } => Some(*start),
        other => panic!("{other}"),
    };
    assert_eq!(earliest(&error), Some(from(4).start()));
    let granted = loser.grants().await;
    assert_eq!(granted.iter().map(|grant| grant.window).collect::<Vec<_>>(), [from(0)]);
    let again = loser.lease(1, &last, None, refused).await.unwrap_err();
    assert_eq!((earliest(&again), loser.grants().await), (Some(from(4).start()), granted));
}
