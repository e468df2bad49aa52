//! The example front end, over real HTTP: it plans, brings up, interrupts and takes down at a simulated site.

#![expect(clippy::unwrap_used, reason = "a panic reports the line")]

#[path = "../examples/http.rs"]
mod front;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hostler_core::name::SiteId;
use hostler_core::ports::{Provider, Remedy};
use hostler_engine::operate::Operator;
use hostler_engine::sites::Sites;
use hostler_sim::{CallKind, Fault, FaultKind, FaultPlan, SimSite};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A served front end at a simulated site.
struct Service {
    address: std::net::SocketAddr,
    site: Arc<SimSite>,
    server: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start(directory: &Path, faults: Vec<Fault>) -> Self {
        let id: SiteId = "sim".parse().unwrap();
        let script = Arc::new(FaultPlan::new(faults));
        let site = Arc::new(SimSite::new(id.clone(), &directory.join("site.json"), script));
        let sites = Sites::from([(id, Arc::clone(&site) as Arc<dyn Provider>)]);
        let router = front::router(Operator::new(sites, directory.join("data")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, site, server }
    }

    /// Status and body of a request.
    async fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (host, length) = (self.address, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned())))
    }

    /// Plans a demand, and begins to carry the plan out.
    async fn bring_up(&self, name: &str) {
        let (status, planned) = self.call("POST", "/plans", &format!("name: {name}\n")).await;
        assert_eq!(status, 201, "{planned}");
        assert!(
            self.site
                .resources()
                .unwrap()
                .values()
                .all(|it| it.ticket.deployment.to_string() != planned["plan"]["deployment"])
        );
        let (status, accepted) = self.call("POST", &format!("/plans/{}", planned["id"].as_str().unwrap()), "").await;
        assert_eq!((status, accepted["deployment"].as_str()), (202, Some(name)));
    }

    /// Waits until a step of a deployment has started. Fails if the run ends first.
    async fn started(&self, name: &str, step: &str) {
        loop {
            let (_, shown) = self.call("GET", &format!("/deployments/{name}"), "").await;
            let steps = shown["deployment"]["steps"].as_array();
            if steps.is_some_and(|steps| steps.iter().any(|it| it["step"] == step && it["status"] == "started")) {
                return;
            }
            assert!(shown["result"].is_null(), "the run ended before `{step}` started: {}", shown["result"]);
            tokio::task::yield_now().await;
        }
    }

    /// The result of a run, once it has ended.
    async fn result(&self, name: &str) -> String {
        loop {
            let (status, shown) = self.call("GET", &format!("/deployments/{name}"), "").await;
            if let (200, Some(result)) = (status, shown["result"].as_str()) {
                return result.to_owned();
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[tokio::test]
async fn plan_is_carried_out_once_and_taken_down() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), vec![]).await;
    service.bring_up("web").await;
    assert_eq!(service.result("web").await, "ready");
    assert!(!service.site.resources().unwrap().is_empty());
    assert_eq!(service.call("POST", "/plans/0123456789abcdef", "").await.0, 404, "a plan that was never shown");
    assert_eq!(service.call("DELETE", "/deployments/web", "").await.0, 200);
    assert!(service.site.resources().unwrap().is_empty());
    assert_eq!(service.call("DELETE", "/deployments/other", "").await.0, 404);
}

/// The site asks for a retry of the lease in a minute; the run is interrupted while it waits, and rolled back.
#[tokio::test]
async fn interrupted_run_is_rolled_back() {
    let kind = FaultKind::Reject(Remedy::Retry(Duration::from_secs(60)));
    let busy = Fault { call: CallKind::Create, step: "lease".parse().unwrap(), kind, times: 1 };
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), vec![busy]).await;
    service.bring_up("web").await;
    service.started("web", "lease").await;
    assert_eq!(service.call("POST", "/deployments/web/interrupt", "").await.0, 202);
    assert_eq!(service.result("web").await, "`web` was interrupted and rolled back; nothing is left");
    assert!(service.site.resources().unwrap().is_empty());
}

#[tokio::test]
async fn demand_with_problems_is_refused_with_all_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), vec![]).await;
    let (status, problems) = service.call("POST", "/plans", "resources: {acelerators: 1, memry: 4}\n").await;
    assert_eq!(status, 400);
    assert!(["acelerators", "memry"].iter().all(|key| problems.as_str().unwrap().contains(key)), "{problems}");
}
