//! A server with scripted replies, for tests of clients.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The reply to the next request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A response: status, additional headers, body.
    Response(u16, Vec<(&'static str, &'static str)>, String),
    /// The server closes the connection without a response.
    Hangup,
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self::Response(status, Vec::new(), body.to_owned())
    }

    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        if let Self::Response(_, headers, _) = &mut self {
            headers.push((name, value));
        }
        self
    }
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Method and path, such as `GET /v3?x=y`.
    pub line: String,
    pub headers: String,
    pub body: String,
}

/// A running server. It stops with the test's runtime.
pub struct Server {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub fn requests(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Answers one request with each reply, in order, then accepts no more.
pub async fn serve(replies: Vec<Reply>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let received: Arc<Mutex<Vec<Received>>> = Arc::default();
    let log = Arc::clone(&received);
    tokio::spawn(async move {
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read(&mut stream).await;
            log.lock().unwrap().push(request);
            if let Reply::Response(status, headers, body) = reply {
                stream.write_all(response_text(status, &headers, &body).as_bytes()).await.unwrap();
            }
        }
    });
    Server { url, received }
}

async fn read(stream: &mut TcpStream) -> Received {
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
    Received { line, headers: lower, body: String::from_utf8(body).unwrap() }
}

fn response_text(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}
