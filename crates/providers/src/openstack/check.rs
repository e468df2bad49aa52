//! Whether a cloud can be used, and if not, what to do.

use hostler_core::offer::NetworkTerm;
use hostler_core::ports::{Health, Remedy, Verdict};

use super::keystone::{Account, Service, Session};
use super::neutron::SecurityGroup;
use super::resources::lease;
use super::settings::Reach;
use super::{Settings, blazar, neutron, nodes, nova, offers};
use crate::trouble::Trouble;

/// Everything that a deployment will need, looked at in the order in which it will.
pub(super) async fn check(session: &Session, settings: &Settings) -> Vec<Health> {
    // Whether a token that is kept is still good says nothing about the password.
    let account = match session.log_in().await {
        Ok(token) => token.account,
        Err(error) => return vec![bad("logging in", unreached(error.into()))],
    };
    let mut findings = vec![good(who(&account, session))];
    let (leases, machines, addresses, networks, groups, nodes) = tokio::join!(
        leasing(session, &account),
        machines(session, settings),
        addresses(session, settings, &account),
        network(session, settings),
        security_groups(session, settings),
        static_nodes(settings),
    );
    findings.extend([leases, machines, networks, groups, addresses, nodes].into_iter().flatten());
    findings
}

fn who(account: &Account, session: &Session) -> String {
    let project = account.project.as_deref().map(|project| format!(", project {project}")).unwrap_or_default();
    let region = session.cloud().region.as_deref().map(|region| format!(", region {region}")).unwrap_or_default();
    format!("logged in as {}{project}{region}", account.user)
}

/// What to do where nobody answers, which is what a wrong address and a missing network look like, too.
fn unreached(trouble: Trouble) -> Trouble {
    let hint =
        "look whether `auth_url` in clouds.yaml, or `OS_AUTH_URL`, is right, and whether it can be reached from here";
    match trouble {
        Trouble { hint: None, remedy: Remedy::Retry(_), .. } => Trouble { hint: Some(hint.to_owned()), ..trouble },
        trouble => trouble,
    }
}

async fn leasing(session: &Session, account: &Account) -> Vec<Health> {
    match session.has(Service::Reservation).await {
        Ok(true) => {}
        Ok(false) => return vec![good("machines are launched without a lease: the cloud has no Blazar".to_owned())],
        Err(error) => return vec![bad("looking for Blazar", error.into())],
    }
    let hosts = async { blazar::named(&blazar::hosts(session).await?) };
    let mut findings = match tokio::try_join!(hosts, blazar::allocations(session)) {
        Ok((hosts, _)) if hosts.is_empty() => {
            vec![finding(Verdict::Bad, "Blazar has no hosts".to_owned(), "look whether the region is the right one")]
        }
        Ok((hosts, _)) => vec![good(format!("{} hosts can be leased", hosts.len()))],
        Err(error) => vec![bad("asking Blazar for its hosts", error.into())],
    };
    if account.restricted {
        findings.push(bad("leasing", lease::restricted()));
    }
    findings
}

async fn machines(session: &Session, settings: &Settings) -> Vec<Health> {
    let (flavors, limits) = match tokio::try_join!(nova::flavors(session), nova::limits(session)) {
        Ok(both) => both,
        Err(error) => return vec![bad("asking Nova for flavors and limits", error.into())],
    };
    let mut findings = vec![room("machines", limits.max_total_instances, limits.total_instances_used)];
    let leased = session.has(Service::Reservation).await.unwrap_or(false);
    if leased && !flavors.iter().any(|flavor| flavor.name == settings.flavor) {
        let there: Vec<&str> = flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        let hint = format!("name one of these as `flavor`: {}", there.join(", "));
        findings.push(finding(Verdict::Bad, format!("there is no flavor `{}`", settings.flavor), &hint));
    }
    findings
}

async fn addresses(session: &Session, settings: &Settings, account: &Account) -> Vec<Health> {
    let Some(project) = account.project_id.as_ref().filter(|_| settings.reach == Reach::Public) else {
        return Vec::new();
    };
    match neutron::floating_ip_quota(session, project).await {
        Ok(quota) => vec![room("public addresses", quota.limit, quota.used)],
        // Not every cloud lets its users see it; whether one can be had shows when it is made.
        Err(_) => Vec::new(),
    }
}

async fn network(session: &Session, settings: &Settings) -> Vec<Health> {
    let networks = match neutron::networks(session).await {
        Ok(networks) => networks,
        Err(error) => return vec![bad("asking Neutron for networks", error.into())],
    };
    let names = |external: bool| {
        let these = networks.iter().filter(|network| network.external == external);
        these.map(|network| network.name.clone()).collect::<Vec<_>>()
    };
    let missing = |wished: &Option<String>, there: Vec<String>, what: &str, key: &str| {
        let wished = wished.as_ref().filter(|wished| !there.contains(wished))?;
        let hint = format!("name one of these as `{key}`: {}", there.join(", "));
        Some(finding(Verdict::Bad, format!("there is no {what} `{wished}`"), &hint))
    };
    let network = missing(&settings.network, names(false), "network", "network");
    let pool = missing(&settings.pool, names(true), "external network", "pool");
    network.into_iter().chain(pool).collect()
}

/// The group that Nova puts a server into which names none, as ours on a network of others do.
const DEFAULT_GROUP: &str = "default";

const SSH: u16 = 22;

/// Whether security groups let SSH in. A note only: not all clouds heed them on physical hosts. A network of ours has a
/// group of its own, which does.
async fn security_groups(session: &Session, settings: &Settings) -> Vec<Health> {
    let groups = match tokio::try_join!(neutron::security_groups(session), neutron::networks(session)) {
        Ok((_, networks)) if offers::network(settings, &networks) == NetworkTerm::Own => return Vec::new(),
        Ok((groups, _)) => groups,
        Err(error) => return vec![bad("asking Neutron for security groups", error.into())],
    };
    let blocks = |group: &SecurityGroup| !group.rules.iter().any(|rule| rule.opens(SSH));
    match groups.iter().find(|group| group.name == DEFAULT_GROUP) {
        Some(group) if blocks(group) => {
            let hint = format!(
                "where machines can't be reached: `openstack security group rule create --protocol tcp --dst-port {SSH} \
                 --remote-ip 0.0.0.0/0 {DEFAULT_GROUP}`"
            );
            let what = format!("the security group `{DEFAULT_GROUP}` lets no SSH in from outside");
            vec![finding(Verdict::Note, what, &hint)]
        }
        Some(_) => vec![good(format!("the security group `{DEFAULT_GROUP}` lets SSH in"))],
        None => Vec::new(),
    }
}

async fn static_nodes(settings: &Settings) -> Vec<Health> {
    let Some(api) = &settings.nodes else { return Vec::new() };
    let hint = "hosts are known by what Blazar says of them until it answers again";
    match nodes::refresh(api).await {
        Ok(_) => vec![good(format!("the node API lists the nodes of `{}`", api.site))],
        Err(error) => vec![finding(Verdict::Note, format!("the node API doesn't answer: {error}"), hint)],
    }
}

fn room(what: &str, most: i64, used: i64) -> Health {
    match most {
        ..0 => good(format!("{used} {what} in use, without a limit")),
        _ if used < most => good(format!("{used} of {most} {what} in use")),
        _ => {
            let hint = "give back what is not needed, or ask the cloud's operators for a larger quota";
            finding(Verdict::Bad, format!("all {most} {what} of the quota are in use"), hint)
        }
    }
}

fn good(finding: String) -> Health {
    Health { verdict: Verdict::Good, finding, hint: None }
}

fn finding(verdict: Verdict, finding: String, hint: &str) -> Health {
    Health { verdict, finding, hint: Some(hint.to_owned()) }
}

fn bad(doing: &str, trouble: Trouble) -> Health {
    Health { verdict: Verdict::Bad, finding: format!("{doing} failed: {}", trouble.message), hint: trouble.hint }
}
