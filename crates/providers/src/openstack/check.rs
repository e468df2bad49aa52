//! Health of a cloud: whether it provides what a deployment needs, with a remedy for each defect.

use hostler_core::offer::NetworkTerm;
use hostler_core::ports::{CheckResult, Health, Remedy};

use super::error::QUOTA_HINT;
use super::keystone::{KeystoneSession, Service, TokenAccount};
use super::neutron::SecurityGroup;
use super::resources::lease;
use super::settings::AddressPolicy;
use super::{OpenStackSettings, blazar, neutron, nodes, nova, offers};
use crate::failure::CallFailure;

/// Findings in the order in which a deployment meets them: login, leases, machines, networks, addresses, node API.
pub(super) async fn check(session: &KeystoneSession, settings: &OpenStackSettings) -> Vec<Health> {
    // A cached token may still be valid although the password no longer is: log in again.
    let account = match session.log_in().await {
        Ok(token) => token.account,
        Err(error) => return vec![failed("logging in", with_address_hint(error.into()))],
    };
    let mut findings = vec![good(login_finding(&account, session))];
    let (leases, machines, addresses, networks, groups, nodes) = tokio::join!(
        check_leases(session, &account),
        check_machines(session, settings),
        check_addresses(session, settings, &account),
        check_networks(session, settings),
        check_security_groups(session, settings),
        check_node_api(settings),
    );
    findings.extend([leases, machines, networks, groups, addresses, nodes].into_iter().flatten());
    findings
}

fn login_finding(account: &TokenAccount, session: &KeystoneSession) -> String {
    let project = account.project.as_deref().map(|project| format!(", project {project}")).unwrap_or_default();
    let region = session.cloud().region.as_deref().map(|region| format!(", region {region}")).unwrap_or_default();
    format!("logged in as {}{project}{region}", account.user)
}

/// Adds advice for a Keystone that does not answer: a wrong address and a missing route look the same.
fn with_address_hint(failure: CallFailure) -> CallFailure {
    let hint = "check that `auth_url` in clouds.yaml, or `OS_AUTH_URL`, is correct and reachable from this computer";
    match failure {
        CallFailure { hint: None, remedy: Remedy::Retry(_), .. } => {
            CallFailure { hint: Some(hint.to_owned()), ..failure }
        }
        failure => failure,
    }
}

async fn check_leases(session: &KeystoneSession, account: &TokenAccount) -> Vec<Health> {
    match session.has_service(Service::Reservation).await {
        Ok(true) => {}
        Ok(false) => return vec![good("machines are launched without a lease: the cloud has no Blazar".to_owned())],
        Err(error) => return vec![failed("looking for Blazar", error.into())],
    }
    let hosts = async { blazar::parse_hosts(&blazar::hosts(session).await?) };
    let mut findings = match tokio::try_join!(hosts, blazar::allocations(session)) {
        Ok((hosts, _)) if hosts.is_empty() => {
            vec![finding(CheckResult::Failed, "Blazar lists no hosts".to_owned(), "check that the region is correct")]
        }
        Ok((hosts, _)) => vec![good(format!("{} hosts can be leased", hosts.len()))],
        Err(error) => vec![failed("listing Blazar's hosts", error.into())],
    };
    if account.restricted {
        findings.push(failed("leasing", lease::restricted_credential()));
    }
    findings
}

async fn check_machines(session: &KeystoneSession, settings: &OpenStackSettings) -> Vec<Health> {
    let (flavors, limits) = match tokio::try_join!(nova::flavors(session), nova::limits(session)) {
        Ok(both) => both,
        Err(error) => return vec![failed("reading Nova's flavors and limits", error.into())],
    };
    let mut findings = vec![quota_finding("machines", limits.max_total_instances, limits.total_instances_used)];
    let leases = session.has_service(Service::Reservation).await.unwrap_or(false);
    if leases && !flavors.iter().any(|flavor| flavor.name == settings.flavor) {
        let names: Vec<&str> = flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        let hint = format!("set `flavor` to one of: {}", names.join(", "));
        findings.push(finding(CheckResult::Failed, format!("the flavor `{}` does not exist", settings.flavor), &hint));
    }
    findings
}

async fn check_addresses(
    session: &KeystoneSession,
    settings: &OpenStackSettings,
    account: &TokenAccount,
) -> Vec<Health> {
    let policy = settings.address_policy;
    let Some(project) = account.project_id.as_ref().filter(|_| policy == AddressPolicy::FloatingIp) else {
        return Vec::new();
    };
    match neutron::floating_ip_quota(session, project).await {
        Ok(quota) => vec![quota_finding("floating IPs", quota.limit, quota.used)],
        // Some clouds hide it from their users; an exhausted quota then shows when an address is created.
        Err(_) => Vec::new(),
    }
}

async fn check_networks(session: &KeystoneSession, settings: &OpenStackSettings) -> Vec<Health> {
    let networks = match neutron::networks(session).await {
        Ok(networks) => networks,
        Err(error) => return vec![failed("listing Neutron's networks", error.into())],
    };
    let names = |external: bool| {
        let matching = networks.iter().filter(|network| network.external == external);
        matching.map(|network| network.name.clone()).collect::<Vec<_>>()
    };
    let missing = |configured: &Option<String>, existing: Vec<String>, what: &str, key: &str| {
        let configured = configured.as_ref().filter(|configured| !existing.contains(configured))?;
        let hint = format!("set `{key}` to one of: {}", existing.join(", "));
        Some(finding(CheckResult::Failed, format!("the {what} `{configured}` does not exist"), &hint))
    };
    let network = missing(&settings.network, names(false), "network", "network");
    let pool = missing(&settings.pool, names(true), "external network", "pool");
    network.into_iter().chain(pool).collect()
}

/// The group that Nova assigns to a server that names none, such as a machine of hostler on a shared network.
const DEFAULT_GROUP: &str = "default";

const SSH: u16 = 22;

/// Reports whether the default security group admits SSH.
///
/// A note at most: not every cloud enforces security groups on bare metal. A network that hostler creates has a group of
/// its own, which admits SSH.
async fn check_security_groups(session: &KeystoneSession, settings: &OpenStackSettings) -> Vec<Health> {
    let groups = match tokio::try_join!(neutron::security_groups(session), neutron::networks(session)) {
        Ok((_, networks)) if offers::network(settings, &networks) == NetworkTerm::Own => return Vec::new(),
        Ok((groups, _)) => groups,
        Err(error) => return vec![failed("listing Neutron's security groups", error.into())],
    };
    let blocks_ssh = |group: &SecurityGroup| !group.rules.iter().any(|rule| rule.admits_tcp(SSH));
    match groups.iter().find(|group| group.name == DEFAULT_GROUP) {
        Some(group) if blocks_ssh(group) => {
            let hint = format!(
                "if machines can't be reached: `openstack security group rule create --protocol tcp --dst-port {SSH} \
                 --remote-ip 0.0.0.0/0 {DEFAULT_GROUP}`"
            );
            let what = format!("the security group `{DEFAULT_GROUP}` does not admit SSH from outside");
            vec![finding(CheckResult::Warning, what, &hint)]
        }
        Some(_) => vec![good(format!("the security group `{DEFAULT_GROUP}` admits SSH"))],
        None => Vec::new(),
    }
}

async fn check_node_api(settings: &OpenStackSettings) -> Vec<Health> {
    let Some(api) = &settings.nodes else { return Vec::new() };
    let hint = "until it answers, only Blazar's own description of the hosts is available";
    match nodes::fetch_site(api).await {
        Ok(_) => vec![good(format!("the node API lists the nodes of `{}`", api.site))],
        Err(error) => vec![finding(CheckResult::Warning, format!("the node API does not answer: {error}"), hint)],
    }
}

fn quota_finding(what: &str, limit: i64, used: i64) -> Health {
    match limit {
        ..0 => good(format!("{used} {what} in use, without a limit")),
        _ if used < limit => good(format!("{used} of {limit} {what} in use")),
        _ => finding(CheckResult::Failed, format!("all {limit} {what} of the quota are in use"), QUOTA_HINT),
    }
}

fn good(finding: String) -> Health {
    Health { result: CheckResult::Passed, finding, hint: None }
}

fn finding(verdict: CheckResult, finding: String, hint: &str) -> Health {
    Health { result: verdict, finding, hint: Some(hint.to_owned()) }
}

fn failed(operation: &str, failure: CallFailure) -> Health {
    Health {
        result: CheckResult::Failed,
        finding: format!("{operation} failed: {}", failure.message),
        hint: failure.hint,
    }
}
