//! Images of the store: use and removal.

use hostler_core::offer::{GpuSoftware, ImageFacts, OsRelease};
use hostler_core::size::Bytes;

use super::Inner;
use super::error::{CallFailure, with_causes};
use super::pool::Pool;
use super::rpc::Connection;
use crate::image::{Image, ImageError};

impl Inner {
    /// The image of a name, for a disk of this size.
    pub(super) fn image(&self, name: &str, disk: Bytes) -> Result<Image, CallFailure> {
        let Some(image) = self.images.find(name).map_err(unusable)? else { return Err(missing(name)) };
        if disk < image.disk {
            let message = format!("a disk of {disk} is too small for the image `{name}`, which needs {}", image.disk);
            return Err(CallFailure::unavailable(message));
        }
        Ok(image)
    }

    /// Removes an image from the store and its base from the pool. Fails while a machine uses it.
    ///
    /// The image's lock is taken before the site's: it is held for as long as an image is built, and the site's must not
    /// be held that long.
    pub(super) fn remove_image(&self, connection: &Connection, name: &str) -> Result<(), CallFailure> {
        if matches!(self.images.find(name), Ok(None)) {
            return Err(missing(name));
        }
        let held = self.images.lock_image(name).map_err(unusable)?;
        let _lock = self.lock()?;
        let pool = Pool::find(connection)?;
        // The base of an unreadable image is unknown. It is deleted below with other unused ones, unless a machine uses it.
        let image = self.images.find(name).or_else(|error| if broken(&error) { Ok(None) } else { Err(error) });
        if let (Some(pool), Some(image)) = (&pool, image.map_err(unusable)?) {
            let tickets = pool.machines_on(&image)?;
            if let Some(ticket) = tickets.first() {
                let machines = match tickets.len() {
                    1 => "1 machine".to_owned(),
                    more => format!("{more} machines"),
                };
                let message = format!("the image `{name}` is in use by {machines}, for example `{ticket}`");
                return Err(CallFailure::needs_user(message, "bring down their deployments first"));
            }
            pool.delete_base(&image)?;
        }
        self.images.remove_locked(&held).map_err(|error| match error {
            ImageError::Missing(_) => missing(name),
            error => unusable(error),
        })?;
        if let Some(pool) = pool {
            pool.delete_unused(&self.images);
        }
        Ok(())
    }
}

fn missing(name: &str) -> CallFailure {
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

fn broken(error: &ImageError) -> bool {
    matches!(error, ImageError::File { .. })
}

/// Failure of the store. A broken image has a hint.
pub(super) fn unusable(error: ImageError) -> CallFailure {
    let hint = broken(&error).then(|| "remove the image, then build or add it again".to_owned());
    CallFailure { hint, ..CallFailure::unexpected(with_causes(&error)) }
}
