use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushSettings {
    /// Clients that are told of changes at once; one more is answered 503.
    pub max_clients: NonZeroUsize,
    /// Of those, clients that read from the topic what is kept here no longer; one more is answered 503.
    pub max_catching_up: NonZeroUsize,
    /// How long a client may read from the topic before it is cut and resumes.
    #[serde(with = "duration")]
    pub catch_up_within: Duration,
    /// Changes that are kept here for all clients together; who falls behind them is cut and resumes.
    pub max_changes: NonZeroUsize,
    /// The same in bytes.
    pub max_bytes: usize,
    /// After so long without a change a client is sent a comment and its position.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self {
            max_clients: const { NonZeroUsize::new(1_000).unwrap() },
            max_catching_up: const { NonZeroUsize::new(8).unwrap() },
            catch_up_within: Duration::from_secs(60),
            max_changes: const { NonZeroUsize::new(20_000).unwrap() },
            max_bytes: 16 * 1024 * 1024,
            heartbeat: Duration::from_secs(15),
        }
    }
}
