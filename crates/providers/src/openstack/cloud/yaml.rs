//! Parsing of `clouds.yaml`, `secure.yaml` and `clouds-public.yaml`, with the semantics of openstacksdk.

use serde_json::{Map, Value};

use super::error::BadCloud;
use super::keys::CloudKeys;

/// The texts of the files; empty if a file does not exist.
#[derive(Debug, Clone, Default)]
pub struct CloudTexts {
    /// `clouds.yaml`.
    pub clouds: String,
    /// `secure.yaml`: secrets of the same clouds.
    pub secure: String,
    /// `clouds-public.yaml`: profiles that all users of a public cloud share.
    pub public: String,
}

/// The names of all clouds, sorted.
pub fn cloud_names(texts: &CloudTexts) -> Result<Vec<String>, BadCloud> {
    let all = section("clouds.yaml", &texts.clouds, "clouds")?;
    let mut names: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
    names.sort();
    Ok(names)
}

/// All keys of a cloud. `secure.yaml` takes precedence over `clouds.yaml`, and that over the profile it names.
pub(super) fn keys(texts: &CloudTexts, name: &str) -> Result<CloudKeys, BadCloud> {
    let mut all = section("clouds.yaml", &texts.clouds, "clouds")?;
    let own = all.remove(name).ok_or_else(|| BadCloud::Unknown(name.to_owned()))?;
    let secure = section("secure.yaml", &texts.secure, "clouds")?.remove(name);
    let mut keys = CloudKeys::new();
    if let Some(profile) = own.get("profile").or_else(|| own.get("cloud")).and_then(Value::as_str) {
        let mut public = section("clouds-public.yaml", &texts.public, "public-clouds")?;
        let shared = public.remove(profile).ok_or_else(|| BadCloud::Invalid {
            cloud: name.to_owned(),
            why: format!("its profile `{profile}` is not in `clouds-public.yaml`"),
        })?;
        flatten(&shared, &mut keys);
    }
    flatten(&own, &mut keys);
    secure.iter().for_each(|secure| flatten(secure, &mut keys));
    Ok(keys)
}

fn section(file: &'static str, text: &str, name: &str) -> Result<Map<String, Value>, BadCloud> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let bad = |why: String| BadCloud::Yaml { file, why };
    // Only the position: the parser's message quotes the surrounding lines, which hold passwords.
    let position = |error: serde_saphyr::Error| {
        error.location().map_or_else(
            || "not valid YAML".to_owned(),
            |at| format!("not valid YAML at line {}, column {}", at.line(), at.column()),
        )
    };
    let document: Value = serde_saphyr::from_str(text).map_err(|error| bad(position(error)))?;
    match document.get(name) {
        Some(Value::Object(clouds)) => Ok(clouds.clone()),
        Some(Value::Null) | None => Ok(Map::new()),
        Some(_) => Err(bad(format!("`{name}` is not a table of clouds"))),
    }
}

/// Adds the keys of a cloud, and those of its `auth`.
fn flatten(cloud: &Value, keys: &mut CloudKeys) {
    let Value::Object(table) = cloud else { return };
    for (key, value) in table {
        match (key.as_str(), value) {
            ("auth", value) => flatten(value, keys),
            // Of several regions the first is the default, as in openstacksdk.
            ("regions", Value::Array(regions)) => {
                let name = |region: &Value| text(region).or_else(|| text(region.get("name")?));
                if let Some(first) = regions.first().and_then(name) {
                    keys.entry("region_name".to_owned()).or_insert(first);
                }
            }
            (key, value) => {
                if let Some(text) = text(value).filter(|text| !text.is_empty()) {
                    keys.insert(key.to_owned(), text);
                }
            }
        }
    }
}

/// A scalar as text: a password of digits is a number in YAML.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
