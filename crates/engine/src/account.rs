//! Accounts that created the resources of a deployment.
//!
//! A cloud hides the resources of a project from other projects. With other credentials, every resource of a deployment
//! would look as if it were deleted. The journal therefore records the account of each site, and every operation on a
//! deployment first compares it with the current one.

use std::collections::BTreeSet;

use hostler_core::journal::{Entry, Journal};
use hostler_core::name::{Name, SiteId};
use hostler_core::plan::Plan;
use hostler_core::ports::{Account, Provider, Remedy, SiteError};

use crate::sites::Sites;
use crate::store::Record;

/// The reason why the current credentials cannot be used for a deployment.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// They are those of another account.
    #[error("`{name}` was created at `{site}` by {creator}, but the current credentials are those of {current}")]
    DifferentAccount {
        /// The deployment.
        name: Name,
        /// The site.
        site: SiteId,
        /// The account that created the deployment.
        creator: String,
        /// The account of the current credentials.
        current: String,
    },
    /// A site did not report the current account.
    #[error(transparent)]
    Site(#[from] SiteError),
}

/// Journal entries with the account of each site that a plan uses. Sites whose account is journaled already are left out.
///
/// # Errors
/// If another account created the deployment, or a site does not report the account. Nothing may be created then.
pub async fn new_entries(sites: &Sites, plan: &Plan, known: Option<&Record>) -> Result<Vec<Entry>, AccountError> {
    let journal = known.map(Record::journal);
    let mut entries = Vec::new();
    for (id, site) in of_plan(plan).into_iter().filter_map(|id| Some((id, sites.get(id)?))) {
        let Some(current) = site.account().await? else { continue };
        match journal.and_then(|journal| journal.account(id)) {
            Some(creator) => same(&plan.demand.name, id, creator, &current)?,
            None => entries.push(Entry::Account { site: id.clone(), account: current }),
        }
    }
    Ok(entries)
}

/// Checks the account of each site that may still have resources of a deployment.
///
/// # Errors
/// If another account created them, or a site does not report the account.
pub async fn check(sites: &Sites, record: &Record) -> Result<(), AccountError> {
    let (journal, name) = (record.journal(), &record.name);
    for (id, creator) in journaled(record, journal) {
        if let Some(site) = sites.get(id)
            && let Some(current) = site.account().await?
        {
            same(name, id, creator, &current)?;
        }
    }
    Ok(())
}

/// The same before a deployment is brought down. A site that does not answer is no error: the resources at other sites can
/// be deleted, and its account is checked again right before a deletion there.
///
/// # Errors
/// If another account created the resources.
pub async fn check_before_undo(sites: &Sites, record: &Record) -> Result<(), AccountError> {
    match check(sites, record).await {
        Err(AccountError::Site(_)) => Ok(()),
        checked => checked,
    }
}

/// Checks the account of one site, right before a resource is deleted there.
pub(crate) async fn check_at(site: &dyn Provider, creator: Option<&Account>) -> Result<(), SiteError> {
    let Some(creator) = creator else { return Ok(()) };
    match site.account().await? {
        Some(current) if !current.is(creator) => Err(SiteError {
            site: site.site().clone(),
            doing: "deleting".to_owned(),
            message: format!(
                "it was created by {}, but the current credentials are those of {}",
                creator.name, current.name
            ),
            remedy: Remedy::Ask,
            hint: Some("use the credentials that created it".to_owned()),
        }),
        Some(_) | None => Ok(()),
    }
}

fn same(name: &Name, site: &SiteId, creator: &Account, current: &Account) -> Result<(), AccountError> {
    if current.is(creator) {
        return Ok(());
    }
    let (creator, current) = (creator.name.clone(), current.name.clone());
    Err(AccountError::DifferentAccount { name: name.clone(), site: site.clone(), creator, current })
}

fn of_plan(plan: &Plan) -> BTreeSet<&SiteId> {
    plan.steps.iter().filter_map(|step| step.action.site()).collect()
}

fn journaled<'r>(record: &'r Record, journal: &'r Journal) -> Vec<(&'r SiteId, &'r Account)> {
    let left: BTreeSet<SiteId> = journal.remaining(&record.plan).into_iter().map(|left| left.site).collect();
    let sites = of_plan(&record.plan).into_iter().filter(|site| left.contains(*site));
    sites.filter_map(|site| Some((site, journal.account(site)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Arc;

    use hostler_core::journal::StepEvent;
    use hostler_core::ports::Created;
    use hostler_core::ticket::Ref;
    use hostler_sim::{FaultPlan, SimSite};

    use super::*;
    use crate::store::Store;
    use crate::store::testing::{plan_of, second};

    fn sites(dir: &Path, account: &str) -> Sites {
        let id: SiteId = "local".parse().unwrap();
        let site = SimSite::new(id.clone(), &dir.join("site"), Arc::new(FaultPlan::default())).with_account(account);
        let site: Arc<dyn Provider> = Arc::new(site);
        BTreeMap::from([(id, site)])
    }

    #[tokio::test]
    async fn resources_of_another_account_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, others) = (sites(dir.path(), "ours"), sites(dir.path(), "others"));
        let (store, plan) = (Store::open(dir.path()).await.unwrap(), plan_of("web", 1));
        let entries = new_entries(&ours, &plan, None).await.unwrap();
        assert_eq!(entries.len(), 1);
        store.begin(&plan, second(0)).await.unwrap();
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        for entry in entries {
            store.record(&mut record, second(1), entry).await.unwrap();
        }
        check(&others, &record).await.unwrap();
        let made = Some(Created { reference: Ref("1".into()), address: None });
        let step = plan.steps[0].id.clone();
        for event in [StepEvent::Started, StepEvent::Done { created: made }] {
            store.record(&mut record, second(2), Entry::Step { step: step.clone(), event }).await.unwrap();
        }

        check(&ours, &record).await.unwrap();
        assert!(new_entries(&ours, &plan, Some(&record)).await.unwrap().is_empty(), "journaled already");
        let error = check_before_undo(&others, &record).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "`web` was created at `local` by ours, but the current credentials are those of others"
        );
        assert!(new_entries(&others, &plan, Some(&record)).await.is_err());
        let creator = record.journal().account(&"local".parse().unwrap()).cloned();
        let site = others.values().next().unwrap();
        assert!(check_at(&**site, creator.as_ref()).await.is_err());
        check_at(&**site, None).await.unwrap();
    }
}
