//! Opens a TCP connection to an SSH server and waits for its banner.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use hostler_core::ports::Address;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::error::HostErrorKind;

/// Connects, and waits for the first bytes of the server's banner without consuming them. `limit` applies to each of name
/// resolution, connection and banner.
///
/// A login costs an emulated guest seconds, and a hypervisor's port forward accepts connections long before the guest
/// listens. So no login is attempted before the server has sent its banner.
pub(super) async fn dial(address: &Address, limit: Duration) -> Result<TcpStream, HostErrorKind> {
    let resolving = lookup_host((address.host.as_str(), address.port));
    let found = timeout(limit, resolving).await.map_err(|_| HostErrorKind::NoResponse(limit))?;
    let found: Vec<SocketAddr> = found.map_err(HostErrorKind::UnknownHostname)?.collect();
    let stream = timeout(limit, connect(&found)).await.map_err(|_| HostErrorKind::NoResponse(limit))??;
    timeout(limit, banner(&stream)).await.map_err(|_| HostErrorKind::NoBanner(limit))??;
    Ok(stream)
}

/// Pause before the next address is tried as well (RFC 8305, section 8, recommends 250 ms).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Tries a host's addresses, each [`ATTEMPT_DELAY`] after the previous one or as soon as that has failed, and returns the
/// first connection. So an address whose packets are dropped (often the IPv6 one) does not block the others.
async fn connect(found: &[SocketAddr]) -> Result<TcpStream, HostErrorKind> {
    let mut last = HostErrorKind::UnknownHostname(io::ErrorKind::NotFound.into());
    let mut untried = found.iter();
    let mut trying = FuturesUnordered::new();
    loop {
        match untried.next() {
            Some(socket) => trying.push(TcpStream::connect(*socket)),
            None if trying.is_empty() => return Err(last),
            None => {}
        }
        let tried = async { trying.next().await };
        let tried = if untried.len() == 0 { tried.await } else { timeout(ATTEMPT_DELAY, tried).await.unwrap_or(None) };
        match tried {
            Some(Ok(stream)) => {
                stream.set_nodelay(true).map_err(HostErrorKind::from_socket)?;
                return Ok(stream);
            }
            Some(Err(error)) => last = HostErrorKind::from_socket(error),
            None => {}
        }
    }
}

async fn banner(stream: &TcpStream) -> Result<(), HostErrorKind> {
    let mut first = [0; 4];
    loop {
        match stream.peek(&mut first).await.map_err(HostErrorKind::from_socket)? {
            0 => return Err(HostErrorKind::ConnectionLost(None)),
            4 if first == *b"SSH-" => return Ok(()),
            4 => return Err(HostErrorKind::NotSsh),
            // A peek returns at once if even one byte is available, so pause before the next.
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::net::TcpSocket;

    use super::*;

    /// An address that drops packets: its accept queue is full and never emptied.
    async fn hole() -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // Linux admits one connection more than the backlog.
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = TcpStream::connect(address).await.unwrap();
        (address, (listener, queued))
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_packets_do_not_block_the_next_address() {
        let (hole, _full) = hole().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // The paused clock advances only while all tasks wait.
        let stream = timeout(Duration::from_secs(10), connect(&[hole, refusing, host])).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), host);
        assert!(matches!(connect(&[refusing]).await, Err(HostErrorKind::ConnectionRefused)));
        assert!(matches!(connect(&[]).await, Err(HostErrorKind::UnknownHostname(_))));
    }
}
