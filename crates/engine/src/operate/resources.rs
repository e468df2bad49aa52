//! Resources of the sites, as far as an account can list them, with their owners.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::demand::SiteSelector;
use hostler_core::name::closest;
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::plan::{Action, MachineSpec, Plan, ResourceKind};
use hostler_core::ports::{Resource, SiteError};
use hostler_core::ticket::Ref;
use serde::Serialize;

use super::{Down, DownRequest, Mode, OperateError, Operator};
use crate::event::Notice;
use crate::run::{Interrupts, unless_interrupted};
use crate::sites::Sites;
use crate::store::Record;

/// A resource of a site, and its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedResource {
    /// The site.
    pub site: SiteId,
    /// The owner.
    pub ownership: Ownership,
    /// The live deployment that created it, if one of this store did.
    pub deployment: Option<Name>,
    /// The resource.
    pub resource: Resource,
}

/// Owner of a resource, according to its ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// A deployment of this store created it.
    Owned,
    /// It bears a ticket of a deployment that this store does not know.
    Untracked,
    /// Not created by hostler.
    Other,
}

/// Selection of resources by owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ListedOwners {
    /// Only resources that a deployment of this store created.
    #[default]
    Store,
    /// All that the account can list.
    Any,
}

impl ListedOwners {
    fn include(self, ownership: Ownership) -> bool {
        match self {
            Self::Store => ownership == Ownership::Owned,
            Self::Any => true,
        }
    }
}

impl Operator {
    /// The sites that are selected: by their full names, or by their place alone if only one site has it.
    ///
    /// # Errors
    /// [`OperateError::UnknownSite`] if one is not configured.
    pub fn select(&self, texts: &[String]) -> Result<Vec<SiteSelector>, OperateError> {
        texts.iter().map(|text| self.select_one(text)).collect()
    }

    fn select_one(&self, text: &str) -> Result<SiteSelector, OperateError> {
        let selector: SiteSelector = full_name(&self.sites, text).parse::<SiteId>().map(SiteSelector)?;
        if self.sites.keys().any(|site| selector.means(site)) {
            return Ok(selector);
        }
        Err(OperateError::UnknownSite { site: text.to_owned(), configured: self.configured() })
    }

    /// The resources of a kind and of these owners at the selected sites; at all sites if none is selected. A site that does
    /// not answer is reported as a notice.
    ///
    /// # Errors
    /// If no site answers.
    pub async fn resources(
        &self,
        kind: ResourceKind,
        on: &[SiteSelector],
        owners: ListedOwners,
    ) -> Result<Vec<ListedResource>, OperateError> {
        let Listing { mut listed, unreachable } = self.list_resources(kind, on).await?;
        for error in unreachable {
            self.notice(Notice::Unreachable { site: error.site, reason: error.message });
        }
        listed.retain(|listed| owners.include(listed.ownership));
        Ok(listed)
    }

    /// One resource: by its id or name at the site, or by the deployment that created it.
    ///
    /// # Errors
    /// If there is none or more than one; [`OperateError::MaybeElsewhere`] if a site that did not answer may have it.
    pub async fn find_resource(
        &self,
        kind: ResourceKind,
        on: &[SiteSelector],
        text: &str,
    ) -> Result<ListedResource, OperateError> {
        let Listing { listed, unreachable } = self.list_resources(kind, on).await?;
        let mut exact: Vec<&ListedResource> = listed.iter().filter(|it| it.resource.reference.0 == text).collect();
        if exact.is_empty() {
            exact = listed.iter().filter(|it| it.is_called(text)).collect();
        }
        let text = text.to_owned();
        match exact.as_slice() {
            [one] => Ok((*one).clone()),
            [] if unreachable.is_empty() => {
                let names = listed.iter().map(|it| it.resource.name.as_str());
                let nearest = closest(&text, names).map(str::to_owned);
                Err(OperateError::UnknownResource { kind, text, nearest })
            }
            [] => Err(OperateError::MaybeElsewhere { kind, text, unreachable }),
            several => {
                let ids = several.iter().map(|it| it.resource.reference.clone()).collect();
                Err(OperateError::AmbiguousResource { text, ids })
            }
        }
    }

    /// The resource that a deployment has just created, by the site's id: names are not unique.
    ///
    /// # Errors
    /// If it cannot be read back. The error lists the resource, which exists.
    pub(super) async fn read_back(
        &self,
        kind: ResourceKind,
        deployment: &Name,
        interrupts: &Interrupts,
    ) -> Result<ListedResource, OperateError> {
        let (_, record) = self.deployment(deployment.as_str()).await?;
        unless_interrupted(interrupts, self.created(kind, &record)).await.map_err(|source| {
            OperateError::Unread { deployment: deployment.clone(), source: Box::new(source) }.leaving(&record)
        })
    }

    async fn created(&self, kind: ResourceKind, record: &Record) -> Result<ListedResource, OperateError> {
        let vanished = || OperateError::Vanished { deployment: record.name.clone(), kind };
        let left = record.journal().remaining(&record.plan).into_iter().find(|left| left.kind == kind);
        let (site, reference) = left.and_then(|left| Some((left.site, left.reference?))).ok_or_else(vanished)?;
        let Listing { listed, .. } = self.list_resources(kind, &[SiteSelector(site.clone())]).await?;
        let is = |it: &ListedResource| it.site == site && it.resource.reference == reference;
        listed.into_iter().find(is).ok_or_else(vanished)
    }

    async fn list_resources(&self, kind: ResourceKind, on: &[SiteSelector]) -> Result<Listing, OperateError> {
        let selected = self.sites.iter().filter(|(id, _)| SiteSelector::includes(on, id));
        let answers = selected.map(|(id, site)| async move { (id, site.resources(kind).await) }.boxed());
        let answers = join_all(answers).await;
        let known = self.known().await?;
        let (mut listed, mut unreachable, mut answered) = (Vec::new(), Vec::<SiteError>::new(), false);
        for (site, answer) in answers {
            match answer {
                Ok(resources) => {
                    answered = true;
                    listed.extend(resources.into_iter().map(|resource| known.listed(site, resource)));
                }
                Err(error) => unreachable.push(error),
            }
        }
        match (answered, unreachable.pop()) {
            (false, Some(error)) => return Err(error.into()),
            (_, last) => unreachable.extend(last),
        }
        let key = |it: &ListedResource| (it.site.clone(), it.resource.name.clone(), it.resource.reference.clone());
        listed.sort_by_cached_key(key);
        Ok(Listing { listed, unreachable })
    }

    async fn known(&self) -> Result<Known, OperateError> {
        let Some(store) = self.store.existing().await? else { return Ok(Known::default()) };
        Ok(Known { ids: store.ids().await?, live: store.live_names().await? })
    }

    /// Deletes the deployment that created a resource. A resource that bears no ticket of this store is never deleted.
    ///
    /// # Errors
    /// [`OperateError::UnknownResource`] if there is none, [`OperateError::NotOwned`] if no deployment created it,
    /// [`OperateError::NeededByDeployment`] if its deployment has others that need it.
    pub async fn delete_resource(
        &self,
        kind: ResourceKind,
        text: &str,
        mode: Mode,
        interrupts: &Interrupts,
    ) -> Result<(Name, Down), OperateError> {
        let name = unless_interrupted(interrupts, self.creator(kind, text)).await?;
        if kind == ResourceKind::Lease {
            self.warn_of_machines_on(&name).await?;
        }
        let request = DownRequest { names: Some(vec![name.to_string()]), mode };
        let down = self.down(&request, interrupts).await?;
        Ok((name, down))
    }

    /// The live deployment that created a resource.
    async fn creator(&self, kind: ResourceKind, text: &str) -> Result<Name, OperateError> {
        let store = self.store.existing().await?;
        if let (Some(store), Ok(name)) = (&store, Name::new(text))
            && let Some(record) = store.find(&name).await?
            && creates(&record.plan, kind)
        {
            return only(kind, &record);
        }
        let listed = self.find_resource(kind, &[], text).await?;
        match (listed.ownership, &listed.deployment) {
            (Ownership::Owned, Some(name)) => match &store {
                Some(store) => match store.find(name).await? {
                    Some(record) => only(kind, &record),
                    None => Ok(name.clone()),
                },
                None => Ok(name.clone()),
            },
            (Ownership::Owned, None) => Err(OperateError::Orphaned { kind, text: text.to_owned() }),
            (owner, _) => Err(OperateError::NotOwned {
                kind,
                name: listed.name().to_owned(),
                site: listed.site.clone(),
                ticketed: owner == Ownership::Untracked,
            }),
        }
    }

    /// Machines of other deployments on a lease are deleted with it.
    async fn warn_of_machines_on(&self, name: &Name) -> Result<(), OperateError> {
        let (_, record) = self.deployment(name.as_str()).await?;
        let left = record.journal().remaining(&record.plan);
        let leases: Vec<Ref> = left.into_iter().filter_map(|left| left.reference).collect();
        let on_it = |spec: &MachineSpec| spec.existing.lease.as_ref().is_some_and(|lease| leases.contains(lease));
        for other in self.deployments().await?.iter().filter(|other| other.name != *name) {
            if other.plan.machines().any(|(_, spec)| on_it(spec)) {
                self.notice(Notice::LeaseInUse { deployment: other.name.clone() });
            }
        }
        Ok(())
    }

    /// The end of a machine's console output.
    ///
    /// # Errors
    /// If there is no such machine, or its site does not answer.
    pub async fn console(
        &self,
        machine: &str,
        on: &[SiteSelector],
        interrupts: &Interrupts,
    ) -> Result<String, OperateError> {
        let console = async {
            let listed = self.find_resource(ResourceKind::Machine, on, machine).await?;
            match self.sites.get(&listed.site) {
                Some(site) => Ok::<_, OperateError>(site.console(&listed.resource.reference).await?),
                None => Ok(String::new()),
            }
        };
        unless_interrupted(interrupts, console).await
    }
}

/// `uc` is `chameleon/uc` if no other site has that place and no provider that name.
pub(super) fn full_name(sites: &Sites, text: &str) -> String {
    if text.contains('/') {
        return text.to_owned();
    }
    let is_provider = sites.keys().any(|site| site.provider.as_str() == text);
    let mut places = sites.keys().filter(|site| site.place.as_ref().is_some_and(|place| place.as_str() == text));
    match (is_provider, places.next(), places.next()) {
        (false, Some(only), None) => only.to_string(),
        _ => text.to_owned(),
    }
}

/// The resources of the sites that answered, and the errors of those that did not.
struct Listing {
    listed: Vec<ListedResource>,
    unreachable: Vec<SiteError>,
}

/// The deployments of this store.
#[derive(Default)]
struct Known {
    ids: BTreeSet<DeploymentId>,
    live: BTreeMap<DeploymentId, Name>,
}

impl Known {
    fn listed(&self, site: &SiteId, resource: Resource) -> ListedResource {
        let creator = resource.ticket.as_ref().map(|ticket| ticket.deployment);
        let ownership = match creator {
            Some(id) if self.ids.contains(&id) => Ownership::Owned,
            Some(_) => Ownership::Untracked,
            None => Ownership::Other,
        };
        let deployment = creator.and_then(|id| self.live.get(&id).cloned());
        ListedResource { site: site.clone(), ownership, deployment, resource }
    }
}

impl ListedResource {
    /// The display name, without the ticket that a name may end with.
    pub fn name(&self) -> &str {
        let name = &self.resource.name;
        match (&self.resource.ticket, name.rsplit_once(' ')) {
            (Some(ticket), Some((own, last))) if last == ticket.to_string() => own,
            _ => name,
        }
    }

    fn is_called(&self, text: &str) -> bool {
        self.resource.name == text
            || self.name() == text
            || self.deployment.as_ref().is_some_and(|name| name.as_str() == text)
    }
}

/// True if a plan creates a resource of this kind.
fn creates(plan: &Plan, kind: ResourceKind) -> bool {
    plan.steps.iter().any(|step| matches!(&step.action, Action::Create(resource) if resource.kind() == kind))
}

/// The deployment's name, if deleting the whole deployment is what deleting the resource means. A lease takes its machines with
/// it, as at the site itself, and a machine its address. Any other resource must be the only kind.
fn only(kind: ResourceKind, record: &Record) -> Result<Name, OperateError> {
    let alone = matches!(kind, ResourceKind::Lease | ResourceKind::Machine)
        || record.plan.steps.iter().all(|step| match &step.action {
            Action::Create(resource) => resource.kind() == kind,
            Action::WaitSsh { .. } | Action::SetUp { .. } => true,
        });
    match alone {
        true => Ok(record.name.clone()),
        false => Err(OperateError::NeededByDeployment { deployment: record.name.clone(), kind }),
    }
}
