//! Neutron: networks, routers, ports, floating IPs and security groups.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::call::{ApiCall, Link, Page};
use super::error::ApiError;
use super::keystone::{KeystoneSession, Service};

/// A list under the name of its kind, and its links, as Neutron writes it.
struct NamedList<T>(Vec<T>, Vec<Link>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for NamedList<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = serde_json::Map::deserialize(deserializer)?;
        let (mut resources, mut links) = (Vec::new(), Vec::new());
        for (key, value) in table {
            let bad = serde::de::Error::custom;
            if key.ends_with("_links") {
                links = serde_json::from_value(value).map_err(bad)?;
            } else {
                resources = serde_json::from_value(value).map_err(bad)?;
            }
        }
        Ok(Self(resources, links))
    }
}

impl<T: DeserializeOwned> Page for NamedList<T> {
    type Item = T;
    const PAGED: bool = true;
    fn next(&self) -> Option<String> {
        Link::next(&self.1)
    }
    fn items(self) -> Vec<T> {
        self.0
    }
}

async fn list<T: DeserializeOwned>(
    session: &KeystoneSession,
    kind: &str,
    filters: &[(&str, &str)],
) -> Result<Vec<T>, ApiError> {
    let call: ApiCall<NamedList<T>> = ApiCall::get(Service::Network, &[kind]);
    session.list(filters.iter().fold(call, |call, (name, value)| call.query(name, value))).await
}

/// Creates a resource. Request and response are nested under the name of the kind.
async fn create<T: DeserializeOwned>(
    session: &KeystoneSession,
    kind: &str,
    path: &str,
    body: Value,
) -> Result<T, ApiError> {
    let call: ApiCall<Value> = ApiCall::post(Service::Network, &[path], json!({kind: body}));
    nested(session.call(&call).await?, kind)
}

fn nested<T: DeserializeOwned>(mut response: Value, kind: &str) -> Result<T, ApiError> {
    serde_json::from_value(response[kind].take()).map_err(|error| ApiError::unreadable(Service::Network, &error))
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NeutronNetwork {
    /// Its id.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// True if it leads out of the cloud. Floating IPs come from such networks.
    #[serde(default, rename = "router:external")]
    pub external: bool,
    /// True if all projects may use it.
    #[serde(default)]
    pub shared: bool,
    /// Free text; hostler writes its ticket here.
    #[serde(default)]
    pub description: String,
    /// Its subnets' ids.
    #[serde(default)]
    pub subnets: Vec<String>,
}

/// All networks that the project sees.
pub async fn networks(session: &KeystoneSession) -> Result<Vec<NeutronNetwork>, ApiError> {
    list(session, "networks", &[]).await
}

/// A network.
pub async fn network(session: &KeystoneSession, id: &str) -> Result<NeutronNetwork, ApiError> {
    let call: ApiCall<Value> = ApiCall::get(Service::Network, &["networks", id]);
    nested(session.call(&call).await?, "network")
}

/// Creates a network.
pub async fn create_network(
    session: &KeystoneSession,
    name: &str,
    description: &str,
) -> Result<NeutronNetwork, ApiError> {
    create(session, "network", "networks", json!({"name": name, "description": description})).await
}

/// Deletes a network, and its subnets.
pub async fn delete_network(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Network, &["networks", id])).await
}

/// An address range of a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NeutronSubnet {
    /// Its id.
    pub id: String,
    /// Its network's id.
    pub network_id: String,
}

/// The subnets of a network.
pub async fn subnets(session: &KeystoneSession, network: &str) -> Result<Vec<NeutronSubnet>, ApiError> {
    list(session, "subnets", &[("network_id", network)]).await
}

/// Creates a subnet with this address range.
pub async fn create_subnet(
    session: &KeystoneSession,
    network: &str,
    name: &str,
    cidr: &str,
) -> Result<NeutronSubnet, ApiError> {
    let body = json!({"network_id": network, "name": name, "cidr": cidr, "ip_version": 4});
    create(session, "subnet", "subnets", body).await
}

/// A router between networks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Router {
    /// Its id.
    pub id: String,
    /// Free text; hostler writes its ticket here.
    #[serde(default)]
    pub description: String,
}

/// All routers of the project.
pub async fn routers(session: &KeystoneSession) -> Result<Vec<Router>, ApiError> {
    list(session, "routers", &[]).await
}

/// Creates a router with a gateway to an external network.
pub async fn create_router(
    session: &KeystoneSession,
    name: &str,
    description: &str,
    external: &str,
) -> Result<Router, ApiError> {
    let gateway = json!({"network_id": external});
    let body = json!({"name": name, "description": description, "external_gateway_info": gateway});
    create(session, "router", "routers", body).await
}

/// Connects a router to a subnet.
pub async fn add_router_interface(session: &KeystoneSession, router: &str, subnet: &str) -> Result<(), ApiError> {
    router_interface(session, router, "add_router_interface", json!({"subnet_id": subnet})).await
}

/// Disconnects a router from a subnet.
pub async fn remove_router_interface(session: &KeystoneSession, router: &str, subnet: &str) -> Result<(), ApiError> {
    router_interface(session, router, "remove_router_interface", json!({"subnet_id": subnet})).await
}

async fn router_interface(session: &KeystoneSession, router: &str, what: &str, body: Value) -> Result<(), ApiError> {
    let call: ApiCall<Value> = ApiCall::put(Service::Network, &["routers", router, what], body);
    session.call(&call).await.map(drop)
}

/// Deletes a router.
pub async fn delete_router(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Network, &["routers", id])).await
}

/// The connection of a server or router to a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Port {
    /// Its id.
    pub id: String,
    /// Id of its server or router.
    #[serde(default)]
    pub device_id: String,
    /// Its addresses.
    #[serde(default)]
    pub fixed_ips: Vec<FixedIp>,
}

/// A fixed IP of a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FixedIp {
    /// Its subnet's id.
    pub subnet_id: String,
    /// The address.
    pub ip_address: String,
}

/// The ports of a server or router.
pub async fn ports_of(session: &KeystoneSession, device: &str) -> Result<Vec<Port>, ApiError> {
    list(session, "ports", &[("device_id", device)]).await
}

/// A public address, which may be associated with a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FloatingIp {
    /// Its id.
    pub id: String,
    /// The address.
    pub floating_ip_address: String,
    /// Id of its external network.
    pub floating_network_id: String,
    /// Id of the port that it is associated with.
    #[serde(default)]
    pub port_id: Option<String>,
    /// Free text; hostler writes its ticket here.
    #[serde(default)]
    pub description: String,
}

/// All floating IPs of the project.
pub async fn floating_ips(session: &KeystoneSession) -> Result<Vec<FloatingIp>, ApiError> {
    list(session, "floatingips", &[]).await
}

/// A floating IP.
pub async fn floating_ip(session: &KeystoneSession, id: &str) -> Result<FloatingIp, ApiError> {
    let call: ApiCall<Value> = ApiCall::get(Service::Network, &["floatingips", id]);
    nested(session.call(&call).await?, "floatingip")
}

/// Allocates a floating IP of an external network, and associates it with a port, if one is given.
pub async fn create_floating_ip(
    session: &KeystoneSession,
    network: &str,
    port: Option<&str>,
    description: &str,
) -> Result<FloatingIp, ApiError> {
    let body = json!({"floating_network_id": network, "port_id": port, "description": description});
    create(session, "floatingip", "floatingips", body).await
}

/// Associates a floating IP with a port.
pub async fn associate_floating_ip(session: &KeystoneSession, id: &str, port: &str) -> Result<FloatingIp, ApiError> {
    let body = json!({"floatingip": {"port_id": port}});
    let call: ApiCall<Value> = ApiCall::put(Service::Network, &["floatingips", id], body);
    nested(session.call(&call).await?, "floatingip")
}

/// Deletes a floating IP, which returns it to the pool.
pub async fn delete_floating_ip(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Network, &["floatingips", id])).await
}

/// A set of firewall rules for servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Free text; hostler writes its ticket here.
    #[serde(default)]
    pub description: String,
    /// Its rules.
    #[serde(default, rename = "security_group_rules")]
    pub rules: Vec<SecurityGroupRule>,
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecurityGroupRule {
    /// `ingress` or `egress`.
    pub direction: String,
    /// `IPv4` or `IPv6`.
    #[serde(default)]
    pub ethertype: Option<String>,
    /// The protocol, by name or number. `None`: any.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The first port. `None`: any.
    #[serde(default)]
    pub port_range_min: Option<u16>,
    /// The last port.
    #[serde(default)]
    pub port_range_max: Option<u16>,
    /// Limits the rule to these addresses.
    #[serde(default)]
    pub remote_ip_prefix: Option<String>,
    /// Limits the rule to servers of this group.
    #[serde(default)]
    pub remote_group_id: Option<String>,
}

impl SecurityGroupRule {
    /// True if it admits connections from outside the group to a TCP port over IPv4.
    pub fn admits_tcp(&self, port: u16) -> bool {
        let is_tcp = self.protocol.as_deref().is_none_or(|it| matches!(it, "tcp" | "6" | "any"));
        let first = self.port_range_min.unwrap_or(u16::MIN);
        let last = self.port_range_max.unwrap_or(u16::MAX);
        self.direction == "ingress"
            && self.ethertype.as_deref().is_none_or(|it| it == "IPv4")
            && is_tcp
            && (first..=last).contains(&port)
            && self.remote_group_id.is_none()
    }
}

/// All security groups of the project.
pub async fn security_groups(session: &KeystoneSession) -> Result<Vec<SecurityGroup>, ApiError> {
    list(session, "security-groups", &[]).await
}

/// Creates a security group.
pub async fn create_security_group(
    session: &KeystoneSession,
    name: &str,
    description: &str,
) -> Result<SecurityGroup, ApiError> {
    let body = json!({"name": name, "description": description});
    create(session, "security_group", "security-groups", body).await
}

/// Adds a rule that admits connections to a TCP port from everywhere.
pub async fn allow_tcp(session: &KeystoneSession, group: &str, port: u16) -> Result<(), ApiError> {
    let body = json!({
        "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
        "port_range_min": port, "port_range_max": port,
    });
    create::<Value>(session, "security_group_rule", "security-group-rules", body).await.map(drop)
}

/// Adds a rule that admits all connections between servers of the group.
pub async fn allow_within_group(session: &KeystoneSession, group: &str) -> Result<(), ApiError> {
    let body = json!({
        "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "remote_group_id": group,
    });
    create::<Value>(session, "security_group_rule", "security-group-rules", body).await.map(drop)
}

/// Deletes a security group.
pub async fn delete_security_group(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Network, &["security-groups", id])).await
}

/// The project's quota of floating IPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Quota {
    /// The quota; `-1` is no limit.
    pub limit: i64,
    /// The number in use.
    pub used: i64,
}

/// Reads the project's quota of floating IPs.
pub async fn floating_ip_quota(session: &KeystoneSession, project: &str) -> Result<Quota, ApiError> {
    #[derive(Deserialize)]
    struct QuotaResponse {
        quota: Quotas,
    }
    #[derive(Deserialize)]
    struct Quotas {
        floatingip: Quota,
    }
    let call: ApiCall<QuotaResponse> = ApiCall::get(Service::Network, &["quotas", project, "details"]);
    Ok(session.call(&call).await?.quota.floatingip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_admits_a_port_from_outside_only_if_nothing_limits_it() {
        let admits = |rule: Value| serde_json::from_value::<SecurityGroupRule>(rule).unwrap().admits_tcp(22);
        for rule in [
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}),
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "6", "port_range_min": 1, "port_range_max": 65535,
                   "remote_ip_prefix": "0.0.0.0/0"}),
            json!({"direction": "ingress", "ethertype": "IPv4"}),
        ] {
            assert!(admits(rule.clone()), "{rule}");
        }
        for rule in [
            json!({"direction": "egress", "ethertype": "IPv4"}),
            json!({"direction": "ingress", "ethertype": "IPv6"}),
            json!({"direction": "ingress", "ethertype": "IPv4", "remote_group_id": "default"}),
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "udp"}),
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 80, "port_range_max": 90}),
        ] {
            assert!(!admits(rule.clone()), "{rule}");
        }
    }
}
