//! The shared HTTP layer: the only place of this crate that opens connections to the outside.

mod call;
mod retry;
#[cfg(test)]
pub(crate) mod testing;

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use hostler_core::hash::hexadecimal;
use hostler_core::size::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

pub use call::{Answer, Body, Caller, Method, Patience, Repeat, Request, Silence};
pub use reqwest::Url;

/// Told how far something long has come, a line each time.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No answer, or a broken one. The text is the whole chain of causes: the outermost says least.
    #[error("fetching `{url}` failed: {why}")]
    Transport {
        /// What was fetched, without user name and password.
        url: String,
        /// The causes.
        why: String,
    },
    /// The server said no.
    #[error("fetching `{url}` failed: the server answered {status}")]
    Status {
        /// What was fetched, without user name and password.
        url: String,
        /// The answer's status.
        status: u16,
    },
    /// More came than was allowed.
    #[error("fetching `{url}` failed: it is larger than {limit}")]
    TooLarge {
        /// What was fetched, without user name and password.
        url: String,
        /// The most that was allowed.
        limit: Bytes,
    },
    /// The server answered something else than what the call is known to answer.
    #[error("the answer of `{url}` ({status}) is not the JSON that was expected: {why}")]
    NotJson {
        /// What was asked, without user name, password and query.
        url: String,
        /// The answer's status.
        status: u16,
        /// What was wrong with it.
        why: String,
    },
    /// The text is no address.
    #[error("`{0}` is not an http or https address")]
    BadUrl(String),
    /// The file could not be written.
    #[error("writing a download failed")]
    File(#[from] std::io::Error),
}

/// A client that trusts what the operating system trusts (and `SSL_CERT_FILE`), and uses the proxies of the environment.
pub fn client() -> Result<reqwest::Client, HttpError> {
    builder().build().map_err(|error| HttpError::Transport { url: String::new(), why: chain(&error) })
}

/// The same for calls with secrets: it trusts these certificates as well (the text of PEM files), and follows no
/// redirection to another server.
fn client_trusting(authorities: &[String]) -> Result<reqwest::Client, HttpError> {
    let failed = |error: reqwest::Error| HttpError::Transport { url: String::new(), why: chain(&error) };
    let mut builder = builder().redirect(reqwest::redirect::Policy::custom(only_to_the_same_server));
    for pem in authorities {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(failed)?;
        builder = certificates.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    builder.build().map_err(failed)
}

fn builder() -> reqwest::ClientBuilder {
    // Only the first caller's choice counts, and every caller chooses the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("hostler/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(30))
        .read_timeout(Duration::from_secs(60))
}

/// reqwest takes `Authorization` off a call that is sent elsewhere, and knows no other header with a token.
fn only_to_the_same_server(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().last().is_some_and(|last| last.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= 5 { attempt.follow() } else { attempt.stop() }
}

/// Streams what is at an address into a new file, at most `limit`. Returns its SHA-256 in hexadecimal digits.
pub async fn download(url: &str, to: &Path, limit: Bytes, progress: Progress<'_>) -> Result<String, HttpError> {
    let url = http_url(url)?;
    let shown = without_credentials(&url);
    let broken = |error: reqwest::Error| HttpError::Transport { url: shown.clone(), why: chain(&error.without_url()) };
    let mut answer = client()?.get(url).send().await.map_err(broken)?;
    if !answer.status().is_success() {
        return Err(HttpError::Status { url: shown, status: answer.status().as_u16() });
    }
    let total = answer.content_length();
    let mut file = tokio::fs::File::create_new(to).await?;
    let (mut digest, mut count, mut told) = (Sha256::new(), 0_u64, 0_u64);
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        count += chunk.len() as u64;
        if count > limit.0 {
            return Err(HttpError::TooLarge { url: shown, limit });
        }
        digest.update(&chunk);
        file.write_all(&chunk).await?;
        if count - told >= 32 << 20 {
            told = count;
            progress(&so_far(count, total));
        }
    }
    file.sync_all().await?;
    Ok(hexadecimal(&digest.finalize()))
}

pub(crate) fn http_url(text: &str) -> Result<Url, HttpError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(HttpError::BadUrl(text.to_owned())),
    }
}

/// An address as it may be shown: what stands before `@`, and the query, may be secret.
fn without_credentials(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

fn so_far(count: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{} of {}", Bytes(count), Bytes(total)),
        None => Bytes(count).to_string(),
    }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes, and returns where.
    fn serve(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        });
        format!("http://user:secret@{address}/image.qcow2")
    }

    async fn fetch(answer: &'static [u8], limit: u64) -> Result<String, HttpError> {
        let folder = tempfile::tempdir().unwrap();
        download(&serve(answer), &folder.path().join("it"), Bytes(limit), &|_| {}).await
    }

    #[tokio::test]
    async fn a_download_is_digested_and_limited() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        let digest = fetch(answer, 3).await.unwrap();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(matches!(fetch(answer, 2).await, Err(HttpError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn a_failure_names_the_address_without_its_password() {
        let missing = fetch(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 9).await;
        let text = missing.unwrap_err().to_string();
        assert!(text.ends_with("the server answered 404") && !text.contains("secret"), "{text}");
        let broken = fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc", 9).await;
        let text = broken.unwrap_err().to_string();
        assert!(text.starts_with("fetching `http://127.0.0.1:") && !text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn only_http_is_fetched() {
        let folder = tempfile::tempdir().unwrap();
        for bad in ["file:///etc/passwd", "ftp://x/y", "-x", ""] {
            let answer = download(bad, &folder.path().join("it"), Bytes(9), &|_| {}).await;
            assert!(matches!(answer, Err(HttpError::BadUrl(_))), "{bad:?}");
        }
    }
}
