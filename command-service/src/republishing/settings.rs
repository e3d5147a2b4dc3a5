use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;

/// The section `republishing`: of `republish`, and of the repairs in role `relay`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepublishingSettings {
    /// Events a second at most.
    pub rate: NonZeroU32,
    /// How long a bucket is held before the relay gets it back for a while.
    #[serde(with = "duration")]
    pub slice: Duration,
    /// How long it stays with the relay then, where no other bucket is to be done meanwhile.
    #[serde(with = "duration")]
    pub pause: Duration,
    /// How long to wait until buckets become free. A relay whose topic is gone notices it within half a minute.
    #[serde(with = "duration")]
    pub bucket_timeout: Duration,
    /// How often a batch that the brokers refuse is sent before the run ends.
    pub attempts: NonZeroU32,
}

impl Default for RepublishingSettings {
    fn default() -> Self {
        Self {
            rate: const { NonZeroU32::new(5000).unwrap() },
            slice: Duration::from_secs(3),
            pause: Duration::from_secs(1),
            bucket_timeout: Duration::from_secs(60),
            attempts: const { NonZeroU32::new(10).unwrap() },
        }
    }
}
