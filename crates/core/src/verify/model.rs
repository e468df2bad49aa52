//! Comparison of GPU names from different sources.
//!
//! A driver reports `Tesla V100-SXM2-32GB`, an inventory `GV100GL [Tesla V100 SXM2 32GB]`, the PCI bus `10de:1db5`.
//! They share the designation of the model, `V100`. A name without a known designation is compatible with every other.

use std::collections::BTreeSet;

/// Models by PCI id, for machines without a driver. Source: the PCI ID repository.
const BY_PCI_ID: &[(&str, &str)] = &[
    ("10de:102d", "K80"),
    ("10de:13f2", "M60"),
    ("10de:15f7", "P100"),
    ("10de:15f8", "P100"),
    ("10de:15f9", "P100"),
    ("10de:17fd", "M40"),
    ("10de:1b38", "P40"),
    ("10de:1bb3", "P4"),
    ("10de:1db1", "V100"),
    ("10de:1db4", "V100"),
    ("10de:1db5", "V100"),
    ("10de:1db6", "V100"),
    ("10de:1e30", "RTX 6000/8000"),
    ("10de:1eb8", "T4"),
    ("10de:20b0", "A100"),
    ("10de:20b2", "A100"),
    ("10de:20b5", "A100"),
    ("10de:20b7", "A30"),
    ("10de:20f1", "A100"),
    ("10de:2230", "A6000"),
    ("10de:2235", "A40"),
    ("10de:2236", "A10"),
    ("10de:2330", "H100"),
    ("10de:2331", "H100"),
    ("10de:2335", "H200"),
    ("10de:233b", "H200"),
    ("10de:26b5", "L40"),
    ("10de:26b9", "L40S"),
    ("10de:27b8", "L4"),
    ("10de:2901", "B200"),
    ("10de:3182", "B300"),
    ("1002:66a1", "MI50/MI60"),
    ("1002:738c", "MI100"),
    ("1002:7408", "MI250"),
    ("1002:740c", "MI250"),
    ("1002:740f", "MI210"),
    ("1002:74a1", "MI300X"),
    ("1002:74a5", "MI325X"),
];

/// The PCI ids that a GPU of this name can have, as `10de:1db5`. Empty if the model is unknown.
pub fn pci_ids(name: &str) -> impl Iterator<Item = &'static str> {
    let wanted = designations(name);
    BY_PCI_ID.iter().filter(move |(_, model)| !wanted.is_disjoint(&designations(model))).map(|(id, _)| *id)
}

/// Number of expected GPUs without an observed one that can be of their model.
pub(super) fn missing(expected: &[String], seen: &[String]) -> usize {
    let mut left: Vec<BTreeSet<String>> = seen.iter().map(|name| designations(name)).collect();
    // GPUs of a known model are matched first: one of an unknown model matches any.
    left.sort_by_key(BTreeSet::is_empty);
    let mut wanted: Vec<BTreeSet<String>> = expected.iter().map(|name| designations(name)).collect();
    wanted.sort_by_key(BTreeSet::is_empty);
    let mut missing = 0;
    for wanted in wanted {
        match left.iter().position(|seen| agree(&wanted, seen)) {
            Some(at) => drop(left.remove(at)),
            None => missing += 1,
        }
    }
    missing
}

fn agree(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    one.is_empty() || other.is_empty() || !one.is_disjoint(other)
}

/// The designations in a name: several if it covers several models, as `RTX 6000/8000`.
fn designations(name: &str) -> BTreeSet<String> {
    let known = BY_PCI_ID.iter().find(|(id, _)| *id == name).map(|(_, model)| *model);
    if known.is_none() && is_pci_id(name) {
        return BTreeSet::new();
    }
    let name = known.unwrap_or(name);
    // The text before the brackets is the chip, which several models share.
    let name = name.split_once('[').map_or(name, |(_, rest)| rest.trim_end_matches(']'));
    let mut family = "";
    let mut found = BTreeSet::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        match word.bytes().all(|b| b.is_ascii_digit()) {
            true if !family.is_empty() => drop(found.insert(format!("{family}{word}"))),
            true => {}
            false if ["RTX", "GTX", "MI"].iter().any(|it| it.eq_ignore_ascii_case(word)) => family = word,
            false => found.extend(designation(word)),
        }
    }
    found.iter().map(|text| text.to_ascii_uppercase()).collect()
}

/// The designation that a word is: one to three letters, digits, and at most one letter. Chips (`GA100`), memory
/// (`HBM3`) and slots (`SXM2`) are excluded.
fn designation(word: &str) -> Option<String> {
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = word.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
    let is_shaped = (1..=3).contains(&letters) && digits > 0 && word.len() - letters - digits <= 1;
    let upper = word.to_ascii_uppercase();
    let is_part = ["SXM", "HBM", "GEN"].iter().any(|part| upper.starts_with(part));
    let is_chip =
        letters == 2 && digits == 3 && (upper.starts_with('G') || upper.starts_with("TU") || upper.starts_with("AD"));
    (is_shaped && !is_part && !is_chip).then_some(upper)
}

fn is_pci_id(name: &str) -> bool {
    let is_hex = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
    name.split_once(':').is_some_and(|(vendor, device)| is_hex(vendor) && is_hex(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree_on(one: &str, other: &str) -> bool {
        missing(&[one.to_owned()], &[other.to_owned()]) == 0
    }

    #[test]
    fn names_of_one_model_agree() {
        for (expected, seen) in [
            ("V100", "Tesla V100-SXM2-32GB"),
            ("GV100GL [Tesla V100 SXM2 32GB]", "10de:1db5"),
            ("GV100GL [Tesla V100 SXM2 32GB]", "Tesla V100-SXM2-32GB"),
            ("TU102GL [Quadro RTX 6000/8000]", "Quadro RTX 6000"),
            ("RTX6000", "10de:1e30"),
            ("GA100 [A100 PCIe 80GB]", "NVIDIA A100 80GB PCIe"),
            ("A100-80GB", "NVIDIA A100-SXM4-80GB"),
            ("H100", "NVIDIA H100 80GB HBM3"),
            ("MI100", "1002:738c"),
            ("AMD Instinct MI 210", "MI210"),
            ("GK210GL [Tesla K80]", "Tesla K80"),
            ("V100", "10de:ffff"),
            ("something", "Tesla T4"),
        ] {
            assert!(agree_on(expected, seen), "{expected} and {seen}");
        }
        for (expected, seen) in [
            ("V100", "Tesla P100-PCIE-16GB"),
            ("GV100GL [Tesla V100 SXM2 32GB]", "10de:20b5"),
            ("A100", "NVIDIA A10"),
            ("A100", "NVIDIA RTX A6000"),
            ("RTX 6000", "Quadro RTX 5000"),
            ("MI210", "AMD Instinct MI100"),
            ("GM200GL [Tesla M40]", "Tesla K80"),
        ] {
            assert!(!agree_on(expected, seen), "{expected} and {seen}");
        }
    }

    #[test]
    fn pci_ids_of_a_name_are_those_of_its_model() {
        let ids = |name| pci_ids(name).collect::<Vec<_>>();
        assert_eq!(ids("GV100GL [Tesla V100 SXM2 32GB]"), ["10de:1db1", "10de:1db4", "10de:1db5", "10de:1db6"]);
        assert_eq!((ids("AMD Instinct MI300X"), ids("something").len()), (vec!["1002:74a1"], 0));
    }

    #[test]
    fn each_observed_gpu_matches_one_expected_gpu() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let missing = |expected: &[&str], seen: &[&str]| missing(&names(expected), &names(seen));
        assert_eq!(missing(&["V100", "V100"], &["V100", "P100"]), 1);
        assert_eq!(missing(&["gpu", "V100"], &["V100", "P100"]), 0, "an unknown model matches any other");
        assert_eq!(missing(&["V100", "A100"], &["10de:ffff", "A100"]), 0);
        assert_eq!(missing(&["V100"], &[]), 1);
    }
}
