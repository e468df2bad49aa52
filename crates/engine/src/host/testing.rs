//! A real SSH server on this computer, for tests.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hostler_core::ports::Address;
use tempfile::TempDir;

use super::{ConnectPolicy, HostKey, Identity, Keypair, Stream, Target, generate_keypair, write_private};

/// An SSH server that accepts one key. Stopped when dropped.
pub(crate) struct Sshd {
    server: Child,
    pub(crate) port: u16,
    pub(crate) dir: TempDir,
    pub(crate) host_key: HostKey,
    login: Keypair,
}

impl Sshd {
    pub(crate) fn start() -> Self {
        // Another process may take the port between our check and the server's bind.
        (0..20)
            .find_map(|_| Self::start_with(generate_keypair("login").unwrap(), free_port()))
            .expect("a port for sshd")
    }

    /// A second server that accepts the same key. `None` if the port is in use.
    pub(crate) fn second_at(&self, port: u16) -> Option<Self> {
        let login = Keypair { private: self.login.private.clone(), public: self.login.public.clone() };
        Self::start_with(login, port)
    }

    fn start_with(login: Keypair, port: u16) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let host = generate_keypair("host").unwrap();
        write_private(&dir.path().join("host"), &host.private).unwrap();
        write_private(&dir.path().join("login"), &login.private).unwrap();
        std::fs::write(dir.path().join("authorized"), &login.public).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        let config = dir.path().join("sshd_config");
        std::fs::write(&config, server_config(dir.path(), port)).unwrap();
        if user() == "root" {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let mut server = Process::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssh-server is installed");
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
        if !log.any(|line| line.contains("Server listening")) {
            server.wait().unwrap();
            return None;
        }
        std::thread::spawn(move || log.for_each(drop));
        Some(Self { server, port, dir, host_key: host.public.parse().unwrap(), login })
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            machine: "digits".to_owned(),
            address: Address { host: "127.0.0.1".to_owned(), port: self.port },
            user: user(),
            identity: Arc::new(Identity::from_text(&self.login.private).unwrap()),
            pinned: Some(self.host_key.clone()),
            jump: None,
        }
    }

    /// A path below the server's own directory.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Breaks all connections, as a network failure does.
    pub(crate) fn cut(&self) {
        let children = format!("/proc/{0}/task/{0}/children", self.server.id());
        for child in std::fs::read_to_string(children).unwrap().split_whitespace() {
            assert!(Process::new("kill").args(["-KILL", child]).status().unwrap().success());
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Logins get a home directory without files: the profile of the user who runs the tests may print or change anything.
fn server_config(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nMaxSessions 100\n\
         PrintMotd no\nSetEnv HOME={dir}/home\n"
    )
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn user() -> String {
    let id = Process::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

/// Short pauses for a server on this computer.
pub(crate) fn quick() -> ConnectPolicy {
    ConnectPolicy {
        connect_timeout: Duration::from_secs(20),
        initial_pause: Duration::from_millis(5),
        max_pause: Duration::from_millis(20),
        login_retry: Duration::ZERO,
        ..ConnectPolicy::default()
    }
}

/// Captures the output of a command.
#[derive(Default)]
pub(crate) struct CapturedOutput(Mutex<Vec<(Stream, String)>>);

impl CapturedOutput {
    pub(crate) fn keep(&self, stream: Stream, line: &str) {
        self.0.lock().unwrap().push((stream, line.to_owned()));
    }

    pub(crate) fn lines(&self, wanted: Stream) -> Vec<String> {
        let kept = self.0.lock().unwrap();
        kept.iter().filter(|(stream, _)| *stream == wanted).map(|(_, line)| line.clone()).collect()
    }
}
