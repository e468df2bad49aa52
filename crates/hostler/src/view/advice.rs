//! Advice as text, with options and keys to type.

use std::fmt::Display;

use hostler_core::demand::{Amount, Spot};
use hostler_core::plan::{Advice, AdviceScope, DemandChange};
use hostler_core::size::Bytes;
use hostler_core::time::format_duration;

/// Advice as a sentence without a full stop. A change of the whole demand names an option of the command line; a change of
/// groups names a key of the demand file, since options apply to all groups.
pub fn advice(advice: &Advice) -> String {
    let place = match &advice.scope {
        AdviceScope::Demand => String::new(),
        AdviceScope::Group(group) => format!(" in group `{group}`"),
        AdviceScope::EveryGroup => " in every group".to_owned(),
    };
    let set = |option: &str, key: &str, value: &dyn Display| setting(&advice.scope, option, key, value);
    match &advice.change {
        DemandChange::Minimum { cpus, memory } => {
            let cpus = cpus.map(|cpus| set("cpus", "cpus", &Amount::AtLeast(cpus)));
            let memory = memory.map(|memory| set("memory", "memory", &at_least(memory)));
            let minimums: Vec<String> = cpus.into_iter().chain(memory).collect();
            format!("use {} instead of an exact size{place}", minimums.join(" and "))
        }
        DemandChange::Cpus { at_most } => {
            format!("use {} or less{place}", set("cpus", "cpus", &Amount::AtLeast(*at_most)))
        }
        DemandChange::Memory { at_most } => {
            format!("use {} or less{place}", set("memory", "memory", &at_least(*at_most)))
        }
        DemandChange::Disk { at_most } => format!("use {} or less{place}", set("disk", "disk_size", &at_most.exact())),
        DemandChange::Image { requested, available } => {
            format!("use {} instead of `{requested}`{place}", set("image", "image_id", available))
        }
        DemandChange::Label { key, value } => format!("remove `{key}: {value}` from `node_labels`{place}"),
        DemandChange::NodeType { requested, available } => {
            format!("use {} instead of `{requested}`{place}", set("node-type", "instance_type", available))
        }
        DemandChange::AnyGpu { requested, available } => {
            let any = set("gpus", "accelerators", &format!("any:{}", requested.count));
            format!("use {any} instead of `{requested}`{place} (available: `{available}`)")
        }
        DemandChange::Gpus { at_most } => {
            format!("use {}{}{place}", set("gpus", "accelerators", at_most), or_less(at_most.count.get()))
        }
        DemandChange::NoGpu => no_gpu(&advice.scope),
        DemandChange::Count { requested, at_most } => {
            format!("use {}{} instead of {requested}{place}", set("count", "count", at_most), or_less(*at_most))
        }
        DemandChange::Spot(Spot::Only) => format!("set `use_spot: true`{place}: only spot machines match"),
        DemandChange::Spot(Spot::Never) => format!("set `use_spot: false`{place}: only on-demand machines match"),
        DemandChange::Arch(arch) => format!("set `arch: {arch}`{place}"),
        DemandChange::Site(site) => format!("use `--on {site}`"),
        DemandChange::Duration { requested, at_most, budget } => {
            let at_most = format_duration(*at_most);
            let instead = requested.map(|requested| format!(" instead of {}", format_duration(requested)));
            let instead = instead.unwrap_or_default();
            format!("use `--duration {at_most}` or less{instead}: the total budget is {budget}")
        }
        DemandChange::Budget { per_hour, total } => {
            let per_hour = per_hour.map(|limit| format!("`--budget-per-hour {limit}`"));
            let total = total.map(|limit| format!("`--budget {limit}`"));
            let limits: Vec<String> = per_hour.into_iter().chain(total).collect();
            format!("use {} or more", limits.join(" and "))
        }
        DemandChange::NoBudget => "remove the budget: no matching offer has a known price".to_owned(),
    }
}

/// A value as an option of the command line, or as a key of the demand file.
fn setting(scope: &AdviceScope, option: &str, key: &str, value: &dyn Display) -> String {
    let value = value.to_string();
    let value = if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value };
    match scope {
        AdviceScope::Demand => format!("`--{option} {value}`"),
        AdviceScope::Group(_) | AdviceScope::EveryGroup => format!("`{key}: {value}`"),
    }
}

fn no_gpu(scope: &AdviceScope) -> String {
    match scope {
        AdviceScope::Demand => {
            "to run without a GPU, omit `--gpus` or remove `accelerators` from the demand file".to_owned()
        }
        AdviceScope::Group(group) => format!("to run without a GPU, remove `accelerators` from group `{group}`"),
        AdviceScope::EveryGroup => "to run without a GPU, remove `accelerators` from every group".to_owned(),
    }
}

/// A minimum size that is not rounded: a larger one may have no plan.
fn at_least(size: Bytes) -> String {
    format!("{}+", size.exact())
}

fn or_less(number: u32) -> &'static str {
    if number > 1 { " or less" } else { "" }
}

#[cfg(test)]
mod tests {
    use hostler_core::demand::GpuRequirement;
    use jiff::SignedDuration;

    use super::*;

    fn gpus(count: u32) -> GpuRequirement {
        GpuRequirement { model: Some("A100".to_owned()), count: count.try_into().unwrap() }
    }

    fn changes() -> Vec<DemandChange> {
        let (requested, available) = ("ubuntu".to_owned(), "debian-12".to_owned());
        vec![
            DemandChange::Minimum { cpus: Some(2), memory: Some("8".parse().unwrap()) },
            DemandChange::Cpus { at_most: 2 },
            DemandChange::Disk { at_most: "1500".parse().unwrap() },
            DemandChange::Image { requested, available },
            DemandChange::Label { key: "rack".to_owned(), value: "3".to_owned() },
            DemandChange::AnyGpu { requested: gpus(2), available: "Tesla T4".to_owned() },
            DemandChange::Gpus { at_most: gpus(4) },
            DemandChange::NoGpu,
            DemandChange::Count { requested: 3, at_most: 1 },
            DemandChange::Arch("aarch64".to_owned()),
        ]
    }

    fn text(scope: &AdviceScope, changes: Vec<DemandChange>) -> String {
        let line = |change| advice(&Advice { scope: scope.clone(), change });
        changes.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn change_of_the_demand_names_options() {
        insta::assert_snapshot!(text(&AdviceScope::Demand, changes()), @"
        use `--cpus 2+` and `--memory 8GiB+` instead of an exact size
        use `--cpus 2+` or less
        use `--disk 1500GiB` or less
        use `--image debian-12` instead of `ubuntu`
        remove `rack: 3` from `node_labels`
        use `--gpus any:2` instead of `A100:2` (available: `Tesla T4`)
        use `--gpus A100:4` or less
        to run without a GPU, omit `--gpus` or remove `accelerators` from the demand file
        use `--count 1` instead of 3
        set `arch: aarch64`
        ");
        let whole = vec![
            DemandChange::Site("chameleon/uc".parse().unwrap()),
            DemandChange::Duration {
                requested: Some(SignedDuration::from_hours(4)),
                at_most: SignedDuration::from_mins(150),
                budget: "5".parse().unwrap(),
            },
            DemandChange::Budget { per_hour: Some("6".parse().unwrap()), total: Some("24".parse().unwrap()) },
        ];
        insta::assert_snapshot!(text(&AdviceScope::Demand, whole), @"
        use `--on chameleon/uc`
        use `--duration 2h30m` or less instead of 4h: the total budget is 5.00
        use `--budget-per-hour 6.00` and `--budget 24.00` or more
        ");
    }

    #[test]
    fn change_of_a_group_names_keys_of_the_demand_file() {
        insta::assert_snapshot!(text(&AdviceScope::Group("head".parse().unwrap()), changes()), @"
        use `cpus: 2+` and `memory: 8GiB+` instead of an exact size in group `head`
        use `cpus: 2+` or less in group `head`
        use `disk_size: 1500GiB` or less in group `head`
        use `image_id: debian-12` instead of `ubuntu` in group `head`
        remove `rack: 3` from `node_labels` in group `head`
        use `accelerators: any:2` instead of `A100:2` in group `head` (available: `Tesla T4`)
        use `accelerators: A100:4` or less in group `head`
        to run without a GPU, remove `accelerators` from group `head`
        use `count: 1` instead of 3 in group `head`
        set `arch: aarch64` in group `head`
        ");
    }
}
