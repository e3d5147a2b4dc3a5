use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use crate::settings::duration;

/// The section `database`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresSettings {
    /// Of the role that the service works as: it can read and append events, and not change them. No default.
    pub url: Option<SecretString>,
    /// Of the owner of the schema; only `setup` needs it.
    pub owner_url: Option<SecretString>,
    /// Connections of one process for the commands of clients, again for those of the queue, or for the relay in a process of
    /// its own. On top come six for the relay, leases and health beside commands, and two for notifications.
    pub pool_size: usize,
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// How long a command waits for a connection out of the pool.
    #[serde(with = "duration")]
    pub acquire_timeout: Duration,
    /// The server gives a statement up after this; the client half a second later, for a server that does not answer.
    #[serde(with = "duration")]
    pub statement_timeout: Duration,
    /// The least time between two notifications to relays in other processes.
    #[serde(with = "duration")]
    pub notify_spacing: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            url: None,
            owner_url: None,
            pool_size: 16,
            connect_timeout: Duration::from_secs(2),
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            notify_spacing: Duration::from_millis(5),
        }
    }
}
