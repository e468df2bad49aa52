//! The demand file as users write it, and everything that can be wrong with it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::keys::{Fate, KEYS, Section};
use super::*;
use crate::demand::{Requirements, render};
use crate::setup::gpu::{GpuFrom, GpuRequest, GpuStack, Maker};
use crate::setup::{DockerFrom, PhaseKind, Privilege, SetupRequest};

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

/// The first message of what is wrong with a text, without its place.
fn complaint(text: &str) -> String {
    let problems = parse("demand.yaml", text).map(|demand| format!("{demand:?}")).unwrap_err();
    problems.into_iter().find(|problem| problem.severity == Severity::Error).unwrap().message
}

fn any_of(text: &str) -> Vec<Requirements> {
    match good(text).groups {
        Groups::Alike { any_of, .. } => any_of,
        Groups::Listed(groups) => groups.into_iter().flat_map(|group| group.any_of).collect(),
    }
}

fn brief(needs: &Requirements) -> String {
    let gpus = needs.gpus.as_ref().map(ToString::to_string).unwrap_or_default();
    let sites: Vec<String> = needs.sites.iter().map(ToString::to_string).collect();
    format!("cpus={} memory={} gpus={gpus} sites={} {:?}", needs.cpus, needs.memory, sites.join(","), needs.spot)
}

#[test]
fn every_file_of_the_corpus_is_a_demand() {
    for (file, text) in CORPUS {
        assert!(parse(file, text).is_ok(), "{file}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
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
    insta::assert_snapshot!(report, @r#"
    error: demand.yaml:3:1: `num_node` is not a key of the demand
      3 | num_node: 3
        | ^^^^^^^^ did you mean `num_nodes`?

    error: demand.yaml:4:1: `cpus` is not a key of the demand
      4 | cpus: 4
        | ^^^^ `cpus` belongs under `resources`

    error: demand.yaml:6:3: `acelerators` is not a key of `resources`
      6 |   acelerators: V100:1
        |   ^^^^^^^^^^^ did you mean `accelerators`?

    error: demand.yaml:7:11: memory: `lots` is not a size: use a number of GiB, or a unit, as `512MB` or `4GB`
      7 |   memory: lots
        |           ^^^^

    error: demand.yaml:8:9: cpus: must be a text or a number, but is a list
      8 |   cpus: [1, 2]
        |         ^

    error: demand.yaml:9:17: accelerators: `0.5` is not a number of accelerators: use a whole number from 1, as in `V100:1`
      9 |   accelerators: V100:0.5
        |                 ^^^^^^^^

    error: demand.yaml:10:10: ports: `70000` is not a port: use one from 1 to 65535, or a range, as `8080` or `10022-10040`
      10 |   ports: 70000
         |          ^^^^^

    error: demand.yaml:11:3: `job_recovery` is not served
      11 |   job_recovery: FAILOVER
         |   ^^^^^^^^^^^^ a failed job is started again by `hostler up`

    warning: demand.yaml:12:3: `disk_tier` has no effect
      12 |   disk_tier: best
         |   ^^^^^^^^^ disks are as the site gives them

    error: demand.yaml:13:3: `ports` stands here twice, first in line 10
      13 |   ports: 80
         |   ^^^^^

    error: demand.yaml:14:19: duration: `soon` is not a duration: use `90m`, `4h`, `1h30m` or `2d`, more than nothing and at most 10 years
      14 | lease: {duration: soon, untill: tomorrow}
         |                   ^^^^

    error: demand.yaml:14:25: `untill` is not a key of `lease`
      14 | lease: {duration: soon, untill: tomorrow}
         |                         ^^^^^^

    error: demand.yaml:16:10: files are not fetched from `s3://`
      16 |   /data: s3://bucket
         |          ^^^^^^^^^^^ fetch it in `setup`, by the store's own tool

    error: demand.yaml:17:3: buckets and volumes are not mounted: `/more`
      17 |   /more: {name: x, mode: MOUNT}
         |   ^^^^^ copy it in `setup`, by the store's own tool

    error: demand.yaml:18:1: `service` is not served
      18 | service:
         | ^^^^^^^ start the server in `run` and open its port by `resources.ports`
    "#);
}

#[test]
fn warnings_say_what_has_no_effect() {
    let text = CORPUS.iter().find(|(file, _)| *file == "finetune.yaml").unwrap().1;
    insta::assert_snapshot!(render(&good(text).warnings), @r#"
    warning: demand.yaml:2:7: the deployment is called `finetune-7b`
      2 | name: Finetune_7B
        |       ^^^^^^^^^^^ use 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter

    warning: demand.yaml:5:10: the zone `us-east-1b` has no effect
      5 |   infra: aws/us-east-1/us-east-1b
        |          ^^^^^^^^^^^^^^^^^^^^^^^^ any zone of the region will do

    warning: demand.yaml:10:3: `disk_tier` has no effect
      10 |   disk_tier: best
         |   ^^^^^^^^^ disks are as the site gives them

    warning: demand.yaml:12:3: `autostop` has no effect
      12 |   autostop: {idle_minutes: 30, down: true}
         |   ^^^^^^^^ idle machines are kept, and cost money: set `lease.duration`, or `hostler down`
    "#);
}

#[test]
fn alternatives_inherit_what_is_common() {
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
fn merge_keys_and_aliases_repeat_what_is_written_once() {
    let text = CORPUS.iter().find(|(file, _)| *file == "anchors.yaml").unwrap().1;
    let memory: Vec<String> = any_of(text).iter().map(|needs| format!("{} {}", needs.cpus, needs.memory)).collect();
    assert_eq!(memory, ["2 4GiB", "2 8GiB", "2 4GiB"]);
}

#[test]
fn ports_are_numbers_ranges_and_texts() {
    let text = CORPUS.iter().find(|(file, _)| *file == "sweep.yaml").unwrap().1;
    assert_eq!(any_of(text)[0].ports, BTreeSet::from([6006, 8080, 9000, 9001, 9002]));
    assert_eq!(any_of("resources: {ports: 80}")[0].ports, BTreeSet::from([80]));
    assert!(any_of("resources: {ports: null}")[0].ports.is_empty());
}

#[test]
fn accelerators_are_written_in_four_ways() {
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
            let needs = any_of(&format!("resources: {{{key}: {text}}}"));
            let found: Vec<String> = needs.iter().map(|needs| needs.gpus.as_ref().unwrap().to_string()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}

#[test]
fn places_are_named_by_infra_or_cloud() {
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
fn what_is_not_served_is_refused() {
    for (text, message) in [
        ("num_nodes: 4000000000", "is not a number of machines"),
        ("resources: {infra: k8s/here}", "`k8s` is not served"),
        ("resources: {cloud: aws, infra: aws}", "say the same"),
        ("resources: {region: us-east-1}", "of no cloud"),
        ("resources: {image_id: 'docker:ubuntu'}", "container"),
        ("resources: {image_id: {us-east-1: ami-1}}", "each region"),
        ("resources: {any_of: [{cpus: 1}], ordered: [{cpus: 2}]}", "exclude"),
        ("resources: {any_of: [{any_of: []}]}", "is not a key of an alternative"),
        ("resources: {gpus: 1, accelerators: 1}", "mean the same"),
        ("resources: {any_of: []}", "at least one"),
        ("num_nodes: 2\ngroups: {a: {}}", "exclude"),
        ("num_nodes: 0", "is not a number of machines"),
        ("groups: {}", "at least one group"),
        ("groups: {A_b: {}}", "is not a group name"),
        ("workdir: .\nsource: .", "use one of them"),
        ("workdir: {ref: main}", "needs a `url`"),
        ("source: ext::sh", "protocol"),
        ("setup_phases: {dokcer: true}", "`dokcer` is not a key"),
        ("setup_phases: {ray: latest}", "is not a version"),
        ("setup_phases: {gpu: voodoo}", "makes no accelerators"),
        ("setup_phases: {conda: {installer: 'https://x/y.sh'}}", "needs its `sha256`"),
        ("setup_phases: {conda: {installer: x.sh, sha256: abc}}", "64 hexadecimal digits"),
        ("setup_phases: {conda: {sha256: abc}}", "needs the `installer`"),
        ("setup_phases: {conda: {packages: [-y]}}", "is not a word that conda takes"),
        ("setup_phases: {docker: {build: ../up}}", "is not a file of the repository"),
        ("setup_phases: {docker: {from: snap}}", "no packages of Docker"),
        ("setup_phases: {custom: [{name: a}]}", "needs a `run`"),
        ("setup_phases: {custom: [{name: a, run: x}, {name: a, run: y}]}", "two steps are called `a`"),
        ("setup_phases: {custom: [{name: '../a', run: x}]}", "is not a name"),
        ("setup_phases: {custom: [{run: x, tries: 0}]}", "is not a number of tries"),
        ("setup_phases: {limits: {reach: 1m}}", "--ssh-timeout"),
        ("setup_phases: {limits: {dokcer: 1m}}", "is no phase"),
        ("envs: {A-B: 1}", "`A-B` is not the name of a variable"),
        ("envs: [A]", "must be a map"),
        ("- a list", "must be a map"),
        ("just a text", "must be a map"),
        ("name: '..'", "is not a deployment name"),
        ("packages: [-y]", "is not a package"),
        ("python: three", "is not a version"),
        ("run: ''", "is empty"),
        ("run: [a, b]", "must be a text"),
        ("name: a\nname: b", "stands here twice, first in line 1"),
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
fn what_is_turned_off_is_no_problem() {
    let text =
        "service: null\nsetup_phases: {docker: false, gpu: none}\nresources: {job_recovery: none, autostop: false}";
    assert_eq!(good(text).warnings, []);
}

#[test]
fn secrets_are_never_shown() {
    let secret = "hunter2-very-long";
    let demand = good(&format!("secrets: {{TOKEN: {secret}, OTHER: null}}"));
    assert_eq!(demand.secrets.reveal("TOKEN"), Some(secret));
    assert_eq!(demand.work.secrets, BTreeSet::from(["OTHER".to_owned(), "TOKEN".to_owned()]));
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
    assert_eq!(good("secrets: [A, B]").work.secrets, BTreeSet::from(["A".to_owned(), "B".to_owned()]));
}

#[test]
fn values_stay_as_they_are_written() {
    let demand = good("envs: {A: 1e-4, B: 010, C: yes, D: null, E: '', F: 0.10}");
    let shown: Vec<String> = demand.envs.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    assert_eq!(shown.join(" "), r#"A=Some("1e-4") B=Some("010") C=Some("yes") D=None E=Some("") F=Some("0.10")"#);
}

#[test]
fn values_know_their_lines() {
    let demand = good("name: a\nlease:\n  duration: 4h\n");
    assert_eq!(demand.at("lease.duration").map(|at| (at.line, at.column)), Some((3, 3)));
    assert_eq!(demand.at("lease.start"), None);
}

#[test]
fn phases_are_a_yes_a_word_or_a_map() {
    let wish = |text: &str| good(&format!("setup_phases: {text}")).work.phases;
    assert_eq!(wish("true"), SetupRequest::usual());
    assert!(wish("{system: no, python: off, conda: false, docker: none, gpu: off, ray: false, custom: []}").is_empty());
    let all = wish("{conda: '3.12', docker: docker, gpu: amd, ray: '2.9.3', custom: [make]}");
    assert_eq!(all.conda.unwrap().python.as_deref(), Some("3.12"));
    assert_eq!(all.docker.unwrap().from, DockerFrom::Docker);
    assert_eq!(all.gpu, GpuRequest::Forced(Maker::Amd, GpuStack::default()));
    assert_eq!(all.ray.unwrap().version, "2.9.3");
    assert_eq!((all.custom[0].name.as_str(), all.custom[0].run.as_str()), ("1", "make"));
    let gpu = wish("{gpu: {maker: auto, driver: 535, cuda: '12.2', cudnn: 8.9, from: maker}}").gpu;
    let GpuRequest::Auto(stack) = gpu else { panic!("{gpu:?}") };
    assert_eq!(
        (stack.driver.as_deref(), stack.cuda.as_deref(), stack.from),
        (Some("535"), Some("12.2"), Some(GpuFrom::Maker))
    );
    let slow =
        wish("{custom: [{name: swap, run: mk, check: is, user: root, timeout: 10m, tries: 3}], limits: {setup: 2h}}");
    let swap = &slow.custom[0];
    assert_eq!((swap.user, swap.tries.get(), swap.check.as_deref()), (Privilege::Root, 3, Some("is")));
    assert_eq!(slow.limits[&PhaseKind::Setup], jiff::SignedDuration::from_hours(2));
}

#[test]
fn drivers_and_toolkits_that_cannot_go_together_are_refused_at_their_line() {
    let gpu = |text: &str| bad(&format!("setup_phases:\n  gpu:\n    {}\n", text.replace(", ", "\n    ")));
    let texts = ["driver: 470, cuda: '12.2'", "maker: amd, cuda: '12.2'", "cuda: '13.0', cudnn: '8.9'", "cuda: '12.7'"];
    insta::assert_snapshot!(texts.map(gpu).join("\n"));
}

#[test]
fn an_empty_file_asks_for_nothing() {
    let demand = good("# nothing yet\n");
    assert_eq!(demand.groups, Groups::Alike { count: None, any_of: vec![Requirements::default()] });
}

#[test]
fn the_reference_knows_every_key_and_no_other() {
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
    let title = |section: Section| match section {
        Section::Task => "The top of the file".to_owned(),
        Section::Group => "groups".to_owned(),
        other => other.name().to_owned(),
    };
    let known: BTreeSet<(String, String)> = KEYS.iter().map(|key| (title(key.section), key.name.to_owned())).collect();
    assert_eq!(documented, known);
}

#[test]
fn other_words_lead_to_keys_that_are_read() {
    for key in KEYS {
        if let Fate::Same(other) = key.fate {
            assert!(
                KEYS.iter().any(|k| k.section == key.section && k.name == other && k.fate == Fate::Read),
                "{other}"
            );
        }
    }
}

/// Texts that look like demand files, so that the reader gets deeper than the first line.
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
    fn any_text_is_a_demand_or_has_problems(text in prop_oneof!["\\PC*", "[a-z:{}\\[\\]&*\\-\n |>\"'#!%,]*", demand_like()]) {
        match parse("x.yaml", &text) {
            Ok(demand) => prop_assert!(demand.warnings.iter().all(|p| p.severity == Severity::Warning)),
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                prop_assert!(!render(&problems).is_empty());
            }
        }
    }
}
