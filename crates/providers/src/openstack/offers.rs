//! Offers of a cloud: its hosts by node type if it has Blazar, else its flavors.

use std::collections::BTreeMap;

use hostler_core::inventory::{Feed, Inventory, InventoryNode, NodeState, join};
use hostler_core::money::Money;
use hostler_core::offer::{
    Availability, ClaimTerm, Facts, HostState, HostSupply, ImageFacts, KeyTerm, NetworkTerm, Offer, PriceUnit,
    ReachTerm, Supply, Terms,
};
use hostler_core::size::Bytes;
use jiff::SignedDuration;

use super::keystone::{KeystoneSession, Service};
use super::neutron::NeutronNetwork;
use super::nova::{Flavor, Limits};
use super::settings::AddressPolicy;
use super::{OpenStackSettings, blazar, glance, images, neutron, nodes, nova};
use crate::failure::CallFailure;

/// All offers of the cloud, with images, terms and calendars.
pub(super) async fn offers(session: &KeystoneSession, settings: &OpenStackSettings) -> Result<Vec<Offer>, CallFailure> {
    let networks = async { Ok::<_, CallFailure>(neutron::networks(session).await?) };
    let images = async { Ok::<_, CallFailure>(images::bootable(&glance::images(session).await?, settings)) };
    if session.has_service(Service::Reservation).await? {
        let (feed, networks, images) = tokio::try_join!(feed(session, settings), networks, images)?;
        return leased(feed, &terms(settings, &networks, ClaimTerm::Lease), &images, settings);
    }
    let flavors = async { Ok::<_, CallFailure>(nova::flavors(session).await?) };
    let limits = async { Ok::<_, CallFailure>(nova::limits(session).await?) };
    let (flavors, limits, networks, images) = tokio::try_join!(flavors, limits, networks, images)?;
    let terms = terms(settings, &networks, ClaimTerm::OnLaunch);
    Ok(flavors.iter().map(|flavor| launched(flavor, &limits, &terms, &images, settings)).collect())
}

/// The raw answers of Blazar and of the node API about the hosts.
pub(super) async fn feed(session: &KeystoneSession, settings: &OpenStackSettings) -> Result<Feed, CallFailure> {
    let hosts = async { Ok::<_, CallFailure>(blazar::hosts(session).await?) };
    let allocations = async { Ok::<_, CallFailure>(blazar::allocations(session).await?) };
    let nodes = async {
        match &settings.nodes {
            Some(api) => Ok(nodes::cached_or_fetched(api).await),
            None => Ok(None),
        }
    };
    let (hosts, allocations, nodes) = tokio::try_join!(hosts, allocations, nodes)?;
    Ok(Feed {
        site: settings.site.place.as_ref().map(ToString::to_string),
        hosts: Some(hosts),
        allocations: Some(allocations),
        nodes: nodes.into_iter().flat_map(|cached| cached.nodes).collect(),
        ..Feed::default()
    })
}

/// Terms that all offers of the cloud share.
fn terms(settings: &OpenStackSettings, networks: &[NeutronNetwork], claim: ClaimTerm) -> Terms {
    Terms { claim, key: KeyTerm::Keypair, network: network(settings, networks), reach: reach(settings, networks) }
}

/// The network of machines: the configured one, or the only network shared by all projects, or one of the deployment's
/// own.
pub(super) fn network(settings: &OpenStackSettings, networks: &[NeutronNetwork]) -> NetworkTerm {
    if let Some(name) = &settings.network {
        return NetworkTerm::Shared(name.clone());
    }
    let mut shared = networks.iter().filter(|network| network.shared && !network.external);
    match (shared.next(), shared.next()) {
        (Some(only), None) => NetworkTerm::Shared(only.name.clone()),
        _ => NetworkTerm::Own,
    }
}

fn reach(settings: &OpenStackSettings, networks: &[NeutronNetwork]) -> ReachTerm {
    let external = || networks.iter().filter(|network| network.external).map(|network| &network.name);
    let pool =
        settings.pool.as_ref().or_else(|| external().find(|name| *name == "public")).or_else(|| external().next());
    match (settings.address_policy, pool) {
        (AddressPolicy::FloatingIp, Some(pool)) => ReachTerm::PublicAddress(pool.clone()),
        (AddressPolicy::FloatingIp, None) | (AddressPolicy::FixedIp, _) => ReachTerm::Direct,
    }
}

/// One offer for each set of interchangeable hosts.
fn leased(
    feed: Feed,
    terms: &Terms,
    images: &[ImageFacts],
    settings: &OpenStackSettings,
) -> Result<Vec<Offer>, CallFailure> {
    let feeds = [feed];
    let inventory = join(&feeds, SignedDuration::ZERO).map_err(|error| CallFailure::unexpected(error.to_string()))?;
    let mut groups: BTreeMap<GroupKey, (Facts, Money, Vec<HostSupply>)> = BTreeMap::new();
    for node in nodes_of_site(&inventory, settings) {
        let (facts, price) = (node.facts.to_offer(), node.facts.service_units_per_hour());
        let key = GroupKey::new(&facts, node, price);
        let group = groups.entry(key).or_insert_with(|| (facts.clone(), price, Vec::new()));
        keep_common_minimum(&mut group.0, &facts);
        group.2.push(supply(node));
    }
    let offer = |(key, (facts, price, hosts)): (GroupKey, (Facts, Money, Vec<HostSupply>))| Offer {
        site: settings.site.clone(),
        node_type: key.node_type,
        images: for_arch(images, facts.arch.as_deref()),
        facts,
        availability: availability(&hosts),
        supply: Supply::Hosts(hosts),
        price_per_hour: (settings.unit == PriceUnit::ServiceUnits).then_some(price),
        unit: settings.unit,
        spot: false,
        terms: terms.clone(),
        accepts_images: false,
    };
    Ok(groups.into_iter().map(offer).collect())
}

/// The nodes of this site. Blazar lists no others; the node API may list those of other sites as well.
fn nodes_of_site<'i, 'a>(
    inventory: &'i Inventory<'a>,
    settings: &OpenStackSettings,
) -> impl Iterator<Item = &'i InventoryNode<'a>> {
    let place = settings.nodes.as_ref().map(|api| api.site.clone());
    inventory
        .nodes()
        .filter(move |(site, node)| node.host_id.is_some() || place.as_deref().is_none_or(|place| *site.id == *place))
        .map(|(_, node)| node)
}

/// Properties that interchangeable nodes share. The node type alone is not enough: of some types, only some nodes have
/// GPUs.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    node_type: String,
    arch: String,
    gpus: Vec<String>,
    price: Money,
    /// Flags for CPUs, memory and disk: true if the site reports the size. A node without a value must not hide the values of others.
    reported: [bool; 3],
}

impl GroupKey {
    fn new(facts: &Facts, node: &InventoryNode<'_>, price: Money) -> Self {
        Self {
            node_type: node.facts.node_type.as_deref().unwrap_or("host").to_owned(),
            arch: facts.arch.clone().unwrap_or_default(),
            gpus: facts.gpus.iter().map(|gpu| gpu.model.clone()).collect(),
            price,
            reported: [facts.cpus.is_some(), facts.memory.is_some(), facts.disk.is_some()],
        }
    }
}

/// Reduces the facts of a group to those that this node has, too: the smallest sizes and the common labels.
fn keep_common_minimum(all: &mut Facts, one: &Facts) {
    all.cpus = all.cpus.min(one.cpus);
    all.memory = all.memory.min(one.memory);
    all.disk = all.disk.min(one.disk);
    all.labels.retain(|name, value| one.labels.get(name) == Some(value));
}

fn supply(node: &InventoryNode<'_>) -> HostSupply {
    let state = match node.state {
        NodeState::Reservable => HostState::InService,
        NodeState::Maintenance => HostState::Maintenance,
        NodeState::Unmapped | NodeState::NeverSynced => HostState::Unknown,
    };
    HostSupply { id: node.offer_host_id(), state, busy: node.timeline.clone() }
}

/// `Free` if any host is in service. Each host's calendar says when it is free.
fn availability(hosts: &[HostSupply]) -> Availability {
    if hosts.iter().any(|host| host.state == HostState::InService) {
        Availability::Free
    } else if hosts.iter().any(|host| host.state == HostState::Maintenance) {
        Availability::Maintenance
    } else {
        Availability::Unknown
    }
}

/// The offer of a flavor. The remaining quota of the project limits its supply.
fn launched(
    flavor: &Flavor,
    limits: &Limits,
    terms: &Terms,
    images: &[ImageFacts],
    settings: &OpenStackSettings,
) -> Offer {
    let facts = Facts {
        cpus: Some(flavor.vcpus),
        memory: Some(Bytes::mib(flavor.ram)),
        disk: Some(Bytes::gib(flavor.disk)),
        // Nova does not report the architecture of a flavor.
        arch: Some("x86_64".to_owned()),
        gpus: Vec::new(),
        labels: BTreeMap::new(),
        emulated: None,
    };
    let each = [
        quota_left(limits.max_total_instances, limits.total_instances_used, 1),
        quota_left(limits.max_total_cores, limits.total_cores_used, i64::from(flavor.vcpus)),
        quota_left(limits.max_total_ram, limits.total_ram_used, i64::try_from(flavor.ram).unwrap_or(i64::MAX)),
    ];
    let supply = match each.into_iter().flatten().min() {
        Some(count) => Supply::Machines(count),
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
        unit: settings.unit,
        spot: false,
        terms: terms.clone(),
        accepts_images: false,
    }
}

/// Machines that still fit under a limit, each using `each` of it. `None` if there is no limit.
fn quota_left(limit: i64, used: i64, each: i64) -> Option<u32> {
    (limit >= 0 && each > 0).then(|| u32::try_from((limit - used).max(0) / each).unwrap_or(u32::MAX))
}

/// The images that boot on an architecture, which is x86-64 if the site does not report it.
fn for_arch(images: &[ImageFacts], arch: Option<&str>) -> Vec<ImageFacts> {
    let arch = arch.unwrap_or("x86_64");
    images.iter().filter(|image| image.arch == arch).cloned().collect()
}
