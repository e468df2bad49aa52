use std::collections::BTreeSet;

use proptest::prelude::*;

use super::keys::{DemandSection, KEYS, KeySupport};
use super::*;
use crate::demand::{Requirements, render};
use crate::setup::gpu::{GpuRepository, GpuRequest, GpuStack, Vendor};
use crate::setup::{DockerRepository, PhaseKind, RunAs, SetupRequest};

const CORPUS: [(&str, &str); 7] = [
    ("digits/hostler.yaml", include_str!("../../../../../examples/digits/hostler.yaml")),
    ("three.yaml", include_str!("../../../../../examples/three.yaml")),
    ("anchors.yaml", include_str!("corpus/anchors.yaml")),
    ("failover.yaml", include_str!("corpus/failover.yaml")),
    ("finetune.yaml", include_str!("corpus/finetune.yaml")),
    ("groups.yaml", include_str!("corpus/groups.yaml")),
    ("sweep.yaml", include_str!("corpus/sweep.yaml")),
];

fn good(text: &str) -> DemandFile {
    parse("demand.yaml", text).unwrap_or_else(|problems| panic!("{text}\n{}", render(&problems)))
}

fn bad(text: &str) -> String {
    match parse("demand.yaml", text) {
        Ok(demand) => panic!("{text}\n{demand:?}"),
        Err(problems) => render(&problems),
    }
}

/// First error of a text, without its location.
fn complaint(text: &str) -> String {
    let problems = parse("demand.yaml", text).map(|demand| format!("{demand:?}")).unwrap_err();
    problems.into_iter().find(|problem| problem.severity == Severity::Error).unwrap().message
}

fn any_of(text: &str) -> Vec<Requirements> {
    match good(text).groups {
        Groups::Single { any_of, .. } => any_of,
        Groups::Named(groups) => groups.into_iter().flat_map(|group| group.any_of).collect(),
    }
}

fn brief(requirements: &Requirements) -> String {
    let gpus = requirements.gpus.as_ref().map(ToString::to_string).unwrap_or_default();
    let sites: Vec<String> = requirements.sites.iter().map(ToString::to_string).collect();
    format!(
        "cpus={} memory={} gpus={gpus} sites={} {:?}",
        requirements.cpus,
        requirements.memory,
        sites.join(","),
        requirements.spot
    )
}

#[test]
fn every_file_of_the_corpus_parses() {
    for (file, text) in CORPUS {
        assert!(parse(file, text).is_ok(), "{file}");
    }
}

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let report = bad(r#"
name: ok
num_node: 3
cpus: 4
resources:
  acelerators: V100:1
  memory: lots
  cpus: [1, 2]
  accelerators: V100:0.5
  ports: 70000
  job_recovery: FAILOVER
  disk_tier: best
  ports: 80
lease: {duration: soon, untill: tomorrow}
file_mounts:
  /data: s3://bucket
  /more: {name: x, mode: MOUNT}
service:
  replicas: 2
"#);
    insta::assert_snapshot!(report, @r"
    error: demand.yaml:3:1: unknown key `num_node` in the demand
      3 | num_node: 3
        | ^^^^^^^^ did you mean `num_nodes`?

    error: demand.yaml:4:1: unknown key `cpus` in the demand
      4 | cpus: 4
        | ^^^^ `cpus` belongs under `resources`

    error: demand.yaml:6:3: unknown key `acelerators` in `resources`
      6 |   acelerators: V100:1
        |   ^^^^^^^^^^^ did you mean `accelerators`?

    error: demand.yaml:7:11: memory: `lots` is not a size: use a number of GiB, or a unit as in `512MB` or `4GB`
      7 |   memory: lots
        |           ^^^^

    error: demand.yaml:8:9: cpus: expected a string or a number, found a list
      8 |   cpus: [1, 2]
        |         ^

    error: demand.yaml:9:17: accelerators: `0.5` is not a number of GPUs: use a whole number from 1, as in `V100:1`
      9 |   accelerators: V100:0.5
        |                 ^^^^^^^^

    error: demand.yaml:10:10: ports: `70000` is not a port or range of ports from 1 to 65535: use a value such as `8080` or `10022-10040`
      10 |   ports: 70000
         |          ^^^^^

    error: demand.yaml:11:3: `job_recovery` is not supported
      11 |   job_recovery: FAILOVER
         |   ^^^^^^^^^^^^ bring the deployment up again after a failed `run`

    warning: demand.yaml:12:3: `disk_tier` has no effect
      12 |   disk_tier: best
         |   ^^^^^^^^^ the site chooses the disks

    error: demand.yaml:13:3: duplicate key `ports`, first used in line 10
      13 |   ports: 80
         |   ^^^^^

    error: demand.yaml:14:19: duration: `soon` is not a duration: use `90m`, `4h`, `1h30m` or `2d`, more than zero and at most 10 years
      14 | lease: {duration: soon, untill: tomorrow}
         |                   ^^^^

    error: demand.yaml:14:25: unknown key `untill` in `lease`
      14 | lease: {duration: soon, untill: tomorrow}
         |                         ^^^^^^

    error: demand.yaml:16:10: files can't be copied from `s3://`
      16 |   /data: s3://bucket
         |          ^^^^^^^^^^^ download the files in `setup`, with the store's own tool

    error: demand.yaml:17:3: `/more`: buckets and volumes can't be mounted
      17 |   /more: {name: x, mode: MOUNT}
         |   ^^^^^ copy the files in `setup`, with the store's own tool

    error: demand.yaml:18:1: `service` is not supported
      18 | service:
         | ^^^^^^^ start the server in `run`
    ");
}

#[test]
fn keys_without_effect_are_warnings() {
    let text = CORPUS.iter().find(|(file, _)| *file == "finetune.yaml").unwrap().1;
    insta::assert_snapshot!(render(&good(text).warnings), @r"
    warning: demand.yaml:2:7: the deployment will be named `finetune-7b`
      2 | name: Finetune_7B
        |       ^^^^^^^^^^^ use 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter

    warning: demand.yaml:5:10: the zone `us-east-1b` has no effect
      5 |   infra: aws/us-east-1/us-east-1b
        |          ^^^^^^^^^^^^^^^^^^^^^^^^ every zone of the region is used

    warning: demand.yaml:10:3: `disk_tier` has no effect
      10 |   disk_tier: best
         |   ^^^^^^^^^ the site chooses the disks

    warning: demand.yaml:12:3: `autostop` has no effect
      12 |   autostop: {idle_minutes: 30, down: true}
         |   ^^^^^^^^ idle machines keep running and cost money: set `lease.duration`
    ");
}

#[test]
fn alternatives_inherit_common_fields() {
    let text = CORPUS.iter().find(|(file, _)| *file == "failover.yaml").unwrap().1;
    let shown: Vec<String> = any_of(text).iter().map(brief).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    cpus=8+ memory=any gpus=L4:2 sites=aws/us-west-2 Never
    cpus=16 memory=any gpus=L4:2 sites=gcp Never
    cpus=8+ memory=any gpus=A10G:1 sites= Only
    "#);
}

#[test]
fn groups_inherit_resources() {
    let text = CORPUS.iter().find(|(file, _)| *file == "groups.yaml").unwrap().1;
    let shown: Vec<String> = any_of(text).iter().map(brief).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    cpus=4+ memory=16GiB+ gpus= sites= Never
    cpus=any memory=64GiB+ gpus=A100:1 sites= Never
    "#);
}

#[test]
fn merge_keys_and_aliases_are_expanded() {
    let text = CORPUS.iter().find(|(file, _)| *file == "anchors.yaml").unwrap().1;
    let memory: Vec<String> =
        any_of(text).iter().map(|requirements| format!("{} {}", requirements.cpus, requirements.memory)).collect();
    assert_eq!(memory, ["2 4GiB", "2 8GiB", "2 4GiB"]);
}

#[test]
fn ports_are_numbers_and_ranges() {
    let text = CORPUS.iter().find(|(file, _)| *file == "sweep.yaml").unwrap().1;
    assert_eq!(any_of(text)[0].ports, BTreeSet::from([6006, 8080, 9000, 9001, 9002]));
    assert_eq!(any_of("resources: {ports: 80}")[0].ports, BTreeSet::from([80]));
    assert!(any_of("resources: {ports: null}")[0].ports.is_empty());
}

#[test]
fn accelerators_have_four_notations() {
    for (text, expected) in [
        ("V100", vec!["V100:1"]),
        ("V100:2", vec!["V100:2"]),
        ("2", vec!["any:2"]),
        ("{V100: 2}", vec!["V100:2"]),
        ("{V100: 2, T4: 4}", vec!["V100:2", "T4:4"]),
        ("[A100:1, V100:2]", vec!["A100:1", "V100:2"]),
        ("{A100:1, V100:2}", vec!["A100:1", "V100:2"]),
    ] {
        for key in ["accelerators", "gpus"] {
            let requirements = any_of(&format!("resources: {{{key}: {text}}}"));
            let found: Vec<String> =
                requirements.iter().map(|requirements| requirements.gpus.as_ref().unwrap().to_string()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}

#[test]
fn sites_are_named_by_infra_or_cloud() {
    for (text, expected) in [
        ("infra: aws/us-east-1", "aws/us-east-1"),
        ("infra: AWS", "aws"),
        ("infra: aws/*/us-east-1a", "aws"),
        ("infra: '*'", ""),
        ("{cloud: gcp, region: us-central1}", "gcp/us-central1"),
        ("{cloud: aws, any_of: [{infra: gcp}]}", "gcp"),
        ("{infra: aws/us-east-1, any_of: [{cloud: gcp}]}", "gcp"),
        ("{cloud: aws, any_of: [{region: us-west-2}]}", "aws/us-west-2"),
    ] {
        let text = format!("resources:\n  {text}\n");
        let sites: Vec<String> = any_of(&text)[0].sites.iter().map(ToString::to_string).collect();
        assert_eq!(sites.join(","), expected, "{text}");
    }
}

#[test]
fn invalid_values_are_rejected() {
    for (text, message) in [
        ("num_nodes: 4000000000", "is not a number of machines"),
        ("resources: {infra: k8s/here}", "`k8s` is not supported"),
        ("resources: {cloud: aws, infra: aws}", "can't be combined"),
        ("resources: {region: us-east-1}", "without a cloud"),
        ("resources: {image_id: 'docker:ubuntu'}", "container image"),
        ("resources: {image_id: {us-east-1: ami-1}}", "a map of regions to images"),
        ("resources: {any_of: [{cpus: 1}], ordered: [{cpus: 2}]}", "can't be combined"),
        ("resources: {any_of: [{any_of: []}]}", "unknown key `any_of` in an alternative"),
        ("resources: {gpus: 1, accelerators: 1}", "is an alias of"),
        ("resources: {any_of: []}", "at least one"),
        ("num_nodes: 2\ngroups: {a: {}}", "can't be combined"),
        ("num_nodes: 0", "is not a number of machines"),
        ("groups: {}", "at least one group"),
        ("groups: {A_b: {}}", "is not a group name"),
        ("workdir: .\nsource: .", "can't be combined"),
        ("workdir: {ref: main}", "requires `url`"),
        ("source: ext::sh", "protocol"),
        ("setup_phases: {dokcer: true}", "unknown key `dokcer`"),
        ("setup_phases: {ray: latest}", "is not a version"),
        ("setup_phases: {gpu: voodoo}", "is not a known GPU vendor"),
        ("setup_phases: {conda: {installer: 'https://x/y.sh'}}", "requires `sha256`"),
        ("setup_phases: {conda: {installer: x.sh, sha256: abc}}", "64 hexadecimal digits"),
        ("setup_phases: {conda: {sha256: abc}}", "requires `installer`"),
        ("setup_phases: {conda: {packages: [-y]}}", "is not a conda package or channel"),
        ("setup_phases: {docker: {build: ../up}}", "is not a path inside the repository"),
        ("setup_phases: {docker: {from: snap}}", "is not a known repository of Docker packages"),
        ("setup_phases: {custom: [{name: a}]}", "requires `run`"),
        ("setup_phases: {custom: [{name: a, run: x}, {name: a, run: y}]}", "two steps are named `a`"),
        ("setup_phases: {custom: [{name: '../a', run: x}]}", "is not a valid name"),
        ("setup_phases: {custom: [{run: x, tries: 0}]}", "is not a number of attempts"),
        ("setup_phases: {timeouts: {wait-ssh: 1m}}", "not part of the demand"),
        ("setup_phases: {timeouts: {dokcer: 1m}}", "unknown phase"),
        ("envs: {A-B: 1}", "`A-B` is not the name of a variable"),
        ("envs: [A]", "expected a map"),
        ("- a list", "expected a map"),
        ("just a text", "expected a map"),
        ("name: '..'", "is not a deployment name"),
        ("packages: [-y]", "is not a package name"),
        ("python: three", "is not a Python version"),
        ("run: ''", "is empty"),
        ("run: [a, b]", "expected a string"),
        ("name: a\nname: b", "duplicate key `name`, first used in line 1"),
        ("budget: {total: -1}", "is not an amount"),
        ("a: b: c", "not YAML"),
    ] {
        assert!(complaint(text).contains(message), "{text}: {}", complaint(text));
    }
}

#[test]
fn keys_get_suggestions() {
    for (text, hint) in [
        ("resources: {accelerator: V100}", "did you mean `accelerators`?"),
        ("resources: {disk-size: 10}", "did you mean `disk_size`?"),
        ("nodes: 3", "did you mean `num_nodes`?"),
        ("memory: 4", "`memory` belongs under `resources`"),
        ("resources: {setup: make}", "`setup` belongs at the top of the file"),
    ] {
        assert!(bad(text).contains(hint), "{text}: {}", bad(text));
    }
    assert!(parse("x", "zzz: 1").unwrap_err()[0].hint.is_none());
}

#[test]
fn disabled_keys_are_accepted() {
    let text =
        "service: null\nsetup_phases: {docker: false, gpu: none}\nresources: {job_recovery: none, autostop: false}";
    assert_eq!(good(text).warnings, []);
}

#[test]
fn secret_values_are_never_shown() {
    let secret = "hunter2-very-long";
    let demand = good(&format!("secrets: {{TOKEN: {secret}, OTHER: null}}"));
    assert_eq!(demand.secrets.reveal("TOKEN"), Some(secret));
    assert_eq!(demand.workload.secrets, BTreeSet::from(["OTHER".to_owned(), "TOKEN".to_owned()]));
    assert!(!format!("{demand:?}").contains(secret));
    for text in [
        format!("secrets: {secret}"),
        format!("secrets:\n  MY-TOKEN: {secret}\n"),
        format!("secrets:\n  - [{secret}]\n"),
        format!("secrets:\n  A: {secret}\n  A: {secret}\n"),
        format!("secrets:\n  A: [{secret}, 1]\n"),
        format!("secrets:\n  A: \"{secret}\n"),
        format!("secrets:\n# note\n\n  A: b: {secret}\n"),
        format!("secret: {{A: {secret}}}"),
        format!("source: https://me:{secret}@example.org/x/y"),
    ] {
        assert!(!bad(&text).contains(secret), "{text}\n{}", bad(&text));
    }
}

#[test]
fn secrets_may_be_a_list_of_names() {
    assert_eq!(good("secrets: [A, B]").workload.secrets, BTreeSet::from(["A".to_owned(), "B".to_owned()]));
}

#[test]
fn values_keep_their_spelling() {
    let demand = good("envs: {A: 1e-4, B: 010, C: yes, D: null, E: '', F: 0.10}");
    let shown: Vec<String> = demand.envs.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    assert_eq!(shown.join(" "), r#"A=Some("1e-4") B=Some("010") C=Some("yes") D=None E=Some("") F=Some("0.10")"#);
}

#[test]
fn values_have_positions() {
    let demand = good("name: a\nlease:\n  duration: 4h\n");
    assert_eq!(demand.position("lease.duration").map(|at| (at.line, at.column)), Some((3, 3)));
    assert_eq!(demand.position("lease.start"), None);
}

#[test]
fn phases_are_booleans_values_or_maps() {
    let request = |text: &str| good(&format!("setup_phases: {text}")).workload.phases;
    assert_eq!(request("true"), SetupRequest::recommended());
    assert!(
        request("{system: no, python: off, conda: false, docker: none, gpu: off, ray: false, custom: []}").is_empty()
    );
    let all = request("{conda: '3.12', docker: docker, gpu: amd, ray: '2.9.3', custom: [make]}");
    assert_eq!(all.conda.unwrap().python.as_deref(), Some("3.12"));
    assert_eq!(all.docker.unwrap().from, DockerRepository::Docker);
    assert_eq!(all.gpu, GpuRequest::Forced(Vendor::Amd, GpuStack::default()));
    assert_eq!(all.ray.unwrap().version, "2.9.3");
    assert_eq!((all.custom[0].name.as_str(), all.custom[0].run.as_str()), ("1", "make"));
    let gpu = request("{gpu: {vendor: auto, driver: 535, cuda: '12.2', cudnn: 8.9, from: vendor}}").gpu;
    let GpuRequest::Auto(stack) = gpu else { panic!("{gpu:?}") };
    assert_eq!(
        (stack.driver.as_deref(), stack.cuda.as_deref(), stack.from),
        (Some("535"), Some("12.2"), Some(GpuRepository::Vendor))
    );
    let slow = request(
        "{custom: [{name: swap, run: mk, check: is, user: root, timeout: 10m, tries: 3}], timeouts: {setup: 2h}}",
    );
    let swap = &slow.custom[0];
    assert_eq!((swap.user, swap.tries.get(), swap.check.as_deref()), (RunAs::Root, 3, Some("is")));
    assert_eq!(slow.timeouts[&PhaseKind::Setup], jiff::SignedDuration::from_hours(2));
}

#[test]
fn gpu_conflicts_are_reported_at_their_line() {
    let gpu = |text: &str| bad(&format!("setup_phases:\n  gpu:\n    {}\n", text.replace(", ", "\n    ")));
    let texts =
        ["driver: 470, cuda: '12.2'", "vendor: amd, cuda: '12.2'", "cuda: '13.0', cudnn: '8.9'", "cuda: '12.7'"];
    insta::assert_snapshot!(texts.map(gpu).join("\n"));
}

#[test]
fn empty_file_has_no_requirements() {
    let demand = good("# nothing yet\n");
    assert_eq!(demand.groups, Groups::Single { count: None, any_of: vec![Requirements::default()] });
}

#[test]
fn reference_documents_exactly_the_keys() {
    let reference = include_str!("../../../../../docs/reference/demand.md");
    let mut documented = BTreeSet::new();
    let mut section = String::new();
    for line in reference.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.trim_matches('`').to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            documented.insert((section.clone(), row.split('`').next().unwrap().to_owned()));
        }
    }
    let title = |section: DemandSection| match section {
        DemandSection::Task => "The top of the file".to_owned(),
        DemandSection::Group => "groups".to_owned(),
        other => other.name().to_owned(),
    };
    let known: BTreeSet<(String, String)> = KEYS.iter().map(|key| (title(key.section), key.name.to_owned())).collect();
    assert_eq!(documented, known);
}

#[test]
fn aliases_refer_to_supported_keys() {
    for key in KEYS {
        if let KeySupport::Alias(other) = key.support {
            assert!(
                KEYS.iter().any(|k| k.section == key.section && k.name == other && k.support == KeySupport::Supported),
                "{other}"
            );
        }
    }
}

/// Texts that resemble demand files, so that the reader gets past the first line.
fn demand_like() -> impl Strategy<Value = String> {
    let key = prop::sample::select(KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    let value = prop_oneof![
        Just("{}"),
        Just("[]"),
        Just("4+"),
        Just("V100:2"),
        Just("{A: 1, B: }"),
        Just("[1, x]"),
        Just("~"),
        Just("|"),
        Just("&a"),
        Just("*a"),
        Just("\"x"),
        Just("aws/x/y"),
        Just("{any_of: [{cpus: 1}]}"),
        Just(""),
        Just("-1"),
    ];
    let line =
        (0..3usize, key, value).prop_map(|(depth, key, value)| format!("{}{key}: {value}\n", "  ".repeat(depth)));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn every_text_is_a_demand_or_has_problems(text in prop_oneof!["\\PC*", "[a-z:{}\\[\\]&*\\-\n |>\"'#!%,]*", demand_like()]) {
        match parse("x.yaml", &text) {
            Ok(demand) => prop_assert!(demand.warnings.iter().all(|p| p.severity == Severity::Warning)),
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                prop_assert!(!render(&problems).is_empty());
            }
        }
    }
}
