//! GPU settings that are impossible on every system. They are rejected when the demand is read.

use super::matrix::{CUDA, CudaRelease, CudnnPackages, MATRIX, MatrixRow};
use super::version::known_version;
use super::{DottedVersion, GpuStack, Vendor};

/// GPU settings that are incompatible with each other, the system or the hardware.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GpuConflict {
    /// Key of `setup_phases.gpu` to blame.
    pub key: &'static str,
    /// Lower-case fragment.
    pub message: String,
    /// Available alternatives.
    pub hint: String,
}

/// Conflict that exists on every system, if any. Without a vendor, the GPUs of the machine decide which settings
/// apply.
pub fn find_conflict(vendor: Option<Vendor>, stack: &GpuStack) -> Option<GpuConflict> {
    let vendors = vendor.map_or(vec![Vendor::Nvidia, Vendor::Amd], |vendor| vec![vendor]);
    other_vendor(vendor, stack)
        .or_else(|| vendors.iter().find_map(|vendor| unknown(*vendor, stack)))
        .or_else(|| driver_too_old(stack))
        .or_else(|| cudnn_of_another(stack))
        .or_else(|| nothing_has_all(stack))
}

/// Rows of a vendor.
pub(super) fn rows_of(vendor: Vendor) -> impl Iterator<Item = &'static MatrixRow> {
    MATRIX.iter().filter(move |row| row.vendor == vendor)
}

/// True if a version of the matrix satisfies the request, or none is requested.
pub(super) fn fits(version: &str, request: Option<&String>) -> bool {
    request.is_none_or(|request| {
        DottedVersion::read(request).is_some_and(|request| known_version(version).satisfies(&request))
    })
}

/// CUDA release of a version; `None` if the matrix does not list it.
pub(super) fn cuda_of(version: &DottedVersion) -> Option<&'static CudaRelease> {
    CUDA.iter().find(|cuda| version.satisfies(&known_version(cuda.version)))
}

/// Settings of another vendor.
fn other_vendor(vendor: Option<Vendor>, stack: &GpuStack) -> Option<GpuConflict> {
    let vendor = vendor?;
    let keys = match vendor {
        Vendor::Nvidia => vec![("rocm", stack.rocm.is_some())],
        Vendor::Amd => {
            vec![("cuda", stack.cuda.is_some()), ("cudnn", stack.cudnn.is_some()), ("driver", stack.driver.is_some())]
        }
    };
    let (key, _) = keys.into_iter().find(|(_, requested)| *requested)?;
    let hint = match vendor {
        Vendor::Nvidia => "use `cuda`, or `vendor: amd`",
        Vendor::Amd => "use `rocm`, which determines the driver, or `vendor: nvidia`",
    };
    Some(GpuConflict {
        key,
        message: format!("`{key}` does not apply to {} GPUs", vendor.name()),
        hint: hint.to_owned(),
    })
}

/// A version that no system has.
fn unknown(vendor: Vendor, stack: &GpuStack) -> Option<GpuConflict> {
    let drivers: Vec<&str> = rows_of(vendor).flat_map(MatrixRow::all_drivers).map(|(_, part)| part.version).collect();
    let toolkits = rows_of(vendor).flat_map(|row| row.toolkits).map(|part| part.version).collect();
    let cudnns = rows_of(vendor).flat_map(|row| row.cudnns).map(|part| part.version).collect();
    let driver = stack.driver.as_ref().filter(|_| vendor == Vendor::Nvidia);
    let cudnn = stack.cudnn.as_ref().filter(|_| vendor == Vendor::Nvidia);
    let all = [
        ("driver", "driver", driver, drivers),
        (vendor.toolkit_key(), vendor.toolkit(), stack.toolkit(vendor), toolkits),
        ("cudnn", "cuDNN", cudnn, cudnns),
    ];
    all.into_iter().find_map(|(key, what, request, known)| {
        let request = request.filter(|_| !known.iter().any(|version| fits(version, request)))?;
        let message = format!("unknown {what} version {request}");
        Some(GpuConflict { key, message, hint: format!("known versions: {}", version_list(known)) })
    })
}

/// Versions as a list for messages, newest first, without duplicates.
pub(super) fn version_list(mut versions: Vec<&str>) -> String {
    versions.sort_by_key(|version| std::cmp::Reverse(known_version(version)));
    versions.dedup();
    versions.join(", ")
}

fn driver_too_old(stack: &GpuStack) -> Option<GpuConflict> {
    let (driver, request) = (stack.driver.as_ref()?, stack.cuda.as_ref()?);
    let branch = DottedVersion::read(driver)?;
    let cudas: Vec<&CudaRelease> = CUDA.iter().filter(|cuda| fits(cuda.version, Some(request))).collect();
    if cudas.iter().any(|cuda| branch.is_at_least(&known_version(cuda.runs_from))) {
        return None;
    }
    let least = cudas.iter().map(|cuda| cuda.runs_from).min_by_key(|least| known_version(least))?;
    let message = format!("CUDA {request} requires driver {least} or newer, but `driver` is {driver}");
    let older = CUDA.iter().find(|cuda| branch.is_at_least(&known_version(cuda.runs_from)));
    let newer = sufficient_driver(least);
    let hint = older.map(|cuda| format!("{newer}; driver {driver} supports CUDA {} or older", cuda.version));
    Some(GpuConflict { key: "driver", message, hint: hint.unwrap_or(newer) })
}

fn all_cudnns() -> impl Iterator<Item = &'static CudnnPackages> {
    MATRIX.iter().flat_map(|row| row.cudnns)
}

fn cudnn_of_another(stack: &GpuStack) -> Option<GpuConflict> {
    let (cudnn, cuda) = (stack.cudnn.as_ref()?, stack.cuda.as_ref()?);
    let major = DottedVersion::read(cuda)?.major();
    let made_for = |cudnn: &CudnnPackages| cudnn.cuda == major;
    if all_cudnns().filter(|part| fits(part.version, Some(cudnn))).any(made_for) {
        return None;
    }
    let mut majors: Vec<u64> =
        all_cudnns().filter(|part| fits(part.version, Some(cudnn))).map(|part| part.cuda).collect();
    majors.sort_unstable();
    majors.dedup();
    let majors: Vec<String> = majors.iter().map(u64::to_string).collect();
    let message = format!("cuDNN {cudnn} requires CUDA {}, but `cuda` is {cuda}", majors.join(" or "));
    let others = version_list(all_cudnns().filter(|part| made_for(part)).map(|part| part.version).collect());
    Some(GpuConflict { key: "cudnn", message, hint: format!("CUDA {cuda} supports cuDNN {others}") })
}

/// Each pair of settings may be compatible, but not all three together.
fn nothing_has_all(stack: &GpuStack) -> Option<GpuConflict> {
    let (driver, cudnn) = (DottedVersion::read(stack.driver.as_ref()?)?, stack.cudnn.as_ref()?);
    let cudnns: Vec<&CudnnPackages> = all_cudnns().filter(|part| fits(part.version, Some(cudnn))).collect();
    let goes = |cuda: &&CudaRelease| {
        let made_for = |part: &&CudnnPackages| part.cuda == known_version(cuda.version).major();
        fits(cuda.version, stack.cuda.as_ref()) && cudnns.iter().any(made_for)
    };
    let least = CUDA.iter().filter(goes).map(|cuda| cuda.runs_from).min_by_key(|least| known_version(least))?;
    if driver.is_at_least(&known_version(least)) {
        return None;
    }
    let message =
        format!("the CUDA version of cuDNN {cudnn} requires driver {least} or newer, but `driver` is {driver}");
    Some(GpuConflict { key: "driver", message, hint: format!("{}, or an older cuDNN", sufficient_driver(least)) })
}

/// Advice to use the oldest sufficient driver of the matrix.
fn sufficient_driver(least: &str) -> String {
    let drivers = rows_of(Vendor::Nvidia).flat_map(|row| row.drivers).map(|part| known_version(part.version));
    let oldest = drivers.filter(|driver| driver.is_at_least(&known_version(least))).min();
    format!("use driver {} or newer", oldest.unwrap_or_else(|| known_version(least)))
}
