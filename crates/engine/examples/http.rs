//! A front end that is not the command line: an HTTP service in front of [`Operator`], with the id of a plan as consent.
//!
//! | request | answer |
//! |---|---|
//! | `POST /plans`, a demand as YAML | 201, the plan and its id; nothing is created |
//! | `POST /plans/{id}` | 202, carries out exactly that plan in the background |
//! | `GET /deployments/{name}` | 200, the deployment and the result of its run, if that has ended |
//! | `POST /deployments/{name}/interrupt` | 202, asks the run to stop |
//! | `DELETE /deployments/{name}` | 200 once it is down |
//!
//! `cargo run -p hostler-engine --example http -- DIRECTORY` serves a simulated site, whose resources are in that directory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use hostler_core::demand::Demand;
use hostler_core::plan::{Plan, ResourceKind};
use hostler_engine::operate::{
    Answer, Ask, DownRequest, KeyRequest, Mode, OperateError, Operator, PlacementRequest, Proposal, Requested,
    SSH_TIMEOUT,
};
use hostler_engine::run::never;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Machines without their set-up, which a simulated site has no hosts for.
const KINDS: &[ResourceKind] =
    &[ResourceKind::Keypair, ResourceKind::Network, ResourceKind::Lease, ResourceKind::Machine, ResourceKind::Address];

type Reply = Result<(StatusCode, Json<Value>), (StatusCode, String)>;

/// The plans that were shown, and the runs of this process.
struct Front {
    operator: Operator,
    plans: Mutex<HashMap<String, Plan>>,
    runs: Mutex<HashMap<String, Run>>,
}

struct Run {
    stop: watch::Sender<u32>,
    result: Arc<Mutex<Option<String>>>,
}

/// Consents to the plan of this id, and to nothing else.
struct Agreed(String);

#[async_trait]
impl Ask for Agreed {
    async fn agree(&self, proposal: &Proposal<'_>) -> Answer {
        match proposal {
            Proposal::Plan(plan) if plan.id().to_string() == self.0 => Answer::Yes,
            _ => Answer::No,
        }
    }
}

/// The service.
pub fn router(operator: Operator) -> Router {
    let front = Front { operator, plans: Mutex::default(), runs: Mutex::default() };
    Router::new()
        .route("/plans", post(plan))
        .route("/plans/{id}", post(apply))
        .route("/deployments/{name}", get(show).delete(down))
        .route("/deployments/{name}/interrupt", post(interrupt))
        .with_state(Arc::new(front))
}

async fn plan(State(front): State<Arc<Front>>, text: String) -> Reply {
    let demand = Demand::from_yaml(&text).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    let (placement, key) = (PlacementRequest::default(), KeyRequest::default());
    let plan = front.operator.plan(&Requested::from(demand), &placement, &key).await.map_err(refused)?.with_only(KINDS);
    let (id, document) = (plan.id().to_string(), json!({ "id": plan.id(), "plan": plan }));
    lock(&front.plans).insert(id, plan);
    Ok((StatusCode::CREATED, Json(document)))
}

async fn apply(State(front): State<Arc<Front>>, Path(id): Path<String>) -> Reply {
    let plan = lock(&front.plans).remove(&id).ok_or((StatusCode::NOT_FOUND, format!("no plan `{id}`")))?;
    let (stop, interrupts) = watch::channel(0);
    let result = Arc::new(Mutex::new(None));
    let name = plan.demand.name.to_string();
    let operator = Operator { ask: Arc::new(Agreed(id)), ..front.operator.clone() };
    let ended = Arc::clone(&result);
    lock(&front.runs).insert(name.clone(), Run { stop, result });
    tokio::spawn(async move {
        let run = operator.apply(&plan, &BTreeMap::new(), SSH_TIMEOUT, Mode::Apply, &interrupts).await;
        *lock(&ended) = Some(run.map_or_else(|error| error.to_string(), |_| "ready".to_owned()));
    });
    Ok((StatusCode::ACCEPTED, Json(json!({ "deployment": name }))))
}

async fn show(State(front): State<Arc<Front>>, Path(name): Path<String>) -> Reply {
    let result = lock(&front.runs).get(&name).and_then(|run| lock(&run.result).clone());
    let deployment = front.operator.status(&name).await.map_err(refused)?;
    Ok((StatusCode::OK, Json(json!({ "deployment": deployment, "result": result }))))
}

async fn interrupt(State(front): State<Arc<Front>>, Path(name): Path<String>) -> Reply {
    match lock(&front.runs).get(&name) {
        Some(run) => run.stop.send_modify(|count| *count += 1),
        None => return Err((StatusCode::NOT_FOUND, format!("no run of `{name}`"))),
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "deployment": name }))))
}

async fn down(State(front): State<Arc<Front>>, Path(name): Path<String>) -> Reply {
    let request = DownRequest { names: Some(vec![name]), mode: Mode::Apply };
    let down = front.operator.down(&request, &never()).await.map_err(refused)?;
    Ok((StatusCode::OK, Json(json!({ "down": down.down }))))
}

fn refused(error: OperateError) -> (StatusCode, String) {
    match error {
        OperateError::UnknownDeployment { .. } => (StatusCode::NOT_FOUND, error.to_string()),
        error => (StatusCode::CONFLICT, error.to_string()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::main]
#[cfg_attr(test, expect(dead_code, reason = "the test serves the router itself"))]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: http DIRECTORY")?;
    let directory = std::path::Path::new(&directory);
    let site = hostler_sim::SimSite::new("sim".parse()?, &directory.join("site.json"), Arc::default());
    let sites = hostler_engine::sites::Sites::from([("sim".parse()?, Arc::new(site) as Arc<_>)]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, router(Operator::new(sites, directory))).await?)
}
