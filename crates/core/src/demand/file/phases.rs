//! `setup_phases`: the set-up phases to run. The value of a phase is a boolean, its most important setting, or a map.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::keys::DemandSection;
use super::reader::{FieldReader, Fields};
use super::tree::{YamlNode, YamlValue};
use super::values;
use crate::setup::gpu::{GpuRepository, GpuRequest, GpuStack, Vendor, find_conflict};
use crate::setup::{
    CONDA_ENVIRONMENT, CondaInstaller, CondaRequest, CustomStep, DockerRepository, DockerRequest, InterpreterRequest,
    PeerAccess, PhaseKind, RayRequest, RunAs, SetupRequest, SystemRequest,
};
use crate::time;

/// Reads `setup_phases`. `true` requests [`SetupRequest::recommended`].
pub fn phases(reader: &mut FieldReader<'_>, node: &YamlNode) -> SetupRequest {
    match switch(node) {
        Some(true) => return SetupRequest::recommended(),
        Some(false) => return SetupRequest::default(),
        None => {}
    }
    let fields = reader.fields(DemandSection::SetupPhases, "setup_phases.", node);
    let requested = |name: &'static str| fields.get(name).copied().filter(|node| switch(node) != Some(false));
    SetupRequest {
        system: reader.field(&fields, "system", values::boolean).filter(|yes| *yes).map(|_| SystemRequest {}),
        interpreter: requested("python").and_then(|node| interpreter(reader, node)),
        conda: requested("conda").and_then(|node| conda(reader, node)),
        docker: requested("docker").map(|node| docker(reader, node)),
        gpu: requested("gpu").map(|node| gpu(reader, node)).unwrap_or_default(),
        peers: match reader.field(&fields, "peers", values::boolean) {
            Some(false) => PeerAccess::Off,
            Some(true) | None => PeerAccess::On,
        },
        ray: requested("ray").map(|node| ray(reader, node)),
        custom: requested("custom").map(|node| custom(reader, node)).unwrap_or_default(),
        timeouts: requested("timeouts").map(|node| timeouts(reader, node)).unwrap_or_default(),
    }
}

/// Requests the phase that a text such as `docker` or `ray=2.60.0` names.
///
/// # Errors
/// A lower-case fragment if the text does not name a phase that can be requested, or its value is invalid.
pub fn request_phase(request: &mut SetupRequest, text: &str) -> Result<(), String> {
    parse_change(text).map(|flag| flag.apply(request))
}

/// Parses `NAME` or `NAME=VALUE`. The value is parsed as in a demand file.
pub fn parse_change(text: &str) -> Result<PhaseChange, values::InvalidValue> {
    let (name, word) = text.split_once('=').map_or((text, None), |(name, word)| (name, Some(word)));
    let off = word.is_some_and(|word| matches!(word, "off" | "no" | "false" | "none"));
    let version = || word.map(values::version).transpose();
    Ok(match name {
        _ if off => PhaseChange::Off(optional(name)?),
        "system" if word.is_none() => PhaseChange::System,
        "python" | "interpreter" => PhaseChange::Interpreter(word.map(values::python_version).transpose()?),
        "conda" => PhaseChange::Conda(word.map(values::python_version).transpose()?),
        "docker" => PhaseChange::Docker(word.map(docker_from).transpose()?.unwrap_or_default()),
        "gpu" => PhaseChange::Gpu(word.filter(|word| *word != "auto").map(vendor).transpose()?),
        "ray" => PhaseChange::Ray(version()?),
        _ => return Err(format!("`{text}` is not a phase that can be requested: {SYNTAX}")),
    })
}

const SYNTAX: &str = "use `system`, `python`, `conda`, `docker`, `gpu`, `peers` or `ray`, optionally with a value such as `ray=2.60.0` or `gpu=off`";

fn optional(name: &str) -> Result<PhaseKind, values::InvalidValue> {
    match name {
        "system" => Ok(PhaseKind::System),
        "python" | "interpreter" => Ok(PhaseKind::Interpreter),
        "conda" => Ok(PhaseKind::Conda),
        "docker" => Ok(PhaseKind::Docker),
        "gpu" => Ok(PhaseKind::Gpu),
        "peers" => Ok(PhaseKind::PeerNames),
        "ray" => Ok(PhaseKind::Ray),
        _ => Err(format!("`{name}` is not a phase that can be turned off: {SYNTAX}")),
    }
}

/// Change of a set-up request by one override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseChange {
    /// Turns a phase off.
    Off(PhaseKind),
    System,
    /// Python version.
    Interpreter(Option<String>),
    /// Python version of the conda environment.
    Conda(Option<String>),
    Docker(DockerRepository),
    /// Vendor of the GPUs; `None` detects it.
    Gpu(Option<Vendor>),
    /// Ray version.
    Ray(Option<String>),
}

impl PhaseChange {
    /// Applies the change.
    pub fn apply(self, request: &mut SetupRequest) {
        match self {
            Self::Off(kind) => request.remove(kind),
            Self::System => request.system = Some(SystemRequest {}),
            Self::Interpreter(version) => request.interpreter = Some(InterpreterRequest { version }),
            Self::Conda(python) => {
                let conda = request.conda.get_or_insert_with(default_conda);
                conda.python = python.or(conda.python.take());
            }
            Self::Docker(from) => request.docker.get_or_insert_default().from = from,
            Self::Gpu(vendor) => {
                let stack = match std::mem::take(&mut request.gpu) {
                    GpuRequest::Off => GpuStack::default(),
                    GpuRequest::Auto(stack) | GpuRequest::Forced(_, stack) => stack,
                };
                request.gpu =
                    vendor.map_or(GpuRequest::Auto(stack.clone()), |vendor| GpuRequest::Forced(vendor, stack));
            }
            Self::Ray(version) => {
                let ray = request.ray.get_or_insert_default();
                ray.version = version.unwrap_or(std::mem::take(&mut ray.version));
            }
        }
    }
}

fn default_conda() -> CondaRequest {
    CondaRequest { name: CONDA_ENVIRONMENT.to_owned(), ..CondaRequest::default() }
}

fn docker_from(text: &str) -> Result<DockerRepository, values::InvalidValue> {
    match text {
        "distribution" => Ok(DockerRepository::Distribution),
        "docker" => Ok(DockerRepository::Docker),
        other => Err(format!("`{other}` is not a known repository of Docker packages: use `distribution` or `docker`")),
    }
}

/// A value that only turns a phase on or off; `None` for every other value.
fn switch(node: &YamlNode) -> Option<bool> {
    match &node.value {
        YamlValue::Null => Some(false),
        YamlValue::Text(text) if text.eq_ignore_ascii_case("none") => Some(false),
        YamlValue::Text(text) => values::boolean(text).ok(),
        YamlValue::List(_) | YamlValue::Map(_) => None,
    }
}

fn interpreter(reader: &mut FieldReader<'_>, node: &YamlNode) -> Option<InterpreterRequest> {
    if switch(node) == Some(true) {
        return Some(InterpreterRequest::default());
    }
    let version = reader.value("python", node, values::python_version)?;
    Some(InterpreterRequest { version: Some(version) })
}

fn conda(reader: &mut FieldReader<'_>, node: &YamlNode) -> Option<CondaRequest> {
    let usual = default_conda();
    if switch(node) == Some(true) {
        return Some(usual);
    }
    if matches!(node.value, YamlValue::Text(_)) {
        let python = reader.value("conda", node, values::python_version)?;
        return Some(CondaRequest { python: Some(python), ..usual });
    }
    let fields = reader.fields(DemandSection::Conda, "setup_phases.conda.", node);
    Some(CondaRequest {
        installer: installer(reader, node, &fields),
        name: reader.field(&fields, "name", values::label).unwrap_or(usual.name),
        python: reader.field(&fields, "python", values::python_version),
        packages: reader.list(&fields, "packages", values::conda_spec),
        channels: reader.list(&fields, "channels", values::conda_spec),
        file: reader.field(&fields, "file", values::repository_file),
    })
}

/// Reads `installer` and `sha256`. The installer is executed, so its checksum is required.
fn installer(reader: &mut FieldReader<'_>, node: &YamlNode, fields: &Fields<'_>) -> Option<CondaInstaller> {
    let from = reader.field(fields, "installer", installer_source);
    let sha256 = reader.field(fields, "sha256", values::sha256);
    match (fields.contains_key("installer"), fields.contains_key("sha256")) {
        (true, true) => Some(CondaInstaller { from: from?, sha256: sha256? }),
        (false, false) => None,
        (true, false) => {
            let hint = "copy it from the publisher's download page, or run `sha256sum FILE` on a file that you trust";
            reader.error_with_hint(node.at, "conda: `installer` requires `sha256`", hint);
            None
        }
        (false, true) => {
            reader.error(node.at, "conda: `sha256` requires `installer`");
            None
        }
    }
}

fn installer_source(text: &str) -> Result<String, values::InvalidValue> {
    match text.split_once("://") {
        Some(("https" | "http", _)) => Ok(text.to_owned()),
        Some((scheme, _)) => {
            Err(format!("installers can't be downloaded with `{scheme}`: use an `https` URL or a file"))
        }
        None => values::non_empty(text),
    }
}

fn docker(reader: &mut FieldReader<'_>, node: &YamlNode) -> DockerRequest {
    if switch(node) == Some(true) {
        return DockerRequest::default();
    }
    if matches!(node.value, YamlValue::Text(_)) {
        let from = reader.value("docker", node, docker_from).unwrap_or_default();
        return DockerRequest { from, ..DockerRequest::default() };
    }
    let fields = reader.fields(DemandSection::Docker, "setup_phases.docker.", node);
    DockerRequest {
        from: reader.field(&fields, "from", docker_from).unwrap_or_default(),
        build: reader.field(&fields, "build", values::repository_file),
    }
}

fn gpu(reader: &mut FieldReader<'_>, node: &YamlNode) -> GpuRequest {
    if let YamlValue::Text(text) = &node.value {
        if text.eq_ignore_ascii_case("auto") || switch(node) == Some(true) {
            return GpuRequest::Auto(GpuStack::default());
        }
        let forced = reader.value("gpu", node, vendor);
        return forced.map_or(GpuRequest::Off, |vendor| GpuRequest::Forced(vendor, GpuStack::default()));
    }
    let fields = reader.fields(DemandSection::Gpu, "setup_phases.gpu.", node);
    let from = |text: &str| match text {
        "distribution" => Ok(GpuRepository::Distribution),
        "vendor" => Ok(GpuRepository::Vendor),
        other => Err(format!("`{other}` is not a known repository of drivers: use `distribution` or `vendor`")),
    };
    let stack = GpuStack {
        driver: reader.field(&fields, "driver", values::version),
        cuda: reader.field(&fields, "cuda", values::version),
        cudnn: reader.field(&fields, "cudnn", values::version),
        rocm: reader.field(&fields, "rocm", values::version),
        from: reader.field(&fields, "from", from),
    };
    let forced = |text: &str| if text == "auto" { Ok(None) } else { vendor(text).map(Some) };
    let vendor = reader.field(&fields, "vendor", forced).flatten();
    if let Some(impossible) = find_conflict(vendor, &stack) {
        let at = fields.get(impossible.key).map_or(node.at, |value| value.at);
        reader.error_with_hint(at, format!("gpu: {impossible}"), &impossible.hint);
    }
    match vendor {
        Some(vendor) => GpuRequest::Forced(vendor, stack),
        None => GpuRequest::Auto(stack),
    }
}

fn vendor(text: &str) -> Result<Vendor, values::InvalidValue> {
    match text.to_ascii_lowercase().as_str() {
        "nvidia" => Ok(Vendor::Nvidia),
        "amd" => Ok(Vendor::Amd),
        _ => Err(format!("`{text}` is not a known GPU vendor: use `auto`, `off`, `nvidia` or `amd`")),
    }
}

fn ray(reader: &mut FieldReader<'_>, node: &YamlNode) -> RayRequest {
    let usual = RayRequest::default();
    if switch(node) == Some(true) {
        return usual;
    }
    if matches!(node.value, YamlValue::Text(_)) {
        let version = reader.value("ray", node, values::version);
        return RayRequest { version: version.unwrap_or(usual.version.clone()), ..usual };
    }
    let fields = reader.fields(DemandSection::Ray, "setup_phases.ray.", node);
    RayRequest {
        version: reader.field(&fields, "version", values::version).unwrap_or(usual.version),
        python: reader.field(&fields, "python", values::python_version),
        port: reader.field(&fields, "port", values::port).unwrap_or(usual.port),
        dashboard_port: reader.field(&fields, "dashboard_port", values::port).unwrap_or(usual.dashboard_port),
    }
}

fn custom(reader: &mut FieldReader<'_>, node: &YamlNode) -> Vec<CustomStep> {
    let nodes = reader.one_or_many("custom", node);
    let steps = nodes.into_iter().enumerate().filter_map(|(number, node)| step(reader, node, number + 1));
    let steps: Vec<CustomStep> = steps.collect();
    for (number, step) in steps.iter().enumerate() {
        if steps[..number].iter().any(|other| other.name == step.name) {
            reader.error(node.at, format!("custom: two steps are named `{}`", step.name));
        }
    }
    steps
}

fn step(reader: &mut FieldReader<'_>, node: &YamlNode, number: usize) -> Option<CustomStep> {
    let usual = |run: String| CustomStep {
        name: number.to_string(),
        run,
        check: None,
        user: RunAs::User,
        timeout: None,
        tries: NonZeroU32::MIN,
    };
    if matches!(node.value, YamlValue::Text(_)) {
        return reader.value("custom", node, values::non_empty).map(usual);
    }
    let fields = reader.fields(DemandSection::Custom, &format!("setup_phases.custom.{number}."), node);
    if !fields.contains_key("run") {
        reader.error(node.at, "custom: a step requires `run`");
    }
    let user = |text: &str| match text {
        "user" => Ok(RunAs::User),
        "root" => Ok(RunAs::Root),
        other => Err(format!("`{other}` is not a valid user: use `user` or `root`")),
    };
    let tries = |text: &str| match text.parse::<NonZeroU32>() {
        Ok(tries) if tries.get() <= 100 => Ok(tries),
        _ => Err(format!("`{text}` is not a number of attempts: use a whole number from 1 to 100")),
    };
    let usual = usual(reader.field(&fields, "run", values::non_empty)?);
    Some(CustomStep {
        name: reader.field(&fields, "name", values::label).unwrap_or(usual.name),
        check: reader.field(&fields, "check", values::non_empty),
        user: reader.field(&fields, "user", user).unwrap_or_default(),
        timeout: reader.field(&fields, "timeout", time::parse_duration),
        tries: reader.field(&fields, "tries", tries).unwrap_or(usual.tries),
        run: usual.run,
    })
}

fn timeouts(reader: &mut FieldReader<'_>, node: &YamlNode) -> BTreeMap<PhaseKind, jiff::SignedDuration> {
    let mut timeouts = BTreeMap::new();
    for entry in reader.entries("timeouts", node) {
        match entry.key.parse::<PhaseKind>() {
            // Waiting for SSH has a deadline of its own, which is not part of the demand.
            Ok(PhaseKind::WaitSsh) => {
                reader.error(entry.key_at, "timeouts: the time to wait for SSH is not part of the demand");
            }
            Ok(kind) => {
                if let Some(limit) = reader.value("timeouts", &entry.node, time::parse_duration) {
                    timeouts.insert(kind, limit);
                }
            }
            Err(error) => reader.error(entry.key_at, format!("timeouts: {error}")),
        }
    }
    timeouts
}
