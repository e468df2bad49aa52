//! The provider `openstack` on a real OpenStack: `tests/worlds/openstack run cargo test -p hostler-providers --features
//! real-openstack --test openstack`.
#![expect(clippy::unwrap_used, reason = "a panic reports the line")]
#![expect(clippy::disallowed_methods, reason = "a test may block its thread")]

mod cloud;
mod contract;

use std::collections::BTreeSet;
use std::time::Duration;

use cloud::{World, cloud as named, references, session, texts};
use hostler_core::offer::{HostState, NetworkTerm, PriceUnit, ReachTerm, Supply};
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{CheckResult, CreateRequest, Owned, Power, Provider, Remedy, ResourceStatus};
use hostler_core::ticket::Ref;
use hostler_core::time::Window;
use hostler_providers::openstack::cloud::{AuthScope, Cloud, CloudIdentity, CredentialName, UserName, cloud_names};
use hostler_providers::openstack::{blazar, glance, neutron, nova};
use jiff::{SignedDuration, Timestamp};

#[tokio::test]
async fn contract_holds() {
    let world = World::new().await;
    let host = world.hosts("compute_skylake", 1).await.remove(0);
    let terms = world.offers().await[0].terms.clone();
    let mut spec = world.spec("contract");
    spec.host = Some(host);
    let (provider, deployment, public_key) = (&world.site, world.deployment, world.public_key());
    contract::Contract { provider, deployment, spec, public_key, terms }.check(&world.window()).await;
    world.clean().await;
}

#[tokio::test]
async fn contract_holds_on_a_network_of_the_deployment() {
    let world = World::new().await;
    let host = world.hosts("compute_skylake", 1).await.remove(0);
    let mut terms = world.offers().await[0].terms.clone();
    terms.network = NetworkTerm::Own;
    let mut spec = world.spec("contract");
    (spec.host, spec.shared_network) = (Some(host), None);
    let (provider, deployment, public_key) = (&world.site, world.deployment, world.public_key());
    contract::Contract { provider, deployment, spec, public_key, terms }.check(&world.window()).await;
    world.clean().await;
}

#[tokio::test]
async fn offers_have_facts_and_calendars_of_hosts() {
    let world = World::new().await;
    let host = world.hosts("gpu_v100", 1).await.remove(0);
    let offers = world.offers().await;
    let of = |node_type: &str| offers.iter().find(|offer| offer.node_type == node_type).unwrap();
    let (gpus, hidden) = (of("gpu_v100"), of("compute_gigaio"));
    assert_eq!((gpus.facts.gpus.len(), gpus.facts.cpus), (4, Some(80)));
    assert_eq!(hidden.facts.gpus.len(), 1, "although its node type does not tell");
    assert_eq!(gpus.terms.network, NetworkTerm::Shared("sharednet1".to_owned()));
    assert_eq!((&gpus.terms.reach, gpus.unit), (&ReachTerm::PublicAddress("public".into()), PriceUnit::ServiceUnits));
    assert!(gpus.images.iter().all(|image| image.arch == "x86_64" && image.user == "cc"));
    let count: usize =
        offers.iter().map(|offer| if let Supply::Hosts(hosts) = &offer.supply { hosts.len() } else { 0 }).sum();
    assert_eq!(count, 12);
    let lease = world.lease("lease", std::slice::from_ref(&host)).await.unwrap();
    let offers = world.offers().await;
    let supplies =
        offers.iter().filter_map(|offer| if let Supply::Hosts(hosts) = &offer.supply { Some(hosts) } else { None });
    let busy: Vec<_> = supplies.flatten().filter(|host| !host.busy.is_free(&world.window())).collect();
    assert_eq!(busy.iter().map(|it| (&it.id, it.state)).collect::<Vec<_>>(), [(&host, HostState::InService)]);
    assert_ne!(world.site.status(ResourceKind::Lease, &lease.reference).await.unwrap(), ResourceStatus::Missing);
    world.clean().await;
}

#[tokio::test]
async fn machines_run_on_exactly_the_planned_hosts() {
    let world = World::new().await;
    let hosts = world.hosts("compute_skylake", 3).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    let machines = in_turn(hosts.iter().enumerate().map(|(n, host)| {
        let (world, lease) = (&world, &lease);
        async move { world.machine(["a", "b", "c"][n], host, lease).await.unwrap() }
    }))
    .await;
    // Nova reports a server's host to administrators only.
    let admin = session(named("admin"), None);
    let mut actual = BTreeSet::new();
    for machine in &machines {
        let call = hostler_providers::openstack::call::ApiCall::<serde_json::Value>::get(
            hostler_providers::openstack::keystone::Service::Compute,
            &["servers", &machine.reference.0],
        );
        let server = admin.call(&call).await.unwrap();
        actual.insert(server["server"]["OS-EXT-SRV-ATTR:hypervisor_hostname"].as_str().unwrap().to_owned());
    }
    assert_eq!(actual, hosts.iter().map(|host| host.0.clone()).collect());
    let leases = world.site.resources(ResourceKind::Lease).await.unwrap();
    let ours = leases.iter().find(|resource| resource.reference == lease.reference).unwrap();
    assert_eq!((ours.name.as_str(), ours.ticket.as_ref()), ("contract", Some(&world.ticket("lease"))));
    let granted: BTreeSet<_> = ours.grant().unwrap().hosts.iter().collect();
    assert_eq!(granted, hosts.iter().collect(), "read from the calendar");
    world.clean().await;
}

async fn in_turn<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut outputs = Vec::new();
    for future in futures {
        outputs.push(future.await);
    }
    outputs
}

#[tokio::test]
async fn lease_of_another_owner_is_used_and_not_deleted() {
    let world = World::new().await;
    let resource_properties = "[\"==\", \"$node_type\", \"gpu_v100\"]".to_owned();
    let reservations = vec![blazar::ReservationRequest::Hosts { min: 1, max: 1, resource_properties }];
    let new = blazar::NewLease { name: "of-another".to_owned(), start: None, end: world.window().end(), reservations };
    let lease = blazar::create(world.site.session(), &new).await.unwrap();
    let leases = world.site.resources(ResourceKind::Lease).await.unwrap();
    let existing = leases.iter().find(|resource| resource.reference.0 == lease.id.0).unwrap();
    let host = existing.grant().unwrap().hosts.first().unwrap().clone();
    let created = hostler_core::ports::Created { reference: existing.reference.clone(), address: None };
    let machine = world.machine("guest", &host, &created).await.unwrap();
    let owned = Owned { ticket: world.ticket("lease"), kind: ResourceKind::Lease, reference: created.reference };
    assert!(world.site.delete(&owned).await.unwrap_err().message.contains("not deleted"));
    // Deleted first: Blazar would delete it with the lease, and leave a security group behind in its own project.
    let guest =
        Owned { ticket: world.ticket("machine-guest"), kind: ResourceKind::Machine, reference: machine.reference };
    world.site.delete(&guest).await.unwrap();
    blazar::delete(world.site.session(), &lease.id).await.unwrap();
    wait_until(async || blazar::lease(world.site.session(), &lease.id).await.is_err()).await;
    world.clean().await;
}

#[tokio::test]
async fn concurrent_leases_of_one_host_succeed_once() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    let (one, other) = tokio::join!(world.lease("lease-1", &hosts), world.lease("lease-2", &hosts));
    let error = match (one, other) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        both => panic!("{both:?}"),
    };
    assert_eq!(error.remedy, Remedy::Replan, "{error}");
    assert_eq!(references(&world.owned().await, ResourceKind::Lease).len(), 1);
    world.clean().await;
}

#[tokio::test]
async fn lease_is_extended_and_never_shortened() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    let id = blazar::LeaseId(lease.reference.0.clone());
    let end = async || blazar::lease(world.site.session(), &id).await.unwrap().end;
    let (before, later) = (end().await, Timestamp::now() + SignedDuration::from_mins(90));
    world.site.extend(&lease.reference, later).await.unwrap();
    assert_eq!(end().await, blazar::ceil_to_minute(later));
    world.site.extend(&lease.reference, before).await.unwrap();
    assert_eq!(end().await, blazar::ceil_to_minute(later));
    let next = Window::starting_at(blazar::ceil_to_minute(later), SignedDuration::from_mins(30)).unwrap();
    world.site.create(&world.ticket("next"), &world.lease_of(&hosts, next)).await.unwrap();
    let error = world.site.extend(&lease.reference, next.end()).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Replan, "another lease follows on the host: {error}");
    world.clean().await;
}

#[tokio::test]
async fn too_long_lease_needs_the_user() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    let month = Window::starting_at(Timestamp::now(), SignedDuration::from_hours(24 * 30)).unwrap();
    let error = world.site.create(&world.ticket("lease"), &world.lease_of(&hosts, month)).await.unwrap_err();
    // No other host of this cloud can be leased for longer, so a new plan would not help.
    assert_eq!(error.remedy, Remedy::Ask, "{error}");
    assert!(error.hint.unwrap().contains("shorter lease"));
    world.clean().await;
}

#[tokio::test]
async fn lease_deleted_by_another_user_is_reported() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    world.knob(&["hold-leases", "on"]);
    // One that is due would be awaited before its machine.
    let soon = Timestamp::now() + SignedDuration::from_mins(2);
    let window = Window::starting_at(soon, SignedDuration::from_mins(30)).unwrap();
    let lease = world.site.create(&world.ticket("lease"), &world.lease_of(&hosts, window)).await.unwrap();
    let waiting = world.machine("late", &hosts[0], &lease);
    let deleting = async {
        let id = blazar::LeaseId(lease.reference.0.clone());
        blazar::delete(world.site.session(), &id).await.unwrap();
    };
    let (error, ()) = tokio::join!(waiting, deleting);
    let error = error.unwrap_err();
    assert!(error.message.contains("was deleted by another user or program"), "{error}");
    assert_eq!(error.remedy, Remedy::Replan);
    assert_eq!(world.owned().await, []);
    world.clean().await;
}

#[tokio::test]
async fn failed_machine_reports_the_fault_and_can_be_deleted() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    world.knob(&["build", "doomed", "--fail", "no power on port 7"]);
    let error = world.machine("doomed", &hosts[0], &lease).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Replan);
    assert!(error.message.contains("no power on port 7"), "{error}");
    assert_eq!(references(&world.owned().await, ResourceKind::Machine).len(), 1);
    world.clean().await;
}

#[tokio::test]
async fn lost_response_creates_no_second_resource() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    for (service, kind) in [("blazar", ResourceKind::Lease), ("nova", ResourceKind::Keypair)] {
        world.knob(&["fault", service, "lose", "--method", "POST", "--times", "1"]);
        let request = match kind {
            ResourceKind::Lease => world.lease_of(&hosts, world.window()),
            _ => CreateRequest::Keypair { public_key: world.public_key() },
        };
        let lost = world.site.create(&world.ticket("resource"), &request).await.unwrap_err();
        assert!(matches!(lost.remedy, Remedy::Retry(_)), "{lost}");
        let created = world.site.create(&world.ticket("resource"), &request).await.unwrap();
        assert_eq!(references(&world.owned().await, kind), BTreeSet::from([&created.reference]));
    }
    world.clean().await;
}

/// A call that is retried after a late response may create a resource twice.
#[tokio::test]
async fn duplicates_of_one_ticket_are_found_and_deleted() {
    let world = World::new().await;
    let session = world.site.session();
    let hosts = world.hosts("compute_skylake", 2).await;
    let (lease, network) = (world.ticket("lease"), world.ticket("network"));
    world.lease("lease", &hosts[..1]).await.unwrap();
    let reservations = vec![blazar::ReservationRequest::Host(hosts[1].0.clone())];
    let twin = blazar::NewLease { name: format!("late {lease}"), start: None, end: world.window().end(), reservations };
    blazar::create(session, &twin).await.unwrap();
    assert_eq!(world.site.owned_by(ResourceKind::Lease, &lease).await.unwrap().len(), 2);
    for name in ["first", "second"] {
        neutron::create_network(session, name, &network.to_string()).await.unwrap();
    }
    let networks = world.site.owned_by(ResourceKind::Network, &network).await.unwrap();
    world.site.delete(&networks[0]).await.unwrap();
    let left = neutron::networks(session).await.unwrap();
    assert!(left.iter().all(|left| left.description != network.to_string()), "both are deleted: {left:#?}");
    world.clean().await;
}

#[tokio::test]
async fn briefly_unreachable_service_is_awaited() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    world.knob(&["fault", "nova", "503", "--method", "GET", "--skip", "3", "--times", "3"]);
    let machine = world.machine("patient", &hosts[0], &lease).await.unwrap();
    assert!(machine.address.is_some());
    world.clean().await;
}

#[tokio::test]
async fn token_that_expires_during_a_call_is_renewed() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    world.knob(&["token-ttl", "3"]);
    let site = world.with(session(named("alice"), Some(world.directory.path())));
    site.session().token().await.unwrap();
    let lease = site.create(&world.ticket("lease"), &world.lease_of(&hosts, world.window())).await.unwrap();
    let request = world.machine_on("long", &hosts[0], &lease);
    world.knob(&["build", "long", "--seconds", "8"]);
    site.create(&world.ticket("machine"), &request).await.unwrap();
    world.knob(&["token-ttl", "default"]);
    world.clean().await;
}

#[tokio::test]
async fn exhausted_quotas_and_pools_ask_for_a_new_plan_and_leave_nothing() {
    let world = World::new().await;
    let hosts = world.hosts("storage", 1).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    world.knob(&["quota", "CH-000001", "instances=0"]);
    let error = world.machine("many", &hosts[0], &lease).await.unwrap_err();
    world.knob(&["quota", "CH-000001", "instances=10"]);
    assert_eq!(error.remedy, Remedy::Replan, "{error}");
    let machine = world.machine("one", &hosts[0], &lease).await.unwrap();
    let request =
        |pool: &str| CreateRequest::Address { pool: pool.to_owned(), machine: Some(machine.reference.clone()) };
    world.knob(&["quota", "CH-000001", "floatingip=0"]);
    let error = world.site.create(&world.ticket("address"), &request("public")).await.unwrap_err();
    world.knob(&["quota", "CH-000001", "floatingip=50"]);
    assert_eq!(error.remedy, Remedy::Replan, "{error}");
    world.knob(&["fips", "none"]);
    let error = world.site.create(&world.ticket("address"), &request("public")).await.unwrap_err();
    world.knob(&["fips", "full"]);
    assert_eq!(error.remedy, Remedy::Replan, "{error}");
    let error = world.site.create(&world.ticket("address"), &request("nowhere")).await.unwrap_err();
    assert_eq!((error.remedy, error.hint.as_deref()), (Remedy::Ask, Some("external networks are: public")));
    assert_eq!(references(&world.owned().await, ResourceKind::Address), BTreeSet::new());
    world.clean().await;
}

#[tokio::test]
async fn different_key_under_the_same_name_is_rejected() {
    let world = World::new().await;
    let ticket = world.ticket("keypair");
    let name = format!("hostler-{}-keypair", world.deployment);
    nova::import_keypair(world.site.session(), &name, &world.public_key()).await.unwrap();
    let mine = CreateRequest::Keypair { public_key: world.public_key() };
    assert_eq!(world.site.create(&ticket, &mine).await.unwrap().reference, Ref(name));
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH1y47Ige7Af+hb87K86RQpZ6+xOB6yL3pBYHW4+iAQD x";
    let error = world.site.create(&ticket, &CreateRequest::Keypair { public_key: other.to_owned() }).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Ask);
    assert!(error.message.contains("is a different key"), "{error}");
    world.clean().await;
}

#[tokio::test]
async fn address_of_another_machine_is_not_deleted() {
    let world = World::new().await;
    let hosts = world.hosts("compute_skylake", 2).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    let (a, b) =
        (world.machine("a", &hosts[0], &lease).await.unwrap(), world.machine("b", &hosts[1], &lease).await.unwrap());
    let request = |machine: &Ref| CreateRequest::Address { pool: "public".to_owned(), machine: Some(machine.clone()) };
    let one = world.site.create(&world.ticket("address-a"), &request(&a.reference)).await.unwrap();
    let other = world.site.create(&world.ticket("address-b"), &request(&b.reference)).await.unwrap();
    assert_ne!(one, other);
    // Nova reports the floating IP some seconds later.
    let public = one.address.clone().unwrap();
    wait_until(async || {
        world.site.status(ResourceKind::Machine, &a.reference).await.unwrap()
            == ResourceStatus::Running { address: Some(public.clone()) }
    })
    .await;
    let wrong_ticket =
        Owned { ticket: world.ticket("address-a"), kind: ResourceKind::Address, reference: other.reference.clone() };
    assert!(world.site.delete(&wrong_ticket).await.unwrap_err().message.contains("not deleted"));
    world.clean().await;
}

async fn wait_until(condition: impl AsyncFn() -> bool) {
    for _ in 0..30 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("still false after 30 s");
}

#[tokio::test]
async fn paged_lists_equal_whole_lists() {
    let world = World::new().await;
    for step in ["key-1", "key-2", "key-3"] {
        let request = CreateRequest::Keypair { public_key: world.public_key() };
        world.site.create(&world.ticket(step), &request).await.unwrap();
    }
    let whole = world.site.session();
    let paged = session(named("alice"), None).with_page_size(2);
    let images = |images: Vec<glance::GlanceImage>| images.into_iter().map(|image| image.id).collect::<BTreeSet<_>>();
    assert_eq!(images(glance::images(&paged).await.unwrap()), images(glance::images(whole).await.unwrap()));
    assert_eq!(nova::flavors(&paged).await.unwrap(), nova::flavors(whole).await.unwrap());
    assert_eq!(neutron::networks(&paged).await.unwrap().len(), neutron::networks(whole).await.unwrap().len());
    assert_eq!(nova::keypairs(&paged).await.unwrap(), nova::keypairs(whole).await.unwrap());
    let hosts = world.hosts("compute_skylake", 3).await;
    let lease = world.lease("lease", &hosts).await.unwrap();
    for (name, host) in ["a", "b", "c"].into_iter().zip(&hosts) {
        world.machine(name, host, &lease).await.unwrap();
    }
    assert_eq!(nova::servers(&paged).await.unwrap().len(), 3);
    world.clean().await;
}

#[tokio::test]
async fn every_identity_can_log_in() {
    let world = World::new().await;
    assert!(cloud_names(&texts()).unwrap().contains(&"alice-unrestricted".to_owned()));
    let token = world.site.session().token().await.unwrap();
    let alice = named("alice");
    let account = &token.account;
    let project = AuthScope::ProjectId(account.project_id.clone().unwrap());
    let CloudIdentity::Password { password, .. } = &alice.identity else { panic!("{alice:?}") };
    let by_id = CloudIdentity::Password { user: UserName::Id(account.user_id.clone()), password: password.clone() };
    let unscoped = Cloud { scope: AuthScope::Default, ..alice.clone() };
    let issued = session(unscoped, None).log_in().await.unwrap();
    let (other, credential) = (CloudIdentity::Token(issued.secret().clone()), named("alice-unrestricted"));
    let secret = match &credential.identity {
        CloudIdentity::ApplicationCredential { secret, .. } => secret.clone(),
        identity => panic!("{identity:?}"),
    };
    let id = credential_id(&session(credential.clone(), None)).await;
    let credential_by_id = CloudIdentity::ApplicationCredential { credential: CredentialName::Id(id), secret };
    let clouds = [
        credential,
        Cloud { identity: credential_by_id, scope: AuthScope::Default, ..alice.clone() },
        Cloud { identity: by_id, scope: project.clone(), ..alice.clone() },
        Cloud { identity: other, scope: project, ..alice.clone() },
    ];
    for cloud in clouds {
        let session = session(cloud, None);
        let same = session.token().await.unwrap();
        assert_eq!((&same.account.user, &same.account.project), (&account.user, &account.project));
        nova::flavors(&session).await.unwrap();
    }
    world.clean().await;
}

/// The id of an application credential, which Keystone lists only to that credential's own token.
async fn credential_id(session: &hostler_providers::openstack::keystone::KeystoneSession) -> String {
    let user = session.token().await.unwrap().account.user_id.clone();
    let call = hostler_providers::openstack::call::ApiCall::<serde_json::Value>::get(
        hostler_providers::openstack::keystone::Service::Identity,
        &["users", &user, "application_credentials"],
    )
    .query("name", "unrestricted");
    let found = session.call(&call).await.unwrap();
    found["application_credentials"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn login_and_lease_errors_carry_hints() {
    let world = World::new().await;
    for (name, remedy, words) in [
        ("wrong-password", Remedy::Ask, "rejects the credentials"),
        ("dead", Remedy::Retry(Duration::from_secs(5)), ""),
    ] {
        let site = world.with(session(named(name), None));
        let error = site.owned().await.unwrap_err();
        assert_eq!(error.remedy, remedy, "{error}");
        assert!(error.message.contains(words), "{error}");
        let findings = site.check().await;
        assert!(findings.len() == 1 && findings[0].result == CheckResult::Failed, "{findings:#?}");
    }
    let restricted = world.with(session(named("alice-restricted"), None));
    let hosts = world.hosts("storage", 1).await;
    let error = restricted.create(&world.ticket("lease"), &world.lease_of(&hosts, world.window())).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Ask);
    assert!(error.hint.unwrap().contains("--unrestricted"));
    let findings = restricted.check().await;
    assert_eq!(findings.iter().filter(|it| it.result == CheckResult::Failed).count(), 1, "{findings:#?}");
    let findings = world.site.check().await;
    assert!(findings.iter().all(|health| health.result != CheckResult::Failed), "{findings:#?}");
    // The default group of a new project admits only its own servers.
    let notes: Vec<&str> =
        findings.iter().filter(|it| it.result == CheckResult::Warning).map(|it| it.finding.as_str()).collect();
    assert_eq!(notes, ["the security group `default` does not admit SSH from outside"]);
    world.clean().await;
}

#[tokio::test]
async fn power_and_console_of_a_nonexistent_machine_are_errors() {
    let world = World::new().await;
    let nonexistent = Ref("00000000-0000-4000-8000-000000000000".to_owned());
    assert!(world.site.set_power(&nonexistent, Power::On).await.is_err());
    assert!(world.site.console(&nonexistent).await.is_err());
    world.clean().await;
}
