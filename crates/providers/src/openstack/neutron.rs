//! Neutron: networks, ports, security groups and floating addresses.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::call::{Call, Link, Page};
use super::error::ApiError;
use super::keystone::{Service, Session};

/// A list of things under the name of their kind, as Neutron writes it.
struct Listed<T>(Vec<T>, Vec<Link>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Listed<T> {
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

impl<T: DeserializeOwned> Page for Listed<T> {
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
    session: &Session,
    kind: &str,
    filters: &[(&str, &str)],
) -> Result<Vec<T>, ApiError> {
    let call: Call<Listed<T>> = Call::get(Service::Network, &[kind]);
    session.list(filters.iter().fold(call, |call, (name, value)| call.query(name, value))).await
}

/// Makes a thing of a kind: its body, and the answer, stand under the kind's name.
async fn make<T: DeserializeOwned>(session: &Session, kind: &str, path: &str, body: Value) -> Result<T, ApiError> {
    let call: Call<Value> = Call::post(Service::Network, &[path], json!({kind: body}));
    inner(session.call(&call).await?, kind)
}

fn inner<T: DeserializeOwned>(mut answer: Value, kind: &str) -> Result<T, ApiError> {
    serde_json::from_value(answer[kind].take()).map_err(|error| ApiError::unreadable(Service::Network, &error))
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name; several networks may have the same.
    pub name: String,
    /// Whether it leads out of the cloud: floating addresses come from such networks.
    #[serde(default, rename = "router:external")]
    pub external: bool,
    /// Whether all projects may use it.
    #[serde(default)]
    pub shared: bool,
    /// What was written on it.
    #[serde(default)]
    pub description: String,
    /// Its subnets' ids.
    #[serde(default)]
    pub subnets: Vec<String>,
}

/// All networks that the project sees.
pub async fn networks(session: &Session) -> Result<Vec<Network>, ApiError> {
    list(session, "networks", &[]).await
}

/// A network.
pub async fn network(session: &Session, id: &str) -> Result<Network, ApiError> {
    let call: Call<Value> = Call::get(Service::Network, &["networks", id]);
    inner(session.call(&call).await?, "network")
}

/// Makes a network.
pub async fn create_network(session: &Session, name: &str, description: &str) -> Result<Network, ApiError> {
    make(session, "network", "networks", json!({"name": name, "description": description})).await
}

/// Removes a network, and its subnets.
pub async fn delete_network(session: &Session, id: &str) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Network, &["networks", id])).await
}

/// A part of a network: its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its network's id.
    pub network_id: String,
}

/// The subnets of a network.
pub async fn subnets(session: &Session, network: &str) -> Result<Vec<Subnet>, ApiError> {
    list(session, "subnets", &[("network_id", network)]).await
}

/// Gives a network its addresses.
pub async fn create_subnet(session: &Session, network: &str, name: &str, cidr: &str) -> Result<Subnet, ApiError> {
    let body = json!({"network_id": network, "name": name, "cidr": cidr, "ip_version": 4});
    make(session, "subnet", "subnets", body).await
}

/// What leads from a network to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Router {
    /// Its id.
    pub id: String,
    /// What was written on it.
    #[serde(default)]
    pub description: String,
}

/// All routers of the project.
pub async fn routers(session: &Session) -> Result<Vec<Router>, ApiError> {
    list(session, "routers", &[]).await
}

/// Makes a router that leads out to an external network.
pub async fn create_router(
    session: &Session,
    name: &str,
    description: &str,
    external: &str,
) -> Result<Router, ApiError> {
    let gateway = json!({"network_id": external});
    let body = json!({"name": name, "description": description, "external_gateway_info": gateway});
    make(session, "router", "routers", body).await
}

/// Lets a router lead into a subnet.
pub async fn join_router(session: &Session, router: &str, subnet: &str) -> Result<(), ApiError> {
    router_interface(session, router, "add_router_interface", json!({"subnet_id": subnet})).await
}

/// Takes a router off a subnet.
pub async fn leave_router(session: &Session, router: &str, subnet: &str) -> Result<(), ApiError> {
    router_interface(session, router, "remove_router_interface", json!({"subnet_id": subnet})).await
}

async fn router_interface(session: &Session, router: &str, what: &str, body: Value) -> Result<(), ApiError> {
    let call: Call<Value> = Call::put(Service::Network, &["routers", router, what], body);
    session.call(&call).await.map(drop)
}

/// Removes a router.
pub async fn delete_router(session: &Session, id: &str) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Network, &["routers", id])).await
}

/// Where a server meets a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Port {
    /// Its id.
    pub id: String,
    /// What stands on it: a server's id, or a router's.
    #[serde(default)]
    pub device_id: String,
    /// Its addresses.
    #[serde(default)]
    pub fixed_ips: Vec<FixedIp>,
}

/// An address of a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FixedIp {
    /// The subnet that it is of.
    pub subnet_id: String,
    /// The address.
    pub ip_address: String,
}

/// The ports of a server or router.
pub async fn ports_of(session: &Session, device: &str) -> Result<Vec<Port>, ApiError> {
    list(session, "ports", &[("device_id", device)]).await
}

/// A public address that leads to a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FloatingIp {
    /// Its id.
    pub id: String,
    /// The address.
    pub floating_ip_address: String,
    /// The external network that it is of.
    pub floating_network_id: String,
    /// The port that it leads to.
    #[serde(default)]
    pub port_id: Option<String>,
    /// What was written on it.
    #[serde(default)]
    pub description: String,
}

/// All floating addresses of the project.
pub async fn floating_ips(session: &Session) -> Result<Vec<FloatingIp>, ApiError> {
    list(session, "floatingips", &[]).await
}

/// A floating address.
pub async fn floating_ip(session: &Session, id: &str) -> Result<FloatingIp, ApiError> {
    let call: Call<Value> = Call::get(Service::Network, &["floatingips", id]);
    inner(session.call(&call).await?, "floatingip")
}

/// Makes a floating address of an external network that leads to a port, or nowhere yet.
pub async fn create_floating_ip(
    session: &Session,
    network: &str,
    port: Option<&str>,
    description: &str,
) -> Result<FloatingIp, ApiError> {
    let body = json!({"floating_network_id": network, "port_id": port, "description": description});
    make(session, "floatingip", "floatingips", body).await
}

/// Leads a floating address to a port.
pub async fn lead_floating_ip(session: &Session, id: &str, port: &str) -> Result<FloatingIp, ApiError> {
    let body = json!({"floatingip": {"port_id": port}});
    let call: Call<Value> = Call::put(Service::Network, &["floatingips", id], body);
    inner(session.call(&call).await?, "floatingip")
}

/// Gives a floating address back.
pub async fn delete_floating_ip(session: &Session, id: &str) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Network, &["floatingips", id])).await
}

/// A set of rules about who may reach a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What was written on it.
    #[serde(default)]
    pub description: String,
    /// Who may reach whom.
    #[serde(default, rename = "security_group_rules")]
    pub rules: Vec<Rule>,
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// `ingress` or `egress`.
    pub direction: String,
    /// `IPv4` or `IPv6`.
    #[serde(default)]
    pub ethertype: Option<String>,
    /// By name or number; any where absent.
    #[serde(default)]
    pub protocol: Option<String>,
    /// The first port; any where absent.
    #[serde(default)]
    pub port_range_min: Option<u16>,
    /// The last port.
    #[serde(default)]
    pub port_range_max: Option<u16>,
    /// Only from these addresses.
    #[serde(default)]
    pub remote_ip_prefix: Option<String>,
    /// Only from servers of this group.
    #[serde(default)]
    pub remote_group_id: Option<String>,
}

impl Rule {
    /// Whether it lets somebody from outside reach a TCP port over IPv4.
    pub fn opens(&self, port: u16) -> bool {
        let is_tcp = self.protocol.as_deref().is_none_or(|it| matches!(it, "tcp" | "6" | "any"));
        let least = self.port_range_min.unwrap_or(u16::MIN);
        let most = self.port_range_max.unwrap_or(u16::MAX);
        self.direction == "ingress"
            && self.ethertype.as_deref().is_none_or(|it| it == "IPv4")
            && is_tcp
            && (least..=most).contains(&port)
            && self.remote_group_id.is_none()
    }
}

/// All security groups of the project.
pub async fn security_groups(session: &Session) -> Result<Vec<SecurityGroup>, ApiError> {
    list(session, "security-groups", &[]).await
}

/// Makes a security group.
pub async fn create_security_group(
    session: &Session,
    name: &str,
    description: &str,
) -> Result<SecurityGroup, ApiError> {
    let body = json!({"name": name, "description": description});
    make(session, "security_group", "security-groups", body).await
}

/// Lets a TCP port be reached from everywhere.
pub async fn open_port(session: &Session, group: &str, port: u16) -> Result<(), ApiError> {
    let body = json!({
        "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
        "port_range_min": port, "port_range_max": port,
    });
    make::<Value>(session, "security_group_rule", "security-group-rules", body).await.map(drop)
}

/// Lets the group's own servers reach each other.
pub async fn open_within(session: &Session, group: &str) -> Result<(), ApiError> {
    let body = json!({
        "security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "remote_group_id": group,
    });
    make::<Value>(session, "security_group_rule", "security-group-rules", body).await.map(drop)
}

/// Removes a security group.
pub async fn delete_security_group(session: &Session, id: &str) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Network, &["security-groups", id])).await
}

/// How many floating addresses the project may have, and has. `-1` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Quota {
    /// At most.
    pub limit: i64,
    /// Now.
    pub used: i64,
}

/// The project's quota of floating addresses.
pub async fn floating_ip_quota(session: &Session, project: &str) -> Result<Quota, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        quota: Quotas,
    }
    #[derive(Deserialize)]
    struct Quotas {
        floatingip: Quota,
    }
    let call: Call<Answer> = Call::get(Service::Network, &["quotas", project, "details"]);
    Ok(session.call(&call).await?.quota.floatingip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_opens_a_port_from_outside_or_does_not() {
        let opens = |rule: Value| serde_json::from_value::<Rule>(rule).unwrap().opens(22);
        for rule in [
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}),
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "6", "port_range_min": 1, "port_range_max": 65535,
                   "remote_ip_prefix": "0.0.0.0/0"}),
            json!({"direction": "ingress", "ethertype": "IPv4"}),
        ] {
            assert!(opens(rule.clone()), "{rule}");
        }
        for rule in [
            json!({"direction": "egress", "ethertype": "IPv4"}),
            json!({"direction": "ingress", "ethertype": "IPv6"}),
            json!({"direction": "ingress", "ethertype": "IPv4", "remote_group_id": "default"}),
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "udp"}),
            json!({"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 80, "port_range_max": 90}),
        ] {
            assert!(!opens(rule.clone()), "{rule}");
        }
    }
}
