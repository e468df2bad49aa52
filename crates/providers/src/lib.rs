//! Sites behind the port `Provider`.

pub mod http;
pub mod image;
