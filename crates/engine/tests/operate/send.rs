//! Compile-time test: the future of every operation is `Send`, so that a server can spawn it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hostler_core::plan::ResourceKind;
use hostler_engine::operate::{
    AuditFilter, AvailabilityRequest, CreateOne, DownRequest, ExecRequest, ListedOwners, LogRequest, Mode, NewEnd,
    Operator, SetupRun, SyncRequest, TargetRequest, UpRequest,
};
use hostler_engine::run::Interrupts;
use hostler_engine::store::{Record, Store};
use hostler_engine::sweep::SweepFindings;

fn send(_: impl Send) {}

#[expect(dead_code, reason = "a check of types")]
fn lifecycle(
    (operator, interrupts): (&Operator, &Interrupts),
    (up, set_up, target, record): (&UpRequest, &SetupRun, &TargetRequest<'_>, &Record),
    (one, exec, sync, logs): (&CreateOne, &ExecRequest<'_>, &SyncRequest<'_>, &LogRequest),
) {
    send(operator.resolve(target));
    send(operator.analyze("a", Path::new("/")));
    send(operator.plan(&up.requested, &up.placement, &up.key));
    send(operator.placement(&up.placement, &up.requested.demand));
    send(operator.up(up, interrupts));
    send(operator.apply(&record.plan, &BTreeMap::new(), Duration::ZERO, Mode::Apply, interrupts));
    send(operator.set_up(set_up, interrupts));
    send(operator.down(&DownRequest::default(), interrupts));
    send(operator.create_one(one, interrupts));
    send(operator.create_lease(up, interrupts));
    send(operator.exec(exec, interrupts));
    send(operator.sync(sync, interrupts));
    send(operator.logs(logs));
    send(operator.follow(logs, &[], &|_| (), interrupts));
    send(operator.extend("a", NewEnd::Never));
    send(operator.hold("a", true));
    send(operator.stop("a"));
    send(operator.start("a", Duration::ZERO, interrupts));
}

#[expect(dead_code, reason = "a check of types")]
fn queries(
    (operator, interrupts): (&Operator, &Interrupts),
    (store, record): (&Store, &Record),
    (availability, found, up): (AvailabilityRequest, &SweepFindings, &UpRequest),
) {
    send(operator.live_demand(record.clone()));
    send(operator.targets(store, record, &[]));
    send(operator.deployment("a"));
    send(operator.last_deployment("a"));
    send(operator.deployments());
    send(operator.locked("a"));
    send(operator.ids_of("a"));
    send(operator.status("a"));
    send(operator.list(&[]));
    send(operator.login("a", None));
    send(operator.fleet("a", &[]));
    send(operator.cost_report(None, false));
    send(operator.audit(&AuditFilter::default()));
    send(operator.availability(availability));
    send(operator.current_inventory("a"));
    send(operator.calendars(&[]));
    send(operator.check(&[]));
    send(operator.offers_of("a"));
    send(operator.images_of("a"));
    send(operator.choose_image("a", &up.requested.demand));
    send(operator.resources(ResourceKind::Lease, &[], ListedOwners::Any));
    send(operator.find_resource(ResourceKind::Lease, &[], "a"));
    send(operator.delete_resource(ResourceKind::Lease, "a", up.mode, interrupts));
    send(operator.active_lease("a", &[], interrupts));
    send(operator.wait_for_lease("a", &[], Duration::ZERO, interrupts));
    send(operator.console("a", &[], interrupts));
    send(operator.find_orphans());
    send(operator.sweep(found, &[], interrupts));
}
