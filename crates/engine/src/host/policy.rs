//! Time limits and pauses of connection attempts.

use std::time::Duration;

use hostler_core::setup::PhaseKind;

/// Time limits of a connection attempt, and pauses between attempts.
#[derive(Debug, Clone, Copy)]
pub struct ConnectPolicy {
    /// Limit for the TCP connection, and again for the SSH banner.
    pub connect_timeout: Duration,
    /// Limit for key exchange and login. An emulated guest under load needs many seconds.
    pub login_timeout: Duration,
    /// Pause after the first failed attempt; it grows by half with each further one.
    pub initial_pause: Duration,
    /// Longest pause during the fast attempts.
    pub max_pause: Duration,
    /// Number of fast attempts. A host that is not up by then is tried at `slow_interval`.
    pub fast_attempts: usize,
    /// Pause after the fast attempts.
    pub slow_interval: Duration,
    /// Time during which a rejected login is retried: the SSH server may answer before the first boot has installed the key.
    pub login_retry: Duration,
}

impl Default for ConnectPolicy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            login_timeout: Duration::from_secs(90),
            initial_pause: Duration::from_millis(250),
            max_pause: Duration::from_secs(3),
            fast_attempts: PhaseKind::WaitSsh.policy().tries as usize,
            slow_interval: Duration::from_secs(10),
            login_retry: Duration::from_secs(60),
        }
    }
}
