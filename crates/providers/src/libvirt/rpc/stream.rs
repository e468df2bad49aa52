//! Streams: the content of a volume, written or read in pieces.

use super::connection::{Connection, Procedure};
use super::error::RpcError;
use super::message::Status;
use super::xdr::Encode;

/// Most bytes in one message of a stream: what the oldest daemons take, 256 KiB with its header.
const PIECE: usize = (256 << 10) - 24;

/// An open stream. Dropped before it is finished, it closes the connection, and the daemon discards it.
#[derive(Debug)]
struct RpcStream<'c> {
    connection: &'c Connection,
    procedure: Procedure,
    finished: bool,
}

impl Drop for RpcStream<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.connection.close();
        }
    }
}

impl<'c> RpcStream<'c> {
    fn open(connection: &'c Connection, procedure: Procedure, arguments: &dyn Encode) -> Result<Self, RpcError> {
        connection.call::<()>(procedure, arguments)?;
        Ok(Self { connection, procedure, finished: false })
    }

    /// Ends the stream, and waits until the daemon has done the same.
    fn finish(mut self) -> Result<(), RpcError> {
        self.connection.send_stream(self.procedure, Status::Ok, &[])?;
        match self.connection.receive_stream(self.procedure)? {
            (Status::Ok, _) => {
                self.finished = true;
                Ok(())
            }
            (status, _) => Err(unexpected_status(Status::Ok, status)),
        }
    }
}

/// A stream to the daemon.
#[derive(Debug)]
pub(in crate::libvirt) struct Upload<'c>(RpcStream<'c>);

impl<'c> Upload<'c> {
    pub(super) fn open(
        connection: &'c Connection,
        procedure: Procedure,
        arguments: &dyn Encode,
    ) -> Result<Self, RpcError> {
        RpcStream::open(connection, procedure, arguments).map(Self)
    }

    /// Sends all these bytes. Fails if the daemon has reported an error since the last call, as a full disk.
    pub fn send(&self, bytes: &[u8]) -> Result<(), RpcError> {
        let (connection, procedure) = (self.0.connection, self.0.procedure);
        for piece in bytes.chunks(PIECE) {
            connection.poll_stream(procedure)?;
            connection.send_stream(procedure, Status::Continue, piece)?;
        }
        Ok(())
    }

    /// Waits until the daemon has written everything.
    pub fn finish(self) -> Result<(), RpcError> {
        self.0.finish()
    }
}

/// A stream from the daemon.
#[derive(Debug)]
pub(in crate::libvirt) struct Download<'c>(RpcStream<'c>);

impl<'c> Download<'c> {
    pub(super) fn open(
        connection: &'c Connection,
        procedure: Procedure,
        arguments: &dyn Encode,
    ) -> Result<Self, RpcError> {
        RpcStream::open(connection, procedure, arguments).map(Self)
    }

    /// Reads to the end, and returns the last `count` bytes: a file that grows may yield more than it held at first.
    pub fn read_last(self, count: usize) -> Result<Vec<u8>, RpcError> {
        let (connection, procedure) = (self.0.connection, self.0.procedure);
        let mut bytes = Vec::new();
        loop {
            match connection.receive_stream(procedure)? {
                (Status::Continue, piece) if piece.is_empty() => break,
                (Status::Continue, piece) => bytes.extend(piece),
                (status, _) => return Err(unexpected_status(Status::Continue, status)),
            }
            bytes.drain(..bytes.len().saturating_sub(count));
        }
        self.0.finish()?;
        Ok(bytes)
    }
}

fn unexpected_status(expected: Status, actual: Status) -> RpcError {
    RpcError::Unexpected { field: "status", expected: expected as u32, actual: actual as u32 }
}
