//! What can't be had on any system: refused as soon as it is read.

use super::matrix::{CUDA, Cuda, Cudnn, SUPPLIES, Supply};
use super::version::of;
use super::{GpuStack, Maker, Version};

/// Versions that can't go together, or not there; and what would.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Impossible {
    /// The key of `setup_phases.gpu` that it is about.
    pub key: &'static str,
    /// Why, as a lower-case fragment.
    pub message: String,
    /// What can be had instead.
    pub hint: String,
}

/// Why a wish can't be had on any system; none where it may be. Without a maker, the machine's accelerators decide.
pub fn contradiction(maker: Option<Maker>, stack: &GpuStack) -> Option<Impossible> {
    let makers = maker.map_or(vec![Maker::Nvidia, Maker::Amd], |maker| vec![maker]);
    foreign(maker, stack)
        .or_else(|| makers.iter().find_map(|maker| unknown(*maker, stack)))
        .or_else(|| driver_too_old(stack))
        .or_else(|| cudnn_of_another(stack))
        .or_else(|| nothing_has_all(stack))
}

/// The supplies of a maker.
pub(super) fn supplies(maker: Maker) -> impl Iterator<Item = &'static Supply> {
    SUPPLIES.iter().filter(move |supply| supply.maker == maker)
}

/// Whether a version of the matrix is the one wished, or none is.
pub(super) fn fits(version: &str, wish: Option<&String>) -> bool {
    wish.is_none_or(|wish| Version::read(wish).is_some_and(|wish| of(version).is(&wish)))
}

/// A toolkit of CUDA by its version; none where the matrix doesn't know it.
pub(super) fn cuda_of(version: &Version) -> Option<&'static Cuda> {
    CUDA.iter().find(|cuda| version.is(&of(cuda.version)))
}

/// A maker's machine gets nothing of another's.
fn foreign(maker: Option<Maker>, stack: &GpuStack) -> Option<Impossible> {
    let maker = maker?;
    let keys = match maker {
        Maker::Nvidia => vec![("rocm", stack.rocm.is_some())],
        Maker::Amd => {
            vec![("cuda", stack.cuda.is_some()), ("cudnn", stack.cudnn.is_some()), ("driver", stack.driver.is_some())]
        }
    };
    let (key, _) = keys.into_iter().find(|(_, wished)| *wished)?;
    let hint = match maker {
        Maker::Nvidia => "use `cuda`, or `maker: amd`",
        Maker::Amd => "use `rocm`, which says the driver too, or `maker: nvidia`",
    };
    Some(Impossible {
        key,
        message: format!("`{key}` is not for accelerators of {}", maker.name()),
        hint: hint.to_owned(),
    })
}

/// A version that no system has.
fn unknown(maker: Maker, stack: &GpuStack) -> Option<Impossible> {
    let drivers: Vec<&str> = supplies(maker).flat_map(Supply::all_drivers).map(|(_, part)| part.version).collect();
    let toolkits = supplies(maker).flat_map(|supply| supply.toolkits).map(|part| part.version).collect();
    let cudnns = supplies(maker).flat_map(|supply| supply.cudnns).map(|part| part.version).collect();
    let driver = stack.driver.as_ref().filter(|_| maker == Maker::Nvidia);
    let cudnn = stack.cudnn.as_ref().filter(|_| maker == Maker::Nvidia);
    let all = [
        ("driver", "driver", driver, drivers),
        (maker.toolkit_key(), maker.toolkit(), stack.toolkit(maker), toolkits),
        ("cudnn", "cuDNN", cudnn, cudnns),
    ];
    all.into_iter().find_map(|(key, what, wish, known)| {
        let wish = wish.filter(|_| !known.iter().any(|version| fits(version, wish)))?;
        let message = format!("the matrix has no {what} {wish}");
        Some(Impossible { key, message, hint: format!("it has {what} {}", listed(known)) })
    })
}

/// Versions for a sentence, the newest first, each once.
pub(super) fn listed(mut versions: Vec<&str>) -> String {
    versions.sort_by_key(|version| std::cmp::Reverse(of(version)));
    versions.dedup();
    versions.join(", ")
}

fn driver_too_old(stack: &GpuStack) -> Option<Impossible> {
    let (driver, wish) = (stack.driver.as_ref()?, stack.cuda.as_ref()?);
    let branch = Version::read(driver)?;
    let cudas: Vec<&Cuda> = CUDA.iter().filter(|cuda| fits(cuda.version, Some(wish))).collect();
    if cudas.iter().any(|cuda| branch.reaches(&of(cuda.runs_from))) {
        return None;
    }
    let least = cudas.iter().map(|cuda| cuda.runs_from).min_by_key(|least| of(least))?;
    let message = format!("CUDA {wish} needs driver {least} or newer, and `driver` is {driver}");
    let older = CUDA.iter().find(|cuda| branch.reaches(&of(cuda.runs_from)));
    let newer = enough(least);
    let hint = older.map(|cuda| format!("{newer}; driver {driver} goes with CUDA {} at most", cuda.version));
    Some(Impossible { key: "driver", message, hint: hint.unwrap_or(newer) })
}

fn all_cudnns() -> impl Iterator<Item = &'static Cudnn> {
    SUPPLIES.iter().flat_map(|supply| supply.cudnns)
}

fn cudnn_of_another(stack: &GpuStack) -> Option<Impossible> {
    let (cudnn, cuda) = (stack.cudnn.as_ref()?, stack.cuda.as_ref()?);
    let major = Version::read(cuda)?.major();
    let made_for = |cudnn: &Cudnn| cudnn.cuda == major;
    if all_cudnns().filter(|part| fits(part.version, Some(cudnn))).any(made_for) {
        return None;
    }
    let mut majors: Vec<u64> =
        all_cudnns().filter(|part| fits(part.version, Some(cudnn))).map(|part| part.cuda).collect();
    majors.sort_unstable();
    majors.dedup();
    let majors: Vec<String> = majors.iter().map(u64::to_string).collect();
    let message = format!("cuDNN {cudnn} is made for CUDA {}, and `cuda` is {cuda}", majors.join(" and "));
    let others = listed(all_cudnns().filter(|part| made_for(part)).map(|part| part.version).collect());
    Some(Impossible { key: "cudnn", message, hint: format!("with CUDA {cuda} goes cuDNN {others}") })
}

/// Two by two they may go, and not all together.
fn nothing_has_all(stack: &GpuStack) -> Option<Impossible> {
    let (driver, cudnn) = (Version::read(stack.driver.as_ref()?)?, stack.cudnn.as_ref()?);
    let cudnns: Vec<&Cudnn> = all_cudnns().filter(|part| fits(part.version, Some(cudnn))).collect();
    let goes = |cuda: &&Cuda| {
        let made_for = |part: &&Cudnn| part.cuda == of(cuda.version).major();
        fits(cuda.version, stack.cuda.as_ref()) && cudnns.iter().any(made_for)
    };
    let least = CUDA.iter().filter(goes).map(|cuda| cuda.runs_from).min_by_key(|least| of(least))?;
    if driver.reaches(&of(least)) {
        return None;
    }
    let message =
        format!("the CUDA that cuDNN {cudnn} is made for needs driver {least} or newer, and `driver` is {driver}");
    Some(Impossible { key: "driver", message, hint: format!("{}, or an older cuDNN", enough(least)) })
}

/// The oldest driver of the matrix that is new enough.
fn enough(least: &str) -> String {
    let drivers = supplies(Maker::Nvidia).flat_map(|supply| supply.drivers).map(|part| of(part.version));
    let oldest = drivers.filter(|driver| driver.reaches(&of(least))).min();
    format!("use driver {} or newer", oldest.unwrap_or_else(|| of(least)))
}
