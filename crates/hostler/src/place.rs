//! Where a plan may look, beyond what its demand says: on a lease that runs already, or among some hosts only.

use std::collections::BTreeSet;

use futures::future::join_all;
use hostler_core::demand::{Demand, SiteSelector};
use hostler_core::filter::Filter;
use hostler_core::inventory::{Feed, join};
use hostler_core::name::SiteId;
use hostler_core::offer::{ClaimTerm, HostId, Market};
use hostler_core::plan::{Held, Plan, ResourceKind};
use hostler_core::ports::Grant;
use hostler_core::ticket::Ref;
use hostler_engine::run::Sites;
use hostler_engine::store::Record;
use hostler_providers::openstack::blazar;
use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::error::{Error, ErrorKind};
use crate::resources::{Listed, find};

/// Where a plan may look.
#[derive(Debug, Clone, Default)]
pub struct Place {
    held: Option<Held>,
    hosts: BTreeSet<HostId>,
    /// Those that fit a filter, where there is one.
    fitting: Option<BTreeSet<(SiteId, HostId)>>,
}

impl Place {
    /// On a lease that runs already: its id or name, or the deployment that made it.
    ///
    /// # Errors
    /// Where there is none, it doesn't run, or the site doesn't say which hosts it has.
    pub async fn on_lease(app: &App, sites: &Sites, text: &str) -> Result<Self, Error> {
        let lease = find(app, sites, ResourceKind::Lease, &[], text).await?;
        let Some(grant) = lease.resource.grant() else {
            return Err(Error::new(
                ErrorKind::InvalidState,
                format!("`{}` doesn't say what the lease `{text}` holds", lease.site),
            ));
        };
        if !lease.resource.is_running() {
            return Err(not_running(text, &lease, grant, (app.now)()));
        }
        let taken = taken(app, &lease.resource.reference).await?;
        let hosts: BTreeSet<HostId> = grant.hosts.iter().filter(|host| !taken.contains(host)).cloned().collect();
        if hosts.is_empty() {
            let message = format!("the lease `{text}` has no room: our machines are on all of its hosts");
            return Err(Error::new(ErrorKind::NoOffer, message));
        }
        let held = held(lease.site, lease.resource.reference.clone(), grant.clone(), hosts);
        Ok(Self { held: Some(held), ..Self::default() })
    }

    /// Only these hosts; all where none is named.
    pub fn of_hosts(hosts: &[String]) -> Self {
        Self { hosts: hosts.iter().cloned().map(HostId).collect(), ..Self::default() }
    }

    /// The same, and only hosts of which a filter says that they fit. A host that doesn't say what it has doesn't.
    ///
    /// # Errors
    /// Where no host fits, or nobody could be asked.
    pub async fn fitting(self, app: &App, sites: &Sites, on: &[SiteSelector], filter: &Filter) -> Result<Self, Error> {
        let mut sources = app.sources()?;
        sources.retain(|id, _| sites.contains_key(id) && (on.is_empty() || on.iter().any(|wish| wish.means(id))));
        let answers = join_all(sources.iter().map(async |(id, source)| (id, source.feed().await))).await;
        let (mut fitting, mut looked, mut silent) = (BTreeSet::new(), 0, None);
        for (site, answer) in answers {
            match answer {
                Ok(feed) => looked += fit(site, feed, filter, &mut fitting)?,
                // What was not answered here is not answered to the planner either, which tells of it.
                Err(error) => silent = Some(error),
            }
        }
        match (fitting.is_empty(), looked, silent) {
            (true, 0, Some(error)) => Err(error.into()),
            (true, ..) => {
                let error = Error::new(ErrorKind::NoOffer, format!("no host fits the filter: {looked} were looked at"));
                Err(error.hinted("`hostler availability --filter FILTER` shows what there is"))
            }
            (false, ..) => Ok(Self { fitting: Some(fitting), ..self }),
        }
    }

    /// Where a stored plan looked.
    pub async fn of(sites: &Sites, plan: &Plan) -> Result<Self, Error> {
        let on_lease = |pick: &hostler_core::plan::Pick| match &pick.terms.claim {
            ClaimTerm::Existing(lease) => Some((pick.site.clone(), lease.clone())),
            ClaimTerm::OnLaunch | ClaimTerm::Lease => None,
        };
        let Some((site, lease)) = plan.picks.iter().find_map(on_lease) else { return Ok(Self::default()) };
        let Some(provider) = sites.get(&site) else { return Ok(Self::default()) };
        let there = provider.resources(ResourceKind::Lease).await?;
        let grant =
            there.iter().find(|resource| resource.reference == lease).and_then(|resource| resource.grant().cloned());
        let Some(grant) = grant else {
            return Err(Error::new(ErrorKind::Stale, format!("the lease `{lease}` of the plan is gone from `{site}`")));
        };
        let hosts = grant.hosts.iter().cloned().collect();
        Ok(Self { held: Some(held(site, lease, grant, hosts)), ..Self::default() })
    }

    /// The market as far as the plan may look.
    pub fn apply(&self, market: Market) -> Market {
        let market = match &self.held {
            Some(held) => held.apply(market),
            None => market,
        };
        if self.hosts.is_empty() && self.fitting.is_none() {
            return market;
        }
        market.with_hosts(|site, host| {
            let fits = |fitting: &BTreeSet<_>| fitting.contains(&(site.clone(), host.clone()));
            (self.hosts.is_empty() || self.hosts.contains(host)) && self.fitting.as_ref().is_none_or(fits)
        })
    }

    /// The demand, which ends with the lease where it doesn't say when.
    pub fn within(&self, demand: &Demand, now: Timestamp) -> Demand {
        let mut demand = demand.clone();
        if let Some(held) = &self.held {
            let start = demand.lease.start.unwrap_or(now);
            let left = start.duration_until(held.window.end());
            if demand.lease.duration.is_none() && left.is_positive() {
                (demand.lease.start, demand.lease.duration) = (Some(start), Some(left));
            }
        }
        demand
    }
}

/// Adds the hosts of a site that fit; how many there were is the answer.
fn fit(site: &SiteId, feed: Feed, filter: &Filter, fitting: &mut BTreeSet<(SiteId, HostId)>) -> Result<usize, Error> {
    let names = feed.hosts.as_ref().map(blazar::named).transpose();
    let names = names.map_err(|error| Error::of(ErrorKind::Site, &error))?.unwrap_or_default();
    let feeds = [feed];
    let inventory = join(&feeds, SignedDuration::ZERO)?;
    let mut looked = 0;
    for (of, node) in inventory.nodes() {
        looked += 1;
        if filter.matches(of, node) == Some(true) {
            let named = names.iter().find(|host| node.host_id.as_deref() == Some(host.id.0.as_str()));
            let id = named.map_or_else(|| node.uid.to_string(), |host| host.hypervisor_hostname.clone());
            fitting.insert((site.clone(), HostId(id)));
        }
    }
    Ok(looked)
}

fn held(site: SiteId, lease: Ref, grant: Grant, hosts: BTreeSet<HostId>) -> Held {
    Held { lease, site, window: grant.window, hosts }
}

fn not_running(text: &str, lease: &Listed, grant: &Grant, now: Timestamp) -> Error {
    let state = &lease.resource.site_status;
    if grant.window.start() > now {
        let message = format!("the lease `{text}` has not begun: it is {state} until {}", grant.window.start());
        return Error::new(ErrorKind::NotNow, message).hinted(format!("wait for it: `hostler lease wait {text}`"));
    }
    Error::new(ErrorKind::InvalidState, format!("the lease `{text}` does not run: it is {state}"))
        .hinted("`hostler lease ls --all` lists those that do")
}

/// The hosts of a lease that our live deployments have machines on.
async fn taken(app: &App, lease: &Ref) -> Result<BTreeSet<HostId>, Error> {
    let Some(store) = app.store_if_there().await? else { return Ok(BTreeSet::new()) };
    let records = app.readable(&store).await?;
    Ok(records.iter().flat_map(|record| hosts_on(record, lease)).collect())
}

fn hosts_on(record: &Record, lease: &Ref) -> Vec<HostId> {
    let journal = record.journal();
    let stands_on = |spec: &hostler_core::plan::MachineSpec| {
        let own = spec.lease.as_ref().and_then(|step| journal.made(step)).map(|made| &made.reference);
        spec.uses.lease.as_ref().or(own) == Some(lease)
    };
    let machines = record.plan.machines().map(|(_, spec)| spec).filter(|spec| stands_on(spec));
    machines.filter_map(|spec| spec.host.clone()).collect()
}
