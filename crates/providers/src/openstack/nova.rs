//! Nova: servers, flavors, keypairs and limits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::blazar::ReservationId;
use super::call::{ApiCall, Link, Microversion, Page};
use super::error::ApiError;
use super::keystone::{KeystoneSession, Service};

/// A server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NovaServer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status, such as `ACTIVE`.
    pub status: String,
    /// The task that Nova is running on it.
    #[serde(default, rename = "OS-EXT-STS:task_state")]
    pub task: Option<String>,
    /// Its metadata; hostler writes its ticket here.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Its addresses, by network.
    #[serde(default)]
    pub addresses: BTreeMap<String, Vec<ServerAddress>>,
    /// The cause of the status `ERROR`.
    #[serde(default)]
    pub fault: Option<ServerFault>,
    /// The key that it was launched with.
    #[serde(default)]
    pub key_name: Option<String>,
}

/// One address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerAddress {
    /// The address.
    pub addr: String,
    /// 4 or 6.
    pub version: u8,
    /// `fixed` or `floating`.
    #[serde(default, rename = "OS-EXT-IPS:type")]
    pub kind: Option<String>,
}

impl NovaServer {
    /// The best address to reach it at: a floating IP, then IPv4, then any. Not every user's network routes IPv6.
    pub fn address(&self) -> Option<&str> {
        let all = || self.addresses.values().flatten();
        let floating = all().find(|address| address.kind.as_deref() == Some("floating"));
        let four = || all().find(|address| address.version == 4);
        floating.or_else(four).or_else(|| all().next()).map(|address| address.addr.as_str())
    }

    /// Its fixed IP, IPv4 if it has one.
    pub fn fixed_address(&self) -> Option<&str> {
        let own = || self.addresses.values().flatten().filter(|it| it.kind.as_deref() != Some("floating"));
        own().find(|address| address.version == 4).or_else(|| own().next()).map(|address| address.addr.as_str())
    }
}

/// The cause of a server's status `ERROR`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerFault {
    /// Nova's message.
    pub message: String,
}

/// A request to launch a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServer {
    /// Its name, and its host name.
    pub name: String,
    /// The image's id.
    pub image: String,
    /// The flavor's id.
    pub flavor: String,
    /// The keypair's name.
    pub keypair: Option<String>,
    /// The network's id. `None`: Nova uses the project's only network.
    pub network: Option<String>,
    /// The security groups' names or ids. Empty: the project's default group.
    pub security_groups: Vec<String>,
    /// The reservation that holds its host.
    pub reservation: Option<ReservationId>,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
}

/// Tag of all servers that hostler launches: `openstack server list --tags hostler`.
const TAG: &str = "hostler";

/// The first version in which a server can be launched with tags.
const WITH_TAGS: Microversion = Microversion(2, 52);

impl NewServer {
    fn body(&self, with_tags: bool) -> Value {
        let mut server = json!({
            "name": self.name,
            "imageRef": self.image,
            "flavorRef": self.flavor,
            "metadata": self.metadata,
        });
        if let Some(keypair) = &self.keypair {
            server["key_name"] = keypair.as_str().into();
        }
        // From 2.37 on the field is required, and `auto` may create a network that no one deletes.
        server["networks"] = self.network.iter().map(|id| json!({"uuid": id})).collect();
        if !self.security_groups.is_empty() {
            server["security_groups"] = self.security_groups.iter().map(|name| json!({"name": name})).collect();
        }
        if with_tags {
            server["tags"] = json!([TAG]);
        }
        let mut body = json!({"server": server});
        if let Some(reservation) = &self.reservation {
            body["os:scheduler_hints"] = json!({"reservation": reservation});
        }
        body
    }
}

#[derive(Deserialize)]
struct OneServer {
    server: NovaServer,
}

/// All servers of the project.
pub async fn servers(session: &KeystoneSession) -> Result<Vec<NovaServer>, ApiError> {
    #[derive(Deserialize)]
    struct Servers {
        servers: Vec<NovaServer>,
        #[serde(default)]
        servers_links: Vec<Link>,
    }
    impl Page for Servers {
        type Item = NovaServer;
        const PAGED: bool = true;
        fn next(&self) -> Option<String> {
            Link::next(&self.servers_links)
        }
        fn items(self) -> Vec<NovaServer> {
            self.servers
        }
    }
    session.list(ApiCall::<Servers>::get(Service::Compute, &["servers", "detail"])).await
}

/// A server.
pub async fn server(session: &KeystoneSession, id: &str) -> Result<NovaServer, ApiError> {
    let call: ApiCall<OneServer> = ApiCall::get(Service::Compute, &["servers", id]);
    Ok(session.call(&call).await?.server)
}

/// Launches a server. Returns its id at once, while Nova is still building it.
pub async fn launch(session: &KeystoneSession, new: &NewServer) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Launched {
        server: Id,
    }
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let with_tags = session.compute_version().await?.is_some_and(|latest| latest >= WITH_TAGS);
    let mut call: ApiCall<Launched> = ApiCall::post(Service::Compute, &["servers"], new.body(with_tags));
    if with_tags {
        call = call.with_microversion(WITH_TAGS);
    }
    Ok(session.call(&call).await?.server.id)
}

/// Deletes a server. Nova may still list it for a while.
pub async fn delete_server(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Compute, &["servers", id])).await
}

/// Starts a server.
pub async fn start(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    action(session, id, "os-start").await
}

/// Shuts a server down.
pub async fn stop(session: &KeystoneSession, id: &str) -> Result<(), ApiError> {
    action(session, id, "os-stop").await
}

async fn action(session: &KeystoneSession, id: &str, name: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::post_discarding(Service::Compute, &["servers", id, "action"], json!({name: null}))).await
}

/// The last lines of a server's console.
pub async fn console(session: &KeystoneSession, id: &str, lines: u32) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Console {
        output: String,
    }
    let body = json!({"os-getConsoleOutput": {"length": lines}});
    let call: ApiCall<Console> = ApiCall::post(Service::Compute, &["servers", id, "action"], body);
    Ok(session.call(&call).await?.output)
}

/// A flavor: a size of servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flavor {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram: u64,
    /// Disk in GiB.
    pub disk: u64,
}

/// All flavors.
pub async fn flavors(session: &KeystoneSession) -> Result<Vec<Flavor>, ApiError> {
    #[derive(Deserialize)]
    struct Flavors {
        flavors: Vec<Flavor>,
        #[serde(default)]
        flavors_links: Vec<Link>,
    }
    impl Page for Flavors {
        type Item = Flavor;
        const PAGED: bool = true;
        fn next(&self) -> Option<String> {
            Link::next(&self.flavors_links)
        }
        fn items(self) -> Vec<Flavor> {
            self.flavors
        }
    }
    session.list(ApiCall::<Flavors>::get(Service::Compute, &["flavors", "detail"])).await
}

/// A registered public key. It belongs to the user, not to the project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NovaKeypair {
    /// Its name.
    pub name: String,
    /// In OpenSSH's format.
    pub public_key: String,
    /// As `ssh-keygen -l -E md5` shows it.
    pub fingerprint: String,
}

#[derive(Deserialize)]
struct OneKeypair {
    keypair: NovaKeypair,
}

/// All of the user's keypairs.
pub async fn keypairs(session: &KeystoneSession) -> Result<Vec<NovaKeypair>, ApiError> {
    #[derive(Deserialize)]
    struct Keypairs {
        keypairs: Vec<OneKeypair>,
        #[serde(default)]
        keypairs_links: Vec<Link>,
    }
    impl Page for Keypairs {
        type Item = NovaKeypair;
        // Paged from 2.35 on only; before, one response holds all.
        const PAGED: bool = false;
        fn next(&self) -> Option<String> {
            Link::next(&self.keypairs_links)
        }
        fn items(self) -> Vec<NovaKeypair> {
            self.keypairs.into_iter().map(|one| one.keypair).collect()
        }
    }
    session.list(ApiCall::<Keypairs>::get(Service::Compute, &["os-keypairs"])).await
}

/// A keypair.
pub async fn keypair(session: &KeystoneSession, name: &str) -> Result<NovaKeypair, ApiError> {
    let call: ApiCall<OneKeypair> = ApiCall::get(Service::Compute, &["os-keypairs", name]);
    Ok(session.call(&call).await?.keypair)
}

/// Registers a public key.
pub async fn import_keypair(session: &KeystoneSession, name: &str, public_key: &str) -> Result<NovaKeypair, ApiError> {
    let body = json!({"keypair": {"name": name, "public_key": public_key}});
    let call: ApiCall<OneKeypair> = ApiCall::post(Service::Compute, &["os-keypairs"], body);
    Ok(session.call(&call).await?.keypair)
}

/// Deletes a keypair.
pub async fn delete_keypair(session: &KeystoneSession, name: &str) -> Result<(), ApiError> {
    session.call(&ApiCall::delete(Service::Compute, &["os-keypairs", name])).await
}

/// The project's quota and usage. A quota of `-1` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Quota of servers.
    pub max_total_instances: i64,
    /// Servers in use.
    pub total_instances_used: i64,
    /// Quota of CPUs.
    pub max_total_cores: i64,
    /// CPUs in use.
    pub total_cores_used: i64,
    /// Quota of memory, in MiB.
    #[serde(rename = "maxTotalRAMSize")]
    pub max_total_ram: i64,
    /// Memory in use, in MiB.
    #[serde(rename = "totalRAMUsed")]
    pub total_ram_used: i64,
}

/// Reads the project's quota and usage.
pub async fn limits(session: &KeystoneSession) -> Result<Limits, ApiError> {
    #[derive(Deserialize)]
    struct LimitsResponse {
        limits: Both,
    }
    #[derive(Deserialize)]
    struct Both {
        absolute: Limits,
    }
    let call: ApiCall<LimitsResponse> = ApiCall::get(Service::Compute, &["limits"]);
    Ok(session.call(&call).await?.limits.absolute)
}
