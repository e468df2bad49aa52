//! A site that is configured, and can't be used as it is. It says so to whoever asks, and keeps nobody from the others.

use async_trait::async_trait;
use hostler_core::name::SiteId;
use hostler_core::offer::Offer;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{
    Account, CreateRequest, Created, Health, Owned, Power, Provider, Remedy, ResourceStatus, SiteError, Verdict,
};
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;

/// The site, and why.
#[derive(Debug)]
pub struct Unusable {
    site: SiteId,
    why: String,
}

const HINT: &str = "put it right in clouds.yaml or the OS_ variables, or take it out";

impl Unusable {
    /// A site that can't be used, and why.
    pub fn new(site: SiteId, why: String) -> Self {
        Self { site, why }
    }

    fn no<T>(&self) -> Result<T, SiteError> {
        Err(SiteError {
            site: self.site.clone(),
            doing: "logging in".to_owned(),
            message: self.why.clone(),
            remedy: Remedy::Ask,
            hint: Some(HINT.to_owned()),
        })
    }
}

#[async_trait]
impl Provider for Unusable {
    fn site(&self) -> &SiteId {
        &self.site
    }

    async fn account(&self) -> Result<Option<Account>, SiteError> {
        self.no()
    }

    async fn offers(&self, _window: &Window) -> Result<Vec<Offer>, SiteError> {
        self.no()
    }

    async fn create(&self, _ticket: &Ticket, _what: &CreateRequest) -> Result<Created, SiteError> {
        self.no()
    }

    async fn status(&self, _kind: ResourceKind, _thing: &Ref) -> Result<ResourceStatus, SiteError> {
        self.no()
    }

    async fn extend(&self, _lease: &Ref, _until: Timestamp) -> Result<(), SiteError> {
        self.no()
    }

    async fn delete(&self, _owned: &Owned) -> Result<(), SiteError> {
        self.no()
    }

    async fn owned(&self) -> Result<Vec<Owned>, SiteError> {
        self.no()
    }

    async fn set_power(&self, _machine: &Ref, _power: Power) -> Result<(), SiteError> {
        self.no()
    }

    async fn console(&self, _machine: &Ref) -> Result<String, SiteError> {
        self.no()
    }

    async fn check(&self) -> Vec<Health> {
        vec![Health { verdict: Verdict::Bad, finding: self.why.clone(), hint: Some(HINT.to_owned()) }]
    }
}
