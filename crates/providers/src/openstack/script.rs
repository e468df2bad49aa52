//! A plan's steps as commands of the ordinary `openstack` client: a shell script that makes all of it, and gives it back.
//!
//! It is for learning and for looking for faults. What it makes bears no ticket: it is its user's own, and no sweep of
//! ours touches it.

use hostler_core::plan::{Action, LeaseSpec, MachineSpec, Plan, PlannedResource, Step};
use hostler_core::ticket::StepId;
use jiff::tz::TimeZone;

use super::blazar;
use crate::shell::quoted;

const HELPERS: &str = include_str!("script.sh");

/// The script. Leased hosts are launched with this flavor.
pub fn script(plan: &Plan, flavor: &str) -> String {
    let body = |lines: Vec<String>| match lines.is_empty() {
        true => "    :\n".to_owned(),
        false => {
            lines.iter().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
        }
    };
    let up = plan.steps.iter().flat_map(|step| made(plan, step, flavor)).collect();
    let down = plan.steps.iter().rev().flat_map(unmade).collect();
    let head = format!(
        "#!/bin/sh\n# What hostler would do for `{}` (plan {}), as commands of the ordinary client.\n",
        plan.demand.name,
        plan.id()
    );
    format!("{head}{HELPERS}\nup() {{\n{}}}\n\ndown() {{\n{}}}\n{MAIN}", body(up), body(down))
}

const MAIN: &str = r#"
case ${1:-} in
up)
    [ ! -s "$state" ] || { echo "$state lists what is there already: sh $0 down" >&2; exit 1; }
    up
    ;;
down)
    down
    if [ -n "$left" ]; then
        printf 'still there, or not known to be gone:%s\n' "$left" >&2
        echo "what they are stands in $state; try again: sh $0 down" >&2
        exit 1
    fi
    rm -f "$state"
    ;;
*) echo "usage: sh $0 up|down" >&2; exit 2 ;;
esac
"#;

/// What a step's thing is called in the script.
fn variable(step: &StepId) -> String {
    step.as_str().replace('-', "_")
}

fn made(plan: &Plan, step: &Step, flavor: &str) -> Vec<String> {
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
        Action::Reach { machine } => {
            lines.push(format!("# hostler now logs in to {}, and pins its host key", user_at(plan, machine)));
        }
        Action::SetUp { phase, machine } => {
            lines.push(format!(
                "# hostler now does its phase `{}` over SSH on {}",
                phase.name(),
                user_at(plan, machine)
            ));
        }
    }
    lines.push(String::new());
    lines
}

/// Only names of machines and users of images: nothing in them ends a comment.
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
    let called = quoted(&format!("{}-{}", plan.demand.name, plan.deployment.short()));
    let mut lines = vec![
        format!("{name}=$(openstack network create {called} -f value -c id)"),
        format!("remember {name} \"${name}\""),
        format!("openstack subnet create --network \"${name}\" --subnet-range 10.93.0.0/22 {called} > /dev/null"),
        format!("{name}_group=$(openstack security group create {called} -f value -c id)"),
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
            format!("{name}_router=$(openstack router create {called} -f value -c id)"),
            format!("remember {name}_router \"${name}_router\""),
            format!("openstack router set --external-gateway {} \"${name}_router\"", quoted(pool)),
            format!("openstack router add subnet \"${name}_router\" {called}"),
        ]);
    }
    lines
}

fn lease(spec: &LeaseSpec, name: &str) -> Vec<String> {
    let start = blazar::floored(spec.window.start());
    let number = start.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M");
    let (start, end) = (blazar::written(start), blazar::written(blazar::ceiled(spec.window.end())));
    let pins: String = spec.hosts.iter().map(|host| format!(" --reservation {}", quoted(&pin(&host.0)))).collect();
    vec![
        // What should have begun when the script is run begins at once.
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
    let given = |step: &Option<StepId>, used: &Option<hostler_core::ticket::Ref>| {
        let made = step.as_ref().map(|step| format!("\"${}\"", variable(step)));
        made.or_else(|| used.as_ref().map(|used| quoted(&used.0)))
    };
    let lease = given(&spec.lease, &spec.uses.lease);
    let flavor = if lease.is_some() { flavor } else { &spec.node_type };
    let mut words = format!("--flavor {} --image {}", quoted(flavor), quoted(&spec.image));
    if let Some(keypair) = given(&spec.keypair, &spec.uses.keypair) {
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

fn unmade(step: &Step) -> Vec<String> {
    let name = variable(&step.id);
    let removal = |name: &str, command: &str| format!("give_back {name} \"${{{name}:-}}\" {command}");
    match &step.action {
        Action::Create(PlannedResource::Keypair { .. }) => vec![
            removal(&name, "openstack keypair delete"),
            format!("[ -n \"${{{name}:-}}\" ] || rm -f \"$key\" \"$key.pub\""),
        ],
        Action::Create(PlannedResource::Network { .. }) => {
            let (router, group) = (format!("{name}_router"), format!("{name}_group"));
            // Where it hangs on to nothing any more, this fails, and its removal does not.
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
        Action::Reach { .. } | Action::SetUp { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use hostler_core::name::{DeploymentId, GroupName};
    use hostler_core::offer::HostId;
    use hostler_core::plan::Shape;
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
            uses: Default::default(),
        };
        change(&mut spec);
        let mut plan = Plan::of_one(
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
        plan.steps.push(step("reach-digits", Action::Reach { machine: id("machine-digits") }));
        plan
    }

    /// What `up` and `down` say, without the helpers that are always the same.
    fn told(plan: &Plan) -> String {
        let script = script(plan, "baremetal");
        script[script.find("\nup() {").unwrap()..].to_owned()
    }

    #[test]
    fn every_step_has_its_command_and_its_undo() {
        let told = told(&plan(|_| {}));
        for command in [
            "openstack keypair create --public-key \"$key.pub\" 'digits-",
            "start='2030-01-01 10:00'",
            "-lt 203001011000 ] || start=now",
            "--end-date '2030-01-01 12:01' 'for o'\\''paper' --reservation 'resource_type=physical:host,",
            "reservation=$(reservation_of \"$lease\" 'node-7')",
            "--key-name \"$keypair\" --network 'sharednet1' --hint reservation=\"$reservation\" 'digits'",
            "openstack server add floating ip \"$machine_digits\" \"$address_digits\"",
        ] {
            assert!(told.contains(command), "{command}: {told}");
        }
        let undone = ["floating ip delete", "server delete --wait", "reservation lease delete", "keypair delete"];
        let places: Vec<usize> = undone.iter().map(|command| told.find(command).unwrap()).collect();
        assert!(places.is_sorted(), "the last thing goes first: {told}");
    }

    #[test]
    fn what_is_there_already_is_neither_made_nor_removed() {
        let mut plan = plan(|spec| {
            (spec.lease, spec.keypair) = (None, None);
            spec.uses.lease = Some(Ref("lease-1".into()));
            spec.uses.keypair = Some(Ref("my key".into()));
        });
        plan.steps.retain(|step| step.id.as_str().starts_with("machine"));
        let told = told(&plan);
        assert!(told.contains("--key-name 'my key'") && told.contains("reservation_of 'lease-1' 'node-7'"), "{told}");
        assert!(!told.contains("lease delete") && !told.contains("keypair delete"), "{told}");
    }

    /// A shell reads it without a complaint, whatever things are called.
    #[test]
    fn any_name_is_one_word() {
        let script = script(&plan(|spec| spec.image = "$(false) `x` 'y' \"z\"\n; exit 9".into()), "b");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s");
        std::fs::write(&file, &script).unwrap();
        let read = Command::new("sh").arg("-n").arg(&file).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let bare = Command::new("sh").arg(&file).output().unwrap();
        assert_eq!(bare.status.code(), Some(2), "it does nothing by itself");
    }

    /// What can't be removed keeps nothing else from being removed, and is told.
    #[test]
    fn down_goes_on_past_what_fails_and_says_what_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("s"), script(&plan(|_| {}), "baremetal")).unwrap();
        std::fs::write(at("s.state"), "keypair='k'\nlease='l'\nmachine_digits='m'\naddress_digits='a'\n").unwrap();
        // A client that says what it was asked for, and refuses whatever `no` names.
        let client =
            format!("#!/bin/sh\necho \"$*\" >> '{0}/asked'\n! grep -qF \"$*\" '{0}/no'\n", dir.path().display());
        std::fs::write(at("openstack"), client).unwrap();
        std::fs::set_permissions(at("openstack"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let down = |no: &str| {
            std::fs::write(at("no"), no).unwrap();
            let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
            Command::new("sh").arg(at("s")).arg("down").env("PATH", path).output().unwrap()
        };
        let failed = down("server delete --wait m\n");
        let told = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(1), "{told}");
        assert!(told.contains(": machine_digits=m\n"), "{told}");
        let asked = std::fs::read_to_string(at("asked")).unwrap();
        let all = ["floating ip delete a", "server delete --wait m", "reservation lease delete l", "keypair delete k"];
        assert_eq!(asked.lines().collect::<Vec<_>>(), all);

        // Once more: only what was left is asked for.
        assert!(down("-\n").status.success());
        let asked = std::fs::read_to_string(at("asked")).unwrap();
        assert_eq!(asked.lines().skip(all.len()).collect::<Vec<_>>(), ["server delete --wait m"]);
        assert!(!at("s.state").exists());
    }
}
