//! Images of the store, as the site uses them.

use hostler_core::offer::{GpuSoftware, ImageFacts, OsRelease};
use hostler_core::size::Bytes;

use super::error::{CallFailure, with_causes};
use crate::image::{Image, ImageError, ImageStore};

/// The image of a name, for a disk of this size.
pub(super) fn find_image(images: &ImageStore, name: &str, disk: Bytes) -> Result<Image, CallFailure> {
    let Some(image) = images.find(name).map_err(unusable)? else { return Err(missing(name)) };
    if disk < image.disk {
        let message = format!("a disk of {disk} is too small for the image `{name}`, which needs {}", image.disk);
        return Err(CallFailure::unavailable(message));
    }
    Ok(image)
}

/// There is no image of this name.
pub(super) fn missing(name: &str) -> CallFailure {
    CallFailure::needs_user(
        format!("there is no image `{name}`"),
        "list the images of this computer, or build or add one first",
    )
}

/// Facts of an image for an offer.
pub(super) fn image_facts(image: Image) -> ImageFacts {
    let Image { name, arch, user, disk, memory, .. } = image;
    let os = OsRelease::from_request(&name);
    ImageFacts { name, arch, user, disk, memory, os, gpu_software: GpuSoftware::None }
}

/// True if an image exists but can't be read.
pub(super) fn broken(error: &ImageError) -> bool {
    matches!(error, ImageError::File { .. })
}

/// Failure of the store. A broken image has a hint.
pub(super) fn unusable(error: ImageError) -> CallFailure {
    let hint = broken(&error).then(|| "remove the image, then build or add it again".to_owned());
    CallFailure { hint, ..CallFailure::unexpected(with_causes(&error)) }
}
