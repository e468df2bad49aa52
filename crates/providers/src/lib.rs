//! Sites behind the port `Provider`, and the store of images that the local one boots.

pub mod http;
pub mod image;
pub mod libvirt;
pub mod listed;
mod shell;
