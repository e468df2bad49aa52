//! Messages: a length, a header and a body, over a UNIX socket.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use super::error::RpcError;
use super::xdr::{Decode, DecodeError, Encode, XdrReader};

/// Most bytes of a message with its header, without its length: libvirt's own limit.
const MESSAGE_LIMIT: usize = 32 << 20;

/// Bytes of the length, which counts itself.
const LENGTH_BYTES: usize = 4;

/// Bytes of the header.
const HEADER_BYTES: usize = 24;

/// Start of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub program: u32,
    pub version: u32,
    /// Number of the procedure within its program.
    pub procedure: u32,
    pub kind: MessageKind,
    /// Number of the call that this is, answers or continues. 0 for notifications.
    pub serial: u32,
    pub status: Status,
}

/// Role of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageKind {
    Call = 0,
    Reply = 1,
    /// A notification, which has no answer.
    Event = 2,
    Stream = 3,
}

/// Contents of a message's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The result of a call; nothing, at the end of a stream.
    Ok = 0,
    /// An error.
    Error = 1,
    /// Data of a stream that has not ended.
    Continue = 2,
}

impl Encode for Header {
    fn encode(&self, out: &mut Vec<u8>) {
        let Self { program, version, procedure, kind, serial, status } = *self;
        (program, version, procedure, kind as u32, serial, status as u32).encode(out);
    }
}

impl Decode for Header {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let (program, version, procedure, kind, serial, status) = Decode::decode(from)?;
        let kind = match kind {
            0 => MessageKind::Call,
            1 => MessageKind::Reply,
            2 => MessageKind::Event,
            3 => MessageKind::Stream,
            value => return Err(DecodeError::UnknownValue { field: "type", value }),
        };
        let status = match status {
            0 => Status::Ok,
            1 => Status::Error,
            2 => Status::Continue,
            value => return Err(DecodeError::UnknownValue { field: "status", value }),
        };
        Ok(Self { program, version, procedure, kind, serial, status })
    }
}

/// A message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub header: Header,
    pub body: Vec<u8>,
}

/// Both directions of a connection. Closing it ends the session: the daemon destroys the domains that were to end with it.
#[derive(Debug)]
pub(super) struct Wire {
    socket: UnixStream,
    /// Bytes that were received and belong to no complete message yet.
    received: Vec<u8>,
}

impl Drop for Wire {
    /// A [`Cancellation`](super::Cancellation) may hold another descriptor of the socket, so dropping this one is not
    /// enough to close the connection.
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Wire {
    /// Wire over a connected socket.
    pub fn new(socket: UnixStream) -> Self {
        Self { socket, received: Vec::new() }
    }

    /// Sends a message.
    pub fn send(&mut self, header: Header, body: &[u8]) -> Result<(), RpcError> {
        let length = LENGTH_BYTES + HEADER_BYTES + body.len();
        let mut message = Vec::with_capacity(length);
        u32::try_from(length).unwrap_or(u32::MAX).encode(&mut message);
        header.encode(&mut message);
        message.extend(body);
        self.socket.write_all(&message).map_err(broken)
    }

    /// Waits for a message.
    pub fn receive(&mut self) -> Result<Message, RpcError> {
        loop {
            if let Some(message) = self.complete()? {
                return Ok(message);
            }
            self.fill()?;
        }
    }

    /// A message that has arrived already, if there is one.
    pub fn poll(&mut self) -> Result<Option<Message>, RpcError> {
        self.socket.set_nonblocking(true)?;
        let filled = self.fill();
        self.socket.set_nonblocking(false)?;
        match filled {
            Err(RpcError::Io(error)) if error.kind() == ErrorKind::WouldBlock => self.complete(),
            Ok(()) => self.complete(),
            Err(error) => Err(error),
        }
    }

    /// Reads what has arrived, or waits for the first byte of it.
    fn fill(&mut self) -> Result<(), RpcError> {
        let mut buffer = [0; 64 << 10];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(RpcError::Closed),
                Ok(count) => {
                    self.received.extend(&buffer[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Takes the first message off what was received, if it is complete.
    fn complete(&mut self) -> Result<Option<Message>, RpcError> {
        let Some((length, _)) = self.received.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let claim = u32::from_be_bytes(*length);
        let length = claim as usize;
        if !(LENGTH_BYTES + HEADER_BYTES..=LENGTH_BYTES + MESSAGE_LIMIT).contains(&length) {
            return Err(RpcError::MessageLength(claim));
        }
        if self.received.len() < length {
            return Ok(None);
        }
        let header = Header::decode_all(&self.received[LENGTH_BYTES..LENGTH_BYTES + HEADER_BYTES])?;
        let body = self.received[LENGTH_BYTES + HEADER_BYTES..length].to_vec();
        self.received.drain(..length);
        Ok(Some(Message { header, body }))
    }
}

/// A daemon that ends while a message is on its way resets the connection.
fn broken(error: std::io::Error) -> RpcError {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected => RpcError::Closed,
        _ => RpcError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> impl Strategy<Value = Header> {
        let kind =
            prop::sample::select(vec![MessageKind::Call, MessageKind::Reply, MessageKind::Event, MessageKind::Stream]);
        let status = prop::sample::select(vec![Status::Ok, Status::Error, Status::Continue]);
        (any::<[u32; 4]>(), kind, status).prop_map(|([program, version, procedure, serial], kind, status)| Header {
            program,
            version,
            procedure,
            kind,
            serial,
            status,
        })
    }

    proptest! {
        #[test]
        fn messages_survive_a_round_trip(
            messages in prop::collection::vec((header(), prop::collection::vec(any::<u8>(), 0..100)), 1..5),
        ) {
            let (near, far) = UnixStream::pair().unwrap();
            let (mut near, mut far) = (Wire::new(near), Wire::new(far));
            prop_assert_eq!(far.poll().unwrap(), None);
            for (header, body) in &messages {
                near.send(*header, body).unwrap();
            }
            for (header, body) in messages {
                prop_assert_eq!(far.receive().unwrap(), Message { header, body });
            }
            drop(near);
            prop_assert!(matches!(far.receive(), Err(RpcError::Closed)));
        }
    }
}
