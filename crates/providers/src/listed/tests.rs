//! Tests of the site `ssh`, which need no host: the site only records claims.

use std::path::Path;

use hostler_core::name::{DeploymentId, GroupName};
use hostler_core::shape::Shape;
use hostler_core::ticket::StepId;
use tempfile::TempDir;

use super::*;

const LIST: &str = r#"
user = "ubuntu"
key = "/keys/lab"
[[host]]
name = "a"
address = "10.0.0.1"
cpus = 8
[[host]]
name = "b"
address = "10.0.0.2:2222"
cpus = 8
[[host]]
name = "big"
address = "10.0.0.3"
cpus = 64
"#;

struct Lab {
    _dir: TempDir,
    site: SshSite,
}

fn lab() -> Lab {
    let dir = tempfile::tempdir().unwrap();
    let defaults = HostDefaults { user: "me".to_owned(), key: None, home: None };
    let hosts = parse_host_list(Path::new("hosts.toml"), LIST, &defaults).map_err(|error| error.to_string());
    let site = SshSite::new("ssh".parse().unwrap(), hosts, dir.path().join("claims"));
    Lab { _dir: dir, site }
}

fn ticket(deployment: u128) -> Ticket {
    Ticket { deployment: DeploymentId::from_bits(deployment), step: StepId::new("machine").unwrap() }
}

fn machine(host: &str) -> CreateRequest {
    let spec = MachineSpec {
        name: "train".to_owned(),
        group: GroupName::new("main").unwrap(),
        rank: 0,
        site: "ssh".parse().unwrap(),
        node_type: "a+1".to_owned(),
        shape: Shape { cpus: 8, memory: Bytes(0), disk: Bytes(0), gpus: Vec::new() },
        image: "installed".to_owned(),
        user: "ubuntu".to_owned(),
        network: None,
        shared_network: None,
        host: Some(HostId(host.to_owned())),
        lease: None,
        keypair: None,
        existing: Default::default(),
    };
    CreateRequest::Machine {
        spec: Box::new(spec),
        network: None,
        lease: None,
        keypair: None,
        public_key: String::new(),
    }
}

async fn free(site: &SshSite) -> Vec<(String, usize)> {
    let window = Window::open_ended(Timestamp::UNIX_EPOCH);
    let is_free = |host: &&HostSupply| host.busy.is_free(&window);
    let offers = site.offers(&window).await.unwrap().into_iter();
    let count = |offer: Offer| match &offer.supply {
        Supply::Hosts(hosts) => (offer.node_type, hosts.iter().filter(is_free).count()),
        other => panic!("{other:?}"),
    };
    offers.map(count).collect()
}

fn counts(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn host_is_claimed_once_and_released_by_its_own_ticket_only() {
    let Lab { site, _dir } = lab();
    assert_eq!(free(&site).await, counts(&[("a+1", 2), ("big", 1)]));
    let created = site.create(&ticket(1), &machine("b")).await.unwrap();
    assert_eq!(created.address.as_ref().unwrap().to_string(), "10.0.0.2:2222");
    assert_eq!(site.create(&ticket(1), &machine("b")).await.unwrap(), created, "a repeated call returns the same host");
    assert_eq!(free(&site).await, counts(&[("a+1", 1), ("big", 1)]));
    let error = site.create(&ticket(2), &machine("b")).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Replan);
    assert!(error.message.ends_with("has claimed `b` meanwhile"), "{}", error.message);
    let owned = site.owned().await.unwrap();
    assert_eq!(owned, [Owned { ticket: ticket(1), kind: ResourceKind::Machine, reference: created.reference.clone() }]);
    let other = Owned { ticket: ticket(2), ..owned[0].clone() };
    assert!(site.delete(&other).await.is_err());
    assert_eq!(
        site.status(ResourceKind::Machine, &created.reference).await.unwrap(),
        ResourceStatus::Running { address: created.address }
    );
    for _ in 0..2 {
        site.delete(&owned[0]).await.unwrap();
    }
    assert_eq!(site.status(ResourceKind::Machine, &created.reference).await.unwrap(), ResourceStatus::Missing);
    assert_eq!(free(&site).await, counts(&[("a+1", 2), ("big", 1)]));
}

#[tokio::test]
async fn claimed_host_is_released_without_a_readable_list() {
    let Lab { site, _dir } = lab();
    let created = site.create(&ticket(1), &machine("a")).await.unwrap();
    let broken = SshSite { hosts: Err("hosts.toml:3:1: no".to_owned()), ..site };
    assert_eq!(broken.create(&ticket(1), &machine("a")).await.unwrap(), created);
    assert!(broken.create(&ticket(2), &machine("a")).await.is_err());
    let owned = broken.owned().await.unwrap();
    broken.delete(&owned[0]).await.unwrap();
    assert_eq!(broken.owned().await.unwrap(), []);
    assert_eq!(broken.check().await[0].result, CheckResult::Failed);
}

#[tokio::test]
async fn unlisted_host_asks_for_a_new_plan() {
    let Lab { site, _dir } = lab();
    let error = site.create(&ticket(1), &machine("gone")).await.unwrap_err();
    assert_eq!((error.remedy, error.message.as_str()), (Remedy::Replan, "`gone` is no longer listed"));
}
