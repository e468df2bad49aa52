//! As whom the things of a deployment are made at each site.
//!
//! A cloud hides what one project has from all others. Whoever came with other credentials than those that a deployment
//! was made with would be told that nothing of it is there, and would take that for given back. So the journal remembers
//! who we were, and nothing is asked as somebody else.

use std::collections::BTreeSet;

use hostler_core::journal::{Entry, Journal};
use hostler_core::name::{Name, SiteId};
use hostler_core::plan::Plan;
use hostler_core::ports::{Account, Provider, Remedy, SiteError};

use crate::sites::Sites;
use crate::store::Record;

/// Why a deployment can't be worked on with the credentials of now.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// They are somebody else's.
    #[error("`{name}` was made at `{site}` as {then}, and the credentials of now are of {now}")]
    Other {
        /// The deployment.
        name: Name,
        /// Where.
        site: SiteId,
        /// As whom it was made.
        then: String,
        /// Who we are now.
        now: String,
    },
    /// A site did not say who we are.
    #[error(transparent)]
    Unsaid(#[from] SiteError),
}

/// Who we are at each site that a plan makes something at, as entries for the journal; what it knows already is left
/// out.
///
/// # Errors
/// Where the deployment was made as somebody else, or a site doesn't say who we are: nothing is to be made there then.
pub async fn introduce(sites: &Sites, plan: &Plan, known: Option<&Record>) -> Result<Vec<Entry>, AccountError> {
    let journal = known.map(Record::journal).unwrap_or_default();
    let mut entries = Vec::new();
    for (id, site) in of_plan(plan).into_iter().filter_map(|id| Some((id, sites.get(id)?))) {
        let Some(now) = site.account().await? else { continue };
        match journal.account(id) {
            Some(then) => same(&plan.demand.name, id, then, &now)?,
            None => entries.push(Entry::Account { site: id.clone(), account: now }),
        }
    }
    Ok(entries)
}

/// Makes sure that we are still who we were, wherever something of a deployment is left.
///
/// # Errors
/// Where we are not, or a site doesn't say.
pub async fn check(sites: &Sites, record: &Record) -> Result<(), AccountError> {
    let (journal, name) = (record.journal(), &record.name);
    for (id, then) in remembered(record, &journal) {
        if let Some(site) = sites.get(id)
            && let Some(now) = site.account().await?
        {
            same(name, id, then, &now)?;
        }
    }
    Ok(())
}

/// The same before a deployment is given back. A site that doesn't answer keeps nothing from being given back at others,
/// and is asked again when its own turn has come.
///
/// # Errors
/// Where we are somebody else.
pub async fn check_before_undo(sites: &Sites, record: &Record) -> Result<(), AccountError> {
    match check(sites, record).await {
        Err(AccountError::Unsaid(_)) => Ok(()),
        checked => checked,
    }
}

/// Makes sure of it once more before a thing is removed.
pub(crate) async fn check_at(site: &dyn Provider, then: Option<&Account>) -> Result<(), SiteError> {
    let Some(then) = then else { return Ok(()) };
    match site.account().await? {
        Some(now) if !now.is(then) => Err(SiteError {
            site: site.site().clone(),
            doing: "giving back".to_owned(),
            message: format!("it was made as {}, and the credentials of now are of {}", then.name, now.name),
            remedy: Remedy::Ask,
            hint: Some("use the credentials that it was made with".to_owned()),
        }),
        Some(_) | None => Ok(()),
    }
}

fn same(name: &Name, site: &SiteId, then: &Account, now: &Account) -> Result<(), AccountError> {
    if now.is(then) {
        return Ok(());
    }
    let (then, now) = (then.name.clone(), now.name.clone());
    Err(AccountError::Other { name: name.clone(), site: site.clone(), then, now })
}

fn of_plan(plan: &Plan) -> BTreeSet<&SiteId> {
    plan.steps.iter().filter_map(|step| step.action.site()).collect()
}

fn remembered<'r>(record: &'r Record, journal: &'r Journal) -> Vec<(&'r SiteId, &'r Account)> {
    let left: BTreeSet<SiteId> = journal.left(&record.plan).into_iter().map(|left| left.site).collect();
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

    fn sites(folder: &Path, account: &str) -> Sites {
        let id: SiteId = "local".parse().unwrap();
        let site = SimSite::new(id.clone(), &folder.join("site"), Arc::new(FaultPlan::default())).with_account(account);
        let site: Arc<dyn Provider> = Arc::new(site);
        BTreeMap::from([(id, site)])
    }

    #[tokio::test]
    async fn what_one_account_has_made_is_left_alone_by_all_others() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, others) = (sites(dir.path(), "ours"), sites(dir.path(), "others"));
        let (store, plan) = (Store::open(dir.path()).await.unwrap(), plan_of("web", 1));
        let entries = introduce(&ours, &plan, None).await.unwrap();
        assert_eq!(entries.len(), 1);
        store.begin(&plan, second(0)).await.unwrap();
        let mut record = store.find(&plan.demand.name).await.unwrap().unwrap();
        for entry in entries {
            store.record(&mut record, second(1), entry).await.unwrap();
        }
        check(&others, &record).await.unwrap();
        let made = Some(Created { reference: Ref("1".into()), address: None });
        let step = plan.steps[0].id.clone();
        let done = Entry::Step { step, event: StepEvent::Done { made } };
        store.record(&mut record, second(2), done).await.unwrap();

        check(&ours, &record).await.unwrap();
        assert!(introduce(&ours, &plan, Some(&record)).await.unwrap().is_empty(), "it is known already");
        let refused = check_before_undo(&others, &record).await.unwrap_err();
        assert_eq!(refused.to_string(), "`web` was made at `local` as ours, and the credentials of now are of others");
        assert!(introduce(&others, &plan, Some(&record)).await.is_err());
        let then = record.journal().account(&"local".parse().unwrap()).cloned();
        let site = others.values().next().unwrap();
        assert!(check_at(&**site, then.as_ref()).await.is_err());
        check_at(&**site, None).await.unwrap();
    }
}
