//! The choice among offers.

use insta::assert_snapshot;

use super::text::{demand, id, market, now, planned};
use crate::plan::{Plan, plan};

#[test]
fn divisible_offer_gives_the_requested_size_or_defaults() {
    let local = "local vm cpus=8 memory=20 disk=80 cut=20/80 price=0 images=debian-12,ubuntu";
    assert_snapshot!(planned("group main 1", local), @"
    main = 1 x local vm: 2 cpus 1GiB 10GiB, debian-12, 0.00 each
    0.00/h
    ");
    assert_snapshot!(planned("group main 3 cpus=4+ memory=2.5 disk=20 image=ubuntu", local), @"
    main = 3 x local vm: 4 cpus 2.5GiB 20GiB, ubuntu, 0.00 each
    0.00/h
    ");
}

#[test]
fn machine_of_a_divisible_offer_is_large_enough_for_its_image() {
    let local = "local vm cpus=1 memory=20 disk=80 cut=20/80 price=0";
    let mut market = market(local);
    market.offers[0].images[0].memory = "2".parse().unwrap();
    market.offers[0].images[0].disk = "12".parse().unwrap();
    let shape = |text: &str| {
        let plan = plan(&demand(text), &market, id(), now());
        plan.map(|plan| plan.picks[0].shape.clone()).map_err(|none| none.rejections[0].misfits[0].to_string())
    };
    let small = shape("group main 1 memory=1+").unwrap();
    assert_eq!((small.cpus, small.memory.to_string(), small.disk.to_string()), (1, "2GiB".into(), "12GiB".into()));
    assert_snapshot!(shape("group main 1 memory=1").unwrap_err(), @"image: requested any for x86_64, offers `debian-12` (x86_64, needs 2GiB memory and 12GiB disk)");
}

#[test]
fn order_of_on_precedes_price() {
    let market = "
        aws/a small price=1
        aws/b small price=0.5
        local vm cut=8/40 price=2
        lab node price=0.1";
    assert_snapshot!(planned("on local aws\ngroup main 1", market), @"
    main = 1 x local vm: 2 cpus 1GiB 10GiB, debian-12, 2.00 each
    2.00/h
    not aws/a small for main: suitable
    not aws/b small for main: suitable
    not lab node for main: site: requested local, aws, offers lab
    ");
    assert_snapshot!(planned("on aws local\ngroup main 1", market), @"
    main = 1 x aws/b small: 4 cpus 8GiB 40GiB, debian-12, 0.50 each
    0.50/h
    not aws/a small for main: suitable
    not lab node for main: site: requested aws, local, offers lab
    not local vm for main: suitable
    ");
    assert_snapshot!(planned("group main 1", market), @"
    main = 1 x lab node: 4 cpus 8GiB 40GiB, debian-12, 0.10 each
    0.10/h
    not aws/a small for main: suitable
    not aws/b small for main: suitable
    not local vm for main: suitable
    ");
}

#[test]
fn order_of_alternatives_precedes_price() {
    let market = "
        aws/a big cpus=16 price=9
        aws/a small cpus=2 price=1";
    assert_snapshot!(planned("group main 1 cpus=16+ | cpus=2+", market), @"
    main = 1 x aws/a big: 16 cpus 8GiB 40GiB, debian-12, 9.00 each
    9.00/h
    not aws/a small for main: suitable
    ");
    assert_snapshot!(planned("group main 1 cpus=32+ | cpus=2+", market), @"
    main = 1 x aws/a small: 2 cpus 8GiB 40GiB, debian-12, 1.00 each
    1.00/h
    not aws/a big for main: suitable
    ");
}

#[test]
fn order_of_a_groups_sites_precedes_price() {
    let market = "
        aws/a small price=1
        local vm price=9";
    assert_snapshot!(planned("group main 1 sites=local,aws", market), @"
    main = 1 x local vm: 4 cpus 8GiB 40GiB, debian-12, 9.00 each
    9.00/h
    not aws/a small for main: suitable
    ");
}

#[test]
fn unknown_price_ranks_after_every_known_one() {
    let market = "
        lab free
        aws/a dear price=99";
    assert_snapshot!(planned("group main 1", market), @"
    main = 1 x aws/a dear: 4 cpus 8GiB 40GiB, debian-12, 99.00 each
    99.00/h
    not lab free for main: suitable
    ");
}

#[test]
fn at_equal_prices_the_least_waste_wins_gpus_first() {
    let market = "
        lab a-with-gpu memory=8 gpus=T4:1 price=1
        lab b-with-memory memory=64 price=1
        lab c-with-cpus memory=8 cpus=64 price=1
        lab d-right memory=8 cpus=4 price=1
        lab e-right-too memory=8 cpus=4 price=1";
    assert_snapshot!(planned("group main 1 memory=8+", market), @"
    main = 1 x lab d-right: 4 cpus 8GiB 40GiB, debian-12, 1.00 each
    1.00/h
    not lab a-with-gpu for main: suitable
    not lab b-with-memory for main: suitable
    not lab c-with-cpus for main: suitable
    not lab e-right-too for main: suitable
    ");
}

#[test]
fn competing_groups_use_different_offers() {
    // A greedy choice would give the only large node to the first group and none to the second.
    let market = "
        lab large memory=64 whole=1 price=1
        lab small memory=16 whole=1 price=2";
    assert_snapshot!(planned("group head 1\ngroup worker 1 memory=64+", market), @"
    head = 1 x lab small: 4 cpus 16GiB 40GiB, debian-12, 2.00 each
    worker = 1 x lab large: 4 cpus 64GiB 40GiB, debian-12, 1.00 each
    3.00/h
    not lab large for head: suitable
    not lab small for worker: memory: requested 64GiB+, offers 16GiB
    ");
}

#[test]
fn all_groups_are_at_one_site() {
    let market = "
        aws/a gpu gpus=A100:8 price=30
        aws/b cpu price=0.1
        aws/c both gpus=A100:8 price=50";
    assert_snapshot!(planned("group head 1\ngroup worker 1 gpus=A100:8 sites=aws/c,aws/b", market), @"
    head = 1 x aws/c both: 4 cpus 8GiB 40GiB A100 A100 A100 A100 A100 A100 A100 A100, debian-12, 50.00 each
    worker = 1 x aws/c both: 4 cpus 8GiB 40GiB A100 A100 A100 A100 A100 A100 A100 A100, debian-12, 50.00 each
    100.00/h
    not aws/a gpu for head: suitable
    not aws/b cpu for head: suitable
    not aws/a gpu for worker: site: requested aws/c, aws/b, offers aws/a
    not aws/b cpu for worker: gpus: requested A100:8, offers none
    ");
}

#[test]
fn lease_starts_as_requested() {
    let window = |terms: &str| {
        let plan: Plan = plan(&demand(&format!("group main 1\n{terms}")), &market("local vm"), id(), now()).unwrap();
        (plan.start.to_string(), plan.until.map(|until| until.to_string()))
    };
    assert_eq!(window("lease duration=4h"), ("2025-06-01T12:00:00Z".into(), Some("2025-06-01T16:00:00Z".into())));
    assert_eq!(window("lease start=2025-07-01T00:00Z"), ("2025-07-01T00:00:00Z".into(), None));
}

#[test]
fn image_is_chosen_by_system_and_gpu_software() {
    let offer = "uc gpu memory=64 gpus=V100:1 images=ubuntu-24.04,ubuntu-24.04-cuda,ubuntu-22.04,ubuntu-22.04-cuda";
    let chosen = |needs: &str| {
        let pick = plan(&demand(&format!("group g 1 {needs}")), &market(offer), id(), now()).unwrap().picks.remove(0);
        format!("{} before {}", pick.image, pick.other_images.join(" "))
    };
    assert_eq!(chosen(""), "ubuntu-24.04 before ubuntu-22.04 ubuntu-24.04-cuda ubuntu-22.04-cuda");
    assert_eq!(chosen("gpus=any:1"), "ubuntu-24.04-cuda before ubuntu-22.04-cuda ubuntu-24.04 ubuntu-22.04");
    assert_eq!(chosen("gpus=any:1 image=ubuntu-22"), "ubuntu-22.04-cuda before ubuntu-22.04", "system");
    assert_eq!(chosen("gpus=any:1 image=ubuntu-22.04"), "ubuntu-22.04 before ubuntu-22.04-cuda", "exact name");
}

/// A host of unknown size is used only if no other is known to be large enough.
#[test]
fn known_size_precedes_unknown_size() {
    let known = "ssh large hosts=n1 cpus=32 memory=128 price=0";
    let unknown = "ssh any hosts=n2 cpus=? memory=? price=0";
    let chosen = |demand: &str, market: &str| planned(demand, market).lines().next().unwrap_or_default().to_owned();
    let both = format!("{unknown}\n{known}");
    assert!(chosen("group main 1 cpus=16+", &both).contains("1 x ssh large"));
    assert!(chosen("group main 1 cpus=16+", unknown).contains("1 x ssh any: 16 cpus"));
    assert!(chosen("group main 1", &both).contains("1 x ssh any"), "without a request, the smallest");
}
