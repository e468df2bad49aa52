//! The reservation calendars of the sites.

use futures::FutureExt as _;
use futures::future::join_all;
use hostler_core::inventory::Feed;
use hostler_core::name::SiteId;

use super::{OperateError, Operator};
use crate::event::Notice;

/// The calendars of the sites that answered.
#[derive(Debug, Clone, Default)]
pub struct CalendarAnswers {
    /// One feed per site, in the order of `sites`.
    pub feeds: Vec<Feed>,
    /// The sites that answered.
    pub sites: Vec<SiteId>,
}

impl Operator {
    /// Queries the calendars of these sites, or of all, in parallel. A site that does not answer is reported as a notice.
    ///
    /// # Errors
    /// If a site is not configured or publishes no calendar, or if no site answers.
    pub async fn calendars(&self, names: &[String]) -> Result<CalendarAnswers, OperateError> {
        let mut calendars = self.calendars.clone();
        if let Some(name) = names.iter().find(|name| !calendars.keys().any(|site| site_is_called(site, name))) {
            return Err(self.no_calendar(name));
        }
        calendars.retain(|site, _| names.is_empty() || names.iter().any(|name| site_is_called(site, name)));
        if calendars.is_empty() {
            return Err(OperateError::NoCalendars);
        }
        let answers = calendars.iter().map(|(site, source)| async move { (site, source.feed().await) }.boxed());
        let (mut answered, mut last) = (CalendarAnswers::default(), None);
        for (site, answer) in join_all(answers).await {
            match answer {
                Ok(mut feed) => {
                    feed.site.get_or_insert_with(|| site_place(site));
                    answered.feeds.push(feed);
                    answered.sites.push(site.clone());
                }
                Err(error) => {
                    self.notice(Notice::Unreachable { site: site.clone(), reason: error.to_string() });
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if answered.feeds.is_empty() => Err(error.into()),
            _ => Ok(answered),
        }
    }

    fn no_calendar(&self, name: &str) -> OperateError {
        match self.sites.keys().find(|site| site_is_called(site, name)) {
            Some(site) => OperateError::NoCalendar { site: site.clone() },
            None => {
                let configured = self.calendars.keys().cloned().collect();
                OperateError::UnknownSite { site: name.to_owned(), configured }
            }
        }
    }
}

/// True if a site has this name: `chameleon/uc`, or `uc`.
pub fn site_is_called(site: &SiteId, name: &str) -> bool {
    site.to_string() == name || site_place(site) == name
}

/// The name that a site's nodes use for it: `uc`, or `openstack` if its provider has only one site.
pub fn site_place(site: &SiteId) -> String {
    site.place.as_ref().map_or_else(|| site.provider.to_string(), ToString::to_string)
}
