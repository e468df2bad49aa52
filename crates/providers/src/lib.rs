//! Sites behind the port `Provider`, and the store of images that the local one boots.

mod files;
pub mod http;
pub mod image;
pub mod libvirt;
pub mod listed;
pub mod openstack;
mod shell;
mod trouble;
