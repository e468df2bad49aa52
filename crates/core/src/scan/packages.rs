//! What a Python requirement says about accelerators.

use std::num::NonZeroU32;

use super::finding::{Confidence, Fact};
use super::notes::Notes;
use crate::demand::GpuNeed;

/// Packages that run with a GPU or without one.
const MAY_USE_A_GPU: [&str; 24] = [
    "accelerate",
    "bitsandbytes",
    "deepspeed",
    "diffusers",
    "flax",
    "horovod",
    "jax",
    "jaxlib",
    "keras",
    "lightning",
    "mxnet",
    "onnxruntime",
    "paddlepaddle",
    "pytorch",
    "pytorch-lightning",
    "ray",
    "tensorflow",
    "tf-nightly",
    "torch",
    "torchaudio",
    "torchvision",
    "triton",
    "vllm",
    "xformers",
];

/// Packages that are of no use without a GPU by NVIDIA. Those that name a CUDA version are told by their ending.
const NEED_A_GPU: [&str; 20] = [
    "cucim",
    "cudf",
    "cugraph",
    "cuml",
    "cupy",
    "faiss-gpu",
    "flash-attn",
    "jax-cuda11-plugin",
    "jax-cuda12-plugin",
    "jax-cuda13-plugin",
    "mamba-ssm",
    "nvidia-dali",
    "onnxruntime-gpu",
    "paddlepaddle-gpu",
    "pycuda",
    "pytorch-gpu",
    "tensorflow-gpu",
    "tensorrt",
    "torch-tensorrt",
    "transformer-engine",
];

/// A requirement as PEP 508 writes it, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Requirement<'t> {
    /// Lower case, with `-` for `_` and `.`.
    pub name: String,
    extras: &'t str,
    /// Versions or a URL.
    rest: &'t str,
    marker: &'t str,
}

impl<'t> Requirement<'t> {
    /// Takes a requirement apart; nothing where the text is something else.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (text, marker) = text.trim().split_once(';').unwrap_or((text.trim(), ""));
        if text.starts_with("https://") || text.starts_with("http://") {
            return Self::of_wheel(text, marker);
        }
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let (extras, rest) = match rest.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((extras, rest)) => (extras, rest.trim()),
            None => ("", rest.trim()),
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        // A shell's `2>` is no version.
        let goes_on = rest.is_empty()
            || rest.starts_with(['=', '<', '>', '!', '~', '@', '(']) && !rest.ends_with(['=', '<', '>', '!', '~', '@']);
        (is_name && goes_on).then(|| Self { name: normal(name), extras, rest, marker: marker.trim() })
    }

    /// The name and version of a wheel stand in its file's name.
    fn of_wheel(url: &'t str, marker: &'t str) -> Option<Self> {
        let file = url.split(['#', '?']).next()?.rsplit('/').next()?;
        let (name, rest) = file.strip_suffix(".whl")?.split_once('-')?;
        Some(Self { name: normal(name), extras: "", rest, marker: marker.trim() })
    }

    /// Whether its marker leaves it out on Linux. A marker with an `or` is not looked into.
    fn is_for_another_system(&self) -> bool {
        const OTHERS: [&str; 4] =
            ["sys_platform==\"darwin\"", "sys_platform==\"win32\"", "system==\"Darwin\"", "system==\"Windows\""];
        let marker = self.marker.replace('\'', "\"").replace(' ', "");
        !self.marker.contains(" or ") && OTHERS.iter().any(|other| marker.contains(other))
    }

    fn signal(&self) -> Option<Signal> {
        let extra =
            self.extras.split(',').map(str::trim).find(|extra| extra.starts_with("cuda") || *extra == "and-cuda");
        let needs = |cuda| Some(Signal { confidence: Confidence::Implied, cuda });
        if self.is_for_another_system() {
            None
        } else if let Some(cuda) = cuda_build(self.rest) {
            needs(Some(cuda))
        } else if let Some(extra) = extra {
            needs(cuda_ending(extra))
        } else if let Some(cuda) = cuda_ending(&self.name) {
            // The usual builds of torch bring NVIDIA's libraries along, so these say no more than torch does.
            let theirs = self.name.starts_with("nvidia-") && !self.name.starts_with("nvidia-dali");
            let confidence = if theirs { Confidence::Guessed } else { Confidence::Implied };
            Some(Signal { confidence, cuda: Some(cuda) })
        } else if NEED_A_GPU.contains(&self.name.as_str()) {
            needs(None)
        } else if MAY_USE_A_GPU.contains(&self.name.as_str()) && !self.is_for_processors() {
            Some(Signal { confidence: Confidence::Guessed, cuda: None })
        } else {
            None
        }
    }

    /// Whether it is one of those that install the others, and that every environment brings.
    pub fn is_tool(&self) -> bool {
        matches!(self.name.as_str(), "pip" | "setuptools" | "wheel" | "uv" | "poetry" | "pipenv")
    }

    /// Whether it is a build without CUDA: `torch==2.1.0+cpu`.
    pub fn is_for_processors(&self) -> bool {
        let version = self.rest.to_ascii_lowercase();
        version.contains("+cpu") || version.contains("%2bcpu")
    }
}

/// What a requirement lets one conclude.
struct Signal {
    confidence: Confidence,
    cuda: Option<String>,
}

/// Notes what a requirement says about accelerators, at most as sure as `most`.
pub(super) fn note(notes: &mut Notes<'_>, text: &str, line: u32, most: Confidence) {
    if let Some(signal) = Requirement::parse(text).and_then(|requirement| requirement.signal()) {
        note_gpu(notes, signal.cuda, signal.confidence.min(most), line, text);
    }
}

/// Notes what the address of a package index says: builds for CUDA lie under `/whl/cu118`.
pub(super) fn note_index(notes: &mut Notes<'_>, url: &str, line: u32, most: Confidence) {
    let last = url.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if let Some(cuda) = last.strip_prefix("cu").and_then(dotted) {
        note_gpu(notes, Some(cuda), most, line, url);
    }
}

/// Notes a GPU of any model, and the CUDA version where it is known.
pub(super) fn note_gpu(notes: &mut Notes<'_>, cuda: Option<String>, sure: Confidence, line: u32, evidence: &str) {
    notes.add(Fact::Gpu(GpuNeed { model: None, count: NonZeroU32::MIN }), sure, line, evidence);
    if let Some(cuda) = cuda {
        notes.add(Fact::Cuda(cuda), sure, line, evidence);
    }
}

/// The CUDA version of a build's local version: `2.1.0+cu118` is for 11.8.
pub(super) fn cuda_build(version: &str) -> Option<String> {
    let version = version.to_ascii_lowercase().replace("%2b", "+");
    let (_, after) = version.split_once("+cu")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    dotted(&after[..digits])
}

/// The CUDA version that a name ends with: `cupy-cuda12x`, `cudf-cu12`, `mxnet-cu112`, `cuda12_pip`.
fn cuda_ending(name: &str) -> Option<String> {
    let last = name.rsplit('-').next().unwrap_or_default();
    let digits = last.strip_prefix("cuda").or_else(|| last.strip_prefix("cu"))?;
    let digits = digits.split('_').next().unwrap_or_default();
    dotted(digits.strip_suffix('x').unwrap_or(digits))
}

/// `118` is 11.8, `12` is 12, `92` is 9.2.
fn dotted(digits: &str) -> Option<String> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match (digits.len(), digits.parse::<u32>().ok()?) {
        (2, 10..=19) => Some(digits.to_owned()),
        (2, 60..=99) | (3, 100..=199) | (4, 1000..=1999) => {
            let (major, minor) = digits.split_at(if digits.len() == 2 { 1 } else { 2 });
            Some(format!("{major}.{minor}"))
        }
        _ => None,
    }
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<(Confidence, Option<&str>)>) {
        let signal = Requirement::parse(text).and_then(|requirement| requirement.signal());
        let signal = signal.as_ref().map(|signal| (signal.confidence, signal.cuda.as_deref()));
        assert_eq!(signal, expect, "{text}");
    }

    #[test]
    fn what_a_requirement_says_about_gpus() {
        use Confidence::{Guessed, Implied};
        check("torch==2.1.0+cu118", Some((Implied, Some("11.8"))));
        check(
            "torch @ https://example.org/whl/torch-2.1.0%2Bcu121-cp310-linux_x86_64.whl",
            Some((Implied, Some("12.1"))),
        );
        check("https://example.org/whl/torch-2.1.0%2Bcu121-cp310-linux_x86_64.whl", Some((Implied, Some("12.1"))));
        check("cupy-cuda12x", Some((Implied, Some("12"))));
        check("cupy_cuda112 >= 10", Some((Implied, Some("11.2"))));
        check("jax[cuda12]", Some((Implied, Some("12"))));
        check("jax [cuda12_pip] == 0.4", Some((Implied, Some("12"))));
        check("tensorflow[and-cuda]", Some((Implied, None)));
        check("mxnet-cu92", Some((Implied, Some("9.2"))));
        check("Flash_Attn", Some((Implied, None)));
        check("nvidia-cublas-cu12==12.1.3.1", Some((Guessed, Some("12"))));
        check("torch", Some((Guessed, None)));
        check("Torch>=2,<3 ; python_version < '3.12'", Some((Guessed, None)));
        check("torch(>=2)", Some((Guessed, None)));
    }

    #[test]
    fn what_says_nothing_about_gpus() {
        for text in [
            "ajax-client",
            "torchlight-logger",
            "jaxtyping",
            "pytorch-ignite-docs",
            "torch==2.1.0+cpu",
            "torch ; sys_platform == 'darwin'",
            "tensorflow-metal; platform_system=='Darwin'",
            "scikit-learn",
            "tensorflow-cpu",
            "cucumber",
            "molecule-cu",
            "nvidia-ml-py",
            "# no torch here",
            "no torch here",
            "torch>",
            "git+https://example.org/torch.git",
            "./torch",
            "",
        ] {
            check(text, None);
        }
    }
}
