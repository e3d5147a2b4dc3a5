use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// What this replica keeps of order details, at most, in bytes; 0 keeps none.
    pub max_bytes: u64,
    /// How long an order is shown without asking the store, if nobody tells that it changed.
    #[serde(with = "duration")]
    pub time_to_live: Duration,
    /// The same of the answer that there is no such order.
    #[serde(with = "duration")]
    pub negative_time_to_live: Duration,
    /// The same of both while the changes feed is cut off.
    #[serde(with = "duration")]
    pub without_feed_time_to_live: Duration,
    /// How old an order may be that is shown because the store does not answer.
    #[serde(with = "duration")]
    pub stale_while_unavailable: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            time_to_live: Duration::from_secs(60),
            negative_time_to_live: Duration::from_secs(1),
            without_feed_time_to_live: Duration::from_secs(1),
            stale_while_unavailable: Duration::from_secs(600),
        }
    }
}
