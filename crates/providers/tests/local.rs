//! The local provider on a real libvirt: `tests/worlds/libvirt run cargo test -p hostler-providers --features
//! real-libvirt --test local`.
#![cfg(feature = "real-libvirt")]
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod contract;
mod lab;

use std::fs;
use std::time::Duration;

use hostler_core::offer::Terms;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Owned, Power, Provider, Remedy, ResourceStatus, Verdict};
use hostler_core::size::Bytes;
use hostler_core::ticket::Ref;
use hostler_providers::image::{AddImage, DEFAULT_IMAGE, Source};
use hostler_providers::libvirt::Accelerator;
use lab::Lab;
use virt::domain::Domain;

#[tokio::test]
async fn the_contract_holds() {
    let lab = Lab::new().await;
    let spec = lab.spec("contract");
    let contract = contract::Contract {
        provider: &lab.local,
        deployment: lab.deployment,
        spec,
        public_key: lab.public_key(),
        terms: Terms::default(),
    };
    contract.hold(&lab::any_window()).await;
}

#[tokio::test]
async fn a_machine_is_logged_in_to_and_has_what_it_was_told() {
    let lab = Lab::new().await;
    let made = lab.machine("told", &lab.network(&["told"]).await).await.unwrap();
    let address = made.address.unwrap().host;
    lab.reach(&address);
    assert_eq!(lab.ssh(&address, "hostname; cat /first-boot; cat /etc/hostler-trust"), "told\ndone\nyes");
    assert_eq!(lab.ssh(&address, "sudo id -un"), "root");
    let grown = lab.ssh(&address, "df --output=size --block-size=1M / | tail -1");
    assert!(grown.trim().parse::<u64>().unwrap() > 4500, "{grown}");
    assert!(lab.local.console(&made.reference).await.unwrap().contains("first boot says hello"));
    lab.ssh(&address, "sudo apt-get -qq update && pip download -q --no-deps -d /tmp six");
    lab.private_files();
    // Switched off by its power button, well before force would be used.
    lab.ssh(&address, "sudo sh -c 'echo mark > /etc/mark; sync'");
    lab.local.set_power(&made.reference, Power::Off).await.unwrap();
    lab.local.set_power(&made.reference, Power::On).await.unwrap();
    lab.reach(&address);
    assert_eq!(lab.ssh(&address, "cat /etc/mark; wc -l < /first-boot"), "mark\n1", "the first boot ran once");
    lab.clean().await;
}

#[tokio::test]
async fn two_at_once_do_not_both_take_the_last_memory() {
    let lab = Lab::new().await;
    let network = lab.network(&["a", "b"]).await;
    let offer = lab.local.offers(&lab::any_window()).await.unwrap().remove(0);
    let mut specs = [lab.spec("a"), lab.spec("b")];
    for spec in &mut specs {
        // Room for one, and not nearly for two.
        spec.shape.memory = Bytes::mib(offer.facts.memory.unwrap().as_mib() * 2 / 3);
    }
    let [a, b] = &specs;
    let (a, b) = tokio::join!(lab.create(a, &network), lab.create(b, &network));
    assert_eq!([&a, &b].iter().filter(|made| made.is_ok()).count(), 1);
    let error = a.err().or(b.err()).unwrap();
    assert_eq!(error.remedy, Remedy::Replan);
    assert!(error.message.contains("of memory and") && error.message.contains("is left"), "{}", error.message);
    lab.clean().await;
}

#[tokio::test]
async fn more_disk_than_there_is_is_refused_and_leaves_nothing() {
    let lab = Lab::new().await;
    let network = lab.network(&["big"]).await;
    let mut spec = lab.spec("big");
    spec.shape.disk = Bytes::gib(1 << 20);
    let error = lab.create(&spec, &network).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Replan);
    assert!(error.message.contains("of disk and"), "{}", error.message);
    assert!(lab.ours().await.iter().all(|owned| owned.kind == ResourceKind::Network));
    lab.clean().await;
}

#[tokio::test]
async fn what_a_crash_left_is_listed_and_made_whole_by_the_next_create() {
    let lab = Lab::new().await;
    let network = lab.network(&["left"]).await;
    // Killed after the disk was made, and before the domain was.
    let volume = lab.leave_volume("left");
    assert!(lab.ours().await.iter().any(|owned| owned.kind == ResourceKind::Volume && owned.reference.0 == volume));
    let made = lab.machine("left", &network).await.unwrap();
    // Killed after the domain was defined, and before it was started.
    let domain = lab.domain(&made.reference.0);
    domain.destroy().unwrap();
    assert_eq!(lab.status(&made).await, ResourceStatus::Stopped);
    assert_eq!(lab.machine("left", &network).await.unwrap(), made);
    assert!(matches!(lab.status(&made).await, ResourceStatus::Running { address: Some(_) }));
    lab.clean().await;
}

#[tokio::test]
async fn an_upload_that_was_cut_short_is_not_taken_for_whole() {
    let lab = Lab::new().await;
    let image = lab.junk_image("junk").await;
    let network = lab.network(&["cut"]).await;
    let mut spec = lab.spec("cut");
    spec.image = image.name.clone();
    let made = lab.create(&spec, &network).await.unwrap();
    let whole = lab.base_size(&image.digest);
    lab.remove(&made).await;
    lab.cut_base(&image.digest);
    lab.create(&spec, &network).await.unwrap();
    assert_eq!(lab.base_size(&image.digest), whole);
    lab.clean().await;
    lab.local.remove_image(&image.name).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_does_not_boot_says_so_on_the_console_and_its_image_stays_while_in_use() {
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
async fn a_base_that_nobody_needs_any_more_makes_way_for_the_next() {
    let lab = Lab::new().await;
    let network = lab.network(&["old", "new"]).await;
    let (old, mut spec) = (lab.junk_image("old").await, lab.spec("old"));
    spec.image = old.name.clone();
    let made = lab.create(&spec, &network).await.unwrap();
    // Removed behind the pool's back, as an image is that is built anew.
    lab.store.remove(&old.name).unwrap();
    let half = format!("base-{}.kernel", "0123456789abcdef".repeat(2));
    lab.leave(&half);
    lab.leave("hostler-probe-1.console");
    let (new, mut next) = (lab.junk_image("new").await, lab.spec("new"));
    next.image = new.name.clone();
    let second = lab.create(&next, &network).await.unwrap();
    assert!(lab.has_base(&old.digest), "a machine stands on it");
    assert!(!lab.has(&half) && !lab.has("hostler-probe-1.console"), "crashes have left them");
    lab.remove(&made).await;
    lab.remove(&second).await;
    lab.local.remove_image(&new.name).await.unwrap();
    let new = lab.junk_image("new").await;
    lab.create(&next, &network).await.unwrap();
    assert!(!lab.has_base(&old.digest));
    lab.clean().await;
    lab.local.remove_image(&new.name).await.unwrap();
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone_and_counted() {
    let lab = Lab::new().await;
    let memory = async || lab.local.offers(&lab::any_window()).await.unwrap()[0].facts.memory.unwrap();
    let before = memory().await;
    let foreign = lab.foreign_domain("precious");
    assert!(before.less(memory().await) > Bytes::mib(900), "a running guest of others takes its memory");
    assert!(lab.local.owned().await.unwrap().iter().all(|owned| owned.reference.0 != "precious"));
    let owned =
        Owned { ticket: lab.ticket("machine-x"), kind: ResourceKind::Machine, reference: Ref("precious".into()) };
    assert!(lab.local.delete(&owned).await.unwrap_err().message.contains("left alone"));
    assert!(lab.local.set_power(&owned.reference, Power::Off).await.is_err());
    assert!(foreign.is_active().unwrap());
    foreign.destroy().unwrap();
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
        "the other one stays"
    );
    one.clean_of(other).await;
}

#[tokio::test]
async fn dev_kvm_is_tried_once_and_the_answer_kept() {
    let lab = Lab::new().await;
    fs::remove_file(&lab.accelerator).unwrap_or_default();
    let first = lab.local.accelerator().await.unwrap();
    assert!(lab.accelerator.exists());
    let domains: Vec<String> =
        lab.connect.list_all_domains(0).unwrap().iter().map(|it: &Domain| it.name().unwrap()).collect();
    assert!(domains.iter().all(|name| !name.starts_with("hostler-probe")), "{domains:?}");
    // A second try would overwrite this.
    let kept = fs::read_to_string(&lab.accelerator).unwrap().replace("kvm", "kvm ");
    fs::write(&lab.accelerator, &kept).unwrap();
    let second = lab.local.accelerator().await;
    match first {
        Accelerator::Kvm => assert!(second.is_ok()),
        Accelerator::Emulation { .. } => assert!(second.unwrap().note().unwrap().contains("kvm ")),
    }
    fs::remove_file(&lab.accelerator).unwrap();
}

#[tokio::test]
async fn a_check_finds_a_computer_that_can_run_machines() {
    let lab = Lab::new().await;
    let findings = lab.local.check().await;
    assert!(findings.iter().all(|health| health.verdict != Verdict::Bad), "{findings:#?}");
    let dead = lab.at("qemu:///nowhere").check().await;
    assert!(dead.len() == 1 && dead[0].verdict == Verdict::Bad && dead[0].hint.is_some(), "{dead:#?}");
}

#[tokio::test]
async fn a_disk_that_leans_on_another_file_is_no_image() {
    let lab = Lab::new().await;
    let overlay = lab.folder.path().join("overlay.qcow2");
    let base = lab.store.disk(&lab.store.find(DEFAULT_IMAGE).unwrap().unwrap());
    lab::command(
        "qemu-img",
        &["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base.to_str().unwrap(), overlay.to_str().unwrap()],
    );
    let source = Source::File { path: overlay, sha256: None };
    let error =
        lab.store.add(&AddImage { name: "leaning".into(), source, user: "x".into() }, &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("only the changes to another disk"), "{error}");
}
