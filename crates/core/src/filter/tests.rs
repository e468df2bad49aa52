use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::inventory::{Document, Feed, join};

/// Four nodes: one without GPUs, two with GPUs, one of which has a node type without `gpu`, and one without facts.
fn feed() -> Feed {
    let nodes = json!([
        { "uid": "u1", "node_name": "plain", "node_type": "compute", "infiniband": true,
          "architecture": { "platform_type": "x86_64", "smt_size": 48 }, "main_memory": { "ram_size": 206_158_430_208_u64 },
          "network_adapters": [{ "rate": null }, { "rate": 25_000_000_000_u64 }], "placement": { "rack": 4 } },
        { "uid": "u2", "node_name": "gpu", "node_type": "gpu_a100", "gpu": { "gpu": true, "gpu_count": 4,
          "gpu_model": "GA100 [A100 PCIe 80GB]", "gpu_vendor": "NVIDIA" }, "main_memory": { "ram_size": 549_755_813_888_u64 },
          "architecture": { "platform_type": "x86-64", "smt_size": 128 }, "su_factor": "2.0" },
        { "uid": "u3", "node_name": "hidden", "node_type": "compute_gigaio", "gpu": { "gpu": true, "gpu_count": 1,
          "gpu_model": "Quadro RTX 6000" }, "main_memory": { "ram_size": 256_000_000_000_u64 },
          "architecture": { "platform_type": "aarch64", "smt_size": 96 } },
        { "uid": "u4", "node_name": "silent" },
    ]);
    Feed { nodes: vec![Document::new("nodes.json", nodes.to_string())], ..Feed::default() }
}

/// The names of the nodes that match a filter.
#[track_caller]
fn matching(filter: &str) -> String {
    let filter: Filter = filter.parse().unwrap_or_else(|error| panic!("{error}"));
    let (feeds, mut found) = ([feed()], Vec::new());
    let inventory = join(&feeds, SignedDuration::ZERO).unwrap();
    for (site, node) in inventory.nodes() {
        if filter.matches(site, node) == Some(true) {
            found.push(node.label().to_owned());
        }
    }
    found.join(" ")
}

#[test]
fn filter_selects_by_facts() {
    for (filter, expected) in [
        ("any", "gpu hidden plain silent"),
        ("gpu", "gpu hidden"),
        ("gpu.gpu=true", "gpu hidden"),
        ("not gpu", "plain silent"),
        ("gpu.gpu_count>=4", "gpu"),
        ("gpu_model~a100", "gpu"),
        ("model~'rtx 6000'", "hidden"),
        ("model", "gpu hidden"),
        ("node_type=COMPUTE", "plain"),
        ("node_type~gpu", "gpu"),
        ("arch=x86-64", "gpu plain"),
        ("arch=arm64", "hidden"),
        ("smt >= 96 and ram >= 256GiB", "gpu"),
        ("ram>=256GB", "gpu hidden"),
        ("ram>=206158430208, ram<256GiB", "hidden plain"),
        ("infiniband or gpu_count=1", "hidden plain"),
        ("gpu and not (arch=x86_64 or ram>1TiB)", "hidden"),
        ("network>=25Gbps", "plain"),
        ("rack=4", "plain"),
        ("su_factor=2", "gpu"),
        ("gpu or infiniband and node_type=compute_gigaio", "gpu hidden"),
        ("!gpu && name!=silent || name=\"gpu\"", "gpu plain"),
    ] {
        assert_eq!(matching(filter), expected, "{filter}");
    }
}

#[test]
fn unknown_fact_matches_neither_a_condition_nor_its_negation() {
    assert_eq!(matching("arch=x86_64"), "gpu plain");
    assert_eq!(matching("not arch=x86_64"), "hidden");
    assert_eq!(matching("not arch=x86_64 or not gpu"), "hidden plain silent");
    assert_eq!(matching("arch!=x86_64 and name=silent"), "");
}

#[test]
fn errors_have_a_column_and_a_hint() {
    let messages: Vec<String> = [
        "",
        "gpus_count>=4",
        "colour=red",
        "ram>=lots",
        "ram>=256",
        "ram~256GiB",
        "gpu>=2",
        "gpu=maybe",
        "node_type",
        "node_type>compute",
        "gpu infiniband",
        "gpu and",
        "gpu and (ram>=1GiB",
        "gpu)",
        "model~'A100",
        "model~",
        "größe=1",
        "gpu && >=4",
    ]
    .into_iter()
    .map(|filter| {
        let error = filter.parse::<Filter>().unwrap_err();
        format!("{error}\n  {}", error.hint.as_deref().unwrap_or_default())
    })
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
    assert!("(".repeat(10_000).parse::<Filter>().is_err());
}

#[test]
fn only_lower_bounds_are_relaxed() {
    let relaxed = |filter: &str| {
        let filter: Filter = filter.parse().unwrap();
        filter
            .relaxed(|field, least| if field == Field::Memory { least } else { least / 2.0 })
            .map(|less| less.to_string())
    };
    assert_eq!(
        relaxed("gpu_count>=4 and arch=x86_64 and ram>=1GiB"),
        Some("gpu_count>=2 and arch=x86_64 and ram>=1GiB".into())
    );
    assert_eq!(relaxed("not threads>=8"), None);
    assert_eq!(relaxed("ram>=1GiB or gpu_count=4"), None);
}

fn filters() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec![
        "any",
        "gpu",
        "gpu=false",
        "ram>=256GiB",
        "ram!=3GB",
        "smt<96",
        "model~'RTX 6000'",
        "name!~x",
        "arch=arm64",
        "su_factor>1.5",
    ]);
    condition.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|term| format!("not ({term})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|terms| format!("({})", terms.join(") and ("))),
            prop::collection::vec(inner, 2..4).prop_map(|terms| format!("({})", terms.join(") or ("))),
        ]
    })
}

proptest! {
    #[test]
    fn printed_filter_parses_to_the_same_filter(text in filters()) {
        let filter: Filter = text.parse().unwrap();
        prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }

    #[test]
    fn parsing_arbitrary_text_never_panics(text in ".{0,60}") {
        if let Err(error) = text.parse::<Filter>() {
            prop_assert!(error.column <= text.chars().count() + 1);
        }
    }
}
