//! Tokens cached between runs: a login takes most of a short command's time.

use std::path::{Path, PathBuf};

use hostler_core::hash::hexadecimal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::token::{Token, TokenBody};
use crate::openstack::cache_file;
use crate::openstack::cloud::{Cloud, CloudIdentity};

#[derive(Serialize, Deserialize)]
struct CachedToken {
    token: String,
    received_at: Timestamp,
    body: TokenBody,
}

/// The cache file for a cloud's token. `None` if the identity is itself a token, which does not tell its user.
pub(super) fn file(directory: &Path, cloud: &Cloud) -> Option<PathBuf> {
    match cloud.identity {
        CloudIdentity::Token(_) | CloudIdentity::OidcAccessToken { .. } => None,
        CloudIdentity::Password { .. }
        | CloudIdentity::ApplicationCredential { .. }
        | CloudIdentity::OidcPassword { .. } => {
            let digest = hexadecimal(&Sha256::digest(cloud.cache_key()));
            Some(directory.join(format!("{}.json", &digest[..32])))
        }
    }
}

/// The cached token, if there is one and it can be read.
pub(super) async fn read(file: &Path) -> Option<Token> {
    let cached: CachedToken = cache_file::read(file).await?;
    Some(Token::new(cached.token.into(), cached.body, cached.received_at))
}

/// Writes a token to its cache file.
pub(super) async fn write(file: &Path, token: &str, body: &TokenBody, received_at: Timestamp) -> std::io::Result<()> {
    let cached = CachedToken { token: token.to_owned(), received_at, body: body.clone() };
    cache_file::write(file, &cached).await
}
