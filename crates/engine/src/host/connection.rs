//! A logged-in SSH connection to a machine.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use russh::client::{self, Handle, Msg};
use russh::keys::{Algorithm, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, Preferred};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::dial::dial;
use super::error::{HostError, HostErrorKind};
use super::key::HostKey;
use super::policy::ConnectPolicy;
use super::target::Target;

/// A connection, and the connection to its jump host.
pub(super) struct SshConnection {
    handle: Handle<HostKeyCheck>,
    /// Host key presented by the machine.
    pub(super) key: HostKey,
    /// Target that was connected to.
    pub(super) target: Target,
    /// Connection to the jump host, which must live as long as this one.
    _via: Option<Arc<SshConnection>>,
}

impl SshConnection {
    /// Connects, checks the host key, and logs in.
    pub(super) async fn open(
        target: &Target,
        via: Option<Arc<Self>>,
        policy: &ConnectPolicy,
    ) -> Result<Self, HostError> {
        let connecting = |kind| HostError::new("connecting to", target, kind);
        let result = match &via {
            None => {
                let stream = dial(&target.address, policy.connect_timeout).await.map_err(connecting)?;
                log_in(target, stream, policy).await
            }
            Some(jump) => {
                let stream = jump.forward(target, policy).await.map_err(connecting)?.into_stream();
                log_in(target, stream, policy).await
            }
        };
        let (handle, key) = result.map_err(|kind| HostError::new("logging in to", target, kind))?;
        Ok(Self { handle, key, target: target.clone(), _via: via })
    }

    /// True once the connection is unusable.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Opens a channel for one command.
    pub(super) async fn channel(&self) -> Result<Channel<Msg>, HostErrorKind> {
        Ok(self.handle.channel_open_session().await?)
    }

    async fn forward(&self, to: &Target, policy: &ConnectPolicy) -> Result<Channel<Msg>, HostErrorKind> {
        let Target { address, .. } = to;
        let opening = self.handle.channel_open_direct_tcpip(&address.host, u32::from(address.port), "127.0.0.1", 0);
        match timeout(policy.connect_timeout, opening).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(_))) => Err(HostErrorKind::ConnectionRefused),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(HostErrorKind::NoResponse(policy.connect_timeout)),
        }
    }

    /// Builds an error that names this machine.
    pub(super) fn error(&self, doing: &'static str, kind: HostErrorKind) -> HostError {
        HostError::new(doing, &self.target, kind)
    }
}

/// Performs key exchange and login on a connected stream.
async fn log_in<S>(
    target: &Target,
    stream: S,
    policy: &ConnectPolicy,
) -> Result<(Handle<HostKeyCheck>, HostKey), HostErrorKind>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let seen = Arc::new(OnceLock::new());
    let check = HostKeyCheck { pinned: target.pinned.clone(), seen: Arc::clone(&seen) };
    let login = async {
        let mut handle = client::connect_stream(Arc::new(config(target)), stream, check).await?;
        let key = target.identity.key();
        // The server announces the hashes that it accepts for RSA signatures; most reject SHA-1.
        let hash = match key.algorithm() {
            Algorithm::Rsa { .. } => handle.best_supported_rsa_hash().await?.flatten(),
            _ => None,
        };
        let key = PrivateKeyWithHashAlg::new(key, hash);
        if handle.authenticate_publickey(&target.user, key).await?.success() {
            Ok(handle)
        } else {
            Err(HostErrorKind::LoginRefused { user: target.user.clone() })
        }
    };
    let handle =
        timeout(policy.login_timeout, login).await.map_err(|_| HostErrorKind::NoResponse(policy.login_timeout))??;
    let key = seen.get().cloned().ok_or(HostErrorKind::ConnectionLost(None))?;
    Ok((handle, key))
}

fn config(target: &Target) -> client::Config {
    let mut preferred = Preferred::default();
    // A host with several host keys must present the one of the pinned algorithm.
    if let Some(pinned) = &target.pinned {
        preferred.key = vec![pinned.algorithm()].into();
    }
    client::Config {
        keepalive_interval: Some(Duration::from_secs(15)),
        keepalive_max: 4,
        nodelay: true,
        preferred,
        ..client::Config::default()
    }
}

/// Compares the presented host key with the pinned one.
pub(super) struct HostKeyCheck {
    pinned: Option<HostKey>,
    seen: Arc<OnceLock<HostKey>>,
}

impl client::Handler for HostKeyCheck {
    type Error = HostErrorKind;

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, HostErrorKind> {
        let offered = match presented {
            PublicKeyOrCertificate::PublicKey { key, .. } => HostKey::from(key),
            PublicKeyOrCertificate::Certificate(certificate) => HostKey::from(&certificate.public_key().clone().into()),
        };
        match &self.pinned {
            Some(pinned) if *pinned != offered => {
                Err(HostErrorKind::HostKeyChanged { pinned: pinned.clone(), offered })
            }
            _ => {
                // A rekey presents the key again: keep the first.
                self.seen.get_or_init(|| offered);
                Ok(true)
            }
        }
    }
}
