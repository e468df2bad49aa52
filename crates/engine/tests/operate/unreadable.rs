//! Sweeps while the record of a live deployment cannot be read.

use hostler_core::name::DeploymentId;
use hostler_core::ticket::Ticket;
use hostler_engine::operate::KeyRequest;
use hostler_engine::sweep::Orphan;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::single::address;
use crate::world::{User, uninterrupted};

/// Brings up a deployment with one address.
async fn begin(user: &User, name: &str) -> DeploymentId {
    address(user, name, KeyRequest::default()).await.unwrap();
    user.operator.deployment(name).await.unwrap().1.id
}

/// Makes the record of a deployment unreadable.
async fn damage(user: &User, id: DeploymentId) {
    let file = user.operator.store.dir().join("journal.db");
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let damage = sqlx::query("UPDATE entry SET entry = '{' WHERE deployment = ?").bind(id.to_string());
    assert!(damage.execute(&mut connection).await.unwrap().rows_affected() > 0);
}

fn deployments(resources: &[Orphan]) -> Vec<DeploymentId> {
    resources.iter().map(|orphan| orphan.resource.ticket.deployment).collect()
}

#[tokio::test]
async fn resources_of_an_unreadable_deployment_are_listed_apart_and_deleted_by_ticket() {
    let site = tempfile::tempdir().unwrap();
    let file = site.path().join("site.json");
    let (user, other) = (User::new(&file, vec![]), User::new(&file, vec![]));
    let (broken, closed) = (begin(&user, "broken").await, begin(&user, "closed").await);
    let stranger = begin(&other, "stranger").await;
    let store = user.operator.store.open().await.unwrap();
    store.close(closed, (user.operator.now)()).await.unwrap();
    damage(&user, broken).await;

    let found = user.operator.find_orphans().await.unwrap();
    let listed = [&found.unreadable_resources, &found.orphans, &found.untracked].map(|list| deployments(list));
    assert_eq!(listed, [vec![broken], vec![closed], vec![stranger]]);
    assert_eq!(found.unreadable.len(), 1);
    assert_eq!(user.operator.sweep(&found, &[], &uninterrupted()).await.unwrap().deleted, 1);

    let found = user.operator.find_orphans().await.unwrap();
    assert_eq!((deployments(&found.unreadable_resources), found.is_clean()), (vec![broken], true));
    let tickets: Vec<Ticket> = found.unreadable_resources.iter().map(|orphan| orphan.resource.ticket.clone()).collect();
    assert_eq!(user.operator.sweep(&found, &tickets, &uninterrupted()).await.unwrap().deleted, 1);
    let found = user.operator.find_orphans().await.unwrap();
    assert!(found.unreadable.is_empty() && found.unreadable_resources.is_empty(), "{found:?}");
    assert_eq!(deployments(&found.untracked), [stranger]);
    begin(&user, "broken").await;
}
