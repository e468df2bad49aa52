//! Single things of the sites: all that we may look at, and whose each is.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use hostler_core::demand::SiteSelector;
use hostler_core::name::{DeploymentId, Name, SiteId};
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Resource, SiteError};
use hostler_engine::run::{Interrupts, Sites};
use hostler_engine::store::Record;
use serde::Serialize;

use crate::app::{App, near};
use crate::drive::{still_there, unless_interrupted};
use crate::error::{Error, ErrorKind};

/// A thing of a site, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Where.
    pub site: SiteId,
    /// Whose.
    pub whose: Whose,
    /// The live deployment that made it, where it is ours.
    pub deployment: Option<Name>,
    /// The thing.
    pub resource: Resource,
}

/// Whose a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// A deployment of this user's store made it.
    Ours,
    /// It bears a ticket of a deployment that this store doesn't know.
    Foreign,
    /// It bears no ticket.
    Others,
}

/// The sites that are meant: by their full name, or by their place alone where that names just one.
///
/// # Errors
/// Where one is not configured.
pub fn wished(sites: &Sites, texts: &[String]) -> Result<Vec<SiteSelector>, Error> {
    texts.iter().map(|text| wish(sites, text)).collect()
}

fn wish(sites: &Sites, text: &str) -> Result<SiteSelector, Error> {
    let wish: SiteSelector = full_name(sites, text).parse::<SiteId>().map(SiteSelector)?;
    if sites.keys().any(|site| wish.means(site)) {
        return Ok(wish);
    }
    let configured: Vec<String> = sites.keys().map(|site| format!("`{site}`")).collect();
    let error = Error::new(ErrorKind::NotFound, format!("the site `{text}` is not configured"));
    let clouds = "a cloud is one once its credentials are in `clouds.yaml` or an openrc file was sourced";
    Err(error.hinted(format!("configured are: {}; {clouds}", configured.join(", "))))
}

/// `uc` is `chameleon/uc`, where no other site is at a place of that name and no provider is called so.
pub fn full_name(sites: &Sites, text: &str) -> String {
    let is_provider = sites.keys().any(|site| site.provider.as_str() == text);
    let mut places = sites.keys().filter(|site| site.place.as_ref().is_some_and(|place| place.as_str() == text));
    match (is_provider, places.next(), places.next()) {
        (false, Some(only), None) => only.to_string(),
        _ => text.to_owned(),
    }
}

/// All things of a kind at the wished sites (all, where none is wished). Of a site that says nothing the user is told.
///
/// # Errors
/// Where no site said anything.
pub async fn all(app: &App, sites: &Sites, kind: ResourceKind, on: &[SiteSelector]) -> Result<Vec<Listed>, Error> {
    let Heard { listed, silent } = hear(app, sites, kind, on).await?;
    for error in &silent {
        app.printer.say(&format!("note: {} could not be asked: {}", error.site, error.message));
    }
    Ok(listed)
}

/// What sites have said, and why others have said nothing.
struct Heard {
    listed: Vec<Listed>,
    silent: Vec<SiteError>,
}

async fn hear(app: &App, sites: &Sites, kind: ResourceKind, on: &[SiteSelector]) -> Result<Heard, Error> {
    let wished = sites.iter().filter(|(id, _)| on.is_empty() || on.iter().any(|wish| wish.means(id)));
    let asked = join_all(wished.map(async |(id, site)| (id, site.resources(kind).await))).await;
    let known = Known::of(app).await?;
    let (mut listed, mut silent, mut answered) = (Vec::new(), Vec::<SiteError>::new(), false);
    for (site, answer) in asked {
        match answer {
            Ok(resources) => {
                answered = true;
                listed.extend(resources.into_iter().map(|resource| known.listed(site, resource)));
            }
            Err(error) => silent.push(error),
        }
    }
    match (answered, silent.pop()) {
        (false, Some(error)) => return Err(error.into()),
        (_, last) => silent.extend(last),
    }
    listed.sort_by(|a, b| {
        (&a.site, &a.resource.name, &a.resource.reference).cmp(&(&b.site, &b.resource.name, &b.resource.reference))
    });
    Ok(Heard { listed, silent })
}

/// One thing: by its id or name at the site, or by the deployment that made it.
///
/// # Errors
/// Where there is none, or more than one. Where it may be at a site that said nothing, that is the error.
pub async fn find(
    app: &App,
    sites: &Sites,
    kind: ResourceKind,
    on: &[SiteSelector],
    text: &str,
) -> Result<Listed, Error> {
    let Heard { listed: resources, silent } = hear(app, sites, kind, on).await?;
    let mut exact: Vec<&Listed> = resources.iter().filter(|listed| listed.resource.reference.0 == text).collect();
    if exact.is_empty() {
        exact = resources.iter().filter(|listed| listed.is_called(text)).collect();
    }
    match exact.as_slice() {
        [one] => Ok((*one).clone()),
        [] if silent.is_empty() => Err(missing(kind, text, &resources)),
        [] => Err(maybe_elsewhere(kind, text, &silent)),
        several => {
            let ids: Vec<String> = several.iter().map(|listed| format!("`{}`", listed.resource.reference)).collect();
            let error = Error::new(ErrorKind::Usage, format!("several are called `{text}`"));
            Err(error.hinted(format!("name one by its id: {}", ids.join(", "))))
        }
    }
}

/// The thing that a deployment has just made, by the site's own id for it: a name may be anybody's.
///
/// # Errors
/// Where it is not there (any more), can't be looked at, or the user doesn't wait for that: it was made all the same, and
/// is told to be left.
pub async fn made(
    app: &App,
    sites: &Sites,
    kind: ResourceKind,
    deployment: &Name,
    interrupts: &Interrupts,
) -> Result<Listed, Error> {
    let (_, record) = app.deployment(deployment.as_str()).await?;
    unless_interrupted(interrupts, look_at(app, sites, kind, &record)).await.map_err(|error| {
        let unseen = Error::new(error.kind, format!("`{deployment}` was made, and could not be read back")).and(error);
        still_there(&record, unseen)
    })
}

async fn look_at(app: &App, sites: &Sites, kind: ResourceKind, record: &Record) -> Result<Listed, Error> {
    let deployment = &record.name;
    let left = record.journal().left(&record.plan).into_iter().find(|left| left.kind == kind);
    let none = || Error::new(ErrorKind::Stuck, format!("`{deployment}` has no {kind} (any more)"));
    let (site, reference) = left.and_then(|left| Some((left.site, left.reference?))).ok_or_else(none)?;
    let Heard { listed, .. } = hear(app, sites, kind, &[SiteSelector(site.clone())]).await?;
    listed.into_iter().find(|listed| listed.site == site && listed.resource.reference == reference).ok_or_else(|| {
        let message = format!("the {kind} `{reference}` of `{deployment}` was made, and is not at `{site}` (any more)");
        Error::new(ErrorKind::Stuck, message)
    })
}

fn maybe_elsewhere(kind: ResourceKind, text: &str, silent: &[SiteError]) -> Error {
    let sites: Vec<String> = silent.iter().map(|error| format!("`{}`", error.site)).collect();
    let message = format!("no site that answered has a {kind} `{text}`, and {} did not answer", sites.join(", "));
    let mut error = Error::new(ErrorKind::Site, message);
    error.causes.extend(silent.iter().map(ToString::to_string));
    error.hints.extend(silent.iter().filter_map(|error| error.hint.clone()));
    error.hinted("ask the others only: `--site SITE`")
}

fn missing(kind: ResourceKind, text: &str, resources: &[Listed]) -> Error {
    let names = resources.iter().map(|listed| listed.resource.name.as_str());
    let near = near(text, names).map(|near| format!("did you mean `{near}`?"));
    Error::new(ErrorKind::NotFound, format!("there is no {kind} `{text}`"))
        .hinted(near.unwrap_or_else(|| "`… ls --all` lists those that there are".to_owned()))
}

impl Listed {
    /// What people call it: without the ticket, which a name may hold.
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

/// The deployments of this store.
struct Known {
    ids: BTreeSet<DeploymentId>,
    live: BTreeMap<DeploymentId, Name>,
}

impl Known {
    async fn of(app: &App) -> Result<Self, Error> {
        let Some(store) = app.store_if_there().await? else {
            return Ok(Self { ids: BTreeSet::new(), live: BTreeMap::new() });
        };
        let live = store.list().await?.records.into_iter().map(|record| (record.id, record.name)).collect();
        Ok(Self { ids: store.ids().await?, live })
    }

    fn listed(&self, site: &SiteId, resource: Resource) -> Listed {
        let by = resource.ticket.as_ref().map(|ticket| ticket.deployment);
        let whose = match by {
            Some(id) if self.ids.contains(&id) => Whose::Ours,
            Some(_) => Whose::Foreign,
            None => Whose::Others,
        };
        let deployment = by.and_then(|id| self.live.get(&id).cloned());
        Listed { site: site.clone(), whose, deployment, resource }
    }
}
