//! What a cloud has to offer: its hosts, where Blazar leases them; else its flavors.

use std::collections::BTreeMap;

use hostler_core::inventory::{Feed, Inventory, Node, Service as InService, join};
use hostler_core::money::Money;
use hostler_core::offer::{
    Availability, ClaimTerm, Facts, HostId, HostState, HostSupply, ImageFacts, KeyTerm, NetworkTerm, Offer, ReachTerm,
    Supply, Terms, Unit,
};
use hostler_core::size::Bytes;
use jiff::SignedDuration;

use super::keystone::{Service, Session};
use super::neutron::Network;
use super::nova::{Flavor, Limits};
use super::settings::Reach;
use super::{Settings, blazar, glance, images, neutron, nodes, nova};
use crate::trouble::Trouble;

/// Every node type, or every flavor.
pub(super) async fn offers(session: &Session, settings: &Settings) -> Result<Vec<Offer>, Trouble> {
    let networks = async { Ok::<_, Trouble>(neutron::networks(session).await?) };
    let images = async { Ok::<_, Trouble>(images::bootable(&glance::images(session).await?, settings)) };
    if session.has(Service::Reservation).await? {
        let (feed, networks, images) = tokio::try_join!(feed(session, settings), networks, images)?;
        return leased(feed, &terms(settings, &networks, ClaimTerm::Lease), &images, settings);
    }
    let flavors = async { Ok::<_, Trouble>(nova::flavors(session).await?) };
    let limits = async { Ok::<_, Trouble>(nova::limits(session).await?) };
    let (flavors, limits, networks, images) = tokio::try_join!(flavors, limits, networks, images)?;
    let terms = terms(settings, &networks, ClaimTerm::OnLaunch);
    Ok(flavors.iter().map(|flavor| launched(flavor, &limits, &terms, &images, settings)).collect())
}

/// What is known of the hosts, as it comes.
pub(super) async fn feed(session: &Session, settings: &Settings) -> Result<Feed, Trouble> {
    let hosts = async { Ok::<_, Trouble>(blazar::hosts(session).await?) };
    let allocations = async { Ok::<_, Trouble>(blazar::allocations(session).await?) };
    let nodes = async {
        match &settings.nodes {
            Some(api) => Ok(nodes::of_site(api).await),
            None => Ok(None),
        }
    };
    let (hosts, allocations, nodes) = tokio::try_join!(hosts, allocations, nodes)?;
    Ok(Feed {
        site: settings.site.place.as_ref().map(ToString::to_string),
        hosts: Some(hosts),
        allocations: Some(allocations),
        nodes: nodes.into_iter().flat_map(|kept| kept.nodes).collect(),
        ..Feed::default()
    })
}

/// What the cloud asks for beside a machine.
fn terms(settings: &Settings, networks: &[Network], claim: ClaimTerm) -> Terms {
    Terms {
        claim,
        key: KeyTerm::Keypair,
        network: network(settings, networks),
        reach: reach(settings, networks),
        unit: settings.unit,
    }
}

/// The network that machines stand on.
pub(super) fn network(settings: &Settings, networks: &[Network]) -> NetworkTerm {
    if let Some(name) = &settings.network {
        return NetworkTerm::Shared(name.clone());
    }
    let mut shared = networks.iter().filter(|network| network.shared && !network.external);
    match (shared.next(), shared.next()) {
        (Some(only), None) => NetworkTerm::Shared(only.name.clone()),
        _ => NetworkTerm::Own,
    }
}

fn reach(settings: &Settings, networks: &[Network]) -> ReachTerm {
    let external = || networks.iter().filter(|network| network.external).map(|network| &network.name);
    let pool =
        settings.pool.as_ref().or_else(|| external().find(|name| *name == "public")).or_else(|| external().next());
    match (settings.reach, pool) {
        (Reach::Public, Some(pool)) => ReachTerm::PublicAddress(pool.clone()),
        (Reach::Public, None) | (Reach::Own, _) => ReachTerm::Direct,
    }
}

/// Hosts that can be leased, by what they are.
fn leased(feed: Feed, terms: &Terms, images: &[ImageFacts], settings: &Settings) -> Result<Vec<Offer>, Trouble> {
    let named = feed.hosts.as_ref().map(blazar::named).transpose()?.unwrap_or_default();
    let names: BTreeMap<&str, &str> =
        named.iter().map(|host| (host.id.0.as_str(), host.hypervisor_hostname.as_str())).collect();
    let feeds = [feed];
    let inventory = join(&feeds, SignedDuration::ZERO).map_err(|error| Trouble::report(error.to_string()))?;
    let mut groups: BTreeMap<Alike, (Facts, Money, Vec<HostSupply>)> = BTreeMap::new();
    for node in here(&inventory, settings) {
        let (facts, price) = (node.facts.to_offer(), node.facts.service_units_per_hour());
        let group = groups.entry(Alike::of(&facts, node, price)).or_insert_with(|| (facts.clone(), price, Vec::new()));
        least(&mut group.0, &facts);
        group.2.push(supply(node, &names));
    }
    let offer = |(alike, (facts, price, hosts)): (Alike, (Facts, Money, Vec<HostSupply>))| Offer {
        site: settings.site.clone(),
        node_type: alike.node_type,
        images: for_arch(images, facts.arch.as_deref()),
        facts,
        availability: standing(&hosts),
        supply: Supply::Hosts(hosts),
        price_per_hour: (settings.unit == Unit::ServiceUnits).then_some(price),
        spot: false,
        terms: terms.clone(),
    };
    Ok(groups.into_iter().map(offer).collect())
}

/// The nodes of this site: the node API knows those of others, too.
fn here<'i, 'a>(inventory: &'i Inventory<'a>, settings: &Settings) -> impl Iterator<Item = &'i Node<'a>> {
    let place = settings.nodes.as_ref().map(|api| api.site.clone());
    inventory
        .nodes()
        .filter(move |(site, node)| node.host_id.is_some() || place.as_deref().is_none_or(|place| *site.id == *place))
        .map(|(_, node)| node)
}

/// What nodes have in common that can stand in for each other. A node type alone doesn't say it: of some, only a part has
/// accelerators.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    node_type: String,
    arch: String,
    gpus: Vec<String>,
    price: Money,
    /// Of which sizes the site says how large they are: what isn't known of one is no measure for the others.
    told: [bool; 3],
}

impl Alike {
    fn of(facts: &Facts, node: &Node<'_>, price: Money) -> Self {
        Self {
            node_type: node.facts.node_type.as_deref().unwrap_or("host").to_owned(),
            arch: facts.arch.clone().unwrap_or_default(),
            gpus: facts.gpus.iter().map(|gpu| gpu.model.clone()).collect(),
            price,
            told: [facts.cpus.is_some(), facts.memory.is_some(), facts.disk.is_some()],
        }
    }
}

/// What every node of a group has: of what differs, the least.
fn least(all: &mut Facts, one: &Facts) {
    all.cpus = all.cpus.min(one.cpus);
    all.memory = all.memory.min(one.memory);
    all.disk = all.disk.min(one.disk);
    all.labels.retain(|name, value| one.labels.get(name) == Some(value));
}

fn supply(node: &Node<'_>, names: &BTreeMap<&str, &str>) -> HostSupply {
    let id = node.host_id.as_deref().and_then(|id| names.get(id).copied()).unwrap_or(&node.uid);
    let state = match node.service {
        InService::Reservable => HostState::InService,
        InService::Maintenance => HostState::Maintenance,
        InService::Unmapped | InService::NeverSynced => HostState::Unknown,
    };
    HostSupply { id: HostId(id.to_owned()), state, busy: node.timeline.clone() }
}

/// Whether any is in service; when each is free, its calendar says.
fn standing(hosts: &[HostSupply]) -> Availability {
    if hosts.iter().any(|host| host.state == HostState::InService) {
        Availability::Free
    } else if hosts.iter().any(|host| host.state == HostState::Maintenance) {
        Availability::Maintenance
    } else {
        Availability::Unknown
    }
}

/// A flavor, of which there are as many as the project may have.
fn launched(flavor: &Flavor, limits: &Limits, terms: &Terms, images: &[ImageFacts], settings: &Settings) -> Offer {
    let facts = Facts {
        cpus: Some(flavor.vcpus),
        memory: Some(Bytes::mib(flavor.ram)),
        disk: Some(Bytes::gib(flavor.disk)),
        // Nova names it nowhere: what is not x86 is told by its images.
        arch: Some("x86_64".to_owned()),
        gpus: Vec::new(),
        labels: BTreeMap::new(),
    };
    let each = [
        left(limits.max_total_instances, limits.total_instances_used, 1),
        left(limits.max_total_cores, limits.total_cores_used, i64::from(flavor.vcpus)),
        left(limits.max_total_ram, limits.total_ram_used, i64::try_from(flavor.ram).unwrap_or(i64::MAX)),
    ];
    let supply = match each.into_iter().flatten().min() {
        Some(count) => Supply::Whole(count),
        None => Supply::Unlimited,
    };
    Offer {
        site: settings.site.clone(),
        node_type: flavor.name.clone(),
        images: for_arch(images, facts.arch.as_deref()),
        facts,
        supply,
        availability: Availability::Free,
        price_per_hour: None,
        spot: false,
        terms: terms.clone(),
    }
}

/// How many more fit under a limit; nothing where there is none.
fn left(most: i64, used: i64, each: i64) -> Option<u32> {
    (most >= 0 && each > 0).then(|| u32::try_from((most - used).max(0) / each).unwrap_or(u32::MAX))
}

/// Those that boot there. An architecture that isn't said is the common one.
fn for_arch(images: &[ImageFacts], arch: Option<&str>) -> Vec<ImageFacts> {
    let arch = arch.unwrap_or("x86_64");
    images.iter().filter(|image| image.arch == arch).cloned().collect()
}
