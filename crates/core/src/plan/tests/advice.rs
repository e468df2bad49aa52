//! Advice for demands without a plan.

use insta::assert_snapshot;

use super::text::{demand, id, market, now};
use crate::plan::plan;

/// The advice, one piece per line.
fn advice(demand_text: &str, market_text: &str) -> String {
    let no_plan = plan(&demand(demand_text), &market(market_text), id(), now()).unwrap_err();
    no_plan.advice.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn smaller_requests_are_the_largest_possible() {
    let local = "local vm cpus=8 memory=20 disk=80 cut=20/80 price=0";
    assert_snapshot!(advice("group main 1 memory=32+", local), @"20GiB+ of memory or less");
    assert_snapshot!(advice("group main 3 memory=7.5", local), @"
    6.5GiB+ of memory or less
    count 2 or less instead of 3
    ");
    assert_snapshot!(advice("group main 1 cpus=16+", local), @"8+ CPUs or less");
    assert_snapshot!(advice("group main 2 disk=50", local), @"
    40GiB of disk or less
    count 1 instead of 2
    ");
    assert_snapshot!(advice("group head 1 memory=16+\ngroup worker 2 memory=8+", local), @"
    4GiB+ of memory or less in group `head`
    2GiB+ of memory or less in group `worker`
    ");
    assert_snapshot!(advice("group head 1 memory=32+\ngroup worker 2 memory=32+", local), @"6.5GiB+ of memory or less in every group");
}

#[test]
fn other_hardware_is_suggested() {
    assert_snapshot!(advice("group main 1 gpus=H100:1", "lab node gpus=A100-SXM4:8"), @"any GPU instead of `H100:1`, such as `A100-SXM4`");
    assert_snapshot!(advice("group main 1 gpus=A100:16", "lab node gpus=A100-SXM4:8"), @"GPUs `A100:8` or fewer");
    assert_snapshot!(advice("group main 1 gpus=H100:1", "local vm"), @"no GPU");
    let alternatives = "group main 1 gpus=V100:8 | gpus=A100:8";
    assert_snapshot!(advice(alternatives, "lab node gpus=V100:4"), @"GPUs `V100:4` or fewer");
    let alternatives = "group main 1 gpus=A100:8 | gpus=T4:1";
    assert_snapshot!(advice(alternatives, "lab node gpus=V100:1"), @"any GPU instead of `T4:1`, such as `V100`");
    assert_snapshot!(advice("group main 1 cpus=2", "lab node cpus=4"), @"
    at least 2 CPUs instead of an exact size
    ");
    assert_snapshot!(advice("group main 1 image=ubuntu", "local vm"), @"image `debian-12` instead of `ubuntu`");
    assert_snapshot!(advice("group main 1 type=x rack=3", "local vm rack=3"), @"node type `vm` instead of `x`");
    assert_snapshot!(advice("group main 1 rack=3", "local vm"), @"no label `rack=3`");
    assert_snapshot!(advice("group main 1", "local vm arch=aarch64 images=debian-12"), @"architecture `aarch64`");
    assert_snapshot!(advice("group main 1", "aws/a node spot"), @"spot machines");
}

#[test]
fn other_site_is_suggested() {
    assert_snapshot!(advice("on aws\ngroup main 1", "local vm"), @"site `local`");
    assert_snapshot!(advice("group main 1 sites=aws", "local vm"), @"site `local`");
}

#[test]
fn larger_budget_or_shorter_lease_is_suggested() {
    let market = "
        aws/a dear price=3
        aws/b cheaper price=2";
    assert_snapshot!(advice("on aws/a aws/b\ngroup main 2\nbudget per_hour=1", market), @"a budget of 4.00/h");
    assert_snapshot!(advice("group main 1\nbudget total=5\nlease duration=4h", market), @"
    a duration of 2h30m or less within the total budget of 5.00
    a budget of 8.00 in total
    ");
    assert_snapshot!(advice("group main 1\nbudget total=5", market), @"a duration of 2h or less within the total budget of 5.00");
    assert_snapshot!(advice("group main 1\nbudget total=5", "lab node"), @"no budget: no offer has a known price");
}

#[test]
fn no_advice_if_no_single_change_helps() {
    assert_eq!(advice("on aws\ngroup main 1 memory=64+", "local vm"), "");
    assert_eq!(advice("group main 1", "local vm busy"), "");
    assert_eq!(advice("group main 1", ""), "");
}
