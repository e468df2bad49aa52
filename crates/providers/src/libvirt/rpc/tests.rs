//! The client against a scripted daemon on a real socket.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::{self, JoinHandle};

use super::connection::{
    KEEPALIVE_PING, KEEPALIVE_PONG, KEEPALIVE_PROGRAM, KEEPALIVE_VERSION, Procedure, REMOTE_PROGRAM, REMOTE_VERSION,
};
use super::message::{Header, Message, MessageKind, Status, Wire};
use super::uri::{Uri, User};
use super::xdr::{Decode, Encode};
use super::*;

/// The daemon's end of a connection.
struct Daemon {
    socket: UnixStream,
    wire: Wire,
}

impl Daemon {
    fn accept(listener: &UnixListener) -> Self {
        let (socket, _) = listener.accept().unwrap();
        Self { wire: Wire::new(socket.try_clone().unwrap()), socket }
    }

    /// Receives a message and checks what it is about.
    fn expect(&mut self, procedure: Procedure, kind: MessageKind) -> Message {
        let message = self.wire.receive().unwrap();
        let Header { program, version, procedure: number, kind: actual, .. } = message.header;
        assert_eq!((program, version, number), (REMOTE_PROGRAM, REMOTE_VERSION, procedure as u32));
        assert_eq!(actual, kind);
        message
    }

    /// Receives a call and returns its header as a reply has it, with the arguments.
    fn expect_call(&mut self, procedure: Procedure) -> (Header, Vec<u8>) {
        let Message { header, body } = self.expect(procedure, MessageKind::Call);
        assert_eq!(header.status, Status::Ok);
        (Header { kind: MessageKind::Reply, ..header }, body)
    }

    fn reply(&mut self, procedure: Procedure, result: &dyn Encode) -> Vec<u8> {
        let (header, arguments) = self.expect_call(procedure);
        self.wire.send(header, &result.encoded()).unwrap();
        arguments
    }

    /// Answers what a client without authentication begins with.
    fn greet(&mut self) {
        self.reply(Procedure::AuthList, &[0_u32].as_slice());
        let arguments = self.reply(Procedure::ConnectOpen, &());
        assert_eq!(Decode::decode_all(&arguments), Ok((Some("qemu:///system".to_owned()), 0_u32)));
    }

    /// Waits until the client has closed the connection.
    fn expect_end(mut self) {
        match self.wire.receive() {
            Err(RpcError::Closed) => {}
            other => panic!("expected the end of the connection, got {other:?}"),
        }
    }
}

/// Body of an error with a code.
fn error(code: i32, message: &str) -> Vec<u8> {
    let nothing = (None::<&str>, None::<&str>, None::<&str>);
    let (domain, network) = (None::<(&str, [u8; 16], i32)>, None::<(&str, [u8; 16])>);
    ((code, 10_i32, Some(message)), (2_i32, domain, nothing, -1_i32, -1_i32, network)).encoded()
}

struct ScriptedDaemon {
    directory: tempfile::TempDir,
    daemon: JoinHandle<()>,
}

/// Runs a daemon for one connection.
fn daemon(script: impl FnOnce(Daemon) + Send + 'static) -> ScriptedDaemon {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("sock")).unwrap();
    ScriptedDaemon { directory, daemon: thread::spawn(move || script(Daemon::accept(&listener))) }
}

impl ScriptedDaemon {
    fn open(&self, cancellation: &Cancellation) -> Result<Connection, RpcError> {
        open(&self.directory.path().join("sock"), cancellation)
    }

    /// Ends the client's side, and waits for the daemon's checks.
    fn end(self, connection: Connection) {
        drop(connection);
        self.daemon.join().unwrap();
    }
}

fn open(socket: &std::path::Path, cancellation: &Cancellation) -> Result<Connection, RpcError> {
    let uri = Uri::parse(&format!("qemu:///system?socket={}", socket.display())).unwrap();
    Connection::open(&uri, &User { id: 0, runtime_dir: "/nowhere".into() }, cancellation)
}

/// A daemon that greets, and a connection to it.
fn greeted(script: impl FnOnce(Daemon) + Send + 'static) -> (ScriptedDaemon, Connection) {
    let scripted = daemon(|mut daemon| {
        daemon.greet();
        script(daemon);
    });
    let connection = scripted.open(&Cancellation::default()).unwrap();
    (scripted, connection)
}

const DOMAIN: (&str, [u8; 16], i32) = ("digits", [7; 16], -1);

#[test]
fn calls_return_what_the_daemon_answers_and_dropping_the_connection_ends_it() {
    let (scripted, connection) = greeted(|mut daemon| {
        daemon.reply(Procedure::ConnectGetLibVersion, &9_000_000_u64);
        let name = daemon.reply(Procedure::DomainLookupByName, &DOMAIN);
        assert_eq!(String::decode_all(&name).unwrap(), "digits");
        let domain = daemon.reply(Procedure::DomainGetState, &(5_i32, 0_i32));
        assert_eq!(domain, (DOMAIN, 0_u32).encoded());
        let model = [0_u32; 32];
        let model: Vec<u8> = model.iter().flat_map(Encode::encoded).collect();
        let (header, _) = daemon.expect_call(Procedure::NodeGetInfo);
        let rest = (1_u64, (4_i32, 0_i32, 1_i32, 1_i32, 4_i32, 1_i32)).encoded();
        daemon.wire.send(header, &[model, rest].concat()).unwrap();
        daemon.expect_end();
    });
    assert_eq!(connection.lib_version().unwrap(), 9_000_000);
    assert_eq!(connection.domain_by_name("digits").unwrap().state().unwrap(), DomainState::Off);
    assert_eq!(connection.cpus().unwrap(), 4);
    scripted.end(connection);
}

#[test]
fn polkit_is_asked_where_the_daemon_requires_it() {
    let scripted = daemon(|mut daemon| {
        daemon.reply(Procedure::AuthList, &[2_u32].as_slice());
        let (header, _) = daemon.expect_call(Procedure::AuthPolkit);
        let refusal = error(94, "authentication unavailable: no polkit agent available");
        daemon.wire.send(Header { status: Status::Error, ..header }, &refusal).unwrap();
        daemon.expect_end();
    });
    let refused = scripted.open(&Cancellation::default()).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::AUTH_UNAVAILABLE));
    scripted.daemon.join().unwrap();
    let scripted = daemon(|mut daemon| {
        daemon.reply(Procedure::AuthList, &[1_u32, 2].as_slice());
        daemon.reply(Procedure::AuthPolkit, &1_i32);
        daemon.reply(Procedure::ConnectOpen, &());
    });
    let connection = scripted.open(&Cancellation::default()).unwrap();
    scripted.end(connection);
}

#[test]
fn other_authentication_is_unsupported() {
    let scripted = daemon(|mut daemon| {
        daemon.reply(Procedure::AuthList, &[1_u32].as_slice());
        daemon.expect_end();
    });
    let error = scripted.open(&Cancellation::default()).unwrap_err();
    assert_eq!(error.to_string(), "libvirt requires SASL, which is not supported");
    scripted.daemon.join().unwrap();
}

#[test]
fn an_error_of_the_daemon_keeps_its_code_and_the_connection() {
    let (scripted, connection) = greeted(|mut daemon| {
        let (header, _) = daemon.expect_call(Procedure::DomainLookupByName);
        daemon.wire.send(Header { status: Status::Error, ..header }, &error(42, "Domain not found")).unwrap();
        daemon.reply(Procedure::DomainLookupByName, &DOMAIN);
    });
    match connection.domain_by_name("digits").unwrap_err() {
        RpcError::Libvirt(error) => {
            let message = "Domain not found".to_owned();
            assert_eq!(error, LibvirtError { code: ErrorCode::NO_DOMAIN, domain: 10, message });
        }
        other => panic!("{other:?}"),
    }
    connection.domain_by_name("digits").unwrap();
    scripted.end(connection);
}

/// Answers one call with this header, and returns the client's error. The connection must be closed by it.
fn answered_with(change: impl FnOnce(Header) -> Header + Send + 'static, body: Vec<u8>) -> RpcError {
    let (scripted, connection) = greeted(move |mut daemon| {
        let (header, _) = daemon.expect_call(Procedure::ConnectGetLibVersion);
        daemon.wire.send(change(header), &body).unwrap();
        daemon.expect_end();
    });
    let error = connection.lib_version().unwrap_err();
    assert!(matches!(connection.lib_version(), Err(RpcError::Closed)), "after {error}");
    scripted.end(connection);
    error
}

#[test]
fn an_answer_to_another_call_closes_the_connection() {
    let field = |change: fn(Header) -> Header| match answered_with(change, 7_u64.encoded()) {
        RpcError::Unexpected { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(|header| Header { serial: header.serial + 1, ..header }), "serial");
    assert_eq!(field(|header| Header { program: 0x2000_8087, ..header }), "program");
    assert_eq!(field(|header| Header { version: 2, ..header }), "version");
    assert_eq!(field(|header| Header { procedure: 4, ..header }), "procedure");
    assert_eq!(field(|header| Header { kind: MessageKind::Call, ..header }), "type");
    assert_eq!(field(|header| Header { status: Status::Continue, ..header }), "status");
}

#[test]
fn a_malformed_answer_closes_the_connection() {
    for body in [vec![], vec![0; 4], vec![0; 12]] {
        assert!(matches!(answered_with(|header| header, body), RpcError::Malformed(_)));
    }
    let error = answered_with(|header| Header { status: Status::Error, ..header }, vec![0; 8]);
    assert!(matches!(error, RpcError::Malformed(_)), "{error:?}");
}

/// Answers one call with these bytes and closes the connection. Returns the client's error.
fn answered_with_bytes(bytes: Vec<u8>) -> RpcError {
    let (scripted, connection) = greeted(move |mut daemon| {
        daemon.expect_call(Procedure::ConnectGetLibVersion);
        daemon.socket.write_all(&bytes).unwrap();
    });
    let error = connection.lib_version().unwrap_err();
    scripted.end(connection);
    error
}

#[test]
fn lengths_beyond_the_protocol_are_errors_before_the_message_is_read() {
    assert!(matches!(answered_with_bytes(vec![0xff; 4]), RpcError::MessageLength(u32::MAX)));
    assert!(matches!(answered_with_bytes(((32_u32 << 20) + 29).encoded()), RpcError::MessageLength(_)));
    assert!(matches!(answered_with_bytes(27_u32.encoded()), RpcError::MessageLength(27)));
}

#[test]
fn a_daemon_that_ends_inside_a_message_has_closed_the_connection() {
    assert!(matches!(answered_with_bytes(vec![]), RpcError::Closed));
    assert!(matches!(answered_with_bytes(vec![0, 0]), RpcError::Closed));
    assert!(matches!(answered_with_bytes([36_u32.encoded(), vec![0; 20]].concat()), RpcError::Closed));
}

#[test]
fn keepalive_is_answered_and_events_are_dropped() {
    let (scripted, connection) = greeted(|mut daemon| {
        let (header, _) = daemon.expect_call(Procedure::ConnectGetLibVersion);
        let event = Header { kind: MessageKind::Event, serial: 0, procedure: 100, ..header };
        daemon.wire.send(event, b"anything").unwrap();
        let (program, version) = (KEEPALIVE_PROGRAM, KEEPALIVE_VERSION);
        let ping = Header { program, version, procedure: KEEPALIVE_PING, ..event };
        daemon.wire.send(ping, &[]).unwrap();
        let pong = daemon.wire.receive().unwrap();
        assert_eq!(pong, Message { header: Header { procedure: KEEPALIVE_PONG, ..ping }, body: vec![] });
        daemon.wire.send(header, &7_u64.encoded()).unwrap();
    });
    assert_eq!(connection.lib_version().unwrap(), 7);
    scripted.end(connection);
}

/// A volume of the daemon, opened.
fn volume(connection: &Connection) -> Volume<'_> {
    connection.pool_by_name("hostler").unwrap().volume_by_name("seed").unwrap()
}

impl Daemon {
    fn show_volume(&mut self) {
        self.reply(Procedure::StoragePoolLookupByName, &("hostler", [1_u8; 16]));
        self.reply(Procedure::StorageVolLookupByName, &("hostler", "seed", "/pool/seed"));
    }

    /// Receives the pieces of a stream to its end, and returns its header with the content.
    fn content(&mut self, procedure: Procedure) -> (Header, Vec<u8>) {
        let mut content = Vec::new();
        loop {
            let Message { header, body } = self.expect(procedure, MessageKind::Stream);
            content.extend(body);
            match header.status {
                Status::Continue => {}
                Status::Ok => return (header, content),
                Status::Error => panic!("the client has aborted the stream"),
            }
        }
    }
}

#[test]
fn an_upload_arrives_whole_and_the_connection_goes_on() {
    let content: Vec<u8> = (0..600_000_u32).map(|number| number as u8).collect();
    let sent = content.clone();
    let (scripted, connection) = greeted(move |mut daemon| {
        daemon.show_volume();
        let arguments = daemon.reply(Procedure::StorageVolUpload, &());
        assert_eq!(arguments, (("hostler", "seed", "/pool/seed"), 0_u64, 600_000_u64, 0_u32).encoded());
        let (end, received) = daemon.content(Procedure::StorageVolUpload);
        assert!(received == content, "the content differs");
        daemon.wire.send(end, &[]).unwrap();
        daemon.reply(Procedure::ConnectGetLibVersion, &7_u64);
    });
    let upload = volume(&connection).upload(600_000).unwrap();
    upload.send(&sent).unwrap();
    upload.finish().unwrap();
    assert_eq!(connection.lib_version().unwrap(), 7);
    scripted.end(connection);
}

#[test]
fn an_upload_that_the_daemon_aborts_fails_with_its_error() {
    let (scripted, connection) = greeted(|mut daemon| {
        daemon.show_volume();
        daemon.reply(Procedure::StorageVolUpload, &());
        let piece = daemon.expect(Procedure::StorageVolUpload, MessageKind::Stream);
        let full = error(38, "cannot write to '/pool/seed': No space left on device");
        daemon.wire.send(Header { status: Status::Error, ..piece.header }, &full).unwrap();
        // Like libvirtd, it drops what comes until the client has noticed.
        while daemon.wire.receive().is_ok() {}
    });
    let upload = volume(&connection).upload(1 << 40).unwrap();
    let error = std::iter::repeat_with(|| upload.send(&[0; 4096])).find_map(Result::err).unwrap();
    assert_eq!(error.code(), Some(ErrorCode(38)));
    drop(upload);
    assert!(matches!(connection.lib_version(), Err(RpcError::Closed)), "an unfinished stream ends the connection");
    scripted.end(connection);
}

#[test]
fn an_error_at_the_end_of_an_upload_is_reported() {
    let (scripted, connection) = greeted(|mut daemon| {
        daemon.show_volume();
        daemon.reply(Procedure::StorageVolUpload, &());
        let (end, _) = daemon.content(Procedure::StorageVolUpload);
        daemon.wire.send(Header { status: Status::Error, ..end }, &error(38, "cannot close file")).unwrap();
    });
    let upload = volume(&connection).upload(4).unwrap();
    upload.send(b"data").unwrap();
    assert_eq!(upload.finish().unwrap_err().to_string(), "cannot close file");
    scripted.end(connection);
}

#[test]
fn a_download_returns_the_end_even_if_data_comes_before_the_reply() {
    let (scripted, connection) = greeted(|mut daemon| {
        daemon.show_volume();
        let (reply, arguments) = daemon.expect_call(Procedure::StorageVolDownload);
        assert_eq!(arguments, (("hostler", "seed", "/pool/seed"), 3_u64, 0_u64, 0_u32).encoded());
        let piece = Header { kind: MessageKind::Stream, status: Status::Continue, ..reply };
        daemon.wire.send(piece, b"first ").unwrap();
        daemon.wire.send(reply, &[]).unwrap();
        daemon.wire.send(piece, b"second").unwrap();
        daemon.wire.send(piece, b"").unwrap();
        let (end, _) = daemon.content(Procedure::StorageVolDownload);
        daemon.wire.send(end, &[]).unwrap();
        daemon.reply(Procedure::ConnectGetLibVersion, &7_u64);
    });
    assert_eq!(volume(&connection).download(3).unwrap().read_last(8).unwrap(), *b"t second");
    assert_eq!(connection.lib_version().unwrap(), 7);
    scripted.end(connection);
}

#[test]
fn a_download_that_the_daemon_aborts_fails_with_its_error() {
    let (scripted, connection) = greeted(|mut daemon| {
        daemon.show_volume();
        let (reply, _) = daemon.expect_call(Procedure::StorageVolDownload);
        daemon.wire.send(reply, &[]).unwrap();
        let aborted = Header { kind: MessageKind::Stream, status: Status::Error, ..reply };
        daemon.wire.send(aborted, &error(38, "cannot read")).unwrap();
        daemon.expect_end();
    });
    let error = volume(&connection).download(0).unwrap().read_last(8).unwrap_err();
    assert_eq!(error.to_string(), "cannot read");
    scripted.end(connection);
}

#[test]
fn a_call_to_a_daemon_that_hangs_ends_when_it_is_cancelled() {
    let (asked, hanging) = std::sync::mpsc::channel();
    let scripted = daemon(move |mut daemon| {
        daemon.greet();
        daemon.expect_call(Procedure::ConnectGetLibVersion);
        asked.send(()).unwrap();
        // Until the client ends the connection.
        assert_eq!(daemon.socket.read(&mut [0]).unwrap(), 0);
    });
    let cancellation = Cancellation::default();
    let guard = cancellation.on_drop();
    let connection = scripted.open(&cancellation).unwrap();
    let caller = thread::spawn(move || connection.lib_version().unwrap_err());
    hanging.recv().unwrap();
    drop(guard);
    assert!(matches!(caller.join().unwrap(), RpcError::Closed));
    scripted.daemon.join().unwrap();
}

#[test]
fn nothing_is_opened_for_a_call_that_is_cancelled() {
    let scripted = daemon(Daemon::expect_end);
    let cancellation = Cancellation::default();
    drop(cancellation.on_drop());
    assert!(matches!(scripted.open(&cancellation), Err(RpcError::Cancelled)));
    scripted.daemon.join().unwrap();
}

#[test]
fn a_socket_whose_daemon_has_ended_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sock");
    drop(UnixListener::bind(&path).unwrap());
    match open(&path, &Cancellation::default()).unwrap_err() {
        RpcError::Connect { socket, source } => {
            assert_eq!((socket, source.kind()), (path, ErrorKind::ConnectionRefused));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn missing_sockets_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let user = User { id: 7, runtime_dir: directory.path().to_owned() };
    let uri = Uri::parse("qemu:///session").unwrap();
    let error = Connection::open(&uri, &user, &Cancellation::default()).unwrap_err();
    assert_eq!(
        error.to_string().replace(directory.path().to_str().unwrap(), "RUN"),
        "no libvirt daemon is running: found no `RUN/libvirt/virtqemud-sock` and no `RUN/libvirt/libvirt-sock`"
    );
}
