//! One resource by itself.

use hostler_core::name::Name;
use hostler_core::ports::Remedy;
use hostler_core::ticket::StepId;
use hostler_engine::operate::{CreateOne, KeyRequest, ListedResource, Mode, OneResource, OperateError};
use hostler_engine::run::Interrupted;
use hostler_engine::store::{Record, StoreError};
use hostler_sim::{CallKind, Fault, FaultKind};

use crate::world::{User, uninterrupted, user};

/// The steps of the resources that an error lists as left.
fn left(error: &OperateError) -> Vec<String> {
    match error {
        OperateError::Leaving { left, .. } => left.iter().map(|left| left.step.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

pub async fn address(user: &User, name: &str, key: KeyRequest) -> Result<Option<ListedResource>, OperateError> {
    let request = CreateOne {
        name: Name::new(name).unwrap(),
        site: "uc".to_owned(),
        resource: OneResource::Address { pool: None },
        key,
        mode: Mode::Apply,
    };
    user.operator.create_one(&request, &uninterrupted()).await
}

async fn record(user: &User, name: &str) -> Record {
    user.operator.deployment(name).await.unwrap().1
}

#[tokio::test]
async fn taken_name_is_refused_before_anything_is_created() {
    let (user, _site) = user(vec![]);
    address(&user, "a", KeyRequest::default()).await.unwrap();
    let before = record(&user, "a").await;
    let taken = address(&user, "a", KeyRequest::default()).await.unwrap_err();
    assert!(matches!(taken, OperateError::Store(StoreError::NameTaken(_))), "{taken:?}");
    assert_eq!(record(&user, "a").await, before);
}

#[tokio::test]
async fn created_resource_that_cannot_be_read_back_is_listed_as_left() {
    let kind = FaultKind::Reject(Remedy::Report);
    let deaf = Fault { call: CallKind::List, step: StepId::new("address").unwrap(), kind, times: 1 };
    let (user, _site) = user(vec![deaf]);
    let unread = address(&user, "a", KeyRequest::default()).await.unwrap_err();
    assert_eq!(left(&unread), ["address"]);
    assert_eq!(unread.to_string(), "`a` was created, but could not be read back");
    // A user who interrupts the reading has the resource all the same.
    let interrupted = OperateError::from(Interrupted).leaving(&record(&user, "a").await);
    assert!(interrupted.is_interrupt() && left(&interrupted) == ["address"]);
}

#[tokio::test]
async fn failed_copy_of_a_key_keeps_the_resource_it_is_for() {
    let (user, _site) = user(vec![]);
    let directory = tempfile::tempdir().unwrap();
    let key = KeyRequest { copy: Some(directory.path().to_owned()), ..KeyRequest::default() };
    let unwritten = address(&user, "a", key).await.unwrap_err();
    assert_eq!(left(&unwritten), ["address"]);
    assert!(unwritten.to_string().contains("cannot be written"), "{unwritten}");
}
