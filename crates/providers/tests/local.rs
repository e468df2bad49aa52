//! The local provider on a real libvirt: `tests/worlds/libvirt run cargo test -p hostler-providers --features
//! real-libvirt --test local`.
#![expect(clippy::unwrap_used, reason = "a panic reports the line")]
#![expect(clippy::disallowed_methods, reason = "a test may block its thread")]

mod contract;
mod lab;

use std::fs;
use std::time::Duration;

use hostler_core::offer::Terms;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{CheckResult, Owned, Power, Provider, Remedy, ResourceStatus};
use hostler_core::size::Bytes;
use hostler_core::ticket::Ref;
use hostler_providers::image::{AddImage, DEFAULT_IMAGE, ImageSource};
use hostler_providers::libvirt::Virtualization;
use lab::Lab;

#[tokio::test]
async fn provider_contract_holds() {
    let lab = Lab::new().await;
    let spec = lab.spec("contract");
    let contract = contract::Contract {
        provider: &lab.local,
        deployment: lab.deployment,
        spec,
        public_key: lab.public_key(),
        terms: Terms::default(),
    };
    contract.check(&lab::any_window()).await;
}

#[tokio::test]
async fn machine_has_its_key_script_and_trust_and_survives_a_power_cycle() {
    let lab = Lab::new().await;
    let made = lab.machine("digits", &lab.network(&["digits"]).await).await.unwrap();
    let address = made.address.unwrap().host;
    lab.reach(&address);
    assert_eq!(lab.ssh(&address, "hostname; cat /first-boot; cat /etc/hostler-trust"), "digits\ndone\nyes");
    assert_eq!(lab.ssh(&address, "sudo id -un"), "root");
    let grown = lab.ssh(&address, "df --output=size --block-size=1M / | tail -1");
    assert!(grown.trim().parse::<u64>().unwrap() > 4500, "{grown}");
    assert!(lab.local.console(&made.reference).await.unwrap().contains("first boot says hello"));
    lab.ssh(&address, "sudo apt-get -qq update && pip download -q --no-deps -d /tmp six");
    lab.check_file_modes();
    // Its power button works, well before its power would be cut.
    lab.ssh(&address, "sudo sh -c 'echo mark > /etc/mark; sync'");
    lab.local.set_power(&made.reference, Power::Off).await.unwrap();
    lab.local.set_power(&made.reference, Power::On).await.unwrap();
    lab.reach(&address);
    assert_eq!(lab.ssh(&address, "cat /etc/mark; wc -l < /first-boot"), "mark\n1", "the first boot ran once");
    lab.clean().await;
}

#[tokio::test]
async fn concurrent_creates_do_not_overcommit_memory() {
    let lab = Lab::new().await;
    let network = lab.network(&["a", "b"]).await;
    let offer = lab.local.offers(&lab::any_window()).await.unwrap().remove(0);
    let mut specs = [lab.spec("a"), lab.spec("b")];
    for spec in &mut specs {
        // Enough for one, and not nearly for two.
        spec.shape.memory = Bytes::mib(offer.facts.memory.unwrap().as_mib() * 2 / 3);
    }
    let [a, b] = &specs;
    let (a, b) = tokio::join!(lab.create(a, &network), lab.create(b, &network));
    assert_eq!([&a, &b].iter().filter(|made| made.is_ok()).count(), 1);
    let error = a.err().or(b.err()).unwrap();
    assert_eq!(error.remedy, Remedy::Replan);
    assert!(error.message.contains("of memory, ") && error.message.contains("is available"), "{}", error.message);
    lab.clean().await;
}

#[tokio::test]
async fn too_large_a_disk_is_an_error_and_leaves_nothing() {
    let lab = Lab::new().await;
    let network = lab.network(&["big"]).await;
    let mut spec = lab.spec("big");
    spec.shape.disk = Bytes::gib(1 << 20);
    let error = lab.create(&spec, &network).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Replan);
    assert!(error.message.contains("of disk, "), "{}", error.message);
    assert!(lab.owned().await.iter().all(|owned| owned.kind == ResourceKind::Network));
    lab.clean().await;
}

#[tokio::test]
async fn create_completes_what_a_crash_left() {
    let lab = Lab::new().await;
    let network = lab.network(&["left"]).await;
    // A crash after the disk is created, before the domain is.
    let volume = lab.leave_disk("left");
    assert!(lab.owned().await.iter().any(|owned| owned.kind == ResourceKind::Volume && owned.reference.0 == volume));
    let made = lab.machine("left", &network).await.unwrap();
    // A crash after the domain is defined, before it is started.
    lab.virsh(&["destroy", &made.reference.0]);
    assert_eq!(lab.status(&made).await, ResourceStatus::Stopped);
    assert_eq!(lab.machine("left", &network).await.unwrap(), made);
    assert!(matches!(lab.status(&made).await, ResourceStatus::Running { address: Some(_) }));
    lab.clean().await;
}

#[tokio::test]
async fn interrupted_upload_is_repeated() {
    let lab = Lab::new().await;
    let image = lab.junk_image("junk").await;
    let network = lab.network(&["cut"]).await;
    let mut spec = lab.spec("cut");
    spec.image = image.name.clone();
    let made = lab.create(&spec, &network).await.unwrap();
    let size = lab.base_size(&image.digest);
    lab.delete(&made).await;
    lab.cut_base(&image.digest);
    lab.create(&spec, &network).await.unwrap();
    assert_eq!(lab.base_size(&image.digest), size);
    lab.clean().await;
    lab.local.remove_image(&image.name).await.unwrap();
}

#[tokio::test]
async fn console_shows_that_a_disk_does_not_boot_and_a_used_image_is_not_removed() {
    let lab = Lab::new().await;
    let image = lab.junk_image("junk").await;
    let network = lab.network(&["junk"]).await;
    let mut spec = lab.spec("junk");
    spec.image = image.name.clone();
    let made = lab.create(&spec, &network).await.unwrap();
    let mut console = String::new();
    lab::until(Duration::from_secs(60), async || {
        console = lab.local.console(&made.reference).await.unwrap();
        console.contains("No bootable device").then_some(())
    })
    .await;
    let error = lab.local.remove_image(&image.name).await.unwrap_err();
    assert!(error.message.contains("in use by 1 machine"), "{}", error.message);
    lab.clean().await;
    lab.local.remove_image(&image.name).await.unwrap();
    assert_eq!(lab.store.find(&image.name).unwrap(), None);
    assert!(!lab.has_base(&image.digest));
}

#[tokio::test]
async fn unused_base_is_deleted_before_the_next_upload() {
    let lab = Lab::new().await;
    let network = lab.network(&["old", "new"]).await;
    let (old, mut spec) = (lab.junk_image("old").await, lab.spec("old"));
    spec.image = old.name.clone();
    let made = lab.create(&spec, &network).await.unwrap();
    // Removed from the store only, as when the image is built again.
    lab.store.remove(&old.name).unwrap();
    let half = format!("base-{}.kernel", "0123456789abcdef".repeat(2));
    lab.create_volume(&half);
    lab.create_volume("hostler-probe-1.console");
    let (new, mut next) = (lab.junk_image("new").await, lab.spec("new"));
    next.image = new.name.clone();
    let second = lab.create(&next, &network).await.unwrap();
    assert!(lab.has_base(&old.digest), "a machine uses it");
    assert!(!lab.has_volume(&half) && !lab.has_volume("hostler-probe-1.console"), "crashes left them");
    lab.delete(&made).await;
    lab.delete(&second).await;
    lab.local.remove_image(&new.name).await.unwrap();
    let new = lab.junk_image("new").await;
    lab.create(&next, &network).await.unwrap();
    assert!(!lab.has_base(&old.digest));
    lab.clean().await;
    lab.local.remove_image(&new.name).await.unwrap();
}

#[tokio::test]
async fn untracked_domain_is_left_unchanged_and_its_memory_counted() {
    let lab = Lab::new().await;
    let memory = async || lab.local.offers(&lab::any_window()).await.unwrap()[0].facts.memory.unwrap();
    let before = memory().await;
    lab.create_untracked_domain("precious");
    assert!(before.less(memory().await) > Bytes::mib(900), "a running guest uses memory, whoever started it");
    assert!(lab.local.owned().await.unwrap().iter().all(|owned| owned.reference.0 != "precious"));
    let owned =
        Owned { ticket: lab.ticket("machine-x"), kind: ResourceKind::Machine, reference: Ref("precious".into()) };
    assert!(lab.local.delete(&owned).await.unwrap_err().message.contains("not deleted"));
    assert!(lab.local.set_power(&owned.reference, Power::Off).await.is_err());
    assert_eq!(lab.virsh(&["domstate", "precious"]), "running");
    lab.virsh(&["destroy", "precious"]);
}

#[tokio::test]
async fn networks_of_two_deployments_do_not_overlap() {
    let (one, other) = (Lab::new().await, lab::second_deployment());
    let (a, b) = (one.network(&["a"]).await, one.network_of(other, &["a"]).await);
    let (a_xml, b_xml) = (one.network_xml(&a), one.network_xml(&b));
    let subnet = |xml: &str| xml.split("<ip address='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert_ne!(subnet(&a_xml), subnet(&b_xml));
    one.clean().await;
    assert!(
        matches!(one.local.status(ResourceKind::Network, &b).await.unwrap(), ResourceStatus::Running { .. }),
        "the other deployment's network stays"
    );
    one.clean_of(other).await;
}

#[tokio::test]
async fn kvm_is_tested_once_and_the_result_cached() {
    let lab = Lab::new().await;
    fs::remove_file(&lab.virtualization_cache).unwrap_or_default();
    let first = lab.local.virtualization().await.unwrap();
    assert!(lab.virtualization_cache.exists());
    let domains = lab.virsh(&["list", "--all", "--name"]);
    assert!(domains.lines().all(|name| !name.starts_with("hostler-probe")), "{domains}");
    // A second test would overwrite this.
    let cached = fs::read_to_string(&lab.virtualization_cache).unwrap().replace("kvm", "kvm ");
    fs::write(&lab.virtualization_cache, &cached).unwrap();
    let second = lab.local.virtualization().await;
    match first {
        Virtualization::Kvm => assert!(second.is_ok()),
        Virtualization::Emulation { .. } => assert!(second.unwrap().note().unwrap().contains("kvm ")),
    }
    fs::remove_file(&lab.virtualization_cache).unwrap();
}

#[tokio::test]
async fn check_passes_and_reports_an_unreachable_libvirt() {
    let lab = Lab::new().await;
    let findings = lab.local.check().await;
    assert!(findings.iter().all(|health| health.result != CheckResult::Failed), "{findings:#?}");
    let unreachable = lab.at("qemu:///nowhere").check().await;
    assert_eq!(unreachable.len(), 1, "{unreachable:#?}");
    assert!(unreachable[0].result == CheckResult::Failed && unreachable[0].hint.is_some(), "{unreachable:#?}");
}

#[tokio::test]
async fn disk_with_a_backing_file_is_not_accepted_as_an_image() {
    let lab = Lab::new().await;
    let overlay = lab.directory.path().join("overlay.qcow2");
    let base = lab.store.disk(&lab.store.find(DEFAULT_IMAGE).unwrap().unwrap());
    lab::command(
        "qemu-img",
        &["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base.to_str().unwrap(), overlay.to_str().unwrap()],
    );
    let source = ImageSource::File { path: overlay, sha256: None };
    let error =
        lab.store.add(&AddImage { name: "leaning".into(), source, user: "x".into() }, &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("only the changes to another disk"), "{error}");
}
