use jiff::SignedDuration;

use super::*;
use crate::demand::{Demand, GpuRequirement, Requirements};
use crate::money::Money;
use crate::offer::Market;
use crate::plan::tests::text::{demand, market, now};
use crate::scan::{Suggestion, Suggestions};
use crate::time::Window;

fn site() -> Market {
    market(
        "chameleon/uc compute cpus=48 memory=192 disk=240 hosts=n1,n2@10:00/20:00,n3! price=1 images=ubuntu-22.04,debian-12 infiniband=true
         chameleon/uc compute_old cpus=24 memory=64 disk=240 hosts=o1 price=1 images=ubuntu-22.04
         chameleon/uc gpu_a100 cpus=128 memory=512 disk=960 gpus=A100:4 hosts=g1 price=2 images=ubuntu-22.04-cuda,ubuntu-22.04
         chameleon/tacc gpu_rtx cpus=48 memory=192 disk=240 gpus=RTX6000:1 hosts=r1@10:00/20:00 price=2 images=ubuntu-22.04-cuda",
    )
}

/// Accepted and rejected values, one per line.
fn lines<T: Clone + fmt::Debug + PartialEq>(decision: &AdvisedDecision<T>) -> Vec<String> {
    assert!(
        !decision.accepted.is_empty() || decision.choice == decision.rule,
        "only accepted values change the decision: {decision:?}"
    );
    let accepted = decision.accepted.iter().map(ToString::to_string);
    accepted.chain(decision.rejected.iter().map(ToString::to_string)).collect()
}

fn required(reply: &str, rule: &InferredRequirements) -> AdvisedDecision<InferredRequirements> {
    requirements(ModelAnswer::Text(reply), rule, &site(), &AnswerLimits::default())
}

fn refusal(reply: &str) -> String {
    let decision = required(reply, &InferredRequirements::default());
    assert_eq!((decision.choice, decision.accepted.as_slice()), (InferredRequirements::default(), &[][..]), "{reply}");
    decision.rejected.iter().map(|rejected| format!("{rejected}\n")).collect()
}

/// An invalid answer is ignored as a whole.
#[test]
fn invalid_answer_leaves_the_rule() {
    let long = format!("{{\"reason\": \"{}\"}}", "x".repeat(70_000));
    let outcomes: String = [
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
    insta::assert_snapshot!(outcomes);
}

#[test]
fn answer_may_be_fenced_and_omit_keys() {
    for reply in [
        "{\"cpus\": 8}",
        " {\"cpus\": 8, \"gpus\": null, \"python\": null}\n",
        "```json\n{\"cpus\": 8}\n```",
        "```JSON\r\n{\"cpus\": 8}\r\n```\n",
        "```\n\n{\"cpus\": 8, \"reason\": \"as ``` says\"}\n\n```",
    ] {
        let decision = required(reply, &InferredRequirements::default());
        assert_eq!(lines(&decision), ["`cpus` = `8` is accepted"], "{reply}");
        assert_eq!(decision.choice, InferredRequirements { cpus: Some(8), ..InferredRequirements::default() });
    }
}

#[test]
fn rule_decides_without_an_answer() {
    let rule = InferredRequirements { cpus: Some(8), ..InferredRequirements::default() };
    let asked = |opinion| requirements(opinion, &rule, &site(), &AnswerLimits::default());
    assert_eq!(asked(ModelAnswer::NotQueried), AdvisedDecision::by_rule(rule.clone()));
    let missing = asked(ModelAnswer::Unavailable("no answer after 30 s"));
    assert_eq!((&missing.choice, &missing.rule), (&rule, &rule));
    assert_eq!(lines(&missing), ["the answer is rejected: the model did not answer: no answer after 30 s"]);
    assert_eq!(lines(&asked(ModelAnswer::Text("{}"))), [""; 0]);
}

/// The rule is that of a scan. A model can't change values from files.
#[test]
fn answer_completes_requirements_that_an_offer_has() {
    let evidence = vec![0];
    let scan = Suggestions {
        gpus: Some(Suggestion {
            value: GpuRequirement { model: None, count: NonZeroU32::MIN },
            evidence: evidence.clone(),
        }),
        memory: Some(Suggestion { value: Bytes::gib(32), evidence }),
        ..Suggestions::default()
    };
    let rule = InferredRequirements::of(&scan);
    let reply = r#"{"machines": 1, "cpus": 16, "memory_gib": 64, "disk_gib": 100.5, "gpus": 2, "os": "Ubuntu 22.04",
                   "cuda": "12.2", "python": "3.11", "reason": "it trains\u001b[31m a model"}"#;
    let decision = required(reply, &rule);
    insta::assert_snapshot!(lines(&decision).join("\n"), @r"
    `cpus` = `16` is accepted
    `disk_gib` = `100.5GiB` is accepted
    `machines` = `1` is accepted
    `os` = `ubuntu 22.04` is accepted
    `cuda` = `12.2` is accepted
    `python` = `3.11` is accepted
    `gpus` = `any:2` is rejected: files of the repository require any:1
    `memory_gib` = `64GiB` is rejected: files of the repository require 32GiB
    ");
    assert_eq!(decision.reason.as_deref(), Some("it trains [31m a model"));
    let needs = decision.choice.to_requirements();
    assert_eq!(
        (needs.gpus, needs.memory.least(), needs.image.as_deref()),
        (rule.gpus, rule.memory, Some("ubuntu 22.04"))
    );
}

#[test]
fn requirements_beyond_offers_and_limits_are_rejected_one_by_one() {
    let reply = [
        r#"{"cpus": 33, "memory_gib": 129, "disk_gib": 501, "gpus": 3, "machines": 2, "python": "3.12"}"#,
        r#"{"memory_gib": -1, "disk_gib": 0, "os": "ubuntu-", "cuda": "latest", "python": "3.x"}"#,
        r#"{"memory_gib": 1e300, "gpu_model": "H100", "os": "windows-11", "python": "2.7", "cuda": "12"}"#,
        // The offers have either this GPU, or that system.
        r#"{"gpus": 1, "gpu_model": "A100", "os": "debian-12", "cuda": "12"}"#,
        r#"{"gpus": 0, "gpu_model": "A100", "cuda": "11.8"}"#,
    ];
    let outcomes = reply.map(|reply| lines(&required(reply, &InferredRequirements::default())).join("\n")).join("\n\n");
    insta::assert_snapshot!(outcomes);
    let dear =
        AnswerLimits { budget: Budget { per_hour: Some(Money(1_500_000)), total: None }, ..AnswerLimits::default() };
    let decision = requirements(ModelAnswer::Text("{\"gpus\": 1}"), &InferredRequirements::default(), &site(), &dear);
    assert_eq!(
        rejections(&decision),
        ["`gpus` = `any:1` is rejected: no offer has this together with the other requirements"]
    );
    let unknown = Market::default();
    let decision = requirements(
        ModelAnswer::Text("{\"cpus\": 1}"),
        &InferredRequirements::default(),
        &unknown,
        &AnswerLimits::default(),
    );
    assert_eq!(decision.choice, InferredRequirements::default(), "without offers, no value is accepted");
}

fn rejections<T>(decision: &AdvisedDecision<T>) -> Vec<String> {
    decision.rejected.iter().map(ToString::to_string).collect()
}

fn chosen(reply: &str, text: &str) -> AdvisedDecision<Option<NodeTypeChoice>> {
    let (demand, market): (Demand, _) = (demand(text), site());
    let window = Window::starting_at(now(), SignedDuration::from_hours(4)).unwrap();
    let wanted = NodeTypeQuery { demand: &demand, group: &demand.groups[0], window: &window, market: &market };
    node_type(ModelAnswer::Text(reply), &wanted)
}

/// The decision, and what was accepted and rejected.
fn shown(reply: &str, text: &str) -> String {
    let decision = chosen(reply, text);
    let name = |choice: &Option<NodeTypeChoice>| match choice {
        Some(NodeTypeChoice { site, node_type, filter: None }) => format!("{site} {node_type}"),
        Some(NodeTypeChoice { site, node_type, filter: Some(filter) }) => format!("{site} {node_type} where {filter}"),
        None => "none".to_owned(),
    };
    let lines = lines(&decision).into_iter().map(|line| format!("  {line}\n"));
    let head = format!("{reply}\n  {} (by the rule: {})\n", name(&decision.choice), name(&decision.rule));
    [head].into_iter().chain(lines).collect()
}

#[test]
fn node_type_must_be_suitable_and_no_dearer_than_the_rules() {
    let outcomes = [
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
    .map(|reply| shown(reply, "group node 1 cpus=8+"));
    insta::assert_snapshot!(outcomes.concat());
}

#[test]
fn dearer_node_types_are_accepted_within_the_budget() {
    let dearer = r#"{"node_type": "gpu_a100"}"#;
    let choice = |text| chosen(dearer, text).choice.unwrap().node_type;
    assert_eq!(choice("group node 1 cpus=8+\nlease per_hour=2"), "gpu_a100");
    assert_eq!(choice("group node 1 cpus=8+\nlease per_hour=1"), "compute_old");
    assert_eq!(choice("group node 1 cpus=8+\nlease total=8 duration=4h"), "gpu_a100");
    assert_eq!(choice("group node 1 cpus=8+\nlease total=7.99 duration=4h"), "compute_old");
    assert_eq!(chosen(dearer, "group node 2 cpus=8+ gpus=any:1").choice, None, "no offer has two of them");
}

#[test]
fn image_must_be_one_of_the_best() {
    let market = market(
        "chameleon/uc gpu gpus=A100:1 images=ubuntu-24.04-cuda,ubuntu-22.04-cuda,ubuntu-22.04,ubuntu-20.04-cuda,debian-12",
    );
    let needs = |text: &str| demand(text).groups[0].any_of[0].clone();
    let plain = needs("group node 1");
    let with = |image: &str| needs(&format!("group node 1 gpus=any:1 image={image}"));
    let ask = |reply: &str, needs: &Requirements| {
        let decision = image(ModelAnswer::Text(&format!("{{\"image\": {reply}}}")), needs, &market.offers[0]);
        let lines = lines(&decision).join("; ");
        format!(
            "{} (by the rule: {}): {lines}\n",
            decision.choice.unwrap_or_default(),
            decision.rule.unwrap_or_default()
        )
    };
    let outcomes = [
        ask("\"ubuntu-22.04-cuda\"", &needs("group node 1 gpus=any:1")),
        ask("\"ubuntu-22.04\"", &needs("group node 1 gpus=any:1")),
        ask("\"debian-12\"", &plain),
        ask("\"CC-Ubuntu22.04-CUDA\"", &plain),
        ask("\"ubuntu-20.04-cuda\"", &with("ubuntu-22.04")),
        ask("[\"debian-12\"]", &plain),
        ask("\"debian-12\"", &with("windows-11")),
    ];
    insta::assert_snapshot!(outcomes.concat());
}

#[test]
fn duration_respects_maximum_and_budget() {
    let rule = SignedDuration::from_hours(4);
    let budget = |total| AnswerLimits {
        budget: Budget { per_hour: None, total: Some(Money(total)) },
        ..AnswerLimits::default()
    };
    let ask = |hours: &str, price, limits: &AnswerLimits| {
        let decision = duration(ModelAnswer::Text(&format!("{{\"hours\": {hours}}}")), rule, price, limits);
        format!("{}: {}\n", crate::time::format_duration(decision.choice), lines(&decision).join("; "))
    };
    let (free, tight) = (AnswerLimits::default(), budget(10_000_000));
    let price = Some(Money(2_000_000));
    let mut outcomes: Vec<String> =
        ["2", "1.5", "24", "24.1", "100000", "1e300", "0", "-4", "0.0001", "true", "\"4\"", "null", "[4]"]
            .map(|hours| ask(hours, price, &free))
            .to_vec();
    outcomes.extend(["5", "6"].map(|hours| ask(hours, price, &tight)));
    outcomes.extend(["3", "5"].map(|hours| ask(hours, None, &tight)));
    insta::assert_snapshot!(outcomes.concat());
}

#[test]
fn decision_as_json() {
    let decision = required("{\"cpus\": 8, \"gpus\": 64, \"reason\": \"enough\"}", &InferredRequirements::default());
    insta::assert_json_snapshot!(decision);
}
