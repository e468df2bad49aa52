use jiff::SignedDuration;

use super::*;
use crate::demand::{Demand, GpuNeed, Requirements};
use crate::money::Money;
use crate::offer::Market;
use crate::plan::tests::text::{demand, market, now};
use crate::scan::{Chosen, Suggested};
use crate::time::Window;

fn site() -> Market {
    market(
        "chameleon/uc compute cpus=48 memory=192 disk=240 hosts=n1,n2@10:00/20:00,n3! price=1 images=ubuntu-22.04,debian-12 infiniband=true
         chameleon/uc compute_old cpus=24 memory=64 disk=240 hosts=o1 price=1 images=ubuntu-22.04
         chameleon/uc gpu_a100 cpus=128 memory=512 disk=960 gpus=A100:4 hosts=g1 price=2 images=ubuntu-22.04-cuda,ubuntu-22.04
         chameleon/tacc gpu_rtx cpus=48 memory=192 disk=240 gpus=RTX6000:1 hosts=r1@10:00/20:00 price=2 images=ubuntu-22.04-cuda",
    )
}

/// What came of an opinion, for people.
fn told<T: Clone + fmt::Debug + PartialEq>(ruling: &Ruling<T>) -> Vec<String> {
    assert!(
        !ruling.taken.is_empty() || ruling.choice == ruling.rule,
        "only what was taken makes a difference: {ruling:?}"
    );
    let taken = ruling.taken.iter().map(ToString::to_string);
    taken.chain(ruling.refused.iter().map(ToString::to_string)).collect()
}

fn required(said: &str, rule: &RequirementsOpinion) -> Ruling<RequirementsOpinion> {
    requirements(Opinion::Said(said), rule, &site(), &Bounds::default())
}

fn refusal(said: &str) -> String {
    let ruling = required(said, &RequirementsOpinion::default());
    assert_eq!((ruling.choice, ruling.taken.as_slice()), (RequirementsOpinion::default(), &[][..]), "{said}");
    ruling.refused.iter().map(|refused| format!("{refused}\n")).collect()
}

/// Nothing of an answer counts that a file of the same content would be refused for.
#[test]
fn an_answer_that_can_not_be_read_leaves_the_rule() {
    let long = format!("{{\"reason\": \"{}\"}}", "x".repeat(70_000));
    let told: String = [
        "",
        " \n",
        "I would take 8 processors.",
        "Here you are: {\"cpus\": 8}",
        "{\"cpus\": 8} I hope that this helps.",
        "```json\n{\"cpus\": 8}\n```\nI hope that this helps.",
        "Of course!\n```json\n{\"cpus\": 8}\n```",
        "```json\n{\"cpus\": 8}\n```\n```json\n{\"cpus\": 9}\n```",
        "```json\n{\"cpus\": 8}",
        "```json {\"cpus\": 8} ```",
        "```yaml\ncpus: 8\n```",
        "```\n```",
        "[{\"cpus\": 8}]",
        "[8, 32]",
        "\"{cpus: 8}\"",
        "null",
        "{\"cpus\": 8",
        "{\"cpus\": 8, \"cpus\": 1}",
        "{\"cpus\": 8, \"zone\": \"uc\"}",
        "{\"cpus\": true}",
        "{\"cpus\": \"8\"}",
        "{\"cpus\": 8.5}",
        "{\"cpus\": -8}",
        "{\"cpus\": 0}",
        "{\"cpus\": 1e999}",
        "{\"memory_gib\": NaN}",
        "{\"memory_gib\": true}",
        "{\"os\": [\"ubuntu-22.04\"]}",
        "{\"gpu_model\": {\"name\": \"A100\"}}",
        "{\"\\u001b[2Jcpus\": 1}",
        "{\"gpu_model\": \"A100\\u001b[2J\"}",
        "{\"os\": \"ubuntu\\u202e\"}",
        &format!("{{\"python\": \"{}\"}}", "3".repeat(501)),
        &long,
    ]
    .map(refusal)
    .concat();
    insta::assert_snapshot!(told);
}

#[test]
fn an_answer_may_stand_in_a_block_and_leave_things_open() {
    for said in [
        "{\"cpus\": 8}",
        " {\"cpus\": 8, \"gpus\": null, \"python\": null}\n",
        "```json\n{\"cpus\": 8}\n```",
        "```JSON\r\n{\"cpus\": 8}\r\n```\n",
        "```\n\n{\"cpus\": 8, \"reason\": \"as ``` says\"}\n\n```",
    ] {
        let ruling = required(said, &RequirementsOpinion::default());
        assert_eq!(told(&ruling), ["`cpus` = `8` is taken"], "{said}");
        assert_eq!(ruling.choice, RequirementsOpinion { cpus: Some(8), ..RequirementsOpinion::default() });
    }
}

#[test]
fn without_an_opinion_the_rule_decides() {
    let rule = RequirementsOpinion { cpus: Some(8), ..RequirementsOpinion::default() };
    let asked = |opinion| requirements(opinion, &rule, &site(), &Bounds::default());
    assert_eq!(asked(Opinion::NotAsked), Ruling::by_rule(rule.clone()));
    let missing = asked(Opinion::Missing("no answer after 30 s"));
    assert_eq!((&missing.choice, &missing.rule), (&rule, &rule));
    assert_eq!(told(&missing), ["the answer is refused: no answer came: no answer after 30 s"]);
    assert_eq!(told(&asked(Opinion::Said("{}"))), [""; 0]);
}

/// The rule as a scan makes it: what a file says is not a model's to change.
#[test]
fn requirements_are_taken_where_no_file_says_any_and_an_offer_has_them() {
    let evidence = vec![0];
    let scan = Suggested {
        gpus: Some(Chosen { value: GpuNeed { model: None, count: NonZeroU32::MIN }, evidence: evidence.clone() }),
        memory: Some(Chosen { value: Bytes::gib(32), evidence }),
        ..Suggested::default()
    };
    let rule = RequirementsOpinion::of(&scan);
    let said = r#"{"machines": 1, "cpus": 16, "memory_gib": 64, "disk_gib": 100.5, "gpus": 2, "os": "Ubuntu 22.04",
                   "cuda": "12.2", "python": "3.11", "reason": "it trains\u001b[31m a model"}"#;
    let ruling = required(said, &rule);
    insta::assert_snapshot!(told(&ruling).join("\n"), @r"
    `cpus` = `16` is taken
    `disk_gib` = `100.5GiB` is taken
    `machines` = `1` is taken
    `os` = `ubuntu 22.04` is taken
    `cuda` = `12.2` is taken
    `python` = `3.11` is taken
    `gpus` = `any:2` is refused: the rule has evidence for any:1
    `memory_gib` = `64GiB` is refused: the rule has evidence for 32GiB
    ");
    assert_eq!(ruling.reason.as_deref(), Some("it trains [31m a model"));
    let needs = ruling.choice.needs();
    assert_eq!(
        (needs.gpus, needs.memory.least(), needs.image.as_deref()),
        (rule.gpus, rule.memory, Some("ubuntu 22.04"))
    );
}

#[test]
fn requirements_beyond_facts_and_bounds_are_refused_by_themselves() {
    let said = [
        r#"{"cpus": 33, "memory_gib": 129, "disk_gib": 501, "gpus": 3, "machines": 2, "python": "3.12"}"#,
        r#"{"memory_gib": -1, "disk_gib": 0, "os": "ubuntu-", "cuda": "latest", "python": "3.x"}"#,
        r#"{"memory_gib": 1e300, "gpu_model": "H100", "os": "windows-11", "python": "2.7", "cuda": "12"}"#,
        // What is on offer has either this accelerator, or that system.
        r#"{"gpus": 1, "gpu_model": "A100", "os": "debian-12", "cuda": "12"}"#,
        r#"{"gpus": 0, "gpu_model": "A100", "cuda": "11.8"}"#,
    ];
    let told = said.map(|said| told(&required(said, &RequirementsOpinion::default())).join("\n")).join("\n\n");
    insta::assert_snapshot!(told);
    let dear = Bounds { budget: Budget { per_hour: Some(Money(1_500_000)), total: None }, ..Bounds::default() };
    let ruling = requirements(Opinion::Said("{\"gpus\": 1}"), &RequirementsOpinion::default(), &site(), &dear);
    assert_eq!(told_of(&ruling), ["`gpus` = `any:1` is refused: no offer has it, together with what is settled"]);
    let unknown = Market::default();
    let ruling =
        requirements(Opinion::Said("{\"cpus\": 1}"), &RequirementsOpinion::default(), &unknown, &Bounds::default());
    assert_eq!(ruling.choice, RequirementsOpinion::default(), "where nothing is known, nothing is taken");
}

fn told_of<T>(ruling: &Ruling<T>) -> Vec<String> {
    ruling.refused.iter().map(ToString::to_string).collect()
}

fn chosen(said: &str, text: &str) -> Ruling<Option<Hardware>> {
    let (demand, market): (Demand, _) = (demand(text), site());
    let window = Window::of(now(), SignedDuration::from_hours(4)).unwrap();
    let wanted = Wanted { demand: &demand, group: &demand.groups[0], window: &window, market: &market };
    hardware(Opinion::Said(said), &wanted)
}

/// The choice, and what came of the opinion.
fn shown(said: &str, text: &str) -> String {
    let ruling = chosen(said, text);
    let name = |choice: &Option<Hardware>| match choice {
        Some(Hardware { site, node_type, filter: None }) => format!("{site} {node_type}"),
        Some(Hardware { site, node_type, filter: Some(filter) }) => format!("{site} {node_type} where {filter}"),
        None => "none".to_owned(),
    };
    let lines = told(&ruling).into_iter().map(|line| format!("  {line}\n"));
    let head = format!("{said}\n  {} (by the rule: {})\n", name(&ruling.choice), name(&ruling.rule));
    [head].into_iter().chain(lines).collect()
}

#[test]
fn a_node_type_is_one_that_serves_and_costs_no_more_than_the_rules() {
    let told = [
        r#"{"node_type": "compute"}"#,
        r#"{"node_type": "compute_cascadelake_r640"}"#,
        r#"{"node_type": "gpu_a100"}"#,
        r#"{"node_type": "gpu_rtx"}"#,
        r#"{"node_type": "compute", "site": "chameleon/tacc"}"#,
        r#"{"node_type": "compute", "filter": "infiniband and ram>=128GiB"}"#,
        r#"{"node_type": "compute_old", "filter": "infiniband"}"#,
        r#"{"filter": "ram>=100GiB"}"#,
        r#"{"filter": "rack=4"}"#,
        r#"{"filter": "[\"=\", \"$node_type\", \"compute\"]"}"#,
        r#"{"filter": ["and", "gpu"]}"#,
        r#"{"node_type": "compute", "filter": "gpu; rm -rf /"}"#,
    ]
    .map(|said| shown(said, "group node 1 cpus=8+"));
    insta::assert_snapshot!(told.concat());
}

#[test]
fn a_budget_allows_what_is_dearer() {
    let dearer = r#"{"node_type": "gpu_a100"}"#;
    let choice = |text| chosen(dearer, text).choice.unwrap().node_type;
    assert_eq!(choice("group node 1 cpus=8+\nlease per_hour=2"), "gpu_a100");
    assert_eq!(choice("group node 1 cpus=8+\nlease per_hour=1"), "compute_old");
    assert_eq!(choice("group node 1 cpus=8+\nlease total=8 duration=4h"), "gpu_a100");
    assert_eq!(choice("group node 1 cpus=8+\nlease total=7.99 duration=4h"), "compute_old");
    assert_eq!(chosen(dearer, "group node 2 cpus=8+ gpus=any:1").choice, None, "nobody has two of them free");
}

#[test]
fn an_image_is_one_of_those_that_serve_best() {
    let market = market(
        "chameleon/uc gpu gpus=A100:1 images=ubuntu-24.04-cuda,ubuntu-22.04-cuda,ubuntu-22.04,ubuntu-20.04-cuda,debian-12",
    );
    let needs = |text: &str| demand(text).groups[0].any_of[0].clone();
    let plain = needs("group node 1");
    let with = |image: &str| needs(&format!("group node 1 gpus=any:1 image={image}"));
    let ask = |said: &str, needs: &Requirements| {
        let ruling = image(Opinion::Said(&format!("{{\"image\": {said}}}")), needs, &market.offers[0]);
        let lines = told(&ruling).join("; ");
        format!("{} (by the rule: {}): {lines}\n", ruling.choice.unwrap_or_default(), ruling.rule.unwrap_or_default())
    };
    let told = [
        ask("\"ubuntu-22.04-cuda\"", &needs("group node 1 gpus=any:1")),
        ask("\"ubuntu-22.04\"", &needs("group node 1 gpus=any:1")),
        ask("\"debian-12\"", &plain),
        ask("\"CC-Ubuntu22.04-CUDA\"", &plain),
        ask("\"ubuntu-20.04-cuda\"", &with("ubuntu-22.04")),
        ask("[\"debian-12\"]", &plain),
        ask("\"debian-12\"", &with("windows-11")),
    ];
    insta::assert_snapshot!(told.concat());
}

#[test]
fn a_duration_keeps_to_the_longest_and_to_the_budget() {
    let rule = SignedDuration::from_hours(4);
    let budget = |total| Bounds { budget: Budget { per_hour: None, total: Some(Money(total)) }, ..Bounds::default() };
    let ask = |hours: &str, price, bounds: &Bounds| {
        let ruling = duration(Opinion::Said(&format!("{{\"hours\": {hours}}}")), rule, price, bounds);
        format!("{}: {}\n", crate::time::show_duration(ruling.choice), told(&ruling).join("; "))
    };
    let (free, tight) = (Bounds::default(), budget(10_000_000));
    let price = Some(Money(2_000_000));
    let mut told: Vec<String> =
        ["2", "1.5", "24", "24.1", "100000", "1e300", "0", "-4", "0.0001", "true", "\"4\"", "null", "[4]"]
            .map(|hours| ask(hours, price, &free))
            .to_vec();
    told.extend(["5", "6"].map(|hours| ask(hours, price, &tight)));
    told.extend(["3", "5"].map(|hours| ask(hours, None, &tight)));
    insta::assert_snapshot!(told.concat());
}

#[test]
fn a_ruling_is_told_as_json() {
    let ruling = required("{\"cpus\": 8, \"gpus\": 64, \"reason\": \"enough\"}", &RequirementsOpinion::default());
    insta::assert_json_snapshot!(ruling);
}
