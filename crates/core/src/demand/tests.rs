//! Merging of overrides, file and scan.

use std::path::Path;

use super::*;
use crate::scan::{Suggestion, Suggestions};

/// Inputs of one test.
#[derive(Default)]
struct Case<'a> {
    file: &'a str,
    flags: Overrides,
    scan: Option<Suggestions>,
    own_file: bool,
}

impl Case<'_> {
    fn run(&self) -> Result<CompletedDemand, Vec<Diagnostic>> {
        let file = (!self.file.is_empty()).then(|| parse("demand.yaml", self.file).unwrap());
        let home = Some(Path::new("/home/ann"));
        let author = if self.own_file { FileAuthor::Repository } else { FileAuthor::User { home } };
        complete(&DemandInputs {
            overrides: &self.flags,
            file: file.as_ref(),
            scan: self.scan.as_ref(),
            base: PathBase { directory: Path::new("/srv/project"), author },
            fallback_name: "my_repo.git",
        })
    }

    fn demand(&self) -> Demand {
        self.run().unwrap_or_else(|problems| panic!("{}", render(&problems))).demand
    }

    /// Origins of the value at a path.
    fn origin(&self, path: &str) -> String {
        let completed = self.run().unwrap();
        completed.origins.of(path).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn complaint(&self) -> String {
        render(&self.run().unwrap_err())
    }
}

fn value(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn chosen<T>(value: T) -> Option<Suggestion<T>> {
    Some(Suggestion { value, evidence: vec![7] })
}

fn scan() -> Suggestions {
    Suggestions {
        cpus: chosen(16),
        memory: chosen(Bytes::gib(64)),
        gpus: chosen(GpuRequirement { model: None, count: NonZeroU32::MIN }),
        count: chosen(NonZeroU32::new(3).unwrap()),
        run: chosen("make".to_owned()),
        python: chosen(PythonRequest { version: value("3.9"), install_project: true, ..PythonRequest::default() }),
        packages: vec![Suggestion { value: "git".to_owned(), evidence: vec![2] }],
        ..Suggestions::default()
    }
}

#[test]
fn overrides_alone_make_a_demand() {
    let flags =
        Overrides { cpus: value("4+"), gpus: value("A100:1"), on: vec!["local".to_owned()], ..Default::default() };
    let demand = Case { flags, ..Case::default() }.demand();
    assert_eq!((demand.name.as_str(), demand.groups[0].name.as_str()), ("my-repo-git", "node"));
    let [requirements] = demand.groups[0].any_of.as_slice() else { panic!("{demand:?}") };
    assert_eq!(requirements.cpus, Amount::AtLeast(4));
    assert_eq!(requirements.gpus.as_ref().unwrap().to_string(), "A100:1");
    assert_eq!((requirements.memory, demand.on[0].to_string().as_str()), (Amount::Any, "local"));
}

#[test]
fn overrides_beat_the_file_and_the_file_beats_the_scan() {
    let file = "num_nodes: 2\nresources:\n  cpus: 8\n  memory: 32+\n";
    let flags = Overrides { cpus: value("4"), ..Default::default() };
    let case = Case { file, flags, scan: Some(scan()), ..Case::default() };
    let group = case.demand().groups.remove(0);
    let [requirements] = group.any_of.as_slice() else { panic!("{group:?}") };
    assert_eq!((group.count.get(), requirements.cpus), (2, Amount::Exactly(4)));
    assert_eq!((requirements.memory, requirements.gpus.is_some()), (Amount::AtLeast(Bytes::gib(32)), true));
    assert!(case.demand().workload.packages.contains("git"));
    let own = Case { file: "packages: [jq]\n", scan: Some(scan()), ..Case::default() };
    assert_eq!(own.demand().workload.packages, ["jq".to_owned()].into());
    for (path, origin) in [
        ("groups.node.count", "demand.yaml:1"),
        ("groups.node.cpus", "cpus"),
        ("groups.node.memory", "demand.yaml:4"),
        ("groups.node.accelerators", "scan"),
        ("groups.node.disk_size", "default"),
        ("run", "scan"),
        ("name", "default"),
    ] {
        assert_eq!(case.origin(path), origin, "{path}");
    }
}

#[test]
fn scan_fills_only_requirements_that_no_alternative_sets() {
    let file = "resources: {any_of: [{gpus: A100}, {cpus: 64+}]}";
    let demand = Case { file, scan: Some(scan()), ..Case::default() }.demand();
    let shown: Vec<(Amount<u32>, bool, Amount<Bytes>)> = demand.groups[0]
        .any_of
        .iter()
        .map(|requirements| (requirements.cpus, requirements.gpus.is_some(), requirements.memory))
        .collect();
    let memory = Amount::AtLeast(Bytes::gib(64));
    assert_eq!(shown, [(Amount::Any, true, memory), (Amount::AtLeast(64), false, memory)]);
}

#[test]
fn scan_leaves_named_groups_and_node_types_alone() {
    let listed = Case { file: "groups: {a: {}, b: {cpus: 2}}", scan: Some(scan()), ..Case::default() }.demand();
    assert_eq!(listed.groups[0].any_of, [Requirements::default()]);
    assert_eq!(listed.workload.run.as_deref(), Some("make"));
    let file = "resources: {instance_type: m5.large}";
    let named = Case { file, scan: Some(scan()), ..Case::default() }.demand();
    assert_eq!(named.groups[0].any_of[0].cpus, Amount::Any);
}

#[test]
fn override_merges_equal_alternatives() {
    let flags = Overrides { gpus: value("H100"), ..Default::default() };
    let demand = Case { file: "resources: {gpus: [A100, V100]}", flags, ..Case::default() }.demand();
    assert_eq!(demand.groups[0].any_of.len(), 1);
}

#[test]
fn site_override_replaces_sites_of_the_file() {
    let file = "on: [lab]\nresources: {any_of: [{infra: aws}, {infra: gcp}]}";
    for (flag, on) in [("local", "local"), ("any", "")] {
        let flags = Overrides { on: vec![flag.to_owned()], ..Default::default() };
        let demand = Case { file, flags, ..Case::default() }.demand();
        assert_eq!(demand.groups[0].any_of, [Requirements::default()]);
        assert_eq!(demand.on.iter().map(ToString::to_string).collect::<String>(), on);
    }
}

#[test]
fn count_override_requires_a_single_group() {
    let flags = || Overrides { count: value("5"), ..Default::default() };
    let one = Case { file: "groups: {a: {}}", flags: flags(), ..Case::default() };
    assert_eq!((one.demand().groups[0].count.get(), one.origin("groups.a.count").as_str()), (5, "count"));
    let two = Case { file: "groups: {a: {}, b: {}}", flags: flags(), ..Case::default() };
    assert!(two.complaint().contains("count: the demand file has several groups"));
}

#[test]
fn all_problems_of_overrides_are_reported_at_once() {
    let flags = Overrides {
        cpus: value("many"),
        memory: value("lots"),
        start: value("yesterday"),
        on: vec!["Somewhere Else".to_owned()],
        envs: vec!["TOKEN".to_owned(), "A-B=hunter2".to_owned()],
        secrets: vec!["TOKEN=hunter2".to_owned()],
        ..Default::default()
    };
    let report = Case { flags, ..Case::default() }.complaint();
    assert!(!report.contains("hunter2"));
    insta::assert_snapshot!(report, @r"
    error: on: `Somewhere Else` is not a provider: use 1 to 40 lower-case letters, digits and inner hyphens, beginning with a letter

    error: cpus: `many` is not a number of CPUs: use a whole number such as `4` or `4+`

    error: memory: `lots` is not a size: use a number of GiB, or a unit as in `512MB` or `4GB`

    error: start: `yesterday` is not a time: use `2025-10-30T20:00Z`, with an offset, or without one for UTC

    error: env: write it as `NAME=VALUE`

    error: env: `A-B` is not the name of a variable: use letters, digits and `_`, not starting with a digit

    error: secret: expected the name of a variable without a value: export `TOKEN` and use the name
    ");
}

#[test]
fn paths_and_variables_are_resolved() {
    let file = "envs: {SIZE: 7b, DIR: data}\nworkdir: ./$DIR\nfile_mounts: {'/m/${SIZE}': '~/${DIR}/${OTHER}'}\n";
    let flags = Overrides { envs: vec!["SIZE=13b".to_owned()], ..Default::default() };
    let work = Case { file, flags, ..Case::default() }.demand().workload;
    assert_eq!(work.source.unwrap().location, "/srv/project/data");
    assert_eq!(work.files, BTreeMap::from([("/m/13b".to_owned(), "/home/ann/data/${OTHER}".to_owned())]));
    assert_eq!(work.envs["SIZE"], "13b");
}

#[test]
fn variable_without_value_requires_an_override() {
    let report = Case { file: "envs: {SIZE: }", ..Case::default() }.complaint();
    insta::assert_snapshot!(report, @r"
    error: demand.yaml:1:1: variable `SIZE` has no value
      1 | envs: {SIZE: }
        | ^^^^ use `env: SIZE=…`, or list it under `secrets`
    ");
    let flags = Overrides { envs: vec!["SIZE=a=b".to_owned()], ..Default::default() };
    assert_eq!(Case { file: "envs: {SIZE: }", flags, ..Case::default() }.demand().workload.envs["SIZE"], "a=b");
}

#[test]
fn repository_file_uses_only_paths_inside_it() {
    for file in [
        "workdir: ..",
        "source: /etc",
        "source: 'file:///srv/other'",
        "workdir: {url: ../x}",
        "file_mounts: {/x: ~/.ssh}",
        "envs: {H: /etc}\nfile_mounts: {/x: $H}",
    ] {
        let case = Case { file, own_file: true, ..Case::default() };
        assert!(case.complaint().contains("outside the repository"), "{file}");
        assert!(Case { file, ..Case::default() }.run().is_ok(), "{file}");
    }
}

#[test]
fn mounts_of_a_repository_file_are_relative_to_it() {
    let file = "file_mounts: {/x: ./data, /y: .}";
    let files = Case { file, own_file: true, ..Case::default() }.demand().workload.files;
    assert_eq!(files.values().collect::<Vec<_>>(), ["data", "."]);
}

#[test]
fn repository_file_reads_only_secrets_that_the_user_names() {
    let file = "secrets: [HF_TOKEN]";
    let case = Case { file, own_file: true, ..Case::default() };
    assert!(case.complaint().contains("use `secret: HF_TOKEN`"));
    let flags = Overrides { secrets: vec!["HF_TOKEN".to_owned()], ..Default::default() };
    assert!(Case { file, flags, own_file: true, ..Case::default() }.demand().workload.secrets.contains("HF_TOKEN"));
}

#[test]
fn demand_contains_no_secret_values() {
    let demand = Case { file: "secrets: {TOKEN: hunter2}", ..Case::default() }.demand();
    assert!(demand.workload.secrets.contains("TOKEN"));
    assert!(!serde_json::to_string(&demand).unwrap().contains("hunter2"));
}

#[test]
fn scan_completes_the_python_environment() {
    let python = |file| Case { file, scan: Some(scan()), ..Case::default() }.demand().workload.python.unwrap();
    let version_only = python("python: '3.12'");
    assert_eq!((version_only.version.as_deref(), version_only.install_project), (Some("3.12"), true));
    let requirements = python("python: {requirements: [numpy]}");
    assert_eq!((requirements.version.as_deref(), requirements.install_project), (Some("3.9"), false));
}

#[test]
fn source_override_replaces_workdir() {
    let source = source::parse_source("https://example.org/o/p@v1", Path::new("/")).unwrap();
    let flags = Overrides { source: Some(source.clone()), ..Default::default() };
    assert_eq!(Case { file: "workdir: .", flags, ..Case::default() }.demand().workload.source, Some(source));
    let file = "workdir: {url: 'https://example.org/o/p', ref: main}";
    assert_eq!(Case { file, ..Case::default() }.demand().workload.source.unwrap().revision.as_deref(), Some("main"));
}

#[test]
fn conda_uses_the_repositorys_environment_file_by_default() {
    let scan = || Some(Suggestions { conda_file: chosen("environment.yml".to_owned()), ..Suggestions::default() });
    let file = |text| {
        let demand = Case { file: text, scan: scan(), ..Case::default() }.demand();
        demand.workload.phases.conda.and_then(|conda| conda.file)
    };
    assert_eq!(file("workdir: .\nsetup_phases: {conda: true}\n").as_deref(), Some("environment.yml"));
    assert_eq!(file("workdir: .\nsetup_phases: {conda: {packages: [numpy]}}\n"), None);
    assert_eq!(file("workdir: .\n"), None, "conda is not requested");
}

#[test]
fn paths_in_the_source_require_a_source() {
    for (phases, key) in
        [("{docker: {build: .}}", "`docker.build`"), ("{conda: {file: environment.yml}}", "`conda.file`")]
    {
        let text = format!("setup_phases: {phases}\n");
        let complaint = Case { file: &text, ..Case::default() }.complaint();
        assert!(complaint.contains(key) && complaint.contains("set `source`"), "{complaint}");
        let with = format!("{text}workdir: .\n");
        assert!(Case { file: &with, ..Case::default() }.run().is_ok());
    }
}
