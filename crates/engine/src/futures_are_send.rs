//! Compile-time test: the futures of hosts, set-up, fleets and repositories are `Send`, so that a server can spawn them.

use std::future::{Future, pending};
use std::path::Path;

use hostler_core::demand::Source;
use hostler_core::plan::Phase;

use crate::event::Report;
use crate::fleet::{FleetCommand, each};
use crate::host::{Command, Hosts, Session, Target};
use crate::repo::{FetchLimits, checkout, read_source};
use crate::setup::{Context, perform};

fn is_send(_: &(impl Future + Send)) {}

/// Never called: it only has to compile.
#[expect(dead_code)]
fn futures_are_send(
    (hosts, session, report): (&dyn Hosts, &dyn Session, &dyn Report),
    (target, command, fleet): (&Target, &Command, &FleetCommand<'_>),
    (phase, context): (&Phase, &Context<'_>),
    (source, scratch, limits): (&Source, &Path, &FetchLimits),
) {
    is_send(&hosts.session(target));
    is_send(&session.run(command, &|_, _| ()));
    is_send(&perform(session, phase, context, report));
    is_send(&fleet.run(&[], pending()));
    is_send(&each(&[0_u32], &fleet.options, pending(), async |number| *number, |_| false));
    is_send(&checkout(source, scratch, limits));
    is_send(&read_source(source, scratch, limits));
}

/// A future that owns its inputs can be spawned.
#[tokio::test]
async fn a_checkout_can_be_spawned() {
    let dir = tempfile::tempdir().unwrap();
    let source = hostler_core::demand::source::parse_source(".", dir.path()).unwrap();
    let scratch = dir.path().to_owned();
    let spawned = tokio::spawn(async move { checkout(&source, &scratch, &FetchLimits::default()).await });
    assert!(spawned.await.unwrap().unwrap().commit.is_none());
}
