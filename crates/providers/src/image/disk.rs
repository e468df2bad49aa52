//! Disk files: what `qemu-img` says of one, whether it may be used, and making it ours.

use std::path::Path;
use std::process::Output;

use hostler_core::size::Bytes;
use serde::Deserialize;

use super::ImageError;

/// The part of `qemu-img info --output=json` that matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Info {
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

/// A disk that stands for itself: no part of it lies in another file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub format: String,
    pub size: Bytes,
}

/// Checks that a file is a disk that may be used. `shown` is how to call it in an error.
pub(super) async fn check(file: &Path, shown: &str) -> Result<Checked, ImageError> {
    let output = qemu_img(&["info".as_ref(), "--output=json".as_ref(), file.as_ref()]).await?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(ImageError::BadDisk { file: shown.to_owned(), why });
    }
    accept(&output.stdout).map_err(|why| ImageError::BadDisk { file: shown.to_owned(), why })
}

/// Writes a checked disk anew as qcow2. Leaves behind internal snapshots, and whatever else a stranger put there.
pub(super) async fn convert(file: &Path, checked: &Checked, to: &Path) -> Result<(), ImageError> {
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

/// A backing file, a data file or a key would be read from wherever the image's author wished.
fn accept(json: &[u8]) -> Result<Checked, String> {
    let info: Info = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if !matches!(info.format.as_str(), "qcow2" | "raw") {
        return Err(format!("its format is `{}`, not qcow2 or raw", info.format));
    }
    if let Some(backing) = info.backing_filename {
        return Err(format!("it is only the changes to another disk, `{backing}`"));
    }
    if info.format_specific.is_some_and(|specific| specific.data.data_file.is_some()) {
        return Err("its content lies in another file".to_owned());
    }
    if info.encrypted {
        return Err("it is encrypted".to_owned());
    }
    Ok(Checked { format: info.format, size: Bytes(info.virtual_size) })
}

/// Paths are made absolute: one that begins with a hyphen, or looks like a protocol (`nbd:…`), is still a path.
async fn qemu_img(arguments: &[&std::ffi::OsStr]) -> Result<Output, ImageError> {
    let output = tokio::process::Command::new("qemu-img").args(arguments).kill_on_drop(true).output().await;
    output.map_err(|_| ImageError::NoProgram { program: "qemu-img", package: "qemu-utils" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        accept(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn only_a_disk_that_stands_for_itself_is_taken() {
        let good = accept(br#"{"format": "qcow2", "virtual-size": 5, "dirty-flag": false}"#).unwrap();
        assert_eq!(good, Checked { format: "qcow2".into(), size: Bytes(5) });
        assert!(refusal(r#"{"format": "vmdk", "virtual-size": 5}"#).contains("`vmdk`"));
        let backed = r#"{"format": "qcow2", "virtual-size": 5, "backing-filename": "/etc/shadow"}"#;
        assert!(refusal(backed).contains("`/etc/shadow`"));
        let split = r#"{"format": "qcow2", "virtual-size": 5,
                        "format-specific": {"type": "qcow2", "data": {"data-file": "/dev/sda"}}}"#;
        assert!(refusal(split).contains("another file"));
        assert!(refusal(r#"{"format": "qcow2", "virtual-size": 5, "encrypted": true}"#).contains("encrypted"));
    }
}
