//! Glance: images.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::call::{Call, Page};
use super::error::ApiError;
use super::keystone::{Service, Session};

/// An image.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its name; several images may have the same.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is doing, as `active` or `deactivated`.
    pub status: String,
    /// When it was made.
    #[serde(default)]
    pub created_at: String,
    /// The least disk, in GiB.
    #[serde(default)]
    pub min_disk: u64,
    /// The least memory, in MiB.
    #[serde(default)]
    pub min_ram: u64,
    /// How large its disk is, in bytes, where Glance knows.
    #[serde(default)]
    pub virtual_size: Option<u64>,
    /// As `qcow2`; `aki` and `ari` are kernels and initial file systems.
    #[serde(default)]
    pub disk_format: Option<String>,
    /// What else is said of it.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Image {
    /// A property's text.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.rest.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

#[derive(Deserialize)]
struct Images {
    images: Vec<Image>,
    #[serde(default)]
    next: Option<String>,
}

impl Page for Images {
    type Item = Image;
    const PAGED: bool = true;
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
    fn items(self) -> Vec<Image> {
        self.images
    }
}

/// All images that machines can be launched from.
pub async fn images(session: &Session) -> Result<Vec<Image>, ApiError> {
    session.list(listing()).await
}

/// The images of a name that machines can be launched from, the newest first.
pub async fn images_named(session: &Session, name: &str) -> Result<Vec<Image>, ApiError> {
    let mut images = session.list(listing().query("name", &exactly(name))).await?;
    images.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    Ok(images)
}

fn listing() -> Call<Images> {
    Call::get(Service::Image, &["images"]).query("status", "active")
}

/// A bare `in:` at the start would be an operator.
fn exactly(name: &str) -> String {
    format!("in:\"{}\"", name.replace('"', "\\\""))
}
