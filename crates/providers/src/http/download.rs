//! Downloads of large files.

use std::path::Path;

use hostler_core::hash::hexadecimal;
use hostler_core::size::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::client::client_builder;
use super::error::{HttpError, cause_chain};
use super::message::{http_url, without_credentials};

/// Receives one line per progress report of a long operation.
pub type ProgressFn<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Bytes between two progress reports.
const REPORT_EVERY: u64 = 32 << 20;

/// Streams the content of an address into a new file. Returns its SHA-256 in hexadecimal digits.
///
/// # Errors
/// [`HttpError::TooLarge`] once more than `limit` bytes have arrived; the partial file stays.
pub async fn download(url: &str, to: &Path, limit: Bytes, progress: ProgressFn<'_>) -> Result<String, HttpError> {
    let url = http_url(url)?;
    let shown = without_credentials(&url);
    let interrupted =
        |error: reqwest::Error| HttpError::Transport { url: shown.clone(), why: cause_chain(&error.without_url()) };
    let client = client_builder().build().map_err(interrupted)?;
    let mut response = client.get(url).send().await.map_err(interrupted)?;
    if !response.status().is_success() {
        return Err(HttpError::Status { url: shown, status: response.status().as_u16() });
    }
    let total = response.content_length();
    let mut file = tokio::fs::File::create_new(to).await?;
    let (mut digest, mut count, mut reported) = (Sha256::new(), 0_u64, 0_u64);
    while let Some(chunk) = response.chunk().await.map_err(interrupted)? {
        count += chunk.len() as u64;
        if count > limit.0 {
            return Err(HttpError::TooLarge { url: shown, limit });
        }
        digest.update(&chunk);
        file.write_all(&chunk).await?;
        if count - reported >= REPORT_EVERY {
            reported = count;
            progress(&progress_line(count, total));
        }
    }
    file.sync_all().await?;
    Ok(hexadecimal(&digest.finalize()))
}

fn progress_line(count: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{} of {}", Bytes(count), Bytes(total)),
        None => Bytes(count).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes. Returns the server's address.
    fn serve(response: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(response);
        });
        format!("http://user:secret@{address}/image.qcow2")
    }

    async fn fetch(response: &'static [u8], limit: u64) -> Result<String, HttpError> {
        let directory = tempfile::tempdir().unwrap();
        download(&serve(response), &directory.path().join("it"), Bytes(limit), &|_| {}).await
    }

    #[tokio::test]
    async fn download_is_digested_and_limited() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        let digest = fetch(response, 3).await.unwrap();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(matches!(fetch(response, 2).await, Err(HttpError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn failure_names_the_address_without_its_password() {
        let missing = fetch(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 9).await;
        let text = missing.unwrap_err().to_string();
        assert!(text.ends_with("the server answered 404") && !text.contains("secret"), "{text}");
        let incomplete = fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc", 9).await;
        let text = incomplete.unwrap_err().to_string();
        assert!(text.starts_with("fetching `http://127.0.0.1:") && !text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn only_http_addresses_are_fetched() {
        let directory = tempfile::tempdir().unwrap();
        for bad in ["file:///etc/passwd", "ftp://x/y", "-x", ""] {
            let outcome = download(bad, &directory.path().join("it"), Bytes(9), &|_| {}).await;
            assert!(matches!(outcome, Err(HttpError::BadUrl(_))), "{bad:?}");
        }
    }
}
