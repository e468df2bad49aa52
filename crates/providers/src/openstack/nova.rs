//! Nova: servers, flavors, keypairs and limits.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::blazar::ReservationId;
use super::call::{Call, Link, Microversion, Page};
use super::error::ApiError;
use super::keystone::{Service, Session};

/// A server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Server {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is doing, as `ACTIVE`.
    pub status: String,
    /// What is being done to it.
    #[serde(default, rename = "OS-EXT-STS:task_state")]
    pub task: Option<String>,
    /// What was written on it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Its addresses, by network.
    #[serde(default)]
    pub addresses: BTreeMap<String, Vec<ServerAddress>>,
    /// Why it is broken.
    #[serde(default)]
    pub fault: Option<Fault>,
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
    /// Whether it is the server's own or a public one: `fixed` or `floating`.
    #[serde(default, rename = "OS-EXT-IPS:type")]
    pub kind: Option<String>,
}

impl Server {
    /// Its address, a public one before its own. Version 4 counts first: not every network here routes the other.
    pub fn address(&self) -> Option<&str> {
        let all = || self.addresses.values().flatten();
        let floating = all().find(|address| address.kind.as_deref() == Some("floating"));
        let four = || all().find(|address| address.version == 4);
        floating.or_else(four).or_else(|| all().next()).map(|address| address.addr.as_str())
    }

    /// Its own address.
    pub fn fixed_address(&self) -> Option<&str> {
        let own = || self.addresses.values().flatten().filter(|it| it.kind.as_deref() != Some("floating"));
        own().find(|address| address.version == 4).or_else(|| own().next()).map(|address| address.addr.as_str())
    }
}

/// Why a server is broken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Fault {
    /// In Nova's words.
    pub message: String,
}

/// A server to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServer {
    /// Its name, and its host name.
    pub name: String,
    /// The image's id.
    pub image: String,
    /// The flavor's id.
    pub flavor: String,
    /// The key that may log in.
    pub keypair: Option<String>,
    /// The network's id; Nova takes the only one where there is none.
    pub network: Option<String>,
    /// The security groups' names; the project's default where there are none.
    pub security_groups: Vec<String>,
    /// The part of a lease that its host is held by.
    pub reservation: Option<ReservationId>,
    /// What cloud-init runs, in base64.
    pub user_data: Option<String>,
    /// What is written on it.
    pub metadata: BTreeMap<String, String>,
}

/// The word by which users can list our servers: `openstack server list --tags hostler`.
const TAG: &str = "hostler";

/// From this version on a server can be launched with tags.
const WITH_TAGS: Microversion = Microversion(2, 52);

impl NewServer {
    fn body(&self, tags: Tags) -> Value {
        let mut server = json!({
            "name": self.name,
            "imageRef": self.image,
            "flavorRef": self.flavor,
            "metadata": self.metadata,
        });
        if let Some(keypair) = &self.keypair {
            server["key_name"] = keypair.as_str().into();
        }
        // From 2.37 on something must be said, and `auto` may make a network that nobody gives back.
        server["networks"] = self.network.iter().map(|id| json!({"uuid": id})).collect();
        if !self.security_groups.is_empty() {
            server["security_groups"] = self.security_groups.iter().map(|name| json!({"name": name})).collect();
        }
        if let Some(user_data) = &self.user_data {
            server["user_data"] = user_data.as_str().into();
        }
        if tags == Tags::Known {
            server["tags"] = json!([TAG]);
        }
        let mut body = json!({"server": server});
        if let Some(reservation) = &self.reservation {
            body["os:scheduler_hints"] = json!({"reservation": reservation});
        }
        body
    }
}

#[derive(PartialEq, Eq)]
enum Tags {
    Known,
    Unknown,
}

#[derive(Deserialize)]
struct OneServer {
    server: Server,
}

/// All servers of the project.
pub async fn servers(session: &Session) -> Result<Vec<Server>, ApiError> {
    #[derive(Deserialize)]
    struct Servers {
        servers: Vec<Server>,
        #[serde(default)]
        servers_links: Vec<Link>,
    }
    impl Page for Servers {
        type Item = Server;
        const PAGED: bool = true;
        fn next(&self) -> Option<String> {
            Link::next(&self.servers_links)
        }
        fn items(self) -> Vec<Server> {
            self.servers
        }
    }
    session.list(Call::<Servers>::get(Service::Compute, &["servers", "detail"])).await
}

/// A server.
pub async fn server(session: &Session, id: &str) -> Result<Server, ApiError> {
    let call: Call<OneServer> = Call::get(Service::Compute, &["servers", id]);
    Ok(session.call(&call).await?.server)
}

/// Launches a server, and returns its id. It is not there yet when this returns.
pub async fn launch(session: &Session, new: &NewServer) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Launched {
        server: Id,
    }
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let spoken = session.compute_version().await?;
    let tags = if spoken.is_some_and(|latest| latest >= WITH_TAGS) { Tags::Known } else { Tags::Unknown };
    let mut call: Call<Launched> = Call::post(Service::Compute, &["servers"], new.body(tags));
    if spoken.is_some_and(|latest| latest >= WITH_TAGS) {
        call = call.at(WITH_TAGS);
    }
    Ok(session.call(&call).await?.server.id)
}

/// Removes a server. It may still be seen for a while.
pub async fn delete_server(session: &Session, id: &str) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Compute, &["servers", id])).await
}

/// Starts a server.
pub async fn start(session: &Session, id: &str) -> Result<(), ApiError> {
    action(session, id, "os-start").await
}

/// Shuts a server down.
pub async fn stop(session: &Session, id: &str) -> Result<(), ApiError> {
    action(session, id, "os-stop").await
}

async fn action(session: &Session, id: &str, name: &str) -> Result<(), ApiError> {
    session.call(&Call::act(Service::Compute, &["servers", id, "action"], json!({name: null}))).await
}

/// The last lines of a server's console.
pub async fn console(session: &Session, id: &str, lines: u32) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Console {
        output: String,
    }
    let body = json!({"os-getConsoleOutput": {"length": lines}});
    let call: Call<Console> = Call::post(Service::Compute, &["servers", id, "action"], body);
    Ok(session.call(&call).await?.output)
}

/// A flavor: a shape of machines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flavor {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram: u64,
    /// Disk in GiB.
    pub disk: u64,
}

/// All flavors.
pub async fn flavors(session: &Session) -> Result<Vec<Flavor>, ApiError> {
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
    session.list(Call::<Flavors>::get(Service::Compute, &["flavors", "detail"])).await
}

/// A registered public key. It belongs to the user, not to the project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Keypair {
    /// Its name.
    pub name: String,
    /// In OpenSSH's format.
    pub public_key: String,
    /// As `ssh-keygen -l -E md5` shows it.
    pub fingerprint: String,
}

#[derive(Deserialize)]
struct OneKeypair {
    keypair: Keypair,
}

/// All of the user's keypairs.
pub async fn keypairs(session: &Session) -> Result<Vec<Keypair>, ApiError> {
    #[derive(Deserialize)]
    struct Keypairs {
        keypairs: Vec<OneKeypair>,
        #[serde(default)]
        keypairs_links: Vec<Link>,
    }
    impl Page for Keypairs {
        type Item = Keypair;
        // Only from 2.35 on; before, all of them come at once.
        const PAGED: bool = false;
        fn next(&self) -> Option<String> {
            Link::next(&self.keypairs_links)
        }
        fn items(self) -> Vec<Keypair> {
            self.keypairs.into_iter().map(|one| one.keypair).collect()
        }
    }
    session.list(Call::<Keypairs>::get(Service::Compute, &["os-keypairs"])).await
}

/// A keypair.
pub async fn keypair(session: &Session, name: &str) -> Result<Keypair, ApiError> {
    let call: Call<OneKeypair> = Call::get(Service::Compute, &["os-keypairs", name]);
    Ok(session.call(&call).await?.keypair)
}

/// Registers a public key.
pub async fn import_keypair(session: &Session, name: &str, public_key: &str) -> Result<Keypair, ApiError> {
    let body = json!({"keypair": {"name": name, "public_key": public_key}});
    let call: Call<OneKeypair> = Call::post(Service::Compute, &["os-keypairs"], body);
    Ok(session.call(&call).await?.keypair)
}

/// Removes a keypair.
pub async fn delete_keypair(session: &Session, name: &str) -> Result<(), ApiError> {
    session.call(&Call::delete(Service::Compute, &["os-keypairs", name])).await
}

/// What the project may have, and has. `-1` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Servers at most.
    pub max_total_instances: i64,
    /// Servers now.
    pub total_instances_used: i64,
    /// Processors at most.
    pub max_total_cores: i64,
    /// Processors now.
    pub total_cores_used: i64,
    /// Memory at most, in MiB.
    #[serde(rename = "maxTotalRAMSize")]
    pub max_total_ram: i64,
    /// Memory now, in MiB.
    #[serde(rename = "totalRAMUsed")]
    pub total_ram_used: i64,
}

/// What the project may have.
pub async fn limits(session: &Session) -> Result<Limits, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        limits: Both,
    }
    #[derive(Deserialize)]
    struct Both {
        absolute: Limits,
    }
    let call: Call<Answer> = Call::get(Service::Compute, &["limits"]);
    Ok(session.call(&call).await?.limits.absolute)
}
