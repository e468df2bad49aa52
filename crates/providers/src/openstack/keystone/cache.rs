//! Tokens that are kept between runs: logging in anew costs most of a short command's time.

use std::path::{Path, PathBuf};

use hostler_core::hash::hexadecimal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::token::{Body, Token};
use crate::files::replace;
use crate::openstack::cloud::{Cloud, Identity};

#[derive(Serialize, Deserialize)]
struct Kept {
    token: String,
    had_at: Timestamp,
    body: Body,
}

/// The file for a cloud's tokens; none where the identity is itself a token, which doesn't say whose it is.
pub(super) fn file(folder: &Path, cloud: &Cloud) -> Option<PathBuf> {
    match cloud.identity {
        Identity::Token(_) | Identity::OidcAccessToken { .. } => None,
        Identity::Password { .. } | Identity::ApplicationCredential { .. } | Identity::OidcPassword { .. } => {
            let digest = hexadecimal(&Sha256::digest(cloud.who()));
            Some(folder.join(format!("{}.json", &digest[..32])))
        }
    }
}

/// The token that is kept, if it can be read. One that can't is as good as none.
pub(super) fn read(file: &Path) -> Option<Token> {
    let kept: Kept = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    Some(Token::new(kept.token.into(), kept.body, kept.had_at))
}

/// Keeps a token.
pub(super) fn write(file: &Path, token: &str, body: &Body, had_at: Timestamp) -> std::io::Result<()> {
    let kept = Kept { token: token.to_owned(), had_at, body: body.clone() };
    replace(file, &serde_json::to_vec(&kept)?)
}

/// Forgets what was kept.
pub(super) fn remove(file: &Path) {
    // Where it can't be removed it is overwritten next, or refused again.
    let _ = std::fs::remove_file(file);
}
