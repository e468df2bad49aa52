//! A plan's steps as commands of the ordinary `openstack` client: a shell script that creates and deletes its resources.
//!
//! The script serves learning and debugging. Its resources bear no ticket: they belong to the user who runs it, and a sweep
//! ignores them.

use hostler_core::plan::{Action, LeaseSpec, MachineSpec, Plan, PlannedResource, Step};
use hostler_core::ticket::StepId;
use jiff::tz::TimeZone;

use super::blazar;
use crate::shell_quoted as quoted;

const HELPERS: &str = include_str!("script.sh");

/// The script for a plan. Leased hosts are launched with this flavor.
pub(super) fn client_script(plan: &Plan, flavor: &str) -> String {
    let body = |lines: Vec<String>| match lines.is_empty() {
        true => "    :\n".to_owned(),
        false => {
            lines.iter().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
        }
    };
    let up = plan.steps.iter().flat_map(|step| create_commands(plan, step, flavor)).collect();
    let down = plan.steps.iter().rev().flat_map(delete_commands).collect();
    let head = format!(
        "#!/bin/sh\n# The steps of `{}` (plan {}) as commands of the ordinary client.\n",
        plan.demand.name,
        plan.id()
    );
    format!("{head}{HELPERS}\nup() {{\n{}}}\n\ndown() {{\n{}}}\n{MAIN}", body(up), body(down))
}

const MAIN: &str = r#"
case ${1:-} in
up)
    [ ! -s "$state" ] || { echo "$state lists resources of an earlier run; delete them first: sh $0 down" >&2; exit 1; }
    up
    ;;
down)
    down
    if [ -n "$left" ]; then
        printf 'not deleted, or not confirmed as deleted:%s\n' "$left" >&2
        echo "$state lists them; try again: sh $0 down" >&2
        exit 1
    fi
    rm -f "$state"
    ;;
*) echo "usage: sh $0 up|down" >&2; exit 2 ;;
esac
"#;

/// The shell variable that holds the id of a step's resource.
fn variable(step: &StepId) -> String {
    step.as_str().replace('-', "_")
}

fn create_commands(plan: &Plan, step: &Step, flavor: &str) -> Vec<String> {
    let name = variable(&step.id);
    let mut lines = vec![format!("# {}", step.id)];
    match &step.action {
        Action::Create(PlannedResource::Keypair { .. }) => lines.extend(keypair(plan, &name)),
        Action::Create(PlannedResource::Network { .. }) => lines.extend(network(plan, &name)),
        Action::Create(PlannedResource::Lease(spec)) => lines.extend(lease(spec, &name)),
        Action::Create(PlannedResource::Machine(spec)) => lines.extend(machine(spec, &name, flavor)),
        Action::Create(PlannedResource::Address { pool, machine, .. }) => {
            lines.push(format!("{name}=$(openstack floating ip create {} -f value -c id)", quoted(pool)));
            lines.push(format!("remember {name} \"${name}\""));
            let machine = machine.iter().map(variable);
            lines.extend(machine.map(|machine| format!("openstack server add floating ip \"${machine}\" \"${name}\"")));
            lines.push(format!("openstack floating ip show \"${name}\" -f value -c floating_ip_address"));
        }
        Action::WaitSsh { machine } => {
            lines.push(format!("# hostler: log in to {}, and pin its host key", user_at(plan, machine)));
        }
        Action::SetUp { phase, machine } => {
            lines.push(format!("# hostler: run the phase `{}` over SSH on {}", phase.name(), user_at(plan, machine)));
        }
    }
    lines.push(String::new());
    lines
}

/// `user@machine`, for a comment. Control characters, which could end the comment, are replaced.
fn user_at(plan: &Plan, machine: &StepId) -> String {
    let spec = plan.machines().find(|(step, _)| step.id == *machine).map(|(_, spec)| spec);
    let text = spec.map_or_else(|| machine.to_string(), |spec| format!("{}@{}", spec.user, spec.name));
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn keypair(plan: &Plan, name: &str) -> Vec<String> {
    let key = quoted(&format!("{}-{}", plan.demand.name, plan.deployment.short()));
    vec![
        "[ -e \"$key\" ] || (umask 077 && ssh-keygen -q -t ed25519 -N '' -f \"$key\")".to_owned(),
        format!("openstack keypair create --public-key \"$key.pub\" {key} > /dev/null"),
        format!("remember {name} {key}"),
    ]
}

fn network(plan: &Plan, name: &str) -> Vec<String> {
    let label = quoted(&format!("{}-{}", plan.demand.name, plan.deployment.short()));
    let mut lines = vec![
        format!("{name}=$(openstack network create {label} -f value -c id)"),
        format!("remember {name} \"${name}\""),
        format!("openstack subnet create --network \"${name}\" --subnet-range 10.93.0.0/22 {label} > /dev/null"),
        format!("{name}_group=$(openstack security group create {label} -f value -c id)"),
        format!("remember {name}_group \"${name}_group\""),
        format!("openstack security group rule create --protocol tcp --dst-port 22 \"${name}_group\" > /dev/null"),
        format!("openstack security group rule create --remote-group \"${name}_group\" \"${name}_group\" > /dev/null"),
    ];
    let pool = plan.steps.iter().find_map(|step| match &step.action {
        Action::Create(PlannedResource::Address { pool, .. }) => Some(pool),
        _ => None,
    });
    if let Some(pool) = pool {
        lines.extend([
            format!("{name}_router=$(openstack router create {label} -f value -c id)"),
            format!("remember {name}_router \"${name}_router\""),
            format!("openstack router set --external-gateway {} \"${name}_router\"", quoted(pool)),
            format!("openstack router add subnet \"${name}_router\" {label}"),
        ]);
    }
    lines
}

fn lease(spec: &LeaseSpec, name: &str) -> Vec<String> {
    let start = blazar::floor_to_minute(spec.window.start());
    let number = start.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M");
    let (start, end) = (blazar::format_date(start), blazar::format_date(blazar::ceil_to_minute(spec.window.end())));
    let pins: String = spec.hosts.iter().map(|host| format!(" --reservation {}", quoted(&pin(&host.0)))).collect();
    vec![
        // If the planned start has passed when the script runs, the lease starts at once.
        format!("start={}", quoted(&start)),
        format!("[ \"$(date -u +%Y%m%d%H%M)\" -lt {number} ] || start=now"),
        format!(
            "{name}=$(openstack reservation lease create --start-date \"$start\" --end-date {} {}{pins} -f value -c id | tail -n 1)",
            quoted(&end),
            quoted(&spec.name),
        ),
        format!("remember {name} \"${name}\""),
        format!("wait_until ACTIVE openstack reservation lease show \"${name}\""),
    ]
}

fn pin(host: &str) -> String {
    format!(r#"resource_type=physical:host,min=1,max=1,hypervisor_properties=["==", "$hypervisor_hostname", "{host}"]"#)
}

fn machine(spec: &MachineSpec, name: &str, flavor: &str) -> Vec<String> {
    let created_or_existing = |step: &Option<StepId>, existing: &Option<hostler_core::ticket::Ref>| {
        let created = step.as_ref().map(|step| format!("\"${}\"", variable(step)));
        created.or_else(|| existing.as_ref().map(|existing| quoted(&existing.0)))
    };
    let lease = created_or_existing(&spec.lease, &spec.existing.lease);
    let flavor = if lease.is_some() { flavor } else { &spec.node_type };
    let mut words = format!("--flavor {} --image {}", quoted(flavor), quoted(&spec.image));
    if let Some(keypair) = created_or_existing(&spec.keypair, &spec.existing.keypair) {
        words.push_str(&format!(" --key-name {keypair}"));
    }
    match (&spec.network, &spec.shared_network) {
        (Some(step), _) => {
            let network = variable(step);
            words.push_str(&format!(" --network \"${network}\" --security-group \"${network}_group\""));
        }
        (None, Some(shared)) => words.push_str(&format!(" --network {}", quoted(shared))),
        (None, None) => {}
    }
    let mut lines = Vec::new();
    if let Some(lease) = lease {
        let host = spec.host.as_ref().map_or("", |host| &host.0);
        lines.push(format!("reservation=$(reservation_of {lease} {})", quoted(host)));
        words.push_str(" --hint reservation=\"$reservation\"");
    }
    lines.extend([
        format!("{name}=$(openstack server create {words} {} -f value -c id)", quoted(&spec.name)),
        format!("remember {name} \"${name}\""),
        format!("wait_until ACTIVE openstack server show \"${name}\""),
    ]);
    lines
}

fn delete_commands(step: &Step) -> Vec<String> {
    let name = variable(&step.id);
    let removal = |name: &str, command: &str| format!("delete {name} \"${{{name}:-}}\" {command}");
    match &step.action {
        Action::Create(PlannedResource::Keypair { .. }) => vec![
            removal(&name, "openstack keypair delete"),
            format!("[ -n \"${{{name}:-}}\" ] || rm -f \"$key\" \"$key.pub\""),
        ],
        Action::Create(PlannedResource::Network { .. }) => {
            let (router, group) = (format!("{name}_router"), format!("{name}_group"));
            // Fails if the router is already disconnected; the deletion that follows still works.
            let leave = format!(
                "[ -z \"${{{router}:-}}\" ] || openstack router remove subnet \"${router}\" \"$(openstack subnet list --network \"${name}\" -f value -c ID)\" || :"
            );
            vec![
                leave,
                removal(&router, "openstack router delete"),
                removal(&name, "openstack network delete"),
                removal(&group, "openstack security group delete"),
            ]
        }
        Action::Create(PlannedResource::Lease(_)) => vec![removal(&name, "openstack reservation lease delete")],
        Action::Create(PlannedResource::Machine(_)) => vec![removal(&name, "openstack server delete --wait")],
        Action::Create(PlannedResource::Address { .. }) => vec![removal(&name, "openstack floating ip delete")],
        Action::WaitSsh { .. } | Action::SetUp { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use hostler_core::name::{DeploymentId, GroupName};
    use hostler_core::offer::HostId;
    use hostler_core::shape::Shape;
    use hostler_core::size::Bytes;
    use hostler_core::ticket::Ref;
    use hostler_core::time::Window;
    use jiff::Timestamp;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plan(change: impl FnOnce(&mut MachineSpec)) -> Plan {
        let site: hostler_core::name::SiteId = "chameleon/uc".parse().unwrap();
        let id = |text: &str| StepId::new(text).unwrap();
        let hosts = vec![HostId("node-7".into())];
        let window = Window::new(at("2030-01-01T10:00:30Z"), at("2030-01-01T12:00:30Z")).unwrap();
        let lease = LeaseSpec { name: "for o'paper".into(), site: site.clone(), window, hosts: hosts.clone() };
        let mut spec = MachineSpec {
            name: "digits".into(),
            group: GroupName::new("node").unwrap(),
            rank: 0,
            site: site.clone(),
            node_type: "compute".into(),
            shape: Shape { cpus: 1, memory: Bytes::gib(1), disk: Bytes::gib(1), gpus: vec![] },
            image: "CC-Ubuntu24.04".into(),
            user: "cc".into(),
            network: None,
            shared_network: Some("sharednet1".into()),
            host: hosts.first().cloned(),
            lease: Some(id("lease")),
            keypair: Some(id("keypair")),
            existing: Default::default(),
        };
        change(&mut spec);
        let mut plan = Plan::single(
            DeploymentId::from_bits(7),
            "digits".parse().unwrap(),
            PlannedResource::Keypair { site: site.clone() },
            Timestamp::UNIX_EPOCH,
        );
        let step = |name: &str, action| Step { id: id(name), after: vec![], action };
        plan.steps.push(step("lease", Action::Create(PlannedResource::Lease(lease))));
        plan.steps.push(step("machine-digits", Action::Create(PlannedResource::Machine(Box::new(spec)))));
        let address = PlannedResource::Address { site, pool: "public".into(), machine: Some(id("machine-digits")) };
        plan.steps.push(step("address-digits", Action::Create(address)));
        plan.steps.push(step("wait-ssh-digits", Action::WaitSsh { machine: id("machine-digits") }));
        plan
    }

    /// The functions `up` and `down` of the script, without the constant helpers.
    fn up_and_down(plan: &Plan) -> String {
        let script = client_script(plan, "baremetal");
        script[script.find("\nup() {").unwrap()..].to_owned()
    }

    #[test]
    fn every_step_has_its_command_and_its_undo() {
        let script = up_and_down(&plan(|_| {}));
        for command in [
            "openstack keypair create --public-key \"$key.pub\" 'digits-",
            "start='2030-01-01 10:00'",
            "-lt 203001011000 ] || start=now",
            "--end-date '2030-01-01 12:01' 'for o'\\''paper' --reservation 'resource_type=physical:host,",
            "reservation=$(reservation_of \"$lease\" 'node-7')",
            "--key-name \"$keypair\" --network 'sharednet1' --hint reservation=\"$reservation\" 'digits'",
            "openstack server add floating ip \"$machine_digits\" \"$address_digits\"",
        ] {
            assert!(script.contains(command), "{command}: {script}");
        }
        let undo = ["floating ip delete", "server delete --wait", "reservation lease delete", "keypair delete"];
        let positions: Vec<usize> = undo.iter().map(|command| script.find(command).unwrap()).collect();
        assert!(positions.is_sorted(), "the last created is deleted first: {script}");
    }

    #[test]
    fn existing_resources_are_neither_created_nor_deleted() {
        let mut plan = plan(|spec| {
            (spec.lease, spec.keypair) = (None, None);
            spec.existing.lease = Some(Ref("lease-1".into()));
            spec.existing.keypair = Some(Ref("my key".into()));
        });
        plan.steps.retain(|step| step.id.as_str().starts_with("machine"));
        let script = up_and_down(&plan);
        assert!(script.contains("--key-name 'my key'"), "{script}");
        assert!(script.contains("reservation_of 'lease-1' 'node-7'"), "{script}");
        assert!(!script.contains("lease delete") && !script.contains("keypair delete"), "{script}");
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        let script = client_script(&plan(|spec| spec.image = "$(false) `x` 'y' \"z\"\n; exit 9".into()), "b");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s");
        std::fs::write(&file, &script).unwrap();
        let parsed = Command::new("sh").arg("-n").arg(&file).output().unwrap();
        assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
        let without_argument = Command::new("sh").arg(&file).output().unwrap();
        assert_eq!(without_argument.status.code(), Some(2), "without an argument it only prints its usage");
    }

    #[test]
    fn down_continues_past_failures_and_lists_what_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("s"), client_script(&plan(|_| {}), "baremetal")).unwrap();
        std::fs::write(at("s.state"), "keypair='k'\nlease='l'\nmachine_digits='m'\naddress_digits='a'\n").unwrap();
        // A client that logs its arguments, and fails for those that the file `no` lists.
        let client = format!("#!/bin/sh\necho \"$*\" >> '{0}/log'\n! grep -qF \"$*\" '{0}/no'\n", dir.path().display());
        std::fs::write(at("openstack"), client).unwrap();
        std::fs::set_permissions(at("openstack"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let down = |no: &str| {
            std::fs::write(at("no"), no).unwrap();
            let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
            Command::new("sh").arg(at("s")).arg("down").env("PATH", path).output().unwrap()
        };
        let failed = down("server delete --wait m\n");
        let stderr = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(": machine_digits=m\n"), "{stderr}");
        let log = std::fs::read_to_string(at("log")).unwrap();
        let all = ["floating ip delete a", "server delete --wait m", "reservation lease delete l", "keypair delete k"];
        assert_eq!(log.lines().collect::<Vec<_>>(), all);

        // The second run deletes only what was left.
        assert!(down("-\n").status.success());
        let log = std::fs::read_to_string(at("log")).unwrap();
        assert_eq!(log.lines().skip(all.len()).collect::<Vec<_>>(), ["server delete --wait m"]);
        assert!(!at("s.state").exists());
    }
}
