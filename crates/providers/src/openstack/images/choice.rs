//! Tests of the choice of an image, from a synthetic list, and from a real cloud's list if `HOSTLER_DATA` names the
//! directory that has it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hostler_core::demand::{GpuRequirement, Requirements};
use hostler_core::name::SiteId;
use hostler_core::offer::{Availability, Facts, GpuFacts, Offer, PriceUnit, Supply, Terms};
use hostler_core::plan::best_images;
use serde::Deserialize;
use serde_json::json;

use super::*;

/// An entry of `openstack image list -f json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    status: String,
}

/// A synthetic list: unordered, with similar names, as real lists are.
fn synthetic() -> Vec<Line> {
    let lines = [
        ("CC-Ubuntu22.04-CUDA-20240129", "active"),
        ("CC-Ubuntu22.04-CUDA_2025-05-05 19:42:40.161961", "active"),
        ("CC-Ubuntu22.04-ARM64", "active"),
        ("CC-Ubuntu22.04-ARM64-CUDA", "active"),
        ("Ubuntu22.04-of-somebody-CUDA", "active"),
        ("CC-Ubuntu20.04-CUDA", "active"),
        ("CC-Ubuntu24.04-CUDA", "active"),
        ("CC-Ubuntu22.04", "active"),
        ("CC-Ubuntu22.04-20230301", "deactivated"),
        ("CC-Ubuntu20.04", "deactivated"),
        ("CC-Ubuntu20.04-20240129", "active"),
        ("ubuntu22.04-deploy.kernel", "active"),
        ("CC-Ubuntu22.04-CUDA", "active"),
    ];
    lines.map(|(name, status)| Line { id: name.to_owned(), name: name.to_owned(), status: status.to_owned() }).into()
}

/// The list of a real cloud. `None`, with a message, if it is not available.
fn real() -> Option<Vec<Line>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("HOSTLER_DATA").map_or_else(default, PathBuf::from);
    let file = data.join("envagent/image_list.json");
    match std::fs::read(&file) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(error) => {
            eprintln!("skipped: `{}`: {error}", file.display());
            None
        }
    }
}

/// An offer of a node type with these images.
fn offer(lines: &[Line], arch: &str, gpus: usize) -> Offer {
    let site: SiteId = "chameleon/uc".parse().unwrap();
    let image = |line: &Line| json!({"id": line.id, "name": line.name, "status": line.status});
    let images: Vec<GlanceImage> = lines.iter().map(|line| serde_json::from_value(image(line)).unwrap()).collect();
    let gpu = GpuFacts { model: "Quadro RTX 6000".to_owned(), memory: None };
    Offer {
        images: bootable(&images, &OpenStackSettings::chameleon(site.clone())),
        site,
        node_type: "node".to_owned(),
        facts: Facts {
            cpus: Some(48),
            memory: Some(Bytes::gib(192)),
            disk: Some(Bytes::gib(240)),
            arch: Some(arch.to_owned()),
            gpus: vec![gpu; gpus],
            labels: BTreeMap::new(),
            emulated: None,
        },
        supply: Supply::Machines(1),
        availability: Availability::Free,
        price_per_hour: None,
        unit: PriceUnit::default(),
        spot: false,
        terms: Terms::default(),
        accepts_images: false,
    }
}

/// The images that serve a request on a node, the chosen one first.
fn candidates(lines: &[Line], request: &str, arch: &str, gpus: u32) -> Vec<String> {
    let need = gpus.try_into().ok().map(|count| GpuRequirement { model: None, count });
    let needs = Requirements {
        image: Some(request.to_owned()),
        gpus: need,
        arch: Some(arch.to_owned()),
        ..Requirements::default()
    };
    best_images(&needs, &offer(lines, arch, gpus as usize)).into_iter().map(|image| image.name.clone()).collect()
}

#[test]
fn undated_alias_of_the_requested_system_is_chosen() {
    for lines in [Some(synthetic()), real()].into_iter().flatten() {
        let status = |name: &String| lines.iter().find(|line| line.name == *name).map(|line| line.status.as_str());
        let cuda = candidates(&lines, "ubuntu-22.04", "x86_64", 1);
        assert_eq!(cuda[0], "CC-Ubuntu22.04-CUDA");
        assert!(cuda.len() >= 4, "alternatives are listed: {cuda:?}");
        for name in &cuda {
            assert!(name.contains("22.04") && name.contains("CUDA") && !name.contains("ARM64"), "{name}");
            assert_eq!(status(name), Some("active"), "{name}");
        }
        assert_eq!(candidates(&lines, "ubuntu-22.04", "x86_64", 0)[0], "CC-Ubuntu22.04");
        assert_eq!(candidates(&lines, "ubuntu-22.04", "aarch64", 0)[0], "CC-Ubuntu22.04-ARM64");
        let old = candidates(&lines, "ubuntu-20.04", "x86_64", 0);
        assert!(!old.is_empty() && old.iter().all(|name| status(name) == Some("active")), "{old:?}");
        assert!(candidates(&lines, "windows-11", "x86_64", 0).is_empty());
    }
}

/// If the alias is deactivated, a build behind it is chosen.
#[test]
fn deactivated_images_are_never_chosen() {
    assert_eq!(candidates(&synthetic(), "ubuntu-20.04", "x86_64", 0), ["CC-Ubuntu20.04-20240129"]);
    assert_eq!(candidates(&synthetic(), "CC-Ubuntu20.04", "x86_64", 0), [""; 0]);
}
