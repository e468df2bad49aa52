//! One thing by itself, at a simulated site.

use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;
use hostler_engine::store::Record;
use hostler_sim::{Call, Fault, FaultKind};
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::commands::testing::{User, id};
use crate::drive::still_there;
use crate::error::{Details, ErrorKind};

/// What is left, by the steps that made it.
fn left(error: &Error) -> Vec<String> {
    match &*error.details {
        Details::Remains { left, .. } => left.iter().map(|left| left.step.to_string()).collect(),
        other => panic!("{error:?}: {other:?}"),
    }
}

/// `ip create NAME --yes` for a user, with these keys.
async fn address(user: &User, name: &str, keys: &Keys) -> Result<Option<Listed>, Error> {
    let consent = &Consent { yes: true, dry_run: false };
    let one = One { app: &user.app, sites: &user.sites, name, site: "chameleon/uc", keys, consent };
    let (_sender, mut interrupts) = watch::channel(0);
    let what = async |_: &Sites, site| Ok(PlannedResource::Address { site, pool: "public".to_owned(), machine: None });
    one.made(&Name::new(name).unwrap(), what, &mut interrupts).await
}

async fn record(user: &User, name: &str) -> Record {
    user.app.deployment(name).await.unwrap().1
}

fn user(faults: Vec<Fault>) -> (User, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (User::new(&dir.path().join("site.json"), faults), dir)
}

/// Nothing of the other is told to be left behind: it is as it was, and nothing was begun.
#[tokio::test]
async fn a_name_that_is_taken_is_told_before_anything_is_made() {
    let (user, _site) = user(vec![]);
    address(&user, "a", &Keys::default()).await.unwrap();
    let before = record(&user, "a").await;
    let taken = address(&user, "a", &Keys::default()).await.unwrap_err();
    assert!(taken.kind == ErrorKind::InvalidState && matches!(*taken.details, Details::None), "{taken:?}");
    assert_eq!(record(&user, "a").await, before);
    // Another process may have taken it after we looked.
    let plan = Plan::of_one(id_of(2), before.name.clone(), PlannedResource::Keypair { site: id() }, (user.app.now)());
    let store = user.app.store().await.unwrap();
    let lock = store.lock(&before.name).unwrap();
    let drive = Drive { app: &user.app, sites: &user.sites, store: &store, lock };
    let manner = Manner { patience: Duration::ZERO, on_failure: OnFailure::GiveBack };
    let (_sender, mut interrupts) = watch::channel(0);
    let raced = drive.up(&plan, None, &Material::default(), manner, &mut interrupts).await.unwrap_err();
    assert!(raced.kind == ErrorKind::InvalidState && matches!(*raced.details, Details::None), "{raced:?}");
}

fn id_of(bits: u128) -> DeploymentId {
    DeploymentId::from_bits(bits)
}

#[tokio::test]
async fn what_was_made_and_can_not_be_read_back_is_told_to_be_left() {
    let kind = FaultKind::Refuse(Remedy::Report);
    let deaf = Fault { call: Call::List, step: StepId::new("address").unwrap(), kind, times: 1 };
    let (user, _site) = user(vec![deaf]);
    let unseen = address(&user, "a", &Keys::default()).await.unwrap_err();
    assert_eq!((unseen.kind, left(&unseen)), (ErrorKind::Stuck, vec!["address".to_owned()]));
    assert_eq!(unseen.message, "`a` was made, and could not be read back");
    // The user who does not wait for it has it all the same.
    let stopped = still_there(&record(&user, "a").await, Error::new(ErrorKind::Interrupted, "interrupted"));
    assert_eq!((stopped.kind, left(&stopped)), (ErrorKind::Halted, vec!["address".to_owned()]));
}

#[tokio::test]
async fn a_key_whose_copy_can_not_be_written_leaves_what_it_is_for() {
    let (user, _site) = user(vec![]);
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys { copy: Some(folder.path().to_owned()), ..Keys::default() };
    let unwritten = address(&user, "a", &keys).await.unwrap_err();
    assert_eq!((unwritten.kind, left(&unwritten)), (ErrorKind::Stuck, vec!["address".to_owned()]));
    assert!(unwritten.hints[0].contains("/key`"), "{unwritten:?}");
}
