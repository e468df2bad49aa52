use std::collections::BTreeMap;
use std::path::Path;

use hostler_core::name::DeploymentId;
use hostler_core::offer::HostId;
use hostler_core::plan::LeaseSpec;
use hostler_sim::{CallKind, Fault, FaultKind, FaultPlan, SimSite};

use super::*;
use crate::store::testing::second;

fn site(dir: &Path, script: FaultPlan) -> (Arc<dyn Provider>, Arc<AuditTrail>) {
    let id: SiteId = "chameleon/uc".parse().unwrap();
    let sim: Arc<dyn Provider> = Arc::new(SimSite::new(id.clone(), &dir.join("site.json"), Arc::new(script)));
    let trail = Arc::new(AuditTrail::in_dir(&dir.join("data")));
    let sites = audited(BTreeMap::from([(id.clone(), sim)]), &trail, || second(9));
    (Arc::clone(&sites[&id]), trail)
}

fn ticket() -> Ticket {
    Ticket { deployment: DeploymentId::from_bits(7), step: "lease".parse().unwrap() }
}

fn lease() -> CreateRequest {
    let hosts = ["n2", "n1"].map(|host| HostId(host.into())).to_vec();
    let window = Window::new(second(0), second(60)).unwrap();
    let spec = LeaseSpec { name: "train".into(), site: "chameleon/uc".parse().unwrap(), window, hosts };
    CreateRequest::Lease { spec: Box::new(spec) }
}

/// Entries of the trail, without times and tickets.
fn entries(trail: &AuditTrail) -> Vec<String> {
    let (lines, bad) = trail.read().unwrap();
    assert_eq!(bad, 0);
    let entry_text = |line: &AuditEntry| {
        let act = match &line.call {
            LeaseCall::Create { name, hosts, .. } => format!("create {name} on {}", hosts.len()),
            LeaseCall::Extend { .. } => "extend".to_owned(),
            LeaseCall::Delete => "delete".to_owned(),
        };
        let stage = match &line.stage {
            AuditStage::Intent => "intent".to_owned(),
            AuditStage::Outcome { outcome: CallOutcome::Done { granted }, .. } => match granted {
                Some(grant) => {
                    format!("granted {}", grant.hosts.iter().map(|h| h.0.as_str()).collect::<Vec<_>>().join(" "))
                }
                None => "done".to_owned(),
            },
            AuditStage::Outcome { outcome: CallOutcome::Failed { error }, .. } => error.clone(),
        };
        format!("{act}: {stage}")
    };
    lines.iter().map(entry_text).collect()
}

#[tokio::test]
async fn intent_and_granted_outcome_are_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (site, trail) = site(dir.path(), FaultPlan::default());
    let made = site.create(&ticket(), &lease()).await.unwrap();
    site.extend(&made.reference, second(120)).await.unwrap();
    let owned = Owned { ticket: ticket(), kind: ResourceKind::Lease, reference: made.reference };
    site.delete(&owned).await.unwrap();
    assert_eq!(
        entries(&trail),
        [
            "create train on 2: intent",
            "create train on 2: granted n1 n2",
            "extend: intent",
            "extend: granted n1 n2",
            "delete: intent",
            "delete: done",
        ]
    );
}

#[tokio::test]
async fn failed_lease_calls_are_recorded_and_other_resources_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let fault = Fault {
        call: CallKind::Create,
        step: "lease".parse().unwrap(),
        kind: FaultKind::Reject(Remedy::Replan),
        times: 1,
    };
    let (site, trail) = site(dir.path(), FaultPlan::new(vec![fault]));
    let key = Ticket { step: "keypair".parse().unwrap(), ..ticket() };
    site.create(&key, &CreateRequest::Keypair { public_key: "k".into() }).await.unwrap();
    assert_eq!(entries(&trail), [""; 0]);
    site.create(&ticket(), &lease()).await.unwrap_err();
    let recorded = entries(&trail);
    assert!(recorded[1].contains("rejected as planned"), "{recorded:?}");
}

#[tokio::test]
async fn unwritable_trail_blocks_creation() {
    let dir = tempfile::tempdir().unwrap();
    let (site, _) = site(dir.path(), FaultPlan::default());
    std::fs::write(dir.path().join("data"), "a file where the directory should be").unwrap();
    let error = site.create(&ticket(), &lease()).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::Ask);
    assert!(site.owned().await.unwrap().is_empty());
}

#[test]
fn truncated_line_does_not_swallow_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let trail = AuditTrail::in_dir(dir.path());
    let (site, act) = ("chameleon/uc".parse().unwrap(), LeaseCall::Delete);
    let line =
        AuditEntry { at: second(1), site, call: act, ticket: Some(ticket()), lease: None, stage: AuditStage::Intent };
    trail.append(&line).unwrap();
    let file = dir.path().join("audit.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}{}", &text[..20])).unwrap();
    trail.append(&line).unwrap();
    assert_eq!(trail.read().unwrap(), (vec![line.clone(), line], 1));
}

/// Golden file: stored text keeps its meaning.
#[test]
fn stored_text_keeps_its_meaning() {
    let stored = r#"{"at":"2026-03-01T12:00:00Z","site":"chameleon/uc","call":{"create":{"name":"train","window":{"start":"2026-03-01T12:00:00Z","end":"2026-03-01T16:00:00Z"},"hosts":["n1"]}},"ticket":"hostler:00000000000000000000000000000007:lease","lease":"l-1","stage":{"outcome":{"requested_at":"2026-03-01T11:59:59Z","outcome":{"done":{"granted":{"window":{"start":"2026-03-01T12:00:00Z","end":"2026-03-01T16:00:00Z"},"hosts":["n1"]}}}}}}"#;
    let line: AuditEntry = serde_json::from_str(stored).unwrap();
    assert_eq!(serde_json::to_string(&line).unwrap(), stored);
}
