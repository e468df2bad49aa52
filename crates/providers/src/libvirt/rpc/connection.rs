//! A session with a libvirt daemon: calls, one at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::unix::net::UnixStream;

use super::cancel::Cancellation;
use super::error::{LibvirtError, RpcError};
use super::message::{Header, Message, MessageKind, Status, Wire};
use super::uri::{Uri, User};
use super::xdr::{Decode, Encode};

/// The program that all hypervisor calls belong to, and its only version.
pub(super) const REMOTE_PROGRAM: u32 = 0x2000_8086;
pub(super) const REMOTE_VERSION: u32 = 1;

/// The program by which a daemon finds clients that hang.
pub(super) const KEEPALIVE_PROGRAM: u32 = 0x6b65_6570;
pub(super) const KEEPALIVE_VERSION: u32 = 1;
pub(super) const KEEPALIVE_PING: u32 = 1;
pub(super) const KEEPALIVE_PONG: u32 = 2;

/// Messages of a stream that may arrive before the reply that opens it. The daemon writes streams and replies on two threads;
/// the former gets ahead by a packet or two.
const EARLY_LIMIT: usize = 64;

/// A procedure of [`REMOTE_PROGRAM`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Procedure {
    ConnectOpen = 1,
    ConnectGetVersion = 4,
    NodeGetInfo = 6,
    ConnectGetCapabilities = 7,
    DomainCreate = 9,
    DomainCreateXml = 10,
    DomainDefineXml = 11,
    DomainDestroy = 12,
    DomainGetXmlDesc = 14,
    DomainGetInfo = 16,
    DomainLookupByName = 23,
    DomainShutdown = 33,
    NetworkCreate = 39,
    NetworkDefineXml = 41,
    NetworkDestroy = 42,
    NetworkGetXmlDesc = 43,
    NetworkLookupByName = 46,
    NetworkUndefine = 49,
    AuthList = 66,
    AuthPolkit = 70,
    StoragePoolDefineXml = 77,
    StoragePoolCreate = 78,
    StoragePoolBuild = 79,
    StoragePoolRefresh = 83,
    StoragePoolLookupByName = 84,
    StoragePoolGetInfo = 87,
    StoragePoolSetAutostart = 90,
    StorageVolCreateXml = 93,
    StorageVolDelete = 94,
    StorageVolLookupByName = 95,
    StorageVolGetInfo = 98,
    StorageVolGetXmlDesc = 99,
    StorageVolGetPath = 100,
    DomainIsActive = 150,
    NetworkIsActive = 152,
    StoragePoolIsActive = 154,
    ConnectGetLibVersion = 157,
    DomainMemoryStats = 159,
    StorageVolUpload = 208,
    StorageVolDownload = 209,
    DomainGetState = 212,
    DomainUndefineFlags = 231,
    ConnectListAllDomains = 273,
    StoragePoolListAllVolumes = 282,
    ConnectListAllNetworks = 283,
    ConnectGetDomainCapabilities = 342,
}

/// A session with a daemon. It ends when this is dropped.
#[derive(Debug)]
pub(in crate::libvirt) struct Connection {
    session: RefCell<RpcSession>,
}

#[derive(Debug)]
struct RpcSession {
    /// `None` after a failure that leaves the position in the byte stream unknown.
    wire: Option<Wire>,
    /// Number of the latest call.
    serial: u32,
    /// Messages of the open stream that arrived before they were read.
    early: VecDeque<Message>,
}

/// Kind of authentication, as numbered by `remote_auth_type`.
const AUTH_NONE: u32 = 0;
const AUTH_SASL: u32 = 1;
const AUTH_POLKIT: u32 = 2;

impl Connection {
    /// Connects to the daemon of a URI and opens its driver.
    pub fn open(uri: &Uri, user: &User, cancellation: &Cancellation) -> Result<Self, RpcError> {
        let sockets = uri.sockets(user);
        let socket = sockets.iter().find(|path| path.exists()).cloned().ok_or(RpcError::NoDaemon(sockets))?;
        let stream = UnixStream::connect(&socket).map_err(|source| RpcError::Connect { socket, source })?;
        cancellation.attach(&stream)?;
        let session = RpcSession { wire: Some(Wire::new(stream)), serial: 0, early: VecDeque::new() };
        let connection = Self { session: RefCell::new(session) };
        connection.authenticate()?;
        connection.call::<()>(Procedure::ConnectOpen, &(Some(uri.name()), 0_u32))?;
        Ok(connection)
    }

    /// A daemon that needs no authentication of this user lists none.
    fn authenticate(&self) -> Result<(), RpcError> {
        let offered: Vec<u32> = self.call(Procedure::AuthList, &())?;
        if offered.is_empty() || offered.contains(&AUTH_NONE) {
            return Ok(());
        }
        if offered.contains(&AUTH_POLKIT) {
            // The answer repeats that it succeeded; a refusal is an error.
            return self.call::<i32>(Procedure::AuthPolkit, &()).map(|_complete| ());
        }
        Err(RpcError::Authentication(if offered.contains(&AUTH_SASL) {
            "SASL"
        } else {
            "an unknown kind of authentication"
        }))
    }

    /// Makes a call and waits for its result.
    pub(super) fn call<R: Decode>(&self, procedure: Procedure, arguments: &dyn Encode) -> Result<R, RpcError> {
        self.with_session(|session| {
            session.send_call(procedure, arguments)?;
            let body = session.reply(procedure)?;
            Ok(R::decode_all(&body)?)
        })
    }

    /// Sends a message of the stream that the latest call has opened. No other call may be made before it ends.
    pub(super) fn send_stream(&self, procedure: Procedure, status: Status, data: &[u8]) -> Result<(), RpcError> {
        self.with_session(|session| session.send(procedure, MessageKind::Stream, status, data))
    }

    /// Waits for a message of a stream. An error of the daemon ends the stream.
    pub(super) fn receive_stream(&self, procedure: Procedure) -> Result<(Status, Vec<u8>), RpcError> {
        self.with_session(|session| {
            let message = match session.early.pop_front() {
                Some(message) => message,
                None => session.answer()?,
            };
            session.check(&message.header, MessageKind::Stream, procedure)?;
            checked(message)
        })
    }

    /// Reports an error that the daemon has sent about a stream, without waiting for one.
    pub(super) fn poll_stream(&self, procedure: Procedure) -> Result<(), RpcError> {
        self.with_session(|session| {
            while let Some(message) = session.wire()?.poll()? {
                let message = session.noticed(message)?;
                session.early.extend(message);
            }
            while let Some(message) = session.early.pop_front() {
                session.check(&message.header, MessageKind::Stream, procedure)?;
                checked(message)?;
            }
            Ok(())
        })
    }

    /// Closes the connection. Every further call fails.
    pub(super) fn close(&self) {
        self.session.borrow_mut().wire = None;
    }

    /// Runs one exchange, and closes the connection where it fails for another reason than the daemon's own error.
    fn with_session<R>(&self, exchange: impl FnOnce(&mut RpcSession) -> Result<R, RpcError>) -> Result<R, RpcError> {
        let mut session = self.session.borrow_mut();
        let result = exchange(&mut session);
        if result.as_ref().is_err_and(|error| error.code().is_none()) {
            session.wire = None;
        }
        result
    }
}

impl RpcSession {
    fn wire(&mut self) -> Result<&mut Wire, RpcError> {
        self.wire.as_mut().ok_or(RpcError::Closed)
    }

    fn send_call(&mut self, procedure: Procedure, arguments: &dyn Encode) -> Result<(), RpcError> {
        self.serial = self.serial.wrapping_add(1);
        self.early.clear();
        self.send(procedure, MessageKind::Call, Status::Ok, &arguments.encoded())
    }

    fn send(&mut self, procedure: Procedure, kind: MessageKind, status: Status, body: &[u8]) -> Result<(), RpcError> {
        let (program, version, procedure) = (REMOTE_PROGRAM, REMOTE_VERSION, procedure as u32);
        let header = Header { program, version, procedure, kind, serial: self.serial, status };
        self.wire()?.send(header, body)
    }

    /// Waits for the reply to the latest call. Returns its body.
    fn reply(&mut self, procedure: Procedure) -> Result<Vec<u8>, RpcError> {
        loop {
            let message = self.answer()?;
            let early = message.header.kind == MessageKind::Stream && message.header.serial == self.serial;
            if early && self.early.len() < EARLY_LIMIT {
                self.early.push_back(message);
                continue;
            }
            self.check(&message.header, MessageKind::Reply, procedure)?;
            return match checked(message)? {
                (Status::Ok, body) => Ok(body),
                (status, _) => Err(unexpected("status", Status::Ok as u32, status as u32)),
            };
        }
    }

    /// Waits for a message that is not a notification.
    fn answer(&mut self) -> Result<Message, RpcError> {
        loop {
            let message = self.wire()?.receive()?;
            if let Some(message) = self.noticed(message)? {
                return Ok(message);
            }
        }
    }

    /// Answers the daemon's keepalive, and drops other notifications: no event is subscribed to.
    fn noticed(&mut self, message: Message) -> Result<Option<Message>, RpcError> {
        let header = message.header;
        if header.kind != MessageKind::Event {
            return Ok(Some(message));
        }
        let Header { program, version, procedure, .. } = header;
        if (program, version, procedure) == (KEEPALIVE_PROGRAM, KEEPALIVE_VERSION, KEEPALIVE_PING) {
            self.wire()?.send(Header { procedure: KEEPALIVE_PONG, ..header }, &[])?;
        }
        Ok(None)
    }

    /// Compares an answer to the latest call.
    fn check(&self, header: &Header, kind: MessageKind, procedure: Procedure) -> Result<(), RpcError> {
        let fields = [
            ("program", REMOTE_PROGRAM, header.program),
            ("version", REMOTE_VERSION, header.version),
            ("procedure", procedure as u32, header.procedure),
            ("type", kind as u32, header.kind as u32),
            ("serial", self.serial, header.serial),
        ];
        match fields.into_iter().find(|(_, expected, actual)| expected != actual) {
            Some((field, expected, actual)) => Err(unexpected(field, expected, actual)),
            None => Ok(()),
        }
    }
}

fn unexpected(field: &'static str, expected: u32, actual: u32) -> RpcError {
    RpcError::Unexpected { field, expected, actual }
}

/// Status and body of a message, or the error that it carries.
fn checked(message: Message) -> Result<(Status, Vec<u8>), RpcError> {
    match message.header.status {
        Status::Error => Err(RpcError::Libvirt(LibvirtError::decode_all(&message.body)?)),
        status => Ok((status, message.body)),
    }
}
