//! Comparison of a GPU with the requested model.
//!
//! Users write `A100` or `A100-80GB`, sites report `NVIDIA A100-SXM4-80GB`. Names are compared token by token, so that
//! `A100` matches that name and not `NVIDIA RTX A1000`.

use crate::offer::GpuFacts;

/// True if every token of the requested model occurs in the site's name of the GPU, ignoring case.
///
/// `RTX6000` also matches `RTX 6000`, and a memory size (`80GB`) also matches the memory that the site reports.
pub(super) fn is_model(requested: &str, gpu: &GpuFacts) -> bool {
    tokens(requested).all(|token| in_name(token, &gpu.model) || has_memory(token, gpu))
}

fn tokens(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty())
}

fn in_name(token: &str, name: &str) -> bool {
    tokens(name).any(|have| have.eq_ignore_ascii_case(token))
        || tokens(name).zip(tokens(name).skip(1)).any(|(first, second)| is_joined(token, first, second))
}

fn is_joined(token: &str, first: &str, second: &str) -> bool {
    let (Some(head), Some(tail)) = (token.get(..first.len()), token.get(first.len()..)) else { return false };
    head.eq_ignore_ascii_case(first) && tail.eq_ignore_ascii_case(second)
}

/// A card sold as `80GB` reports between 80 · 10⁹ bytes, less up to two per cent for error correction, and 80 GiB.
fn has_memory(token: &str, gpu: &GpuFacts) -> bool {
    let (Some(gigabytes), Some(memory)) = (gigabytes(token), gpu.memory) else { return false };
    let (least, most) = (gigabytes.saturating_mul(980_000_000), gigabytes.saturating_mul(1 << 30));
    (least..=most).contains(&memory.0)
}

fn gigabytes(token: &str) -> Option<u64> {
    let digits = token.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &token[digits.len()..];
    let is_unit = ["g", "gb", "gib"].iter().any(|known| unit.eq_ignore_ascii_case(known));
    if is_unit { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Bytes;

    #[test]
    fn models_match_by_token() {
        let is = |requested: &str, model: &str, mib: Option<u64>| {
            is_model(requested, &GpuFacts { model: model.to_owned(), memory: mib.map(Bytes::mib) })
        };
        for (requested, model, mib) in [
            ("A100", "NVIDIA A100-SXM4-80GB", None),
            ("a100", "A100", None),
            ("A100-80GB", "NVIDIA A100-SXM4-80GB", None),
            ("A100-80GB", "NVIDIA A100 PCIe", Some(81_559)),
            ("T4-16GB", "Tesla T4", Some(15_109)),
            ("RTX6000", "Quadro RTX 6000", None),
        ] {
            assert!(is(requested, model, mib), "{requested} is {model}");
        }
        for (requested, model, mib) in [
            ("A100", "NVIDIA RTX A1000", None),
            ("A10", "NVIDIA A100", None),
            ("A100-80GB", "NVIDIA A100-SXM4-40GB", Some(40_536)),
            ("A100-80GB", "NVIDIA A100", None),
            ("H100", "NVIDIA A100-SXM4-80GB", Some(81_559)),
        ] {
            assert!(!is(requested, model, mib), "{requested} is not {model}");
        }
    }
}
