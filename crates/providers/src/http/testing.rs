//! A server of a few prepared answers, for the tests of clients.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the next call gets.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer: its status, headers beside the usual, and body.
    Answer(u16, Vec<(&'static str, &'static str)>, String),
    /// The connection is closed.
    Hangup,
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, Vec::new(), body.to_owned())
    }

    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        if let Self::Answer(_, headers, _) = &mut self {
            headers.push((name, value));
        }
        self
    }
}

/// A call as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As `GET /v3?x=y`.
    pub line: String,
    pub headers: String,
    pub body: String,
}

/// Where it listens, and what it has seen. It ends with the test's runtime.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Answers calls one after the other; the last reply is not repeated.
pub async fn serve(replies: Vec<Reply>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let call = read(&mut stream).await;
            log.lock().unwrap().push(call);
            if let Reply::Answer(status, headers, body) = reply {
                stream.write_all(written(status, &headers, &body).as_bytes()).await.unwrap();
            }
        }
    });
    Server { url, seen }
}

async fn read(stream: &mut TcpStream) -> Seen {
    let mut reader = BufReader::new(stream);
    let (mut line, mut headers) = (String::new(), String::new());
    reader.read_line(&mut line).await.unwrap();
    while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
        reader.read_line(&mut headers).await.unwrap();
    }
    let lower = headers.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).await.unwrap();
    let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    Seen { line, headers: lower, body: String::from_utf8(body).unwrap() }
}

fn written(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}
