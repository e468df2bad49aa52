//! What a lease comes to where others are faster, on a simulated site: planned, tried, planned anew, and written down.

use std::time::Duration;

use hostler_core::ports::{Grant, Remedy};
use hostler_core::time::Window;
use hostler_engine::audit::{AuditStage, CallOutcome, LeaseCall};
use hostler_sim::{Call, Fault, FaultKind};
use jiff::SignedDuration;
use tokio::sync::watch;

use super::*;
use crate::args::DemandArgs;
use crate::commands::testing::{NOW, User, id};

const DURATION: SignedDuration = SignedDuration::from_hours(4);

impl User {
    /// `lease create train --count COUNT --duration 4h --within WITHIN --host HOST…`
    async fn lease(&self, count: u32, hosts: &[&str], within: Option<&str>, shift: Shift) -> Result<(), Error> {
        let text = |text: &str| Some(text.to_owned());
        let flags = DemandArgs {
            count: Some(count.to_string()),
            duration: text("4h"),
            within: within.map(str::to_owned),
            ..DemandArgs::default()
        };
        let demand = self.app.demand_of_flags(&flags, "train")?;
        let wanted = Wanted { demand, secrets: Default::default(), warnings: Vec::new(), checkout: None };
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let (_sender, mut interrupts) = watch::channel(0);
        let up = Up {
            app: &self.app,
            sites: &self.sites,
            wanted: &wanted,
            consent: &Consent { yes: true, dry_run: false },
            manner: Manner { patience: Duration::ZERO, on_failure: OnFailure::GiveBack },
            shift,
            extent: Extent::Making(&[ResourceKind::Lease]),
            place: &Place::of_hosts(&hosts),
            keys: &Keys::default(),
            commands: &CommandsArgs::default(),
        };
        up.run(&mut interrupts).await.map(drop)
    }

    /// What the audit trail has of creations: the hosts that were asked for, and what was granted of them.
    fn audit(&self) -> Vec<(usize, Option<Grant>)> {
        let (lines, bad) = self.app.trail().read().unwrap();
        assert_eq!(bad, 0);
        let ends = lines.into_iter().filter_map(|line| match (line.call, line.stage) {
            (LeaseCall::Create { hosts, .. }, AuditStage::Outcome { outcome, .. }) => Some(match outcome {
                CallOutcome::Done { granted } => (hosts.len(), granted),
                CallOutcome::Failed { .. } => (hosts.len(), None),
            }),
            _ => None,
        });
        ends.collect()
    }

    /// Who holds what at the site.
    async fn grants(&self) -> Vec<Grant> {
        let leases = self.sites[&id()].resources(ResourceKind::Lease).await.unwrap();
        leases.iter().filter_map(|lease| lease.grant().cloned()).collect()
    }
}

/// A conflict that no calendar shows: somebody was faster, or the site counts otherwise.
fn conflict() -> Vec<Fault> {
    vec![Fault {
        call: Call::Create,
        step: "lease".parse().unwrap(),
        kind: FaultKind::Refuse(Remedy::Replan),
        times: 1,
    }]
}

fn from(hours: i64) -> Window {
    Window::of(NOW() + SignedDuration::from_hours(hours), DURATION).unwrap()
}

#[tokio::test]
async fn a_conflict_is_planned_anew_on_other_hosts_and_exactly_those_are_in_the_trail() {
    let dir = tempfile::tempdir().unwrap();
    let user = User::new(&dir.path().join("site.json"), conflict());
    user.lease(2, &[], None, Shift::Refused).await.unwrap();
    let grants = user.grants().await;
    let [Grant { window, hosts }] = grants.as_slice() else { panic!("{grants:?}") };
    assert_eq!((window, hosts.len()), (&from(0), 2), "no more hosts than were asked for");
    assert_eq!(user.audit(), [(2, None), (2, Some(grants[0].clone()))]);
}

/// Where only a later start is left, that is told, and nothing moves to it without leave.
#[tokio::test]
async fn a_conflict_moves_no_lease_to_a_later_start_without_leave() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site.json");
    let (user, hosts) = (User::new(&site, conflict()), ["host-1", "host-2"]);
    let refused = user.lease(2, &hosts, Some("48h"), Shift::Refused).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotNow);
    assert!(refused.message.contains(&from(4).start().to_string()), "{}", refused.message);
    assert_eq!(refused.hints, ["take the later start: `--allow-shift`"]);
    assert_eq!((user.grants().await, user.audit()), (vec![], vec![(2, None)]));
    let bold = User::new(&site, conflict());
    bold.lease(2, &hosts, Some("48h"), Shift::Allowed).await.unwrap();
    let grants = bold.grants().await;
    assert_eq!(grants.iter().map(|grant| (grant.window, grant.hosts.len())).collect::<Vec<_>>(), [(from(4), 2)]);
    assert_eq!(bold.audit(), [(2, None), (2, Some(grants[0].clone()))], "of the window that was granted in the end");
}

/// Two users, each with a store of their own, want the last host in the same window.
#[tokio::test]
async fn of_two_at_once_for_the_last_host_exactly_one_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site.json");
    let (one, other) = (User::new(&site, vec![]), User::new(&site, vec![]));
    let last = ["host-1"];
    let ends = tokio::join!(one.lease(1, &last, None, Shift::Refused), other.lease(1, &last, None, Shift::Refused));
    let (loser, refused) = match ends {
        (Ok(()), Err(error)) => (other, error),
        (Err(error), Ok(())) => (one, error),
        both => panic!("{both:?}"),
    };
    // Both are told when it can be had: who was refused, and who only looked after it was taken.
    let later = format!("it can be had from {} on", from(4).start());
    assert!(refused.kind == ErrorKind::NotNow && refused.hints[0].contains(&later), "{refused:?}");
    let granted = loser.grants().await;
    assert_eq!(granted.iter().map(|grant| grant.window).collect::<Vec<_>>(), [from(0)]);
    let again = loser.lease(1, &last, None, Shift::Refused).await.unwrap_err();
    assert_eq!((again.kind, loser.grants().await), (ErrorKind::NotNow, granted));
}
