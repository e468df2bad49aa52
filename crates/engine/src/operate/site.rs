//! The health, the offers and the images of the sites.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::demand::{Demand, SiteSelector};
use hostler_core::name::SiteId;
use hostler_core::offer::{ImageFacts, Offer};
use hostler_core::plan::{ImageChoice, choose_image, images_of};
use hostler_core::ports::{CheckResult, Health, Provider};
use hostler_core::time::Window;
use jiff::SignedDuration;
use serde::Serialize;

use super::{OperateError, Operator};

/// The health of sites.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The sites, by name.
    pub sites: Vec<SiteCheck>,
    /// The worst result of all sites.
    pub verdict: CheckResult,
}

/// The health of a site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteCheck {
    /// Its findings.
    pub findings: Vec<Health>,
    /// The site.
    pub site: SiteId,
    /// The worst result of its findings.
    pub verdict: CheckResult,
}

impl SiteCheck {
    /// The findings at a site, with their worst result.
    pub fn new(site: SiteId, findings: Vec<Health>) -> Self {
        let verdict = worst(findings.iter().map(|finding| finding.result));
        Self { findings, site, verdict }
    }
}

fn worst(results: impl Iterator<Item = CheckResult>) -> CheckResult {
    results.max().unwrap_or(CheckResult::Passed)
}

impl Operator {
    /// Checks the selected sites in parallel; all sites if none is selected.
    pub async fn check(&self, on: &[SiteSelector]) -> CheckReport {
        let selected = self.sites.iter().filter(|(id, _)| SiteSelector::includes(on, id));
        let check = |(id, site): (&SiteId, &Arc<dyn Provider>)| {
            let (id, site) = (id.clone(), Arc::clone(site));
            async move { SiteCheck::new(id, site.check().await) }.boxed()
        };
        let sites = join_all(selected.map(check)).await;
        let verdict = worst(sites.iter().map(|site| site.verdict));
        CheckReport { sites, verdict }
    }

    /// The offers of a site for the next hour.
    ///
    /// # Errors
    /// If the site is not configured or does not answer.
    pub async fn offers_of(&self, site: &str) -> Result<Vec<Offer>, OperateError> {
        let id = self.one_site(site)?;
        let unknown = || OperateError::UnknownSite { site: site.to_owned(), configured: self.configured() };
        let provider = self.sites.get(&id).ok_or_else(unknown)?;
        let window = Window::starting_at((self.now)(), SignedDuration::from_hours(1))?;
        Ok(provider.offers(&window).await?)
    }

    /// The bootable images of a site, each once.
    ///
    /// # Errors
    /// Those of [`Operator::offers_of`].
    pub async fn images_of(&self, site: &str) -> Result<Vec<ImageFacts>, OperateError> {
        Ok(images_of(&self.offers_of(site).await?).into_iter().cloned().collect())
    }

    /// The choice of an image at a site, for the first group of a demand.
    ///
    /// # Errors
    /// Those of [`Operator::offers_of`]; [`OperateError::NoMatchingMachines`] if no offer has matching machines.
    pub async fn choose_image(&self, site: &str, demand: &Demand) -> Result<ImageChoice, OperateError> {
        let offers = self.offers_of(site).await?;
        let requirements = demand.groups.first().and_then(|group| group.any_of.first());
        let choice = requirements.and_then(|requirements| choose_image(requirements, &offers));
        choice.ok_or_else(|| OperateError::NoMatchingMachines { site: site.to_owned() })
    }

    /// The one site of a name: its full name, or its place alone if only one site has it.
    ///
    /// # Errors
    /// If no site, or more than one, has this name.
    pub(super) fn one_site(&self, site: &str) -> Result<SiteId, OperateError> {
        let selectors = self.select(&[site.to_owned()])?;
        let mut selected = self.sites.keys().filter(|id| selectors.iter().any(|selector| selector.means(id)));
        match (selected.next(), selected.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err(OperateError::AmbiguousSite { site: site.to_owned(), configured: self.configured() }),
        }
    }

    pub(super) fn configured(&self) -> Vec<SiteId> {
        self.sites.keys().cloned().collect()
    }
}
