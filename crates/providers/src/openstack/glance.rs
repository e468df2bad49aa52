//! Glance: images.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{ApiCall, Page};
use super::error::ApiError;
use super::keystone::{KeystoneSession, Service};

/// An image.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GlanceImage {
    /// Its id.
    pub id: String,
    /// Its name, which need not be unique.
    #[serde(default)]
    pub name: Option<String>,
    /// Its status, such as `active` or `deactivated`.
    pub status: String,
    /// Time of its creation, in a format that sorts.
    #[serde(default)]
    pub created_at: String,
    /// The smallest disk that it fits on, in GiB.
    #[serde(default)]
    pub min_disk: u64,
    /// The smallest memory that it boots with, in MiB.
    #[serde(default)]
    pub min_ram: u64,
    /// Size of its disk in bytes, if Glance reports it.
    #[serde(default)]
    pub virtual_size: Option<u64>,
    /// Its format, such as `qcow2`. `aki` and `ari` are kernels and initial file systems.
    #[serde(default)]
    pub disk_format: Option<String>,
    /// All other properties.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl GlanceImage {
    /// A property's value, if it is text and not empty.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.rest.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

#[derive(Deserialize)]
struct Images {
    images: Vec<GlanceImage>,
    #[serde(default)]
    next: Option<String>,
}

impl Page for Images {
    type Item = GlanceImage;
    const PAGED: bool = true;
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
    fn items(self) -> Vec<GlanceImage> {
        self.images
    }
}

/// All active images.
pub async fn images(session: &KeystoneSession) -> Result<Vec<GlanceImage>, ApiError> {
    session.list(active_images()).await
}

/// All active images of a name, the newest first.
pub async fn images_named(session: &KeystoneSession, name: &str) -> Result<Vec<GlanceImage>, ApiError> {
    let mut images = session.list(active_images().query("name", &exact_match(name))).await?;
    images.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    Ok(images)
}

fn active_images() -> ApiCall<Images> {
    ApiCall::get(Service::Image, &["images"]).query("status", "active")
}

/// A filter for one exact name. Quotes are needed: Glance reads `in:` at the start of a name as an operator.
fn exact_match(name: &str) -> String {
    format!("in:\"{}\"", name.replace('"', "\\\""))
}
