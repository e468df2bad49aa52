//! Several operations in one process.

use std::time::Duration;

use hostler_core::demand::Demand;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::Remedy;
use hostler_engine::operate::{DownRequest, OperateError, Operator, Requested, UpRequest, UpResult, UpScope};
use hostler_engine::run::{Interrupts, RunOutcome};
use hostler_sim::{CallKind, Fault, FaultKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::{uninterrupted, user};

/// Everything but the set-up, which needs real machines.
const MACHINES: &[ResourceKind] =
    &[ResourceKind::Keypair, ResourceKind::Network, ResourceKind::Lease, ResourceKind::Machine, ResourceKind::Address];

fn spawn_up(operator: &Operator, name: &str, interrupts: Interrupts) -> JoinHandle<Result<UpResult, OperateError>> {
    let demand = Demand::from_yaml(&format!("name: {name}\n")).unwrap();
    let request = UpRequest { scope: UpScope::Only(MACHINES), ..UpRequest::new(Requested::from(demand)) };
    let operator = operator.clone();
    tokio::spawn(async move { operator.up(&request, &interrupts).await })
}

/// The site asks the third deployment to retry its lease in a minute: it is interrupted while it waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deployments_come_up_at_once_while_a_third_is_interrupted() {
    let kind = FaultKind::Reject(Remedy::Retry(Duration::from_secs(60)));
    let busy = Fault { call: CallKind::Create, step: "lease".parse().unwrap(), kind, times: 1 };
    let (user, site) = user(vec![busy]);
    let (stop, interrupts) = watch::channel(0);
    let third = spawn_up(&user.operator, "third", interrupts);
    // The fault strikes the first lease at the site: wait until the third one has met it.
    while user
        .operator
        .list(&[])
        .await
        .unwrap()
        .iter()
        .all(|summary| summary.steps.iter().all(|it| it.status != "started"))
    {
        tokio::task::yield_now().await;
    }
    while user.trail.read().unwrap().0.len() < 2 {
        tokio::task::yield_now().await;
    }
    let (one, two) =
        (spawn_up(&user.operator, "one", uninterrupted()), spawn_up(&user.operator, "two", uninterrupted()));
    for up in [one, two] {
        assert!(matches!(up.await.unwrap().unwrap(), UpResult::Ready(_)));
    }
    stop.send(1).unwrap();
    let interrupted = third.await.unwrap().unwrap_err();
    let OperateError::Ended(ended) = &interrupted else { panic!("{interrupted:?}") };
    assert!(matches!(ended.outcome, RunOutcome::RolledBack { interrupted: true, .. }), "{interrupted:?}");
    let names: Vec<String> =
        user.operator.list(&[]).await.unwrap().iter().map(|summary| summary.name.to_string()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let all = DownRequest::default();
    user.operator.down(&all, &uninterrupted()).await.unwrap();
    assert!(user.operator.find_orphans().await.unwrap().is_clean());
    drop(site);
}
