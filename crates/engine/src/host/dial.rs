//! From an address to a stream on which an SSH server has spoken.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use hostler_core::ports::Address;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::error::HostErrorKind;

/// Connects, and waits for the first bytes of the server's banner, without taking them off the stream.
///
/// A login costs an emulated guest seconds, and a hypervisor's port forward takes connections long before the guest
/// listens: so nobody logs in before the server has said something.
pub(super) async fn dial(address: &Address, patience: Duration) -> Result<TcpStream, HostErrorKind> {
    let look_up = lookup_host((address.host.as_str(), address.port));
    let found = timeout(patience, look_up).await.map_err(|_| HostErrorKind::NoResponse(patience))?;
    let found: Vec<SocketAddr> = found.map_err(HostErrorKind::UnknownHostname)?.collect();
    let stream = timeout(patience, connect(&found)).await.map_err(|_| HostErrorKind::NoResponse(patience))??;
    timeout(patience, banner(&stream)).await.map_err(|_| HostErrorKind::NoBanner(patience))??;
    Ok(stream)
}

/// So long an address has no other beside it (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// Tries a host's addresses, each a little after the one before or as soon as that has failed: what drops all packets to
/// one (often that of IPv6) keeps nobody from the next. The first that takes the connection has it.
async fn connect(found: &[SocketAddr]) -> Result<TcpStream, HostErrorKind> {
    let mut last = HostErrorKind::UnknownHostname(io::ErrorKind::NotFound.into());
    let mut coming = found.iter();
    let mut trying = FuturesUnordered::new();
    loop {
        match coming.next() {
            Some(socket) => trying.push(TcpStream::connect(*socket)),
            None if trying.is_empty() => return Err(last),
            None => {}
        }
        let tried = async { trying.next().await };
        let tried = if coming.len() == 0 { tried.await } else { timeout(HEAD_START, tried).await.unwrap_or(None) };
        match tried {
            Some(Ok(stream)) => {
                stream.set_nodelay(true).map_err(HostErrorKind::of_socket)?;
                return Ok(stream);
            }
            Some(Err(error)) => last = HostErrorKind::of_socket(error),
            None => {}
        }
    }
}

async fn banner(stream: &TcpStream) -> Result<(), HostErrorKind> {
    let mut first = [0; 4];
    loop {
        match stream.peek(&mut first).await.map_err(HostErrorKind::of_socket)? {
            0 => return Err(HostErrorKind::ConnectionLost(None)),
            4 if first == *b"SSH-" => return Ok(()),
            4 => return Err(HostErrorKind::NotSsh),
            // A peek at bytes that are there returns at once, however few they are.
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::net::TcpSocket;

    use super::*;

    /// An address at which packets are dropped: its queue is full, and nobody takes a connection off it.
    async fn hole() -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // Linux lets one more in than the queue is long.
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = TcpStream::connect(address).await.unwrap();
        (address, (listener, queued))
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_drops_packets_keeps_nobody_from_the_next() {
        let (hole, _full) = hole().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // All that passes of a paused clock is what everybody waits for.
        let stream = timeout(Duration::from_secs(10), connect(&[hole, refusing, host])).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), host);
        assert!(matches!(connect(&[refusing]).await, Err(HostErrorKind::ConnectionRefused)));
        assert!(matches!(connect(&[]).await, Err(HostErrorKind::UnknownHostname(_))));
    }
}
