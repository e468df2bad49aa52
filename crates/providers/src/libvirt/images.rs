//! Images, between the store and the pool.

use hostler_core::offer::{AcceleratorSoftware, ImageFacts, OsRelease};
use hostler_core::size::Bytes;
use virt::connect::Connect;

use super::Inner;
use super::pool::Pool;
use super::trouble::Trouble;
use crate::image::{Image, ImageError};

impl Inner {
    /// An image that fits on a disk of this size.
    pub(super) fn image(&self, name: &str, disk: Bytes) -> Result<Image, Trouble> {
        let Some(image) = self.images.find(name).map_err(unusable)? else {
            let hint = "`hostler image ls` shows those there are; `hostler image build debian-12` makes the default";
            return Err(Trouble::ask(format!("there is no image `{name}`"), hint));
        };
        if disk < image.disk {
            let message = format!("a disk of {disk} is too small for `{name}`, which has {}", image.disk);
            return Err(Trouble::full(message));
        }
        Ok(image)
    }

    /// The image's lock comes first: it may be held for as long as an image is built, and the site's must not wait
    /// for that.
    pub(super) fn remove_image(&self, connect: &Connect, name: &str) -> Result<(), Trouble> {
        let missing =
            || Trouble::ask(format!("there is no image `{name}`"), "`hostler image ls` shows those there are");
        if matches!(self.images.find(name), Ok(None)) {
            return Err(missing());
        }
        let held = self.images.hold(name).map_err(unusable)?;
        let _lock = self.lock()?;
        let pool = Pool::find(connect)?;
        // Of one that can't be read it isn't known what the pool has: that is tidied up below, unless it is in use.
        let image = self.images.find(name).or_else(|error| if broken(&error) { Ok(None) } else { Err(error) });
        if let (Some(pool), Some(image)) = (&pool, image.map_err(unusable)?) {
            let tickets = pool.standing_on(&image)?;
            if let Some(ticket) = tickets.first() {
                let message = format!("the image `{name}` is in use by {} machines, as `{ticket}`", tickets.len());
                return Err(Trouble::ask(message, "take them down first: `hostler ls` shows them"));
            }
            pool.remove_base(&image)?;
        }
        self.images.remove_held(&held).map_err(|error| match error {
            ImageError::Missing(_) => missing(),
            error => unusable(error),
        })?;
        if let Some(pool) = pool {
            pool.tidy(&self.images);
        }
        Ok(())
    }
}

/// What an offer says of an image.
pub(super) fn bootable(image: Image) -> ImageFacts {
    let Image { name, arch, user, disk, memory, .. } = image;
    let os = OsRelease::wished(&name);
    ImageFacts { name, arch, user, disk, memory, os, accelerators: AcceleratorSoftware::None }
}

fn broken(error: &ImageError) -> bool {
    matches!(error, ImageError::File { .. })
}

/// What the store says, with its causes; and where an image is broken, what to do.
pub(super) fn unusable(error: ImageError) -> Trouble {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    let hint =
        broken(&error).then(|| "`hostler image rm` removes it, and `hostler image build` makes it anew".to_owned());
    Trouble { hint, ..Trouble::report(message) }
}
