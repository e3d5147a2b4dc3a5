use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;
use crate::sharing::SharingSettings;

/// The section `worker`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerSettings {
    /// Batches in work at once, each of other buckets.
    pub lanes: NonZeroUsize,
    /// Commands of one bucket in a batch at most.
    pub commands_per_bucket: NonZeroUsize,
    /// Aggregates whose commands are run at once by this process; those of one aggregate are run one after the other.
    pub streams_at_once: NonZeroUsize,
    /// How often it says that it lives and takes or gives back buckets.
    #[serde(with = "duration")]
    pub heartbeat: Duration,
    /// After how long without a heartbeat others take its buckets.
    #[serde(with = "duration")]
    pub lease_ttl: Duration,
    /// How often it looks for commands that nothing has woken it for: at first, ...
    #[serde(with = "duration")]
    pub poll_min: Duration,
    /// ... and at most, while it finds none. A command that is to be tried again may be this much late.
    #[serde(with = "duration")]
    pub poll_max: Duration,
    /// How long a bucket rests after the store has not answered: at first, ...
    #[serde(with = "duration")]
    pub back_off_min: Duration,
    /// ... and at most, doubling each time.
    #[serde(with = "duration")]
    pub back_off_max: Duration,
    /// How long a command that could not be run waits for its next attempt, with those behind it in its stream: at first, ...
    #[serde(with = "duration")]
    pub retry_min: Duration,
    /// ... and at most, doubling each time.
    #[serde(with = "duration")]
    pub retry_max: Duration,
    /// Attempts that fail by the command's own fault before it is given up and recorded as failed. While the store does not
    /// answer, or others are faster, it is tried for ever.
    pub attempts: NonZeroU32,
    /// How long one attempt may take.
    #[serde(with = "duration")]
    pub command_deadline: Duration,
    /// How long a batch in work may take to finish when the process is told to stop.
    #[serde(with = "duration")]
    pub stop_timeout: Duration,
    /// How often the queue's depth and age are measured.
    #[serde(with = "duration")]
    pub watch_interval: Duration,
    /// How long a client may repeat a command under its idempotency key and get the first answer.
    #[serde(with = "duration")]
    pub key_retention: Duration,
    /// How often older keys are forgotten.
    #[serde(with = "duration")]
    pub cleanup_interval: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            lanes: const { NonZeroUsize::new(16).unwrap() },
            commands_per_bucket: const { NonZeroUsize::new(100).unwrap() },
            streams_at_once: const { NonZeroUsize::new(16).unwrap() },
            heartbeat: Duration::from_millis(500),
            lease_ttl: Duration::from_secs(2),
            poll_min: Duration::from_millis(10),
            poll_max: Duration::from_millis(500),
            back_off_min: Duration::from_millis(50),
            back_off_max: Duration::from_secs(2),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(10),
            attempts: const { NonZeroU32::new(10).unwrap() },
            command_deadline: Duration::from_secs(10),
            stop_timeout: Duration::from_secs(5),
            watch_interval: Duration::from_secs(1),
            key_retention: Duration::from_secs(30 * 24 * 60 * 60),
            cleanup_interval: Duration::from_secs(60 * 60),
        }
    }
}

impl WorkerSettings {
    pub(super) fn sharing(&self) -> SharingSettings {
        SharingSettings {
            role: "worker",
            lanes: self.lanes,
            // A slow command holds up the other buckets of its batch.
            spread: true,
            heartbeat: self.heartbeat,
            lease_ttl: self.lease_ttl,
            poll_min: self.poll_min,
            poll_max: self.poll_max,
            back_off_min: self.back_off_min,
            back_off_max: self.back_off_max,
            stop_timeout: self.stop_timeout,
        }
    }

    /// How long a command waits that failed so often before; between half of its bound and all of it, so that those that
    /// failed together do not come back together.
    pub(super) fn pause(&self, attempts: u32, random: u64) -> Duration {
        let bound = self
            .retry_min
            .saturating_mul(2_u32.saturating_pow(attempts))
            .min(self.retry_max);
        let half = u64::try_from(bound.as_micros() / 2).unwrap_or(u64::MAX - 1);
        bound / 2 + Duration::from_micros(random.checked_rem(half + 1).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_never_below_half() {
        let settings = WorkerSettings::default();
        let millis = |attempts, random| settings.pause(attempts, random).as_millis();
        assert_eq!(
            [0, 1, 2, 6, 7, 1_000_000].map(|n| millis(n, 0)),
            [50, 100, 200, 3200, 5000, 5000]
        );
        for (attempts, bound) in [(0, 100), (1, 200), (7, 10_000)] {
            let pauses = (0..6_000_000).step_by(997).map(|random| millis(attempts, random));
            let longest = pauses.max().unwrap_or_default();
            assert!(
                (bound * 9 / 10..=bound).contains(&longest),
                "{longest} of {bound}"
            );
        }
    }
}
