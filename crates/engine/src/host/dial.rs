//! From an address to a stream on which an SSH server has spoken.

use std::io;
use std::time::Duration;

use hostler_core::ports::Address;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::error::Trouble;

/// Connects, and waits for the first bytes of the server's banner, without taking them off the stream.
///
/// A login costs an emulated guest seconds, and a hypervisor's port forward takes connections long before the guest
/// listens: so nobody logs in before the server has said something.
pub(super) async fn dial(address: &Address, patience: Duration) -> Result<TcpStream, Trouble> {
    let stream = timeout(patience, connect(address)).await.map_err(|_| Trouble::NoAnswer(patience))??;
    timeout(patience, banner(&stream)).await.map_err(|_| Trouble::Silent(patience))??;
    Ok(stream)
}

async fn connect(address: &Address) -> Result<TcpStream, Trouble> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    let found = lookup_host((address.host.as_str(), address.port)).await.map_err(Trouble::UnknownName)?;
    for socket in found {
        match TcpStream::connect(socket).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(Trouble::of_socket)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(if last.kind() == io::ErrorKind::NotFound { Trouble::UnknownName(last) } else { Trouble::of_socket(last) })
}

async fn banner(stream: &TcpStream) -> Result<(), Trouble> {
    let mut first = [0; 4];
    loop {
        match stream.peek(&mut first).await.map_err(Trouble::of_socket)? {
            0 => return Err(Trouble::Lost(None)),
            4 if first == *b"SSH-" => return Ok(()),
            4 => return Err(Trouble::NotSsh),
            // A peek at bytes that are there returns at once, however few they are.
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}
