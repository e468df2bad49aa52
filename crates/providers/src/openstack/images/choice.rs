//! Which image is taken: of a list of our own, and of a real cloud's where `HOSTLER_DATA` names the folder that has it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hostler_core::demand::{GpuNeed, Requirements};
use hostler_core::name::SiteId;
use hostler_core::offer::{Availability, Facts, GpuFacts, Offer, Supply, Terms};
use hostler_core::plan::best_images;
use serde::Deserialize;
use serde_json::json;

use super::*;

/// A line of `openstack image list -f json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    status: String,
}

/// A list of our own: as a real one, in no order, with what looks alike.
fn own() -> Vec<Line> {
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

/// The list of a real cloud, or `None` and a word about it.
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

/// A node with these images.
fn offer(lines: &[Line], arch: &str, gpus: usize) -> Offer {
    let site: SiteId = "chameleon/uc".parse().unwrap();
    let image = |line: &Line| json!({"id": line.id, "name": line.name, "status": line.status});
    let images: Vec<Image> = lines.iter().map(|line| serde_json::from_value(image(line)).unwrap()).collect();
    let gpu = GpuFacts { model: "Quadro RTX 6000".to_owned(), memory: None };
    Offer {
        images: bootable(&images, &Settings::chameleon(site.clone())),
        site,
        node_type: "node".to_owned(),
        facts: Facts {
            cpus: Some(48),
            memory: Some(Bytes::gib(192)),
            disk: Some(Bytes::gib(240)),
            arch: Some(arch.to_owned()),
            gpus: vec![gpu; gpus],
            labels: BTreeMap::new(),
        },
        supply: Supply::Whole(1),
        availability: Availability::Free,
        price_per_hour: None,
        spot: false,
        terms: Terms::default(),
    }
}

/// The candidates for a system on a node, the one that is taken first.
fn candidates(lines: &[Line], wish: &str, arch: &str, gpus: u32) -> Vec<String> {
    let need = gpus.try_into().ok().map(|count| GpuNeed { model: None, count });
    let needs = Requirements {
        image: Some(wish.to_owned()),
        gpus: need,
        arch: Some(arch.to_owned()),
        ..Requirements::default()
    };
    best_images(&needs, &offer(lines, arch, gpus as usize)).into_iter().map(|image| image.name.clone()).collect()
}

#[test]
fn of_a_list_the_undated_alias_of_what_is_wished_is_taken() {
    for lines in [Some(own()), real()].into_iter().flatten() {
        let status = |name: &String| lines.iter().find(|line| line.name == *name).map(|line| line.status.as_str());
        let cuda = candidates(&lines, "ubuntu-22.04", "x86_64", 1);
        assert_eq!(cuda[0], "CC-Ubuntu22.04-CUDA");
        assert!(cuda.len() >= 4, "those that would do as well are told: {cuda:?}");
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

/// Where the alias is out of service, a build behind it is taken, and nothing that is out of service.
#[test]
fn what_is_deactivated_is_never_taken() {
    assert_eq!(candidates(&own(), "ubuntu-20.04", "x86_64", 0), ["CC-Ubuntu20.04-20240129"]);
    assert_eq!(candidates(&own(), "CC-Ubuntu20.04", "x86_64", 0), [""; 0]);
}
