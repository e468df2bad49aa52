//! The steps of a plan, and the differences between two plans.

use insta::assert_snapshot;

use super::text::{demand, id, market, now};
use crate::demand::{Demand, PythonRequest, SiteSelector, Source};
use crate::name::Name;
use crate::plan::{Action, Phase, Plan, diff, plan};
use crate::setup::{CustomStep, DockerRequest, RayRequest, SetupRequest};
use crate::ticket::StepId;

fn make(demand: &Demand) -> Plan {
    plan(demand, &market("local vm memory=64 cut=64/640 price=0"), id(), now()).unwrap()
}

/// One line per step: its id and its dependencies.
fn lines(plan: &Plan) -> String {
    let after = |step: &crate::plan::Step| step.after.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let line = |step: &crate::plan::Step| format!("{} <- {}", step.id, after(step));
    plan.steps.iter().map(|step| format!("{}\n", line(step).trim_end())).collect()
}

#[test]
fn single_machine_is_named_after_the_deployment() {
    let mut demand = demand("group main 1");
    demand.workload.packages = ["git".to_owned()].into();
    demand.workload.source = Some(Source { location: "/src".into(), revision: None, subdirectory: String::new() });
    demand.workload.python = Some(PythonRequest::default());
    demand.workload.setup = Some("make".into());
    demand.workload.run = Some("./run".into());
    demand.workload.checks = vec!["true".into(), "nvidia-smi".into()];
    assert_snapshot!(lines(&make(&demand)), @"
    network <-
    machine-digits <- network
    wait-ssh-digits <- machine-digits
    packages-digits <- wait-ssh-digits
    source-digits <- packages-digits
    python-digits <- source-digits
    setup-digits <- python-digits
    check-digits-1 <- setup-digits
    check-digits-2 <- check-digits-1
    run-digits <- check-digits-2
    ");
}

#[test]
fn run_follows_the_set_up_of_each_machine() {
    let mut demand = demand("group main 2");
    demand.workload.setup = Some("make".into());
    demand.workload.run = Some("./run".into());
    assert_snapshot!(lines(&make(&demand)), @"
    network <-
    machine-digits-1 <- network
    machine-digits-2 <- network
    wait-ssh-digits-1 <- machine-digits-1
    wait-ssh-digits-2 <- machine-digits-2
    peer-names-digits-1 <- wait-ssh-digits-1 wait-ssh-digits-2
    peer-names-digits-2 <- wait-ssh-digits-2 peer-names-digits-1
    peer-ssh-digits-1 <- peer-names-digits-1 peer-names-digits-2
    setup-digits-1 <- peer-ssh-digits-1
    setup-digits-2 <- peer-names-digits-2 peer-ssh-digits-1
    run-digits-1 <- setup-digits-1
    run-digits-2 <- setup-digits-2
    ");
}

#[test]
fn phases_are_in_order_and_workers_wait_for_the_head() {
    let mut demand = demand("group main 2");
    demand.workload.python = Some(PythonRequest { version: Some("3.11".into()), ..PythonRequest::default() });
    let step = |name: &str| CustomStep {
        name: name.to_owned(),
        run: "true".to_owned(),
        check: None,
        user: Default::default(),
        timeout: None,
        tries: std::num::NonZeroU32::MIN,
    };
    demand.workload.phases = SetupRequest {
        docker: Some(DockerRequest { build: Some(".".into()), ..DockerRequest::default() }),
        ray: Some(RayRequest::default()),
        custom: vec![step("a"), step("b")],
        ..SetupRequest::recommended()
    };
    let plan = make(&demand);
    let lines = lines(&plan);
    let of_the_worker: Vec<&str> =
        lines.lines().filter(|line| line.contains("digits-2 <-") || line.starts_with("custom-digits-2")).collect();
    assert_snapshot!(of_the_worker.join("\n"), @"
    machine-digits-2 <- network
    wait-ssh-digits-2 <- machine-digits-2
    system-digits-2 <- wait-ssh-digits-2
    interpreter-digits-2 <- system-digits-2
    docker-digits-2 <- interpreter-digits-2
    gpu-digits-2 <- docker-digits-2
    ray-digits-2 <- gpu-digits-2
    peer-names-digits-2 <- ray-digits-2 peer-names-digits-1
    ray-start-digits-2 <- peer-names-digits-2 ray-start-digits-1
    custom-digits-2-1 <- ray-start-digits-2 peer-ssh-digits-1
    custom-digits-2-2 <- custom-digits-2-1 peer-ssh-digits-1
    python-digits-2 <- custom-digits-2-2
    image-digits-2 <- python-digits-2
    ");
    assert!(lines.contains("ray-status-digits-1 <- ray-start-digits-1 ray-start-digits-2"), "{lines}");
    let ray = plan.steps.iter().find_map(|step| match &step.action {
        Action::SetUp { phase: Phase::Ray(need), .. } => need.python.clone(),
        _ => None,
    });
    assert_eq!(ray.as_deref(), Some("3.11"), "Ray runs on the repository's Python");
    let python = plan.steps.iter().find_map(|step| match &step.action {
        Action::SetUp { phase: Phase::Python(need), .. } => Some(need.requirements.clone()),
        _ => None,
    });
    assert_eq!(python.unwrap(), [format!("ray[default]=={}", RayRequest::default().version)]);
}

#[test]
fn machines_of_several_groups_are_named_after_deployment_and_group() {
    let demand = demand("group head 1\ngroup worker 2");
    let plan = make(&demand);
    let named = plan.machines().map(|(_, machine)| format!("{} {}", machine.rank, machine.name));
    assert_eq!(named.collect::<Vec<_>>(), ["0 digits-head-1", "1 digits-worker-1", "2 digits-worker-2"]);
}

#[test]
fn long_host_name_is_truncated_and_stays_unique() {
    let long = "x".repeat(39);
    let mut demand = demand(&format!("group {long}y 2\ngroup {long}z 1"));
    demand.name = Name::new("d".repeat(40)).unwrap();
    let plan = make(&demand);
    let mut names: Vec<&str> = plan.machines().map(|(_, machine)| machine.name.as_str()).collect();
    assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3);
}

#[test]
fn differences_between_plans() {
    let changes = |old: &str, new: &str| {
        let (old, new) = (make(&demand(old)), make(&demand(new)));
        diff(&old, &new).iter().map(|c| format!("{c} ({})\n", c.kind.needs_other_machines())).collect::<String>()
    };
    assert_eq!(changes("group main 1", "group main 1"), "");
    assert_snapshot!(changes("group main 1", "group main 2 memory=4+\ngroup head 1\nlease duration=4h"), @"
    count of `main`: 1 becomes 2 (true)
    size of `main`: 2 CPUs, 1GiB memory, 10GiB disk becomes 2 CPUs, 4GiB memory, 10GiB disk (true)
    group of `head`: 1 × `vm` added (true)
    lease changes (false)
    ");
    let mut edited = demand("group main 1");
    edited.workload.run = Some("./run".into());
    assert_snapshot!(diff(&make(&demand("group main 1")), &make(&edited))[0], @"work changes");
}

#[test]
fn another_round_keeps_the_machines_and_has_the_new_work() {
    let old = make(&demand("group main 2"));
    let mut again = demand("group main 2\nlease duration=4h");
    again.workload.run = Some("./run".into());
    let plan = old.rework(&again, now()).unwrap();
    assert_eq!((&plan.picks, plan.until), (&old.picks, old.until));
    assert!(plan.step(&StepId::new("run-digits-2").unwrap()).is_some());
    let changes = old.rework(&demand("group main 3"), now()).unwrap_err();
    assert_snapshot!(changes[0], @"count of `main`: 2 becomes 3");
    let changes = old.rework(&demand("group main 2 memory=4+"), now()).unwrap_err();
    assert_snapshot!(changes[0], @"size of `main` changes");
    let mut elsewhere = demand("group main 2");
    elsewhere.on = vec![SiteSelector("aws".parse().unwrap())];
    assert!(old.rework(&elsewhere, now()).is_err());
}
