//! `hostler image`.

use clap::{Args, Subcommand};

use super::shared::Consent;

/// `hostler image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The command.
    #[command(subcommand)]
    pub verb: ImageVerb,
}

/// The command of `hostler image`.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Build a local image from a distribution's packages
    Build(ImageBuildArgs),
    /// Import a disk image from a file or a URL
    Add(ImageAddArgs),
    /// List images of this computer or of a site
    Ls(ImageLsArgs),
    /// Delete a local image that no machine uses
    Rm(ImageRmArgs),
}

/// An image to build.
#[derive(Debug, Args)]
pub struct ImageBuildArgs {
    /// Distribution and release
    #[arg(value_name = "NAME", default_value = "debian-12")]
    pub name: String,
}

/// An image to import.
#[derive(Debug, Args)]
pub struct ImageAddArgs {
    /// Name of the new image
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Disk image: file or `https` URL
    #[arg(value_name = "FILE|URL")]
    pub from: String,

    /// Expected SHA-256 digest, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub sha256: String,

    /// Login user of the image
    #[arg(long, default_value = "debian", value_name = "USER")]
    pub user: String,
}

/// Images to list.
#[derive(Debug, Args)]
pub struct ImageLsArgs {
    /// List this site's images, such as `chameleon/uc` or `uc` [default: images of this computer]
    #[arg(long, visible_alias = "on", value_name = "SITE")]
    pub site: Option<String>,

    /// Explain the choice for this image name, or system such as `ubuntu-22.04`
    #[arg(long = "for", value_name = "IMAGE", requires = "site")]
    pub image: Option<String>,

    /// Explain the choice for machines with GPUs: `A100:2`, or `2` of any model
    #[arg(long, value_name = "MODEL:N", requires = "site")]
    pub gpus: Option<String>,

    /// Explain the choice for machines of this node type
    #[arg(long, value_name = "TYPE", requires = "site")]
    pub node_type: Option<String>,
}

/// An image to delete.
#[derive(Debug, Args)]
pub struct ImageRmArgs {
    /// Image
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Confirmation.
    #[command(flatten)]
    pub consent: Consent,
}

fn sha256(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    Err("a SHA-256 digest has 64 hexadecimal digits, as printed by `sha256sum FILE`".to_owned())
}
