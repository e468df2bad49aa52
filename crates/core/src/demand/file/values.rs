//! Parsers for the values of demand files and overrides.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use crate::demand::{Amount, GpuRequirement, SiteSelector};
use crate::name::ProviderKind;
use crate::size::Bytes;

/// Reason why a text is not a valid value: a lower-case fragment that quotes the text.
pub type InvalidValue = String;

/// Maximum number of machines in a group. A larger number is probably a typing error.
const MAX_COUNT: u32 = 10_000;

/// Number of machines.
pub fn count(text: &str) -> Result<NonZeroU32, InvalidValue> {
    let count = text.trim().parse::<NonZeroU32>().ok().filter(|count| count.get() <= MAX_COUNT);
    count.ok_or_else(|| format!("`{text}` is not a number of machines: use a whole number from 1 to {MAX_COUNT}"))
}

/// CPUs: `4` is exactly four, `4+` is four or more.
pub fn cpus(text: &str) -> Result<Amount<u32>, InvalidValue> {
    amount(text, |number| {
        // SkyPilot's files may contain `4.0`. Fractions of a CPU can't be requested.
        let whole = number.strip_suffix(".0").unwrap_or(number);
        let count = whole.parse::<u32>().ok().filter(|count| *count > 0);
        count.ok_or_else(|| format!("`{text}` is not a number of CPUs: use a whole number such as `4` or `4+`"))
    })
}

/// Memory: `32` is exactly 32 GiB, `32+` is 32 GiB or more; units as in [`size`].
pub fn memory(text: &str) -> Result<Amount<Bytes>, InvalidValue> {
    amount(text, size)
}

/// Minimum disk size, with or without a `+`.
pub fn disk(text: &str) -> Result<Bytes, InvalidValue> {
    size(text.trim().trim_end_matches('+'))
}

fn amount<T>(text: &str, parse: impl Fn(&str) -> Result<T, InvalidValue>) -> Result<Amount<T>, InvalidValue> {
    let text = text.trim();
    match text.strip_suffix('+') {
        Some(least) => parse(least.trim()).map(Amount::AtLeast),
        None => parse(text).map(Amount::Exactly),
    }
}

/// Size. A bare number is GiB, and `KB` to `TB` are powers of 1024, as in SkyPilot's files: machines with 64 GiB
/// satisfy `64GB`.
fn size(text: &str) -> Result<Bytes, InvalidValue> {
    let lower = text.trim().to_ascii_lowercase();
    let binary = match lower.strip_suffix('b') {
        Some(rest) if rest.ends_with(['k', 'm', 'g', 't']) => format!("{rest}ib"),
        _ => lower,
    };
    let bytes = binary.parse::<Bytes>().ok().filter(|bytes| bytes.0 > 0);
    bytes.ok_or_else(|| format!("`{text}` is not a size: use a number of GiB, or a unit as in `512MB` or `4GB`"))
}

/// GPUs: `A100:2`, `A100` for one of them, `2` or `any:2` for two of any model.
pub fn gpus(text: &str) -> Result<GpuRequirement, InvalidValue> {
    let text = text.trim();
    let (model, number) = match text.rsplit_once(':') {
        Some((model, number)) => (model.trim(), number.trim()),
        None if text.bytes().all(|b| b.is_ascii_digit()) => ("any", text),
        None => (text, "1"),
    };
    gpu(model, number)
}

/// GPUs with model and number apart, as in `{A100: 2}`.
pub fn gpu(model: &str, number: &str) -> Result<GpuRequirement, InvalidValue> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/');
    if model.is_empty() || !model.chars().all(known) {
        return Err(format!("`{model}` is not a GPU model: use a name such as `A100`, or `any`"));
    }
    let whole = number.strip_suffix(".0").unwrap_or(number);
    let count = whole
        .parse()
        .map_err(|_| format!("`{number}` is not a number of GPUs: use a whole number from 1, as in `{model}:1`"))?;
    let model = (!model.eq_ignore_ascii_case("any")).then(|| model.to_owned());
    Ok(GpuRequirement { model, count })
}

/// Port such as `8080`, or range of ports such as `10022-10040`.
pub fn ports(text: &str) -> Result<RangeInclusive<u16>, InvalidValue> {
    let bad = || {
        format!("`{text}` is not a port or range of ports from 1 to 65535: use a value such as `8080` or `10022-10040`")
    };
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(bad);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = port(first)?..=port(last)?;
    if range.is_empty() { Err(bad()) } else { Ok(range) }
}

/// Entry of `on`; `None` for `any`.
pub fn site(text: &str) -> Result<Option<SiteSelector>, InvalidValue> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("any") {
        return Ok(None);
    }
    SiteSelector::try_from(text.to_owned()).map(Some).map_err(|error| error.to_string())
}

/// Clouds of SkyPilot without a provider here.
const UNSUPPORTED_CLOUDS: &[&str] = &[
    "cudo",
    "do",
    "fluidstack",
    "hyperbolic",
    "hyperstack",
    "ibm",
    "k8s",
    "kubernetes",
    "lambda",
    "mithril",
    "nebius",
    "oci",
    "paperspace",
    "primeintellect",
    "runpod",
    "scp",
    "seeweb",
    "shadeform",
    "slurm",
    "vast",
    "verda",
    "vsphere",
    "yotta",
];

/// SkyPilot's `cloud` with its `region`; `None` for `*`, which means any.
pub fn cloud(cloud: &str, region: Option<&str>) -> Result<Option<SiteSelector>, InvalidValue> {
    let cloud = cloud.trim().to_ascii_lowercase();
    if UNSUPPORTED_CLOUDS.contains(&cloud.as_str()) {
        return Err(format!("`{cloud}` is not supported"));
    }
    let region = region.map(str::trim).filter(|region| *region != "*");
    match (cloud.as_str(), region) {
        ("*", None) => Ok(None),
        ("*", Some(region)) => Err(format!("`*/{region}` is a region without a cloud: name the cloud")),
        (_, Some(region)) => site(&format!("{cloud}/{region}")),
        (_, None) => {
            ProviderKind::new(cloud).map(|kind| Some(SiteSelector::provider(kind))).map_err(|error| error.to_string())
        }
    }
}

/// Parts of SkyPilot's `infra`: `aws/us-east-1/us-east-1a` is a cloud, a region and a zone.
pub fn infra(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let mut parts = text.splitn(3, '/');
    (parts.next().unwrap_or_default(), parts.next(), parts.next().filter(|zone| *zone != "*"))
}

/// Image, by its name at the site.
pub fn image(text: &str) -> Result<String, InvalidValue> {
    match text.trim() {
        "" => Err("the name of the image is empty".to_owned()),
        container if container.starts_with("docker:") => Err(format!(
            "`{container}` is a container image, but machines boot from disk images: start the container in `run`"
        )),
        name => Ok(name.to_owned()),
    }
}

/// Name of an environment variable.
pub fn variable(text: &str) -> Result<String, InvalidValue> {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(text.to_owned());
    }
    Err("not the name of a variable: use letters, digits and `_`, not starting with a digit".to_owned())
}

/// System package. Rejects what a package manager would read as an option.
pub fn package(text: &str) -> Result<String, InvalidValue> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"+-.:=~_".contains(&b);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not a package name: use a name such as `build-essential`"))
}

/// Python version.
pub fn python_version(text: &str) -> Result<String, InvalidValue> {
    let numbers: Vec<&str> = text.trim().split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    if (1..=3).contains(&numbers.len()) && numbers.iter().all(number) {
        return Ok(text.trim().to_owned());
    }
    Err(format!("`{text}` is not a Python version: use a version such as `3.11`, in quotes if it ends with a zero"))
}

/// Requirement in pip's syntax. Rejects pip options.
pub fn requirement(text: &str) -> Result<String, InvalidValue> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('-') || text.contains('\n') {
        return Err(format!("`{text}` is not a requirement: use one such as `numpy>=1.26`"));
    }
    Ok(text.to_owned())
}

/// Version such as `12.2`, `535` or `2.60.0`: numbers and dots only, so that no program reads it as an option.
pub fn version(text: &str) -> Result<String, InvalidValue> {
    let text = text.trim();
    let number = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
    if text.split('.').count() <= 4 && text.split('.').all(number) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not a version: use one such as `12.2`, in quotes if it ends with a zero"))
}

/// Name of a conda environment or custom step on a machine.
pub fn label(text: &str) -> Result<String, InvalidValue> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 40 && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not a valid name: use up to 40 letters, digits, `-`, `_` and `.`, starting with a letter or digit"
    ))
}

/// conda package such as `numpy=1.26`, or conda channel.
pub fn conda_spec(text: &str) -> Result<String, InvalidValue> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"+-._=<>!,*|:/[]@".contains(&b);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not a conda package or channel: use one such as `numpy=1.26` or `conda-forge`"))
}

/// SHA-256 as hexadecimal digits.
pub fn sha256(text: &str) -> Result<String, InvalidValue> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("not a SHA-256: it has 64 hexadecimal digits".to_owned())
}

/// One port.
pub fn port(text: &str) -> Result<u16, InvalidValue> {
    let range = ports(text)?;
    if range.start() == range.end() { Ok(*range.start()) } else { Err(format!("`{text}` is a range: use one port")) }
}

/// Path of a file in the repository, relative to its top.
pub fn repository_file(text: &str) -> Result<String, InvalidValue> {
    let parts = text.split('/');
    if text.is_empty() || text.starts_with(['/', '-', '~']) || parts.into_iter().any(|part| part == "..") {
        return Err(format!("`{text}` is not a path inside the repository: use a path relative to its top"));
    }
    Ok(text.to_owned())
}

pub fn boolean(text: &str) -> Result<bool, InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is not `true` or `false`")),
    }
}

/// Text that is not blank.
pub fn non_empty(text: &str) -> Result<String, InvalidValue> {
    if text.trim().is_empty() { Err("the value is empty".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_exact_or_at_least() {
        assert_eq!(cpus("4"), Ok(Amount::Exactly(4)));
        assert_eq!(cpus("4.0"), Ok(Amount::Exactly(4)));
        assert_eq!(cpus(" 4 + "), Ok(Amount::AtLeast(4)));
        assert_eq!(memory("32+"), Ok(Amount::AtLeast(Bytes::gib(32))));
        assert_eq!(memory("64GB"), Ok(Amount::Exactly(Bytes::gib(64))));
        assert_eq!(memory("512mib"), Ok(Amount::Exactly(Bytes::mib(512))));
        assert_eq!(disk("100+"), Ok(Bytes::gib(100)));
        for bad in ["", "+", "0", "-4", "4x", "0.5", "four", "4++"] {
            assert!(cpus(bad).is_err(), "{bad}");
        }
        for bad in ["", "0", "lots", "-1", "3x", "4 bananas"] {
            assert!(memory(bad).is_err() && disk(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn gpus_have_a_model_and_a_number() {
        let requirement = |text: &str| gpus(text).map(|requirement| requirement.to_string());
        for (text, read) in [
            ("V100", "V100:1"),
            ("V100:2", "V100:2"),
            ("A100-80GB:8", "A100-80GB:8"),
            ("2", "any:2"),
            ("any:2", "any:2"),
            ("RTX 2080: 1.0", "RTX 2080:1"),
        ] {
            assert_eq!(requirement(text).as_deref(), Ok(read), "{text}");
        }
        for bad in ["", ":1", "V100:0", "V100:0.5", "V100:-1", "V100:x", "$(id):1"] {
            assert!(requirement(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn clouds_with_regions_are_sites() {
        let place = |name, region| cloud(name, region).map(|request| request.map(|request| request.to_string()));
        assert_eq!(place("AWS", Some("us-east-1")), Ok(Some("aws/us-east-1".to_owned())));
        assert_eq!(place("gcp", Some("*")), Ok(Some("gcp".to_owned())));
        assert_eq!(place("*", None), Ok(None));
        assert_eq!(infra("aws/us-east-1/us-east-1a"), ("aws", Some("us-east-1"), Some("us-east-1a")));
        assert!(place("*", Some("eu-west-1")).is_err() && place("k8s", None).is_err());
        assert!(place("a b", None).is_err() && place("", None).is_err());
    }

    #[test]
    fn ports_are_numbers_and_ranges() {
        assert_eq!(ports("8080"), Ok(8080..=8080));
        assert_eq!(ports("10-20"), Ok(10..=20));
        for bad in ["", "0", "65536", "20-10", "http", "1-2-3", "-1"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_look_like_options_are_rejected() {
        for bad in ["-y", "--force-yes", "", "a b", "a;b", "$(id)"] {
            assert!(package(bad).is_err(), "{bad}");
        }
        for bad in ["--index-url=x", "-e .", ""] {
            assert!(requirement(bad).is_err(), "{bad}");
        }
        for bad in ["/etc/passwd", "../up.txt", "a/../../b", "-r", ""] {
            assert!(repository_file(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn displayed_values_parse_again(n in 1u32.., model in "[A-Z][A-Z0-9-]{0,8}") {
            for amount in [Amount::Exactly(n), Amount::AtLeast(n)] {
                prop_assert_eq!(cpus(&amount.to_string()), Ok(amount));
            }
            let count = NonZeroU32::new(n).unwrap();
            let model = (!model.eq_ignore_ascii_case("any")).then_some(model);
            for requirement in [GpuRequirement { model, count }, GpuRequirement { model: None, count }] {
                prop_assert_eq!(gpus(&requirement.to_string()), Ok(requirement));
            }
        }
    }
}
