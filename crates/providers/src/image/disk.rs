//! Disk files: inspection and conversion with `qemu-img`.

use std::path::Path;
use std::process::Output;

use hostler_core::size::Bytes;
use serde::Deserialize;

use super::error::ImageError;

/// The used part of `qemu-img info --output=json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DiskInfo {
    format: String,
    virtual_size: u64,
    #[serde(default)]
    encrypted: bool,
    backing_filename: Option<String>,
    format_specific: Option<Specific>,
}

#[derive(Debug, Deserialize)]
struct Specific {
    #[serde(default)]
    data: SpecificData,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SpecificData {
    data_file: Option<String>,
}

/// A self-contained disk: it refers to no other file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckedDisk {
    pub format: String,
    pub size: Bytes,
}

/// Checks that a file is a self-contained disk. `shown` is its name in errors.
pub(super) async fn check(file: &Path, shown: &str) -> Result<CheckedDisk, ImageError> {
    let output = qemu_img(&["info".as_ref(), "--output=json".as_ref(), file.as_ref()]).await?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ImageError::BadDisk { file: shown.to_owned(), why });
    }
    accept(&output.stdout).map_err(|why| ImageError::BadDisk { file: shown.to_owned(), why })
}

/// Converts a checked disk to a new qcow2 file. Drops internal snapshots, and anything else that is not disk content.
pub(super) async fn convert(file: &Path, checked: &CheckedDisk, to: &Path) -> Result<(), ImageError> {
    let format = checked.format.as_ref();
    let output = qemu_img(&[
        "convert".as_ref(),
        "-f".as_ref(),
        format,
        "-O".as_ref(),
        "qcow2".as_ref(),
        file.as_ref(),
        to.as_ref(),
    ])
    .await?;
    if output.status.success() {
        return Ok(());
    }
    let tail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ImageError::Program { program: "qemu-img", status: output.status.to_string(), tail })
}

/// Rejects disks with a backing file, a data file or a key: their author could make QEMU read any file.
fn accept(json: &[u8]) -> Result<CheckedDisk, String> {
    let info: DiskInfo = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if !matches!(info.format.as_str(), "qcow2" | "raw") {
        return Err(format!("its format is `{}`, not qcow2 or raw", info.format));
    }
    if let Some(backing) = info.backing_filename {
        return Err(format!("it contains only the changes to another disk, `{backing}`"));
    }
    if info.format_specific.is_some_and(|specific| specific.data.data_file.is_some()) {
        return Err("its content is in another file".to_owned());
    }
    if info.encrypted {
        return Err("it is encrypted".to_owned());
    }
    Ok(CheckedDisk { format: info.format, size: Bytes(info.virtual_size) })
}

/// Callers pass absolute paths: `qemu-img` would read a leading hyphen as an option, and `nbd:…` as a protocol.
async fn qemu_img(arguments: &[&std::ffi::OsStr]) -> Result<Output, ImageError> {
    let output = tokio::process::Command::new("qemu-img").args(arguments).kill_on_drop(true).output().await;
    output.map_err(|_| ImageError::NoProgram { program: "qemu-img", package: "qemu-utils" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(json: &str) -> String {
        accept(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn only_self_contained_disks_are_accepted() {
        let good = accept(br#"{"format": "qcow2", "virtual-size": 5, "dirty-flag": false}"#).unwrap();
        assert_eq!(good, CheckedDisk { format: "qcow2".into(), size: Bytes(5) });
        assert!(rejection(r#"{"format": "vmdk", "virtual-size": 5}"#).contains("`vmdk`"));
        let backed = r#"{"format": "qcow2", "virtual-size": 5, "backing-filename": "/etc/shadow"}"#;
        assert!(rejection(backed).contains("`/etc/shadow`"));
        let split = r#"{"format": "qcow2", "virtual-size": 5,
                        "format-specific": {"type": "qcow2", "data": {"data-file": "/dev/sda"}}}"#;
        assert!(rejection(split).contains("another file"));
        assert!(rejection(r#"{"format": "qcow2", "virtual-size": 5, "encrypted": true}"#).contains("encrypted"));
    }
}
