use std::net::TcpListener;
use std::process::Command as Process;
use std::sync::Mutex;

use super::super::testing::free_port;
use super::*;

const LONG: Duration = Duration::from_secs(60);

async fn refused(target: &Target, pace: ConnectPolicy) -> HostError {
    Ssh::new(pace).wait_for_ssh(target, Duration::ZERO, &|_| ()).await.unwrap_err()
}

#[tokio::test]
async fn first_contact_returns_the_host_key_to_pin() {
    let server = Sshd::start();
    let target = Target { pinned: None, ..server.target() };
    let key = Ssh::new(quick()).wait_for_ssh(&target, LONG, &|_| ()).await.unwrap();
    assert_eq!(key, server.host_key);
}

#[tokio::test]
async fn changed_host_key_fails_at_once_with_a_hint() {
    let server = Sshd::start();
    let other: HostKey = generate_keypair("other").unwrap().public.parse().unwrap();
    let target = Target { pinned: Some(other.clone()), ..server.target() };
    let error = Ssh::new(quick()).wait_for_ssh(&target, LONG, &|_| ()).await.unwrap_err();
    assert!(matches!(&error.kind, HostErrorKind::HostKeyChanged { pinned, offered }
        if *pinned == other && *offered == server.host_key));
    assert!(error.to_string().contains(&server.host_key.fingerprint()), "{error}");
    assert!(error.hint().unwrap().contains("reinstalled") && !error.is_transient());
}

#[tokio::test]
async fn cached_connection_does_not_hide_a_changed_pin() {
    let server = Sshd::start();
    let hosts = Ssh::new(quick());
    hosts.session(&server.target()).await.unwrap();
    let other = generate_keypair("other").unwrap().public.parse().unwrap();
    let refused = hosts.session(&Target { pinned: Some(other), ..server.target() }).await;
    assert!(matches!(refused.err().unwrap().kind, HostErrorKind::HostKeyChanged { .. }));
}

#[tokio::test]
async fn unknown_login_key_is_rejected() {
    let server = Sshd::start();
    let stranger = Identity::from_text(&generate_keypair("x").unwrap().private).unwrap();
    let target = Target { identity: Arc::new(stranger), ..server.target() };
    let error = refused(&target, quick()).await;
    assert!(matches!(error.kind, HostErrorKind::NoResponse(_)), "no attempt without time: {error}");
    let error = Ssh::new(quick()).wait_for_ssh(&target, LONG, &|_| ()).await.unwrap_err();
    assert!(matches!(error.kind, HostErrorKind::LoginRefused { .. }), "{error}");
}

#[tokio::test]
async fn server_without_banner_is_reported() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Sshd::start();
    let mut target = server.target();
    target.address.port = silent.local_addr().unwrap().port();
    let pace = ConnectPolicy { connect_timeout: Duration::from_millis(50), ..quick() };
    let error = Ssh::new(pace).session(&target).await.err().unwrap();
    assert!(matches!(error.kind, HostErrorKind::NoBanner(_)), "{error}");
}

#[tokio::test]
async fn late_machine_is_reached() {
    let login = Sshd::start();
    let late = Mutex::new(None);
    let port = free_port();
    let mut target = Target { pinned: None, ..login.target() };
    target.address.port = port;
    let note = |text: &str| {
        assert!(text.starts_with("waiting for SSH on `digits`: "), "{text}");
        late.lock().unwrap().get_or_insert_with(|| login.second_at(port).expect("the port is still free"));
    };
    let key = Ssh::new(quick()).wait_for_ssh(&target, LONG, &note).await.unwrap();
    assert_eq!(key, late.into_inner().unwrap().unwrap().host_key);
}

#[tokio::test]
async fn unreachable_hosts_report_the_reason() {
    let server = Sshd::start();
    let at = |host: &str, port| {
        let address = Address { host: host.to_owned(), port };
        Target { address, ..server.target() }
    };
    let hosts = Ssh::new(quick());
    let error = hosts.session(&at("127.0.0.1", free_port())).await.err().unwrap();
    assert!(matches!(error.kind, HostErrorKind::ConnectionRefused), "{error}");
    let error = hosts.session(&at("nowhere.invalid", 22)).await.err().unwrap();
    assert!(matches!(error.kind, HostErrorKind::UnknownHostname(_)), "{error}");
}

#[tokio::test]
async fn other_protocol_is_reported() {
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Sshd::start();
    let mut target = server.target();
    target.address.port = web.local_addr().unwrap().port();
    let answering = async {
        let (stream, _) = web.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        std::future::pending::<()>().await;
    };
    let hosts = Ssh::new(quick());
    let error = tokio::select! { result = hosts.session(&target) => result.err().unwrap(), () = answering => return };
    assert!(matches!(error.kind, HostErrorKind::NotSsh), "{error}");
}

#[tokio::test]
async fn jump_host_is_used() {
    let (front, back) = (Sshd::start(), Sshd::start());
    let jump = Target { machine: "front".to_owned(), ..front.target() };
    let target = Target { jump: Some(Box::new(jump)), ..back.target() };
    let hosts = Ssh::new(quick());
    assert_eq!(hosts.wait_for_ssh(&target, LONG, &|_| ()).await.unwrap(), back.host_key);
    let session = hosts.session(&target).await.unwrap();
    let command = Command::new("echo \"${SSH_CONNECTION##* }\"");
    assert_eq!(run(&*session, &command).await.1, [back.port.to_string()]);
    front.cut();
    let lost = session.run(&Command::new("sleep 1000"), &|_, _| ()).await.unwrap_err();
    assert!(matches!(lost.kind, HostErrorKind::ConnectionLost(_)), "it went through the front: {lost}");
}

#[tokio::test]
async fn openssh_accepts_the_configuration() {
    let server = Sshd::start();
    let target = server.target();
    let jump = Target { machine: "front".to_owned(), ..server.target() };
    let behind = Target { machine: "back".to_owned(), jump: Some(Box::new(jump.clone())), ..server.target() };
    let dir = server.dir.path().join("a b%c");
    std::fs::create_dir(&dir).unwrap();
    let identity = dir.join("key");
    std::fs::copy(server.dir.path().join("login"), &identity).unwrap();
    let names = ["digits", "front", "back"];
    std::fs::write(dir.join("known"), known_hosts(names.map(|name| (name, &server.host_key)))).unwrap();
    let entries = [&target, &jump, &behind].map(|target| SshConfigEntry { target, identity: identity.clone() });
    let config = server.dir.path().join("config");
    std::fs::write(&config, ssh_config(&entries, &dir.join("known")).unwrap()).unwrap();
    let ssh = |args: &[&str]| {
        let output = Process::new("ssh").arg("-F").arg(&config).args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = ssh(&["-G", "digits"]);
    assert!(shown.contains("identitiesonly yes\n") && shown.contains("hostkeyalias digits\n"), "{shown}");
    assert_eq!(ssh(&["digits", "echo", "in"]), "in\n");
    // OpenSSH passes the configuration on to the jump host.
    assert_eq!(ssh(&["back", "echo", "through"]), "through\n");
}

#[test]
fn name_cannot_inject_a_line_into_the_configuration() {
    for host in ["h\nProxyCommand touch /tmp/x", "h x", "", "-oProxyCommand=x"] {
        let target = Target {
            machine: "digits".to_owned(),
            address: Address { host: host.to_owned(), port: 22 },
            user: "u".to_owned(),
            identity: Arc::new(Identity::from_text(&generate_keypair("x").unwrap().private).unwrap()),
            pinned: None,
            jump: None,
        };
        let entry = SshConfigEntry { target: &target, identity: "/k".into() };
        assert!(ssh_config(&[entry], Path::new("/known")).is_err(), "{host:?}");
    }
}
