//! Titles of steps, for users.

use hostler_core::plan::{Action, PlannedResource, Step};
use hostler_core::ticket::StepId;

/// Title of a step in the imperative, such as `create network at local`.
pub fn title(step: &Step) -> String {
    match &step.action {
        Action::Create(resource) => match resource {
            PlannedResource::Network { site } => format!("create network at {site}"),
            PlannedResource::Keypair { site } => format!("register public key at {site}"),
            PlannedResource::Lease(spec) => format!("lease {} at {}", hosts(spec.hosts.len()), spec.site),
            PlannedResource::Machine(spec) => format!("launch {} at {}", spec.name, spec.site),
            PlannedResource::Address { site, machine: Some(machine), .. } => {
                format!("assign address to {} at {site}", machine_name(machine))
            }
            PlannedResource::Address { site, machine: None, .. } => format!("allocate address at {site}"),
        },
        Action::WaitSsh { machine } => format!("wait for SSH on {}", machine_name(machine)),
        Action::SetUp { machine, phase } => format!("{} on {}", phase.title(), machine_name(machine)),
    }
}

fn machine_name(step: &StepId) -> &str {
    step.as_str().strip_prefix("machine-").unwrap_or(step.as_str())
}

fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}
