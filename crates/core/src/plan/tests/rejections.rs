//! Rejections: every unmet requirement, and shortages of all groups together.

use insta::assert_snapshot;

use super::text::planned;

#[test]
fn every_misfit_is_listed() {
    let market = "
        lab wrong arch=aarch64 cpus=2 memory=4 disk=10 whole=1 gpus=T4:1 spot maintenance rack=1 images=
        lab busy busy=2025-06-02T00:00Z
        lab busy-too busy
        lab unsure unknown";
    let demand =
        "on aws\ngroup main 2 cpus=8+ memory=16 disk=20 gpus=A100:2 type=good rack=3 image=ubuntu\nbudget per_hour=1";
    assert_snapshot!(planned(demand, market), @"
    no matching offer (4 checked)
    not lab busy for main: site: requested aws, offers lab; node type: requested `good`, offers `busy`; label: requested rack=3, offers no `rack`; busy until 2025-06-02T00:00:00Z; cpus: requested 8+, offers 4; memory: requested 16GiB, offers 8GiB; gpus: requested A100:2, offers none; image: requested `ubuntu` for x86_64, offers `debian-12` (x86_64, needs 512MiB memory and 4GiB disk); budget: requested at most 1.00/h, offers an unknown price
    not lab busy-too for main: site: requested aws, offers lab; node type: requested `good`, offers `busy-too`; label: requested rack=3, offers no `rack`; busy; cpus: requested 8+, offers 4; memory: requested 16GiB, offers 8GiB; gpus: requested A100:2, offers none; image: requested `ubuntu` for x86_64, offers `debian-12` (x86_64, needs 512MiB memory and 4GiB disk); budget: requested at most 1.00/h, offers an unknown price
    not lab unsure for main: site: requested aws, offers lab; node type: requested `good`, offers `unsure`; label: requested rack=3, offers no `rack`; availability unknown; cpus: requested 8+, offers 4; memory: requested 16GiB, offers 8GiB; gpus: requested A100:2, offers none; image: requested `ubuntu` for x86_64, offers `debian-12` (x86_64, needs 512MiB memory and 4GiB disk); budget: requested at most 1.00/h, offers an unknown price
    not lab wrong for main: site: requested aws, offers lab; node type: requested `good`, offers `wrong`; architecture: requested x86_64, offers aarch64; spot: requested on-demand, offers spot; label: requested rack=3, offers rack=1; in maintenance; cpus: requested 8+, offers 2; memory: requested 16GiB, offers 4GiB; disk: requested 20GiB, offers 10GiB; gpus: requested A100:2, offers 1 × T4; image: requested `ubuntu` for aarch64, offers none; count: requested 2, offers 1; budget: requested at most 1.00/h, offers an unknown price
    tally: site 4, node type 4, architecture 1, cpus 4, memory 4, disk 1, gpus 4, image 4, label 4, spot 1, busy 2, maintenance 1, availability 1, count 1, budget 4
    ");
}

#[test]
fn one_machine_may_fit_and_several_not() {
    let market = "local vm cpus=8 memory=20 disk=80 cut=20/80 gpus=T4:2 price=0";
    assert_snapshot!(planned("group main 3 memory=16+ disk=30", market), @"
    no matching offer (1 checked)
    not local vm for main: memory: requested 3 × 16GiB = 48GiB, offers 20GiB free; disk: requested 3 × 30GiB = 90GiB, offers 80GiB free
    tally: memory 1, disk 1
    try: count 1 instead of 3
    ");
    assert_snapshot!(planned("group main 2 gpus=T4:2", market), @"
    no matching offer (1 checked)
    not local vm for main: gpus: requested 2 × T4:2, offers 2 × T4
    tally: gpus 1
    try: GPUs `T4:1`
    try: count 1 instead of 2
    ");
}

#[test]
fn groups_may_fit_alone_and_not_together() {
    let local = "local vm cpus=8 memory=20 disk=80 cut=20/80 price=0";
    assert_snapshot!(planned("group head 1 memory=12+\ngroup worker 2 memory=6+", local), @"
    no matching offer (1 checked)
    not local vm for head: memory: requested 1 × 12GiB + 2 × 6GiB = 24GiB, offers 20GiB free
    not local vm for worker: memory: requested 1 × 12GiB + 2 × 6GiB = 24GiB, offers 20GiB free
    tally: memory 2
    try: 8GiB+ of memory or less in group `head`
    try: 4GiB+ of memory or less in group `worker`
    try: count 1 instead of 2 in group `worker`
    ");
    assert_snapshot!(planned("group head 2\ngroup worker 2", "lab node whole=3"), @"
    no matching offer (1 checked)
    not lab node for head: count: requested 4 for all groups, offers 3
    not lab node for worker: count: requested 4 for all groups, offers 3
    tally: count 2
    try: count 1 instead of 2 in group `head`
    try: count 1 instead of 2 in group `worker`
    ");
    let gpus = "local vm memory=64 disk=200 cut=64/200 gpus=T4:2 price=0";
    assert_snapshot!(planned("group head 1 gpus=any:1\ngroup worker 1 gpus=T4:2", gpus), @"
    no matching offer (1 checked)
    not local vm for head: gpus: requested enough for all groups, offers enough for some of them
    not local vm for worker: gpus: requested enough for all groups, offers enough for some of them
    tally: gpus 2
    try: no GPU in group `head`
    try: GPUs `T4:1` in group `worker`
    ");
    let apart = "
        aws/a gpu gpus=A100:8 cpus=2 price=1
        aws/b cpu cpus=64 price=1";
    assert_snapshot!(planned("group head 1 cpus=64+\ngroup worker 1 gpus=A100:8", apart), @"
    no matching offer (2 checked)
    not aws/a gpu for head: cpus: requested 64+, offers 2
    not aws/b cpu for head: site: requested one site for all groups, offers nothing for `worker`
    not aws/a gpu for worker: site: requested one site for all groups, offers nothing for `head`
    not aws/b cpu for worker: gpus: requested A100:8, offers none
    tally: site 2, cpus 1, gpus 1
    try: 2+ CPUs or less in group `head`
    try: no GPU in group `worker`
    ");
    let dear = "aws/a node price=3";
    assert_snapshot!(planned("group head 1\ngroup worker 1\nbudget per_hour=5", dear), @"
    no matching offer (1 checked)
    not aws/a node for head: budget: requested at most 5.00/h, offers 6.00/h for all groups
    not aws/a node for worker: budget: requested at most 5.00/h, offers 6.00/h for all groups
    tally: budget 2
    try: a budget of 6.00/h
    ");
}

#[test]
fn an_unknown_price_is_not_within_a_budget() {
    assert_snapshot!(planned("group main 1\nbudget per_hour=5", "lab node"), @"
    no matching offer (1 checked)
    not lab node for main: budget: requested at most 5.00/h, offers an unknown price
    tally: budget 1
    try: no budget: no offer has a known price
    ");
}

#[test]
fn an_image_of_another_architecture_does_not_boot() {
    let mut market = super::text::market("lab arm arch=aarch64 images=debian-12-arm");
    market.offers[0].images = vec![super::text::image("debian-12", "x86_64")];
    let demand = super::text::demand("group main 1 arch=aarch64");
    let none = crate::plan::plan(&demand, &market, super::text::id(), super::text::now()).unwrap_err();
    assert_snapshot!(none.rejections[0].misfits[0], @"image: requested any for aarch64, offers `debian-12` (x86_64, needs 512MiB memory and 4GiB disk)");
}

/// A listed host may come with nothing but its address. `verify` checks its size after the first login.
#[test]
fn unreported_facts_disqualify_no_offer() {
    let market = "ssh rack hosts=n1 cpus=? memory=? disk=? arch=? images=debian-12 price=0";
    assert_snapshot!(planned("group main 1 cpus=2+ memory=4+ disk=20 arch=aarch64", market), @"
    main = 1 x ssh rack: 2 cpus 4GiB 20GiB, debian-12, 0.00 each
    0.00/h
    ");
    let market = "ssh rack hosts=n1 cpus=4 memory=? disk=? price=0";
    let refused = planned("group main 1 cpus=8+ memory=4+", market);
    assert!(refused.contains("not ssh rack for main: cpus: requested 8+, offers 4\n"), "{refused}");
}
