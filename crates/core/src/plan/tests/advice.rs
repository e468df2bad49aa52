//! What would help.

use insta::assert_snapshot;

use super::text::{demand, id, market, now};
use crate::plan::plan;

/// The advice alone, line by line.
fn advice(demand_text: &str, market_text: &str) -> String {
    plan(&demand(demand_text), &market(market_text), id(), now()).unwrap_err().advice.join("\n")
}

#[test]
fn the_largest_that_is_left() {
    let local = "local vm cpus=8 memory=20 disk=80 cut=20/80 price=0";
    assert_snapshot!(advice("group main 1 memory=32+", local), @"ask for 20GiB+ of memory or less");
    assert_snapshot!(advice("group main 3 memory=7.5", local), @"
    ask for 6.5GiB+ of memory or less
    ask for 2 machines or fewer instead of 3
    ");
    assert_snapshot!(advice("group main 1 cpus=16+", local), @"ask for 8+ processors or fewer");
    assert_snapshot!(advice("group main 2 disk=50", local), @"
    ask for 40GiB of disk or less
    ask for 1 machine instead of 2
    ");
    assert_snapshot!(advice("group head 1 memory=16+\ngroup worker 2 memory=8+", local), @"
    ask for 4GiB+ of memory or less for group `head`
    ask for 2GiB+ of memory or less for group `worker`
    ");
    assert_snapshot!(advice("group head 1 memory=32+\ngroup worker 2 memory=32+", local), @"ask for 6.5GiB+ of memory or less for every group");
}

#[test]
fn another_kind_of_hardware() {
    assert_snapshot!(advice("group main 1 gpus=H100:1", "lab node gpus=A100-SXM4:8"), @"take any accelerator instead of `H100`: there is `A100-SXM4`");
    assert_snapshot!(advice("group main 1 gpus=A100:16", "lab node gpus=A100-SXM4:8"), @"ask for 8 of the accelerators or fewer in each machine");
    assert_snapshot!(advice("group main 1 gpus=H100:1", "local vm"), @"ask for no accelerators");
    assert_snapshot!(advice("group main 1 cpus=2", "lab node cpus=4"), @"
    ask for 2+ processors, at least and not exactly
    ");
    assert_snapshot!(advice("group main 1 image=ubuntu", "local vm"), @"boot `debian-12` instead of `ubuntu`");
    assert_snapshot!(advice("group main 1 type=x rack=3", "local vm rack=3"), @"take the node type `vm` instead of `x`");
    assert_snapshot!(advice("group main 1 rack=3", "local vm"), @"drop the label `rack=3`");
    assert_snapshot!(advice("group main 1", "local vm arch=aarch64 images=debian-12"), @"take the architecture `aarch64`");
    assert_snapshot!(advice("group main 1", "aws/a node spot"), @"take spot machines, which the site may take away");
}

#[test]
fn another_site() {
    assert_snapshot!(advice("on aws\ngroup main 1", "local vm"), @"allow `local` in `on`");
    assert_snapshot!(advice("group main 1 sites=aws", "local vm"), @"allow the site `local`");
}

#[test]
fn more_money_or_less_time() {
    let market = "
        aws/a dear price=3
        aws/b cheaper price=2";
    assert_snapshot!(advice("on aws/a aws/b\ngroup main 2\nbudget per_hour=1", market), @"raise `budget.per_hour` to 4.00");
    assert_snapshot!(advice("group main 1\nbudget total=5\nlease duration=4h", market), @"
    keep them for 2h30m or less instead of 4h
    raise `budget.total` to 8.00
    ");
    assert_snapshot!(advice("group main 1\nbudget total=5", market), @"say for how long (`lease.duration`): the total budget of 5.00 lasts for 2h");
    assert_snapshot!(advice("group main 1\nbudget total=5", "lab node"), @"drop the budget: the price of what is there is unknown");
}

#[test]
fn nothing_is_advised_where_no_single_change_helps() {
    assert_eq!(advice("on aws\ngroup main 1 memory=64+", "local vm"), "");
    assert_eq!(advice("group main 1", "local vm busy"), "");
    assert_eq!(advice("group main 1", ""), "");
}
