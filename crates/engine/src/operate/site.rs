//! The health and the offers of the sites.

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::demand::SiteSelector;
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::ports::Health;
use hostler_core::time::Window;
use jiff::SignedDuration;

use super::{OperateError, Operator};

impl Operator {
    /// Checks the selected sites in parallel; all sites if none is selected.
    pub async fn check(&self, on: &[SiteSelector]) -> Vec<(SiteId, Vec<Health>)> {
        let selected = self.sites.iter().filter(|(id, _)| SiteSelector::includes(on, id));
        join_all(selected.map(|(id, site)| async move { (id.clone(), site.check().await) }.boxed())).await
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
