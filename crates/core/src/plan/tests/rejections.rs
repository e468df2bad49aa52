//! Why offers are refused: everything that is missing, and what all groups together lack.

use insta::assert_snapshot;

use super::text::planned;

#[test]
fn every_misfit_is_told_and_not_only_the_first() {
    let market = "
        lab wrong arch=aarch64 cpus=2 memory=4 disk=10 whole=1 gpus=T4:1 spot maintenance rack=1 images=
        lab busy busy=2025-06-02T00:00Z
        lab busy-too busy
        lab unsure unknown";
    let demand =
        "on aws\ngroup main 2 cpus=8+ memory=16 disk=20 gpus=A100:2 type=good rack=3 image=ubuntu\nbudget per_hour=1";
    assert_snapshot!(planned(demand, market), @"
    no offer serves the demand: 4 looked at
    not lab busy for main: site: wanted aws, has lab; node type: wanted `good`, has `busy`; label: wanted rack=3, has no `rack`; busy: wanted free, has busy until 2025-06-02T00:00:00Z; processors: wanted 8+, has 4; memory: wanted 16GiB, has 8GiB; accelerators: wanted A100:2, has none; image: wanted `ubuntu` for x86_64, has `debian-12` (x86_64, from 512MiB of memory and 4GiB of disk); budget: wanted at most 1.00 an hour, has an unknown price
    not lab busy-too for main: site: wanted aws, has lab; node type: wanted `good`, has `busy-too`; label: wanted rack=3, has no `rack`; busy: wanted free, has busy; processors: wanted 8+, has 4; memory: wanted 16GiB, has 8GiB; accelerators: wanted A100:2, has none; image: wanted `ubuntu` for x86_64, has `debian-12` (x86_64, from 512MiB of memory and 4GiB of disk); budget: wanted at most 1.00 an hour, has an unknown price
    not lab unsure for main: site: wanted aws, has lab; node type: wanted `good`, has `unsure`; label: wanted rack=3, has no `rack`; availability: wanted free, has unknown; processors: wanted 8+, has 4; memory: wanted 16GiB, has 8GiB; accelerators: wanted A100:2, has none; image: wanted `ubuntu` for x86_64, has `debian-12` (x86_64, from 512MiB of memory and 4GiB of disk); budget: wanted at most 1.00 an hour, has an unknown price
    not lab wrong for main: site: wanted aws, has lab; node type: wanted `good`, has `wrong`; architecture: wanted x86_64, has aarch64; spot: wanted one that stays, has spot only; label: wanted rack=3, has rack=1; maintenance: wanted free, has maintenance; processors: wanted 8+, has 2; memory: wanted 16GiB, has 4GiB; disk: wanted 20GiB, has 10GiB; accelerators: wanted A100:2, has 1 × T4; image: wanted `ubuntu` for aarch64, has none; count: wanted 2, has 1; budget: wanted at most 1.00 an hour, has an unknown price
    tally: site 4, node type 4, architecture 1, processors 4, memory 4, disk 1, accelerators 4, image 4, label 4, spot 1, busy 2, maintenance 1, availability 1, count 1, budget 4
    ");
}

#[test]
fn a_machine_may_fit_and_several_not() {
    let market = "local vm cpus=8 memory=20 disk=80 cut=20/80 gpus=T4:2 price=0";
    assert_snapshot!(planned("group main 3 memory=16+ disk=30", market), @"
    no offer serves the demand: 1 looked at
    not local vm for main: memory: wanted 3 × 16GiB = 48GiB, has 20GiB left; disk: wanted 3 × 30GiB = 90GiB, has 80GiB left
    tally: memory 1, disk 1
    try: ask for 1 machine instead of 3
    ");
    assert_snapshot!(planned("group main 2 gpus=T4:2", market), @"
    no offer serves the demand: 1 looked at
    not local vm for main: accelerators: wanted 2 × T4:2, has 2 × T4
    tally: accelerators 1
    try: ask for 1 of the accelerators in each machine
    try: ask for 1 machine instead of 2
    ");
}

#[test]
fn groups_may_fit_alone_and_not_together() {
    let local = "local vm cpus=8 memory=20 disk=80 cut=20/80 price=0";
    assert_snapshot!(planned("group head 1 memory=12+\ngroup worker 2 memory=6+", local), @"
    no offer serves the demand: 1 looked at
    not local vm for head: memory: wanted 1 × 12GiB + 2 × 6GiB = 24GiB, has 20GiB left
    not local vm for worker: memory: wanted 1 × 12GiB + 2 × 6GiB = 24GiB, has 20GiB left
    tally: memory 2
    try: ask for 8GiB+ of memory or less for group `head`
    try: ask for 4GiB+ of memory or less for group `worker`
    try: ask for 1 machine instead of 2 for group `worker`
    ");
    assert_snapshot!(planned("group head 2\ngroup worker 2", "lab node whole=3"), @"
    no offer serves the demand: 1 looked at
    not lab node for head: count: wanted 4 for all groups, has 3
    not lab node for worker: count: wanted 4 for all groups, has 3
    tally: count 2
    try: ask for 1 machine instead of 2 for group `head`
    try: ask for 1 machine instead of 2 for group `worker`
    ");
    let gpus = "local vm memory=64 disk=200 cut=64/200 gpus=T4:2 price=0";
    assert_snapshot!(planned("group head 1 gpus=any:1\ngroup worker 1 gpus=T4:2", gpus), @"
    no offer serves the demand: 1 looked at
    not local vm for head: accelerators: wanted enough for all groups, has enough for some of them
    not local vm for worker: accelerators: wanted enough for all groups, has enough for some of them
    tally: accelerators 2
    try: ask for no accelerators for group `head`
    try: ask for 1 of the accelerators in each machine for group `worker`
    ");
    let apart = "
        aws/a gpu gpus=A100:8 cpus=2 price=1
        aws/b cpu cpus=64 price=1";
    assert_snapshot!(planned("group head 1 cpus=64+\ngroup worker 1 gpus=A100:8", apart), @"
    no offer serves the demand: 2 looked at
    not aws/a gpu for head: processors: wanted 64+, has 2
    not aws/b cpu for head: site: wanted one site for all groups, has nothing for `worker`
    not aws/a gpu for worker: site: wanted one site for all groups, has nothing for `head`
    not aws/b cpu for worker: accelerators: wanted A100:8, has none
    tally: site 2, processors 1, accelerators 1
    try: ask for 2+ processors or fewer for group `head`
    try: ask for no accelerators for group `worker`
    ");
    let dear = "aws/a node price=3";
    assert_snapshot!(planned("group head 1\ngroup worker 1\nbudget per_hour=5", dear), @"
    no offer serves the demand: 1 looked at
    not aws/a node for head: budget: wanted at most 5.00 an hour, has 6.00 an hour for all groups
    not aws/a node for worker: budget: wanted at most 5.00 an hour, has 6.00 an hour for all groups
    tally: budget 2
    try: raise `budget.per_hour` to 6.00
    ");
}

#[test]
fn an_unknown_price_is_not_within_a_budget() {
    assert_snapshot!(planned("group main 1\nbudget per_hour=5", "lab node"), @"
    no offer serves the demand: 1 looked at
    not lab node for main: budget: wanted at most 5.00 an hour, has an unknown price
    tally: budget 1
    try: drop the budget: the price of what is there is unknown
    ");
}

#[test]
fn an_image_of_another_architecture_does_not_boot() {
    let mut market = super::text::market("lab arm arch=aarch64 images=debian-12-arm");
    market.offers[0].images = vec![super::text::image("debian-12", "x86_64")];
    let demand = super::text::demand("group main 1 arch=aarch64");
    let none = crate::plan::plan(&demand, &market, super::text::id(), super::text::now()).unwrap_err();
    assert_snapshot!(none.rejections[0].misfits[0], @"image: wanted one for aarch64, has `debian-12` (x86_64, from 512MiB of memory and 4GiB of disk)");
}

/// A host of one's own whose list says only where it is: what is wished is looked for once it can be logged in to.
#[test]
fn what_a_site_does_not_say_keeps_nothing_away() {
    let market = "ssh rack hosts=n1 cpus=? memory=? disk=? arch=? images=debian-12 price=0";
    assert_snapshot!(planned("group main 1 cpus=2+ memory=4+ disk=20 arch=aarch64", market), @"
    main = 1 x ssh rack: 2 cpus 4GiB 20GiB, debian-12, 0.00 each
    0.00 an hour
    ");
    let market = "ssh rack hosts=n1 cpus=4 memory=? disk=? price=0";
    let refused = planned("group main 1 cpus=8+ memory=4+", market);
    assert!(refused.contains("not ssh rack for main: processors: wanted 8+, has 4\n"), "{refused}");
}
