//! Feeds for `benches/calendar`, and programs to measure against each other.
//!
//! `feed generate DIR NODES RESERVATIONS` writes a feed in ENVBoot's layout. `feed parse FILE…` parses the files as
//! JSON. `feed skim FILE…` checks that they are JSON and keeps no value. `feed join DIR` joins a feed and counts the
//! free nodes of one window.

#![expect(clippy::disallowed_methods, reason = "core reads no files; its measurements do")]
#![expect(clippy::print_stdout, reason = "the bench reads its output")]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use hostler_core::inventory::{Document, Feed, join};
use hostler_core::offer::Availability;
use hostler_core::time::{Window, parse_instant};
use jiff::{SignedDuration, Timestamp};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["generate", dir, nodes, reservations] => generate(Path::new(dir), nodes.parse()?, reservations.parse()?),
        ["parse", files @ ..] => parse::<Value>(files),
        ["skim", files @ ..] => parse::<IgnoredAny>(files),
        ["join", dir] => joined(Path::new(dir)),
        _ => Err("use `feed generate DIR NODES RESERVATIONS`, `feed parse|skim FILE…` or `feed join DIR`".into()),
    }
}

fn parse<T: DeserializeOwned>(files: &[&str]) -> Result<(), Box<dyn Error>> {
    for file in files {
        let bytes = fs::read(file)?;
        black_box(serde_json::from_slice::<T>(&bytes)?);
        println!("{file}: {} bytes", bytes.len());
    }
    Ok(())
}

fn joined(dir: &Path) -> Result<(), Box<dyn Error>> {
    let read = |name: &str| fs::read(dir.join(name)).map(|bytes| Document::new(name, bytes));
    let feeds = [Feed {
        allocations: Some(read("allocations.json")?),
        hosts: Some(read("hosts.json")?),
        resource_map: Some(read("resource_map.json")?),
        nodes: vec![read("examples/api_samples/uc_chameleon_nodes.json").or_else(|_| read("nodes.json"))?],
        ..Feed::default()
    }];
    let inventory = join(&feeds, SignedDuration::ZERO)?;
    let window = Window::starting_at(parse_instant("2025-10-05T10:00Z")?, SignedDuration::from_hours(4))?;
    let free = inventory.nodes().filter(|(_, node)| node.availability(&window) == Availability::Free).count();
    println!(
        "{} nodes, {free} free, {} reservations",
        inventory.stats().total_nodes,
        inventory.stats().total_allocations
    );
    Ok(())
}

/// A xorshift generator: each run has the same feed.
struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> i64 {
        (self.next() % n) as i64
    }

    fn id(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}

fn generate(dir: &Path, nodes: usize, reservations: usize) -> Result<(), Box<dyn Error>> {
    let mut random = XorShift(88_172_645_463_325_252);
    let (mut listed, mut map, mut hosts, mut allocations) =
        (Vec::new(), serde_json::Map::new(), Vec::new(), Vec::new());
    for index in 0..nodes {
        let (uid, id) = (random.id(), (1_000 + index).to_string());
        listed.push(node(index, &uid));
        map.insert(id.clone(), uid.clone().into());
        hosts.push(json!({ "id": id, "hypervisor_hostname": uid, "vcpus": 0, "memory_mb": 0, "local_gb": 0 }));
        let share = reservations / nodes + usize::from(index < reservations % nodes);
        allocations.push(json!({ "resource_id": id, "reservations": held(share, &mut random)? }));
    }
    fs::create_dir_all(dir)?;
    let write = |name: &str, value: Value| fs::write(dir.join(name), value.to_string());
    write("nodes.json", json!({ "total": nodes, "offset": 0, "items": listed }))?;
    write("resource_map.json", map.into())?;
    write("hosts.json", hosts.into())?;
    Ok(write("allocations.json", allocations.into())?)
}

fn node(index: usize, uid: &str) -> Value {
    let (node_type, gib, gpus) =
        [("compute", 192, 0), ("gpu_rtx", 192, 1), ("large", 512, 0), ("gpu_a100", 512, 4)][index % 4];
    json!({
        "uid": uid, "node_name": format!("n{index:06}"), "node_type": node_type, "type": "node",
        "architecture": { "platform_type": "x86_64", "smp_size": 2, "smt_size": 96 },
        "main_memory": { "humanized_ram_size": format!("{gib} GiB"), "ram_size": gib << 30 },
        "gpu": { "gpu": gpus > 0, "gpu_count": gpus },
        "links": [{ "rel": "self", "href": format!("/sites/north/clusters/main/nodes/{uid}") }],
    })
}

/// Consecutive reservations. One in fifty starts some minutes before the previous one ends.
fn held(count: usize, random: &mut XorShift) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut at = parse_instant("2025-10-01T00:00Z")?;
    let mut all = Vec::with_capacity(count);
    let text = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string();
    for index in 0..count {
        let gap = if index % 50 == 49 { -3 } else { random.below(48 * 60) };
        let start = at.checked_add(SignedDuration::from_mins(gap))?;
        at = start.checked_add(SignedDuration::from_mins(10 + random.below(48 * 60)))?;
        all.push(json!({
            "id": random.id(), "lease_id": random.id(), "start_date": text(start), "end_date": text(at),
            "extras": { "user_name": format!("user{}@example.org", random.below(500)) },
        }));
    }
    Ok(all)
}
