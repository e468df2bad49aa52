//! A configured site whose configuration is invalid.

use async_trait::async_trait;
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{
    Account, CheckResult, CreateRequest, Created, Health, Owned, Power, Provider, Remedy, ResourceStatus, SiteError,
};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

/// Stands in for a site whose configuration is invalid. Each call to it reports the reason; the other sites stay usable.
#[derive(Debug)]
pub struct MisconfiguredSite {
    site: SiteId,
    reason: String,
}

const HINT: &str = "correct the entry in clouds.yaml or the OS_ variables, or remove it";

impl MisconfiguredSite {
    /// The site, and the reason why it can't be used.
    pub fn new(site: SiteId, reason: String) -> Self {
        Self { site, reason }
    }

    fn error<T>(&self) -> Result<T, SiteError> {
        Err(SiteError {
            site: self.site.clone(),
            doing: "logging in".to_owned(),
            message: self.reason.clone(),
            remedy: Remedy::Ask,
            hint: Some(HINT.to_owned()),
        })
    }
}

#[async_trait]
impl Provider for MisconfiguredSite {
    fn site(&self) -> &SiteId {
        &self.site
    }

    async fn account(&self) -> Result<Option<Account>, SiteError> {
        self.error()
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        self.error()
    }

    async fn create(&self, _ticket: &Ticket, _request: &CreateRequest) -> Result<Created, SiteError> {
        self.error()
    }

    async fn status(&self, _kind: ResourceKind, _resource: &Ref) -> Result<ResourceStatus, SiteError> {
        self.error()
    }

    async fn extend(&self, _lease: &Ref, _until: Timestamp) -> Result<(), SiteError> {
        self.error()
    }

    async fn delete(&self, _owned: &Owned) -> Result<(), SiteError> {
        self.error()
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.error()
    }

    async fn set_power(&self, _machine: &Ref, _power: Power) -> Result<(), SiteError> {
        self.error()
    }

    async fn console(&self, _machine: &Ref) -> Result<String, SiteError> {
        self.error()
    }

    async fn check(&self) -> Vec<Health> {
        vec![Health { result: CheckResult::Failed, finding: self.reason.clone(), hint: Some(HINT.to_owned()) }]
    }
}
