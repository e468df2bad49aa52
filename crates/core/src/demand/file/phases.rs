//! `setup_phases`: which phases are wished, with what. Each is a yes or no, the word that matters most, or a map.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::keys::Section;
use super::reader::{Fields, Reader};
use super::tree::{Node, Value};
use super::values;
use crate::setup::gpu::{GpuFrom, GpuRequest, GpuStack, Maker, contradiction};
use crate::setup::{
    CONDA_ENVIRONMENT, Companions, CondaNeed, CustomStep, DockerFrom, DockerNeed, Installer, InterpreterNeed,
    PhaseKind, Privilege, RayNeed, SetupRequest, SystemNeed,
};
use crate::time;

/// Reads `setup_phases`. `true` is what most want.
pub fn phases(reader: &mut Reader<'_>, node: &Node) -> SetupRequest {
    match switch(node) {
        Some(true) => return SetupRequest::usual(),
        Some(false) => return SetupRequest::default(),
        None => {}
    }
    let fields = reader.fields(Section::SetupPhases, "setup_phases.", node);
    let wished = |name: &'static str| fields.get(name).copied().filter(|node| switch(node) != Some(false));
    SetupRequest {
        system: reader.field(&fields, "system", values::yes).filter(|yes| *yes).map(|_| SystemNeed {}),
        interpreter: wished("python").and_then(|node| interpreter(reader, node)),
        conda: wished("conda").and_then(|node| conda(reader, node)),
        docker: wished("docker").map(|node| docker(reader, node)),
        gpu: wished("gpu").map(|node| gpu(reader, node)).unwrap_or_default(),
        companions: match reader.field(&fields, "companions", values::yes) {
            Some(false) => Companions::Strangers,
            Some(true) | None => Companions::Introduced,
        },
        ray: wished("ray").map(|node| ray(reader, node)),
        custom: wished("custom").map(|node| custom(reader, node)).unwrap_or_default(),
        limits: wished("limits").map(|node| limits(reader, node)).unwrap_or_default(),
    }
}

/// Adds what a text as `docker` or `ray=2.60.0` wishes for.
///
/// # Errors
/// Where it names no phase that can be wished for so, or its word says nothing; a lower-case fragment.
pub fn wish_for_phase(wish: &mut SetupRequest, text: &str) -> Result<(), String> {
    flag(text).map(|flag| flag.apply(wish))
}

/// What `--phase NAME` or `--phase NAME=WORD` says, over what was wished before: the word is read as in a file.
pub fn flag(text: &str) -> Result<PhaseFlag, values::Bad> {
    let (name, word) = text.split_once('=').map_or((text, None), |(name, word)| (name, Some(word)));
    let off = word.is_some_and(|word| matches!(word, "off" | "no" | "false" | "none"));
    let version = || word.map(values::version).transpose();
    Ok(match name {
        _ if off => PhaseFlag::Off(optional(name)?),
        "system" if word.is_none() => PhaseFlag::System,
        "python" | "interpreter" => PhaseFlag::Interpreter(word.map(values::python_version).transpose()?),
        "conda" => PhaseFlag::Conda(word.map(values::python_version).transpose()?),
        "docker" => PhaseFlag::Docker(word.map(docker_from).transpose()?.unwrap_or_default()),
        "gpu" => PhaseFlag::Gpu(word.filter(|word| *word != "auto").map(maker).transpose()?),
        "ray" => PhaseFlag::Ray(version()?),
        _ => return Err(format!("`{text}` is no phase that a flag can wish for: {FLAGS}")),
    })
}

const FLAGS: &str =
    "use `system`, `python`, `conda`, `docker`, `gpu` or `ray`, with a word as in `ray=2.60.0`, or `=off`";

fn optional(name: &str) -> Result<PhaseKind, values::Bad> {
    match name {
        "system" => Ok(PhaseKind::System),
        "python" | "interpreter" => Ok(PhaseKind::Interpreter),
        "conda" => Ok(PhaseKind::Conda),
        "docker" => Ok(PhaseKind::Docker),
        "gpu" => Ok(PhaseKind::Gpu),
        "companions" => Ok(PhaseKind::Companions),
        "ray" => Ok(PhaseKind::Ray),
        _ => Err(format!("`{name}` is no phase that a flag can turn off: {FLAGS}")),
    }
}

/// What a flag says of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseFlag {
    /// It is not wished, whatever the file says.
    Off(PhaseKind),
    /// The base packages.
    System,
    /// Python of this version.
    Interpreter(Option<String>),
    /// conda, with an environment of this version of Python.
    Conda(Option<String>),
    /// Docker from there.
    Docker(DockerFrom),
    /// Drivers, of this maker or as found.
    Gpu(Option<Maker>),
    /// Ray of this version.
    Ray(Option<String>),
}

impl PhaseFlag {
    /// Says it over what was wished before.
    pub fn apply(self, wish: &mut SetupRequest) {
        match self {
            Self::Off(kind) => wish.drop(kind),
            Self::System => wish.system = Some(SystemNeed {}),
            Self::Interpreter(version) => wish.interpreter = Some(InterpreterNeed { version }),
            Self::Conda(python) => {
                let conda = wish.conda.get_or_insert_with(usual_conda);
                conda.python = python.or(conda.python.take());
            }
            Self::Docker(from) => wish.docker.get_or_insert_default().from = from,
            Self::Gpu(maker) => {
                let stack = match std::mem::take(&mut wish.gpu) {
                    GpuRequest::Off => GpuStack::default(),
                    GpuRequest::Auto(stack) | GpuRequest::Forced(_, stack) => stack,
                };
                wish.gpu = maker.map_or(GpuRequest::Auto(stack.clone()), |maker| GpuRequest::Forced(maker, stack));
            }
            Self::Ray(version) => {
                let ray = wish.ray.get_or_insert_default();
                ray.version = version.unwrap_or(std::mem::take(&mut ray.version));
            }
        }
    }
}

fn usual_conda() -> CondaNeed {
    CondaNeed { name: CONDA_ENVIRONMENT.to_owned(), ..CondaNeed::default() }
}

fn docker_from(text: &str) -> Result<DockerFrom, values::Bad> {
    match text {
        "distribution" => Ok(DockerFrom::Distribution),
        "docker" => Ok(DockerFrom::Docker),
        other => Err(format!("`{other}` has no packages of Docker that we know: use `distribution` or `docker`")),
    }
}

/// What a value that is a mere yes or no says.
fn switch(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Null => Some(false),
        Value::Text(text) if text.eq_ignore_ascii_case("none") => Some(false),
        Value::Text(text) => values::yes(text).ok(),
        Value::List(_) | Value::Map(_) => None,
    }
}

fn interpreter(reader: &mut Reader<'_>, node: &Node) -> Option<InterpreterNeed> {
    if switch(node) == Some(true) {
        return Some(InterpreterNeed::default());
    }
    let version = reader.value("python", node, values::python_version)?;
    Some(InterpreterNeed { version: Some(version) })
}

fn conda(reader: &mut Reader<'_>, node: &Node) -> Option<CondaNeed> {
    let usual = usual_conda();
    if switch(node) == Some(true) {
        return Some(usual);
    }
    if matches!(node.value, Value::Text(_)) {
        let python = reader.value("conda", node, values::python_version)?;
        return Some(CondaNeed { python: Some(python), ..usual });
    }
    let fields = reader.fields(Section::Conda, "setup_phases.conda.", node);
    Some(CondaNeed {
        installer: installer(reader, node, &fields),
        name: reader.field(&fields, "name", values::label).unwrap_or(usual.name),
        python: reader.field(&fields, "python", values::python_version),
        packages: reader.list(&fields, "packages", values::conda_word),
        channels: reader.list(&fields, "channels", values::conda_word),
        file: reader.field(&fields, "file", values::repository_file),
    })
}

/// An installer is run as it comes: what it must be is said beside where it is.
fn installer(reader: &mut Reader<'_>, node: &Node, fields: &Fields<'_>) -> Option<Installer> {
    let from = reader.field(fields, "installer", installer_source);
    let sha256 = reader.field(fields, "sha256", values::sha256);
    match (fields.contains_key("installer"), fields.contains_key("sha256")) {
        (true, true) => Some(Installer { from: from?, sha256: sha256? }),
        (false, false) => None,
        (true, false) => {
            let hint = "its publisher says it beside the file; `sha256sum FILE` tells it of one that you trust";
            reader.refuse_with(node.at, "conda: an `installer` needs its `sha256`", hint);
            None
        }
        (false, true) => {
            reader.refuse(node.at, "conda: a `sha256` needs the `installer` that it is of");
            None
        }
    }
}

fn installer_source(text: &str) -> Result<String, values::Bad> {
    match text.split_once("://") {
        Some(("https" | "http", _)) => Ok(text.to_owned()),
        Some((scheme, _)) => {
            Err(format!("installers are not fetched by `{scheme}`: name an `https` address or a file"))
        }
        None => values::words(text),
    }
}

fn docker(reader: &mut Reader<'_>, node: &Node) -> DockerNeed {
    if switch(node) == Some(true) {
        return DockerNeed::default();
    }
    if matches!(node.value, Value::Text(_)) {
        let from = reader.value("docker", node, docker_from).unwrap_or_default();
        return DockerNeed { from, ..DockerNeed::default() };
    }
    let fields = reader.fields(Section::Docker, "setup_phases.docker.", node);
    DockerNeed {
        from: reader.field(&fields, "from", docker_from).unwrap_or_default(),
        build: reader.field(&fields, "build", values::repository_file),
    }
}

fn gpu(reader: &mut Reader<'_>, node: &Node) -> GpuRequest {
    if let Value::Text(text) = &node.value {
        if text.eq_ignore_ascii_case("auto") || switch(node) == Some(true) {
            return GpuRequest::Auto(GpuStack::default());
        }
        let forced = reader.value("gpu", node, maker);
        return forced.map_or(GpuRequest::Off, |maker| GpuRequest::Forced(maker, GpuStack::default()));
    }
    let fields = reader.fields(Section::Gpu, "setup_phases.gpu.", node);
    let from = |text: &str| match text {
        "distribution" => Ok(GpuFrom::Distribution),
        "maker" => Ok(GpuFrom::Maker),
        other => Err(format!("`{other}` has no drivers that we know: use `distribution` or `maker`")),
    };
    let stack = GpuStack {
        driver: reader.field(&fields, "driver", values::version),
        cuda: reader.field(&fields, "cuda", values::version),
        cudnn: reader.field(&fields, "cudnn", values::version),
        rocm: reader.field(&fields, "rocm", values::version),
        from: reader.field(&fields, "from", from),
    };
    let forced = |text: &str| if text == "auto" { Ok(None) } else { maker(text).map(Some) };
    let maker = reader.field(&fields, "maker", forced).flatten();
    if let Some(impossible) = contradiction(maker, &stack) {
        let at = fields.get(impossible.key).map_or(node.at, |value| value.at);
        reader.refuse_with(at, format!("gpu: {impossible}"), &impossible.hint);
    }
    match maker {
        Some(maker) => GpuRequest::Forced(maker, stack),
        None => GpuRequest::Auto(stack),
    }
}

fn maker(text: &str) -> Result<Maker, values::Bad> {
    match text.to_ascii_lowercase().as_str() {
        "nvidia" => Ok(Maker::Nvidia),
        "amd" => Ok(Maker::Amd),
        _ => Err(format!("`{text}` makes no accelerators that we know: use `auto`, `off`, `nvidia` or `amd`")),
    }
}

fn ray(reader: &mut Reader<'_>, node: &Node) -> RayNeed {
    let usual = RayNeed::default();
    if switch(node) == Some(true) {
        return usual;
    }
    if matches!(node.value, Value::Text(_)) {
        let version = reader.value("ray", node, values::version);
        return RayNeed { version: version.unwrap_or(usual.version.clone()), ..usual };
    }
    let fields = reader.fields(Section::Ray, "setup_phases.ray.", node);
    RayNeed {
        version: reader.field(&fields, "version", values::version).unwrap_or(usual.version),
        python: reader.field(&fields, "python", values::python_version),
        port: reader.field(&fields, "port", values::port).unwrap_or(usual.port),
        dashboard_port: reader.field(&fields, "dashboard_port", values::port).unwrap_or(usual.dashboard_port),
    }
}

fn custom(reader: &mut Reader<'_>, node: &Node) -> Vec<CustomStep> {
    let nodes = reader.one_or_many("custom", node);
    let steps = nodes.into_iter().enumerate().filter_map(|(number, node)| step(reader, node, number + 1));
    let steps: Vec<CustomStep> = steps.collect();
    for (number, step) in steps.iter().enumerate() {
        if steps[..number].iter().any(|other| other.name == step.name) {
            reader.refuse(node.at, format!("custom: two steps are called `{}`", step.name));
        }
    }
    steps
}

fn step(reader: &mut Reader<'_>, node: &Node, number: usize) -> Option<CustomStep> {
    let usual = |run: String| CustomStep {
        name: number.to_string(),
        run,
        check: None,
        user: Privilege::User,
        timeout: None,
        tries: NonZeroU32::MIN,
    };
    if matches!(node.value, Value::Text(_)) {
        return reader.value("custom", node, values::words).map(usual);
    }
    let fields = reader.fields(Section::Custom, &format!("setup_phases.custom.{number}."), node);
    if !fields.contains_key("run") {
        reader.refuse(node.at, "custom: a step needs a `run`");
    }
    let user = |text: &str| match text {
        "user" => Ok(Privilege::User),
        "root" => Ok(Privilege::Root),
        other => Err(format!("`{other}` runs no step: use `user` or `root`")),
    };
    let tries = |text: &str| match text.parse::<NonZeroU32>() {
        Ok(tries) if tries.get() <= 100 => Ok(tries),
        _ => Err(format!("`{text}` is not a number of tries: use a whole number from 1 to 100")),
    };
    let usual = usual(reader.field(&fields, "run", values::words)?);
    Some(CustomStep {
        name: reader.field(&fields, "name", values::label).unwrap_or(usual.name),
        check: reader.field(&fields, "check", values::words),
        user: reader.field(&fields, "user", user).unwrap_or_default(),
        timeout: reader.field(&fields, "timeout", time::duration),
        tries: reader.field(&fields, "tries", tries).unwrap_or(usual.tries),
        run: usual.run,
    })
}

fn limits(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<PhaseKind, jiff::SignedDuration> {
    let mut limits = BTreeMap::new();
    for entry in reader.entries("limits", node) {
        match entry.key.parse::<PhaseKind>() {
            // Logging in has a deadline of its own, which is no part of the demand.
            Ok(PhaseKind::Reach) => reader.refuse(entry.key_at, "limits: use `--ssh-timeout` for `reach`"),
            Ok(kind) => {
                if let Some(limit) = reader.value("limits", &entry.node, time::duration) {
                    limits.insert(kind, limit);
                }
            }
            Err(error) => reader.refuse(entry.key_at, format!("limits: {error}")),
        }
    }
    limits
}
