//! How the projector works.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectorSettings {
    /// Of each pipeline, of which there is one for each index that is fed: eight, and one more during and after a rebuild.
    /// Records are shared out to lanes by their document's id; each lane has one bulk request in flight.
    pub lanes: NonZeroUsize,
    /// Records in one bulk request, at most.
    pub batch_records: NonZeroUsize,
    /// What waits before one lane, at most.
    pub lane_queue_bytes: usize,
    /// Records that were read and wait for one before them to be done, for their offset to be committed: at most, before no
    /// more is read. They cost some bytes each; what is in work has the bounds above.
    pub max_unfinished_records: NonZeroUsize,
    /// What each lane remembers of the documents that it wrote last.
    pub recent_documents_bytes: usize,
    /// Orders that one page of a renaming takes.
    pub renaming_page: NonZeroUsize,
    /// The first pause after a store did not answer; it doubles up to the cap.
    #[serde(with = "duration")]
    pub retry_min: Duration,
    #[serde(with = "duration")]
    pub retry_max: Duration,
    /// Partitions are paused when no lane took a record for this long.
    #[serde(with = "duration")]
    pub pause_after: Duration,
    #[serde(with = "duration")]
    pub offset_commit_interval: Duration,
    /// How often it is looked for documents that wait for an event.
    #[serde(with = "duration")]
    pub gap_check: Duration,
    /// How long a document waits before anything is done about it.
    #[serde(with = "duration")]
    pub gap_patience: Duration,
    /// The pause after the command service was asked for events; it doubles up to the longest.
    #[serde(with = "duration")]
    pub repair_first: Duration,
    #[serde(with = "duration")]
    pub repair_longest: Duration,
    /// A lane that fills an index beside the one that queries read rests so many times as long as it wrote, until the index
    /// has been level once: the store is there for the queries first. Of two lanes in two processes one writes at a time so.
    pub catch_up_rest: u32,
    /// What is in the lanes may finish for so long when the service stops; what did not is read again.
    #[serde(with = "duration")]
    pub shutdown_grace: Duration,
}

impl Default for ProjectorSettings {
    fn default() -> Self {
        Self {
            lanes: const { NonZeroUsize::new(2).unwrap() },
            batch_records: const { NonZeroUsize::new(1000).unwrap() },
            lane_queue_bytes: 4 * 1024 * 1024,
            max_unfinished_records: const { NonZeroUsize::new(1_000_000).unwrap() },
            recent_documents_bytes: 8 * 1024 * 1024,
            renaming_page: const { NonZeroUsize::new(500).unwrap() },
            retry_min: Duration::from_millis(50),
            retry_max: Duration::from_millis(5_000),
            pause_after: Duration::from_millis(1_000),
            offset_commit_interval: Duration::from_millis(1_000),
            gap_check: Duration::from_millis(1_000),
            gap_patience: Duration::from_millis(500),
            repair_first: Duration::from_millis(1_000),
            repair_longest: Duration::from_secs(300),
            catch_up_rest: 3,
            shutdown_grace: Duration::from_millis(10_000),
        }
    }
}
