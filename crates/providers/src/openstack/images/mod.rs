//! Facts about images, from their properties, or from their names if the properties are missing.

use hostler_core::inventory::arch;
use hostler_core::offer::{GpuSoftware, ImageFacts, OsRelease};
use hostler_core::size::Bytes;

use super::OpenStackSettings;
use super::glance::GlanceImage;

/// The images that machines can boot, in order of preference: an alias before the dated builds behind it, the operators'
/// own images before others, known systems before others, later versions before earlier ones.
pub(super) fn bootable(images: &[GlanceImage], settings: &OpenStackSettings) -> Vec<ImageFacts> {
    let mut bootable: Vec<(bool, bool, ImageFacts)> = images
        .iter()
        .filter(|image| image.status == "active" && boots(image))
        .filter_map(|image| {
            let name = image.name.as_deref()?;
            Some((is_dated(name), !is_official(image, name), facts(image, name, settings)))
        })
        .collect();
    bootable.sort_by(|(dated_a, other_a, a), (dated_b, other_b, b)| {
        let rank = |image: &ImageFacts| image.os.as_ref().map_or(u8::MAX, |os| preference(&os.id));
        (dated_a, other_a, rank(a))
            .cmp(&(dated_b, other_b, rank(b)))
            .then_with(|| version(b).cmp(&version(a)))
            .then_with(|| a.name.cmp(&b.name))
    });
    let mut images: Vec<ImageFacts> = bootable.into_iter().map(|(_, _, facts)| facts).collect();
    // Several builds may have the same name. Machines boot the newest of them, so one entry is enough.
    images.dedup_by(|a, b| a.name == b.name && a.arch == b.arch);
    images
}

fn preference(os: &str) -> u8 {
    ["ubuntu", "debian", "rocky", "centos"].iter().position(|known| *known == os).map_or(u8::MAX - 1, |at| at as u8)
}

/// True for images of the cloud's operators.
fn is_official(image: &GlanceImage, name: &str) -> bool {
    name.starts_with("CC-") || image.property("chameleon-supported") == Some("true")
}

/// A version as numbers, so that `9` sorts before `10`.
fn version(image: &ImageFacts) -> Vec<u32> {
    let text = image.os.as_ref().and_then(|os| os.version.as_deref()).unwrap_or_default();
    text.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// False for kernels and initial file systems, which only help other images to boot.
fn boots(image: &GlanceImage) -> bool {
    let is_kernel_format = matches!(image.disk_format.as_deref(), Some("aki" | "ari"));
    let is_kernel_name = image.name.as_deref().is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        let words = ["kernel", "ramdisk", "initramfs"];
        words.iter().any(|word| name.split(['.', '_', '-']).any(|part| part == *word))
    });
    !is_kernel_format && !is_kernel_name
}

fn facts(image: &GlanceImage, name: &str, settings: &OpenStackSettings) -> ImageFacts {
    let os = os(image, name);
    let disk = Bytes::gib(image.min_disk).max(Bytes(image.virtual_size.unwrap_or(0)));
    ImageFacts {
        name: name.to_owned(),
        arch: architecture(image, name),
        user: user(image, name, os.as_ref(), settings),
        disk,
        memory: Bytes::mib(image.min_ram),
        os,
        gpu_software: accelerators(name),
    }
}

fn architecture(image: &GlanceImage, name: &str) -> String {
    let property = image.property("architecture").or_else(|| image.property("hw_architecture"));
    let words = || name.split(['-', '_', ' ']).map(str::to_ascii_lowercase);
    let from_name = || words().find(|word| matches!(word.as_str(), "arm64" | "aarch64" | "ppc64le"));
    match (property, from_name()) {
        (Some(property), _) => arch(property).to_owned(),
        (None, Some(word)) => arch(&word).to_owned(),
        (None, None) => "x86_64".to_owned(),
    }
}

fn accelerators(name: &str) -> GpuSoftware {
    let has = |word: &str| name.split(['-', '_', ' ']).any(|part| part.to_ascii_uppercase().starts_with(word));
    match (has("CUDA"), has("ROCM")) {
        (true, _) => GpuSoftware::Cuda,
        (false, true) => GpuSoftware::Rocm,
        (false, false) => GpuSoftware::None,
    }
}

fn os(image: &GlanceImage, name: &str) -> Option<OsRelease> {
    if let Some(id) = image.property("os_distro") {
        let version = image.property("os_version").map(str::to_owned);
        return Some(OsRelease { id: id.to_ascii_lowercase(), version });
    }
    let lower = name.to_ascii_lowercase();
    let (id, at) = ["ubuntu", "centos", "debian", "rocky", "fedora", "almalinux"]
        .iter()
        .find_map(|known| lower.find(known).map(|at| (*known, at + known.len())))?;
    let rest = lower[at..].trim_start_matches(['-', ' ']);
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    // Longer than any version: the date of a build.
    let version = Some(version.trim_end_matches('.').to_owned()).filter(|text| !text.is_empty() && text.len() <= 5);
    Some(OsRelease { id: id.to_owned(), version })
}

/// The login user: Glance's property `os_admin_user`, else the default user of the system's own cloud images.
fn user(image: &GlanceImage, name: &str, os: Option<&OsRelease>, settings: &OpenStackSettings) -> String {
    if let Some(user) = image.property("os_admin_user") {
        return user.to_owned();
    }
    if name.starts_with("CC-") || settings.user == "cc" {
        return "cc".to_owned();
    }
    match os.map(|os| os.id.as_str()) {
        Some(known @ ("ubuntu" | "debian" | "fedora" | "rocky" | "almalinux")) => known.to_owned(),
        Some("centos") => "cloud-user".to_owned(),
        _ => settings.user.clone(),
    }
}

/// True for a dated build: `…-20240129`, `…-20221005-1665164598.226599` or `…_2024-10-23 17:58:55.416104`.
fn is_dated(name: &str) -> bool {
    let days = name.split(['-', '_', ' ', '.']).filter(|part| part.len() == 8);
    let is_day = |part: &str| part.starts_with("20") && part.bytes().all(|b| b.is_ascii_digit());
    days.into_iter().any(is_day) || name.contains("_20")
}

#[cfg(test)]
mod choice;

#[cfg(test)]
mod tests {
    use hostler_core::name::SiteId;
    use serde_json::json;

    use super::*;

    fn image(name: &str, more: serde_json::Value) -> GlanceImage {
        let mut image = json!({"id": name, "name": name, "status": "active"});
        image.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(image).unwrap()
    }

    fn ranked(images: &[GlanceImage]) -> Vec<ImageFacts> {
        let site: SiteId = "openstack/x".parse().unwrap();
        bootable(images, &OpenStackSettings::new(site))
    }

    #[test]
    fn facts_come_from_the_name_if_properties_are_missing() {
        let images = [
            "CC-Ubuntu22.04-CUDA_2025-05-05 19:42:40.161961",
            "CC-Ubuntu24.04-ARM64",
            "CC-Ubuntu24.04-ROCm",
            "CC-CentOS9-Stream",
            "CC-Ubuntu20.04-CUDA11-20211129",
            "somebody-s-own",
        ]
        .map(|name| image(name, json!({})));
        let lines: Vec<String> = ranked(&images)
            .iter()
            .map(|it| {
                let os = it.os.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
                format!("{} | {os} | {} | {:?} | {}", it.name, it.arch, it.gpu_software, it.user)
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        CC-Ubuntu24.04-ARM64 | ubuntu 24.04 | aarch64 | None | cc
        CC-Ubuntu24.04-ROCm | ubuntu 24.04 | x86_64 | Rocm | cc
        CC-CentOS9-Stream | centos 9 | x86_64 | None | cc
        somebody-s-own | ? | x86_64 | None | ubuntu
        CC-Ubuntu22.04-CUDA_2025-05-05 19:42:40.161961 | ubuntu 22.04 | x86_64 | Cuda | cc
        CC-Ubuntu20.04-CUDA11-20211129 | ubuntu 20.04 | x86_64 | Cuda | cc
        ");
    }

    #[test]
    fn properties_take_precedence_over_the_name() {
        let facts = ranked(&[image(
            "Ubuntu-arm64",
            json!({"architecture": "amd64", "os_distro": "Debian", "os_version": "12", "os_admin_user": "root",
                   "min_disk": 4, "min_ram": 512, "virtual_size": 9_000_000_000u64}),
        )]);
        let [image] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!((image.arch.as_str(), image.user.as_str()), ("x86_64", "root"));
        assert_eq!(image.os, Some(OsRelease { id: "debian".to_owned(), version: Some("12".to_owned()) }));
        assert_eq!((image.disk, image.memory), (Bytes(9_000_000_000), Bytes::mib(512)));
    }

    #[test]
    fn images_that_cannot_boot_are_left_out() {
        let images = [
            image("off", json!({"status": "deactivated"})),
            image("ipa-centos8.kernel", json!({})),
            image("pxe_deploy_ramdisk", json!({})),
            image("x", json!({"disk_format": "ari"})),
            image("kernelci-host", json!({})),
        ];
        let names: Vec<String> = ranked(&images).into_iter().map(|image| image.name).collect();
        assert_eq!(names, ["kernelci-host"]);
    }

    #[test]
    fn alias_comes_before_the_builds_behind_it() {
        let names = [
            "CC-Ubuntu22.04-20240129",
            "CC-Ubuntu9.04",
            "CC-Ubuntu22.04_2024-10-22 21:58:21.742785",
            "Ubuntu24.04-mine",
            "CC-Ubuntu22.04",
        ];
        let facts = ranked(&names.map(|name| image(name, json!({}))));
        let names: Vec<&str> = facts.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names[..3], ["CC-Ubuntu22.04", "CC-Ubuntu9.04", "Ubuntu24.04-mine"]);
    }
}
