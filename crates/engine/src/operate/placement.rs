//! Limits of a plan: an existing lease, or certain hosts only.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::demand::{Demand, SiteSelector};
use hostler_core::filter::Filter;
use hostler_core::inventory::{Feed, join};
use hostler_core::name::SiteId;
use hostler_core::offer::{ClaimTerm, HostId};
use hostler_core::plan::{ExistingLease, MachineSpec, Pick, Placement, Plan, ResourceKind, Staleness};
use hostler_core::ports::{Grant, Resource};
use hostler_core::ticket::Ref;
use jiff::SignedDuration;

use super::{ListedResource, OperateError, Operator};
use crate::store::Record;

/// Limits on the hosts of a deployment.
#[derive(Debug, Clone, Default)]
pub struct PlacementRequest {
    /// An existing lease: its id, its name, or the deployment that created it.
    pub lease: Option<String>,
    /// Hosts, by the site's ids; any host if empty.
    pub hosts: Vec<HostId>,
    /// A filter that hosts must match.
    pub filter: Option<Filter>,
}

impl Operator {
    /// Looks up the lease, or the hosts, that a plan is limited to.
    ///
    /// # Errors
    /// If the lease does not exist, is not active or has no free host, or if no host matches the filter.
    pub async fn placement(&self, request: &PlacementRequest, demand: &Demand) -> Result<Placement, OperateError> {
        if let Some(lease) = &request.lease {
            return self.on_lease(lease).await;
        }
        let placement = Placement::on_hosts(request.hosts.iter().cloned());
        match &request.filter {
            Some(filter) => {
                self.check_sites(demand)?;
                Ok(placement.matching(self.matching(&demand.on, filter).await?))
            }
            None => Ok(placement),
        }
    }

    /// The placement of a stored plan.
    pub(super) async fn placement_of(&self, plan: &Plan) -> Result<Placement, OperateError> {
        let on_lease = |pick: &Pick| match &pick.terms.claim {
            ClaimTerm::Existing(lease) => Some((pick.site.clone(), lease.clone())),
            ClaimTerm::OnLaunch | ClaimTerm::Lease => None,
        };
        let Some((site, lease)) = plan.picks.iter().find_map(on_lease) else { return Ok(Placement::default()) };
        let Some(provider) = self.sites.get(&site) else { return Ok(Placement::default()) };
        let leases = provider.resources(ResourceKind::Lease).await?;
        let grant = leases.iter().find(|resource| resource.reference == lease).and_then(Resource::grant).cloned();
        let Some(grant) = grant else {
            let reason = Staleness::NoLease { lease, site };
            return Err(OperateError::Stale { plan: plan.id(), reason });
        };
        let hosts = grant.hosts.iter().cloned().collect();
        Ok(Placement::on_lease(ExistingLease { lease, site, window: grant.window, hosts }))
    }

    async fn on_lease(&self, text: &str) -> Result<Placement, OperateError> {
        let listed = self.find_resource(ResourceKind::Lease, &[], text).await?;
        let lease = || text.to_owned();
        let Some(grant) = listed.resource.grant() else {
            return Err(OperateError::LeaseUnreported { lease: lease(), site: listed.site });
        };
        if !listed.resource.is_running() {
            return Err(self.inactive(text, &listed, grant));
        }
        let used = self.hosts_used_on(&listed.resource.reference).await?;
        let hosts: BTreeSet<HostId> = grant.hosts.iter().filter(|host| !used.contains(host)).cloned().collect();
        if hosts.is_empty() {
            return Err(OperateError::LeaseFull { lease: lease() });
        }
        let (reference, window) = (listed.resource.reference.clone(), grant.window);
        Ok(Placement::on_lease(ExistingLease { lease: reference, site: listed.site, window, hosts }))
    }

    /// The hosts that match a filter. A host that does not report a fact that the filter needs does not match.
    async fn matching(&self, on: &[SiteSelector], filter: &Filter) -> Result<BTreeSet<(SiteId, HostId)>, OperateError> {
        let mut calendars = self.calendars.clone();
        calendars.retain(|id, _| self.sites.contains_key(id) && SiteSelector::includes(on, id));
        let answers = calendars.iter().map(|(id, source)| async move { (id, source.feed().await) }.boxed());
        let (mut matching, mut checked, mut unreachable) = (BTreeSet::new(), 0, None);
        for (site, answer) in join_all(answers).await {
            match answer {
                Ok(feed) => checked += matches(site, feed, filter, &mut matching)?,
                // The planner queries the same site, and reports that it does not answer.
                Err(error) => unreachable = Some(error),
            }
        }
        match (matching.is_empty(), checked, unreachable) {
            (true, 0, Some(error)) => Err(error.into()),
            (true, ..) => Err(OperateError::NoHostMatches { checked }),
            (false, ..) => Ok(matching),
        }
    }

    /// The hosts of a lease that machines of live deployments are on.
    async fn hosts_used_on(&self, lease: &Ref) -> Result<BTreeSet<HostId>, OperateError> {
        let records = self.deployments().await?;
        Ok(records.iter().flat_map(|record| hosts_on(record, lease)).collect())
    }

    pub(super) fn inactive(&self, lease: &str, listed: &ListedResource, grant: &Grant) -> OperateError {
        let (lease, status) = (lease.to_owned(), listed.resource.site_status.clone());
        match grant.window.start() {
            start if start > (self.now)() => OperateError::LeaseNotBegun { lease, status, start },
            _ => OperateError::LeaseInactive { lease, status },
        }
    }
}

/// Adds the hosts of a site that match; the result is the number of hosts checked.
fn matches(
    site: &SiteId,
    feed: Feed,
    filter: &Filter,
    matching: &mut BTreeSet<(SiteId, HostId)>,
) -> Result<usize, OperateError> {
    let feeds = [feed];
    let inventory = join(&feeds, SignedDuration::ZERO)?;
    let mut checked = 0;
    for (of, node) in inventory.nodes() {
        checked += 1;
        if filter.matches(of, node) == Some(true) {
            matching.insert((site.clone(), node.offer_host_id()));
        }
    }
    Ok(checked)
}

fn hosts_on(record: &Record, lease: &Ref) -> Vec<HostId> {
    let journal = record.journal();
    let is_on = |spec: &MachineSpec| {
        let own = spec.lease.as_ref().and_then(|step| journal.created(step)).map(|created| &created.reference);
        spec.existing.lease.as_ref().or(own) == Some(lease)
    };
    record.plan.machines().filter(|(_, spec)| is_on(spec)).filter_map(|(_, spec)| spec.host.clone()).collect()
}
