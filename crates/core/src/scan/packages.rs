//! GPU requirements implied by Python packages.

use std::num::NonZeroU32;

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use crate::demand::GpuRequirement;

/// Packages that run with or without a GPU.
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

/// Packages that need an NVIDIA GPU. Those with a CUDA version in their name are recognised by their ending.
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

/// Parts of a requirement in PEP 508 syntax.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PipRequirement<'t> {
    /// Lower case, with `-` in place of `_` and `.`.
    pub name: String,
    extras: &'t str,
    /// Version specifiers or a URL.
    rest: &'t str,
    marker: &'t str,
}

impl<'t> PipRequirement<'t> {
    /// Parses a requirement; `None` if the text is something else.
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
        // A redirection such as `2>` in a shell command is not a version specifier.
        let goes_on = rest.is_empty()
            || rest.starts_with(['=', '<', '>', '!', '~', '@', '(']) && !rest.ends_with(['=', '<', '>', '!', '~', '@']);
        (is_name && goes_on).then(|| Self { name: normal(name), extras, rest, marker: marker.trim() })
    }

    /// Parses the URL of a wheel, whose file name contains name and version.
    fn of_wheel(url: &'t str, marker: &'t str) -> Option<Self> {
        let file = url.split(['#', '?']).next()?.rsplit('/').next()?;
        let (name, rest) = file.strip_suffix(".whl")?.split_once('-')?;
        Some(Self { name: normal(name), extras: "", rest, marker: marker.trim() })
    }

    /// True if the marker excludes Linux. Markers with `or` are not evaluated.
    fn is_for_another_system(&self) -> bool {
        const OTHERS: [&str; 4] =
            ["sys_platform==\"darwin\"", "sys_platform==\"win32\"", "system==\"Darwin\"", "system==\"Windows\""];
        let marker = self.marker.replace('\'', "\"").replace(' ', "");
        !self.marker.contains(" or ") && OTHERS.iter().any(|other| marker.contains(other))
    }

    fn signal(&self) -> Option<GpuSignal> {
        let extra =
            self.extras.split(',').map(str::trim).find(|extra| extra.starts_with("cuda") || *extra == "and-cuda");
        let needs = |cuda| Some(GpuSignal { confidence: Confidence::Implied, cuda });
        if self.is_for_another_system() {
            None
        } else if let Some(cuda) = cuda_build(self.rest) {
            needs(Some(cuda))
        } else if let Some(extra) = extra {
            needs(cuda_ending(extra))
        } else if let Some(cuda) = cuda_ending(&self.name) {
            // Normal builds of torch depend on NVIDIA's library packages, so these imply no more than torch does.
            let theirs = self.name.starts_with("nvidia-") && !self.name.starts_with("nvidia-dali");
            let confidence = if theirs { Confidence::Guessed } else { Confidence::Implied };
            Some(GpuSignal { confidence, cuda: Some(cuda) })
        } else if NEED_A_GPU.contains(&self.name.as_str()) {
            needs(None)
        } else if MAY_USE_A_GPU.contains(&self.name.as_str()) && !self.is_cpu_build() {
            Some(GpuSignal { confidence: Confidence::Guessed, cuda: None })
        } else {
            None
        }
    }

    /// True for package tools, which every environment has.
    pub fn is_tool(&self) -> bool {
        matches!(self.name.as_str(), "pip" | "setuptools" | "wheel" | "uv" | "poetry" | "pipenv")
    }

    /// True for builds without CUDA: `torch==2.1.0+cpu`.
    pub fn is_cpu_build(&self) -> bool {
        let version = self.rest.to_ascii_lowercase();
        version.contains("+cpu") || version.contains("%2bcpu")
    }
}

/// GPU requirement implied by a package.
struct GpuSignal {
    confidence: Confidence,
    cuda: Option<String>,
}

/// Records the GPU requirement of a package, with confidence `most` at most.
pub(super) fn note(findings: &mut FileFindings<'_>, text: &str, line: u32, most: Confidence) {
    if let Some(signal) = PipRequirement::parse(text).and_then(|requirement| requirement.signal()) {
        note_gpu(findings, signal.cuda, signal.confidence.min(most), line, text);
    }
}

/// Records the CUDA version in the URL of a package index: CUDA builds are under paths such as `/whl/cu118`.
pub(super) fn note_index(findings: &mut FileFindings<'_>, url: &str, line: u32, most: Confidence) {
    let last = url.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if let Some(cuda) = last.strip_prefix("cu").and_then(dotted) {
        note_gpu(findings, Some(cuda), most, line, url);
    }
}

/// Records a GPU of any model, and the CUDA version if known.
pub(super) fn note_gpu(
    findings: &mut FileFindings<'_>,
    cuda: Option<String>,
    confidence: Confidence,
    line: u32,
    evidence: &str,
) {
    findings.add(ScanFact::Gpu(GpuRequirement { model: None, count: NonZeroU32::MIN }), confidence, line, evidence);
    if let Some(cuda) = cuda {
        findings.add(ScanFact::Cuda(cuda), confidence, line, evidence);
    }
}

/// CUDA version in a local version label: `2.1.0+cu118` is for 11.8.
pub(super) fn cuda_build(version: &str) -> Option<String> {
    let version = version.to_ascii_lowercase().replace("%2b", "+");
    let (_, after) = version.split_once("+cu")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    dotted(&after[..digits])
}

/// CUDA version at the end of a name: `cupy-cuda12x`, `cudf-cu12`, `mxnet-cu112`, `cuda12_pip`.
fn cuda_ending(name: &str) -> Option<String> {
    let last = name.rsplit('-').next().unwrap_or_default();
    let digits = last.strip_prefix("cuda").or_else(|| last.strip_prefix("cu"))?;
    let digits = digits.split('_').next().unwrap_or_default();
    dotted(digits.strip_suffix('x').unwrap_or(digits))
}

/// Version with a dot: `118` is 11.8, `12` is 12, `92` is 9.2.
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
        let signal = PipRequirement::parse(text).and_then(|requirement| requirement.signal());
        let signal = signal.as_ref().map(|signal| (signal.confidence, signal.cuda.as_deref()));
        assert_eq!(signal, expect, "{text}");
    }

    #[test]
    fn requirements_that_imply_gpus() {
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
    fn requirements_that_imply_no_gpus() {
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
