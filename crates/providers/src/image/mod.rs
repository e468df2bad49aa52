//! The store of base images, whose disks are the backing files of machines' disks.
//!
//! Each image is one directory, `images/NAME/{image.json,disk.qcow2,kernel,initrd}`. It appears and disappears as a whole: a
//! draft is completed next to it and then renamed. A file lock per name excludes concurrent writers; the lock ends with the
//! process that holds it.

mod add;
mod build;
mod disk;
mod error;
mod store;

pub use add::{AddImage, ImageSource};
pub use build::DEFAULT_IMAGE;
pub use error::ImageError;
pub use store::{Boot, Image, ImageStore};
