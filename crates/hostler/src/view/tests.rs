//! Texts of all views at 80 and 200 columns, without colour.

use std::path::Path;

use hostler_core::demand::{Demand, DemandInputs, FileAuthor, Overrides, PathBase, complete, parse};
use hostler_core::journal::{Entry, Failure, Goal, Journal, StepEvent};
use hostler_core::name::DeploymentId;
use hostler_core::offer::{
    Availability, Facts, GpuFacts, GpuSoftware, ImageFacts, Market, Offer, PriceUnit, Supply, Terms,
};
use hostler_core::plan::{Plan, plan};
use hostler_core::ports::{Address, CheckResult, Created, Health, Remedy};
use hostler_core::scan::{FileTree, scan};
use hostler_core::size::Bytes;
use hostler_core::ticket::{Ref, StepId};
use hostler_engine::run::FailedStep;
use hostler_engine::store::{Record, StoredEntries, StoredEntry};
use hostler_engine::sweep::SweepFindings;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::error::{Details, Error, ErrorKind};
use crate::table::Width;
use hostler_engine::grid::{Grid, StageState};
use hostler_engine::operate::{SiteCheck, Summary};

/// A text without colour. No line may exceed the width or end in spaces.
#[track_caller]
fn at(width: u16, show: impl Fn(Width) -> String) -> String {
    let text = anstream::adapter::strip_str(&show(Some(width))).to_string();
    for line in text.lines() {
        assert!(line.chars().count() <= usize::from(width), "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), line, "spaces at the end");
    }
    text
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn demand(yaml: &str) -> Demand {
    let file = parse("train.yaml", yaml).unwrap();
    let base = PathBase { directory: Path::new("/home/ann/train"), author: FileAuthor::User { home: None } };
    let overrides = Overrides::default();
    complete(&DemandInputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: "train" })
        .unwrap()
        .demand
}

const TRAIN: &str = "
name: train
num_nodes: 2
resources: {cpus: 4+, memory: 8+}
lease: {duration: 4h}
workdir: .
packages: [git, ffmpeg]
setup: pip install -r requirements.txt
run: |
  python train.py --epochs 3
  python report.py
";

fn image() -> ImageFacts {
    ImageFacts {
        name: "debian-12".to_owned(),
        arch: "x86_64".to_owned(),
        user: "debian".to_owned(),
        disk: Bytes::gib(4),
        memory: Bytes::mib(512),
        os: None,
        gpu_software: GpuSoftware::None,
    }
}

fn offer(site: &str, node_type: &str, cpus: u32, gpus: usize, price: Option<&str>) -> Offer {
    Offer {
        site: site.parse().unwrap(),
        node_type: node_type.to_owned(),
        facts: Facts {
            cpus: Some(cpus),
            memory: Some(Bytes::gib(u64::from(cpus) * 4)),
            disk: Some(Bytes::gib(100)),
            arch: Some("x86_64".to_owned()),
            gpus: vec![GpuFacts { model: "NVIDIA A100 80GB PCIe".to_owned(), memory: Some(Bytes::gib(80)) }; gpus],
            labels: Default::default(),
            emulated: None,
        },
        supply: Supply::Machines(4),
        availability: Availability::Free,
        price_per_hour: price.map(|price| price.parse().unwrap()),
        unit: PriceUnit::Dollars,
        spot: false,
        images: vec![image()],
        accepts_images: false,
        terms: Terms::default(),
    }
}

fn market() -> Market {
    let busy =
        Offer { availability: Availability::Busy(None), ..offer("chameleon/uc", "gpu_a100", 64, 4, Some("2.00")) };
    let silent = [("gcp/us-central1".parse().unwrap(), "no answer within 30 s".to_owned())];
    Market {
        offers: vec![
            offer("aws/us-east-1", "m7i.2xlarge", 8, 0, Some("0.4032")),
            offer("aws/us-east-1", "m7i.large", 2, 0, Some("0.1008")),
            offer("aws/us-east-1", "p4d.24xlarge", 96, 8, Some("32.7726")),
            offer("chameleon/uc", "compute_icelake_r650", 160, 0, None),
            busy,
        ],
        unreachable: silent.into(),
    }
}

fn a_plan() -> Plan {
    plan(&demand(TRAIN), &market(), DeploymentId::from_bits(0x1234_5678_9abc), now()).unwrap()
}

/// A deployment of two machines; the first failed to answer over SSH.
fn record() -> Record {
    let plan = a_plan();
    let mut entries = vec![Entry::Goal(Goal::Up)];
    for (step, spec) in plan.machines() {
        let host = format!("10.66.3.{}", 10 + spec.rank);
        let made = Created { reference: Ref(format!("i-0{}", spec.rank)), address: Some(Address { host, port: 22 }) };
        entries.push(Entry::Step { step: step.id.clone(), event: StepEvent::Started });
        entries.push(Entry::Step { step: step.id.clone(), event: StepEvent::Done { created: Some(made) } });
    }
    let failed = plan.steps.iter().find(|step| step.id.as_str().starts_with("wait-ssh-")).unwrap().id.clone();
    entries.push(Entry::Step { step: failed.clone(), event: StepEvent::Started });
    entries.push(Entry::Step { step: failed, event: StepEvent::Failed { failure: a_failure() } });
    let stored = |(number, entry)| StoredEntry { number, at: now(), entry };
    Record {
        id: plan.deployment,
        name: plan.demand.name.clone(),
        created: now(),
        closed: None,
        entries: StoredEntries::new((1..).zip(entries).map(stored).collect()).unwrap(),
        plan,
    }
}

fn a_failure() -> Failure {
    let message = "SSH to `train-1` (debian@10.66.3.10) failed: no answer within 10 s".to_owned();
    Failure {
        message,
        remedy: Remedy::Report,
        hint: Some("see its console: `hostler server console train-1`".to_owned()),
    }
}

fn summary() -> Summary {
    let later = now() + SignedDuration::from_mins(95);
    Summary::of(&record(), false, Path::new("/home/ann/.local/share/hostler/deployments/1/ssh_config"), later)
}

fn later() -> Timestamp {
    now() + SignedDuration::from_mins(95)
}

#[test]
fn plan_at_80_and_200_columns() {
    let plan = a_plan();
    insta::assert_snapshot!("plan_80", at(80, |width| super::plan(&plan, now(), width)));
    insta::assert_snapshot!("plan_200", at(200, |width| super::plan(&plan, now(), width)));
}

#[test]
fn missing_offer_lists_unmet_requirements_and_a_hint() {
    let wanted = "name: big\nresources: {accelerators: A100:4, memory: 128+}\non: [aws]\nbudget: {per_hour: 5}\n";
    let no_plan = plan(&demand(wanted), &market(), DeploymentId::from_bits(1), now()).unwrap_err();
    let error = Error::from(no_plan);
    assert_eq!(error.kind, ErrorKind::NoOffer);
    insta::assert_snapshot!("no_offer_80", at(80, |width| failure(&error, width)));
    insta::assert_snapshot!("no_offer_200", failure_plain(&error));
}

fn failure_plain(error: &Error) -> String {
    anstream::adapter::strip_str(&failure(error, Some(200))).to_string()
}

#[test]
fn busy_offers_are_not_now_and_unsuitable_ones_no_offer() {
    let kind = |yaml| Error::from(plan(&demand(yaml), &market(), DeploymentId::from_bits(1), now()).unwrap_err()).kind;
    assert_eq!(kind("name: a\nresources: {accelerators: A100:4}\non: [chameleon]\n"), ErrorKind::NotNow);
    assert_eq!(kind("name: a\nresources: {accelerators: H100:4}\n"), ErrorKind::NoOffer);
    let no_offers = Market { offers: Vec::new(), ..market() };
    let no_plan = plan(&demand("name: a\n"), &no_offers, DeploymentId::from_bits(1), now()).unwrap_err();
    assert_eq!(Error::from(no_plan).kind, ErrorKind::Site);
}

#[test]
fn findings_with_their_evidence() {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let contents: std::collections::BTreeMap<String, Vec<u8>> = [
        file("requirements.txt", "numpy\ntorch==2.1.0+cu118\n"),
        file(
            "job.sbatch",
            "#!/bin/bash\n#SBATCH --gres=gpu:a100:2\n#SBATCH --mem=64G\n#SBATCH --time=04:00:00\nsrun x\n",
        ),
        file("pyproject.toml", "[project\n"),
    ]
    .into();
    let files = contents.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
    let scan = scan(&FileTree { files, contents, problems: Vec::new() });
    insta::assert_snapshot!("findings_80", at(80, |width| findings(&scan, width)));
    insta::assert_snapshot!("findings_200", at(200, |width| findings(&scan, width)));
}

#[test]
fn list_and_details_of_deployments() {
    let all = [summary()];
    insta::assert_snapshot!("ls_80", at(80, |width| deployments(&all, later(), width)));
    insta::assert_snapshot!("ls_200", at(200, |width| deployments(&all, later(), width)));
    insta::assert_snapshot!("status_200", at(200, |width| status(&all[0], later(), width)));
    insta::assert_snapshot!("status_80", at(80, |width| status(&all[0], later(), width)));
}

/// Thirty machines: some done, some failed, some running.
fn many() -> Grid {
    let wanted = demand(&TRAIN.replace("num_nodes: 2", "num_nodes: 30"));
    let market = Market {
        offers: vec![Offer { supply: Supply::Unlimited, ..offer("aws/us-east-1", "m7i.2xlarge", 8, 0, None) }],
        unreachable: Default::default(),
    };
    let plan = plan(&wanted, &market, DeploymentId::from_bits(1), now()).unwrap();
    let mut grid = Grid::of(&plan, &Journal::default());
    let mut set = |what: &str, machines: std::ops::Range<u32>, state: StageState| {
        for number in machines {
            assert!(grid.set(&StepId::new(format!("{what}-train-{number}")).unwrap(), state), "{what}");
        }
    };
    set("machine", 1..31, StageState::Done);
    set("wait-ssh", 1..31, StageState::Done);
    set("packages", 1..31, StageState::Already);
    set("packages", 30..31, StageState::Running(now()));
    set("peer-names", 1..29, StageState::NotNeeded);
    set("peer-names", 29..30, StageState::Failed);
    set("peer-ssh", 1..2, StageState::Done);
    set("source", 1..28, StageState::Done);
    set("setup", 1..26, StageState::Done);
    set("setup", 26..27, StageState::Failed);
    set("setup", 27..28, StageState::Running(now() + SignedDuration::from_mins(94)));
    set("run", 1..21, StageState::Done);
    grid
}

#[test]
fn machine_table_fits_any_screen() {
    let grid = many();
    let on = |width, height| Room { width: Some(width), height };
    let shown = |room: Room| at(room.width.unwrap(), |_| super::grid(&grid, later(), room));
    insta::assert_snapshot!("grid_80_by_24", shown(on(80, Some(20))));
    insta::assert_snapshot!("grid_60_by_12", shown(on(60, Some(8))));
    assert_eq!(shown(on(200, None)).lines().count(), 31);
    for width in 20..120 {
        shown(on(width, Some(10)));
    }
    assert_eq!(tally(&grid), "30 machines: 2 failed, 2 running, 6 waiting, 20 done");
}

#[test]
fn hundreds_of_failures_are_listed_by_name_only() {
    let step = |number| FailedStep { step: StepId::new(format!("setup-n{number}")).unwrap(), failure: a_failure() };
    let error = Error::new(ErrorKind::Stuck, "`train` is stuck")
        .detailed(Details::Remains { failed: (0..200).map(step).collect(), left: Vec::new() });
    let text = failure_plain(&error);
    assert!(text.lines().count() < 50 && text.contains("also failed: setup-n20, ") && text.contains("setup-n199"));
}

#[test]
fn remaining_resources_are_listed_with_site_and_price() {
    let failed = vec![FailedStep { step: StepId::new("wait-ssh-train-1").unwrap(), failure: a_failure() }];
    let left = record().journal().remaining(&record().plan);
    let error = Error::new(ErrorKind::Stuck, "`train` is stuck")
        .hinted("resume with `hostler up train`")
        .detailed(Details::Remains { failed, left });
    insta::assert_snapshot!("stuck", failure_plain(&error));
}

#[test]
fn problems_of_a_demand_file_quote_their_lines() {
    let error = Error::from(parse("train.yaml", "name: train\nresources:\n  cups: 4\n  memory: lots\n").unwrap_err());
    assert_eq!(error.kind, ErrorKind::Demand);
    insta::assert_snapshot!("problems", anstream::adapter::strip_str(&failure(&error, Some(80))).to_string());
}

#[test]
fn health_checks_and_empty_sweep() {
    let finding = |verdict, finding: &str, hint: Option<&str>| Health {
        result: verdict,
        finding: finding.to_owned(),
        hint: hint.map(str::to_owned),
    };
    let checks = [SiteCheck::new(
        "local".parse().unwrap(),
        vec![
            finding(CheckResult::Passed, "libvirt 9.0 answers at `qemu:///system`", None),
            finding(CheckResult::Warning, "machines are emulated", Some("use a computer whose /dev/kvm works")),
            finding(CheckResult::Failed, "no images", Some("build one: `hostler image build debian-12`")),
        ],
    )];
    insta::assert_snapshot!("checks", anstream::adapter::strip_str(&super::checks(&checks)).to_string());
    assert_eq!(sweep_result(&SweepFindings::default(), None), "no orphaned resources\n");
}
