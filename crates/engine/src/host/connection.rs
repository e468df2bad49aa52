//! One logged-in connection to a machine.

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
use super::{ConnectPolicy, Target};

/// A connection, and what it hangs on.
pub(super) struct Connection {
    handle: Handle<HostKeyCheck>,
    /// The key that the host showed.
    pub(super) key: HostKey,
    /// As it was reached.
    pub(super) target: Target,
    /// The connection that this one goes through must live as long.
    _via: Option<Arc<Connection>>,
}

impl Connection {
    /// Dials, checks the host key, and logs in.
    pub(super) async fn open(target: &Target, via: Option<Arc<Self>>, pace: &ConnectPolicy) -> Result<Self, HostError> {
        let connecting = |trouble| HostError::new("connecting to", target, trouble);
        let result = match &via {
            None => {
                let stream = dial(&target.address, pace.answer).await.map_err(connecting)?;
                greet(target, stream, pace).await
            }
            Some(jump) => {
                let stream = jump.forward(target, pace).await.map_err(connecting)?.into_stream();
                greet(target, stream, pace).await
            }
        };
        let (handle, key) = result.map_err(|trouble| HostError::new("logging in to", target, trouble))?;
        Ok(Self { handle, key, target: target.clone(), _via: via })
    }

    /// Whether it can't be used any more.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// A new channel for one command.
    pub(super) async fn channel(&self) -> Result<Channel<Msg>, HostErrorKind> {
        Ok(self.handle.channel_open_session().await?)
    }

    async fn forward(&self, to: &Target, pace: &ConnectPolicy) -> Result<Channel<Msg>, HostErrorKind> {
        let Target { address, .. } = to;
        let opening = self.handle.channel_open_direct_tcpip(&address.host, u32::from(address.port), "127.0.0.1", 0);
        match timeout(pace.answer, opening).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(_))) => Err(HostErrorKind::ConnectionRefused),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(HostErrorKind::NoResponse(pace.answer)),
        }
    }

    /// An error that names this machine.
    pub(super) fn error(&self, doing: &'static str, trouble: HostErrorKind) -> HostError {
        HostError::new(doing, &self.target, trouble)
    }
}

/// From a stream on which an SSH server speaks to a login.
async fn greet<S>(
    target: &Target,
    stream: S,
    pace: &ConnectPolicy,
) -> Result<(Handle<HostKeyCheck>, HostKey), HostErrorKind>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let seen = Arc::new(OnceLock::new());
    let pin = HostKeyCheck { pinned: target.pinned.clone(), seen: Arc::clone(&seen) };
    let login = async {
        let mut handle = client::connect_stream(Arc::new(config(target)), stream, pin).await?;
        let key = target.identity.key();
        // Of an RSA key the server says by which hash it may sign; the oldest is refused by most.
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
    let handle = timeout(pace.login, login).await.map_err(|_| HostErrorKind::NoResponse(pace.login))??;
    let key = seen.get().cloned().ok_or(HostErrorKind::ConnectionLost(None))?;
    Ok((handle, key))
}

fn config(target: &Target) -> client::Config {
    let mut preferred = Preferred::default();
    // A host that has got a second kind of key since must go on showing the one that is pinned.
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

/// Compares the host's key with the pinned one.
pub(super) struct HostKeyCheck {
    pinned: Option<HostKey>,
    seen: Arc<OnceLock<HostKey>>,
}

impl client::Handler for HostKeyCheck {
    type Error = HostErrorKind;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, HostErrorKind> {
        let offered = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => HostKey::from(key),
            PublicKeyOrCertificate::Certificate(certificate) => HostKey::from(&certificate.public_key().clone().into()),
        };
        match &self.pinned {
            Some(pinned) if *pinned != offered => {
                Err(HostErrorKind::HostKeyChanged { pinned: pinned.clone(), offered })
            }
            _ => {
                // A later key exchange shows the same key again: the first one stays.
                self.seen.get_or_init(|| offered);
                Ok(true)
            }
        }
    }
}
