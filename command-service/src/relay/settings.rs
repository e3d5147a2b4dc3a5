use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;
use crate::sharing::SharingSettings;

/// The section `relay`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelaySettings {
    /// Batches in work at once, each of other buckets: while one waits for the brokers, the next is read.
    pub lanes: NonZeroUsize,
    /// Rows of one bucket in a batch at most.
    pub rows_per_bucket: NonZeroUsize,
    /// How often it says that it lives and takes or gives back buckets.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// After how long without a heartbeat others take its buckets.
    #[serde(with = "duration")]
    pub lease_ttl: Duration,
    /// How often it looks for rows that nothing has woken it for: at first, ...
    #[serde(with = "duration")]
    pub poll_min: Duration,
    /// ... and at most, while it finds none.
    #[serde(with = "duration")]
    pub poll_max: Duration,
    /// How long a bucket waits after a failure: at first, ...
    #[serde(with = "duration")]
    pub back_off_min: Duration,
    /// ... and at most, doubling each time.
    #[serde(with = "duration")]
    pub back_off_max: Duration,
    /// How long a batch in work may take to finish when the process is told to stop.
    #[serde(with = "duration")]
    pub stop_timeout: Duration,
    /// How often the outbox's depth and age are measured.
    #[serde(with = "duration")]
    pub backlog_interval: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            lanes: const { NonZeroUsize::new(2).unwrap() },
            rows_per_bucket: const { NonZeroUsize::new(500).unwrap() },
            heartbeat: Duration::from_millis(500),
            lease_ttl: Duration::from_secs(2),
            poll_min: Duration::from_millis(10),
            poll_max: Duration::from_millis(500),
            back_off_min: Duration::from_millis(50),
            back_off_max: Duration::from_secs(2),
            stop_timeout: Duration::from_secs(5),
            backlog_interval: Duration::from_secs(1),
        }
    }
}

impl RelaySettings {
    pub(super) fn sharing(&self) -> SharingSettings {
        SharingSettings {
            role: "relay",
            lanes: self.lanes,
            // While little is to be done, one read and one batch for all buckets is the least work.
            spread: false,
            heartbeat: self.heartbeat,
            lease_ttl: self.lease_ttl,
            poll_min: self.poll_min,
            poll_max: self.poll_max,
            back_off_min: self.back_off_min,
            back_off_max: self.back_off_max,
            stop_timeout: self.stop_timeout,
        }
    }
}
