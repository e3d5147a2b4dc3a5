//! `query-service.changes`, read from its end by each replica of the api on its own: who waits for a version is woken.
//!
//! Nothing depends on it but how soon: whoever waits looks again now and then. So there is no group and no offset, and a
//! failure is a gauge and a pause.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use shared_events::topic::CHANGES;
use tokio_util::sync::CancellationToken;

use crate::application::ports::Change;
use crate::outbound::kafka::KafkaSettings;

/// Between two looks at which partitions there are.
const LOOK_FOR_PARTITIONS: Duration = Duration::from_secs(5);
/// The same, and before a new attempt, after something failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

pub struct ChangesFeed {
    consumer: Arc<StreamConsumer>,
    topic: String,
}

impl ChangesFeed {
    pub fn new(settings: &KafkaSettings) -> KafkaResult<Self> {
        let consumer = settings
            .client_config()
            // Asked for by the client library; nothing is ever committed under it.
            .set("group.id", "query-service.changes-feed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "latest")
            .set("enable.partition.eof", "false")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            // A backlog is worth nothing here.
            .set("queued.max.messages.kbytes", "4096")
            .create()?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topic: settings.topic(CHANGES),
        })
    }

    /// Hands each change to `announce` until it is cancelled.
    pub async fn run(self, announce: impl Fn(&Change), cancelled: CancellationToken) {
        cancelled
            .run_until_cancelled(async {
                tokio::join!(self.follow_partitions(), self.hand_over(announce));
            })
            .await;
        metrics::gauge!("changes_feed_up").set(0.0);
        // Leaving a client blocks for a moment.
        if tokio::task::spawn_blocking(move || drop(self)).await.is_err() {
            tracing::warn!("the changes feed did not close");
        }
    }

    async fn hand_over(&self, announce: impl Fn(&Change)) {
        let mut records = self.consumer.stream();
        while let Some(record) = records.next().await {
            match record {
                Ok(record) => match record.payload().map(serde_json::from_slice::<Change>) {
                    Some(Ok(change)) => {
                        metrics::counter!("changes_feed_received_total").increment(1);
                        announce(&change);
                    }
                    Some(Err(_)) | None => {
                        // A later version's, or a stranger's: the next look at the document tells.
                        metrics::counter!("changes_feed_unreadable_total").increment(1);
                    }
                },
                Err(error) => {
                    tracing::debug!(%error, "the changes feed stumbled");
                    metrics::gauge!("changes_feed_up").set(0.0);
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Takes every partition there is, new ones too, each from its end.
    async fn follow_partitions(&self) {
        let mut followed = BTreeSet::new();
        let mut was_up = None;
        loop {
            let up = match self
                .partitions()
                .await
                .and_then(|found| self.follow(&mut followed, found))
            {
                Ok(()) => !followed.is_empty(),
                Err(error) => {
                    tracing::debug!(%error, "the partitions of the changes feed cannot be asked for");
                    false
                }
            };
            metrics::gauge!("changes_feed_up").set(f64::from(u8::from(up)));
            if was_up.replace(up) != Some(up) {
                match up {
                    true => tracing::info!(
                        topic = self.topic,
                        partitions = followed.len(),
                        "the changes feed is up"
                    ),
                    false => tracing::warn!(
                        topic = self.topic,
                        "the changes feed is down: waiting queries look again"
                    ),
                }
            }
            tokio::time::sleep(if up { LOOK_FOR_PARTITIONS } else { AFTER_FAILURE }).await;
        }
    }

    async fn partitions(&self) -> anyhow::Result<BTreeSet<i32>> {
        let (consumer, topic) = (self.consumer.clone(), self.topic.clone());
        // The library has no other way to ask than to block.
        let metadata =
            tokio::task::spawn_blocking(move || consumer.fetch_metadata(Some(&topic), METADATA_TIMEOUT))
                .await??;
        let partitions = metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none())
            .flat_map(|topic| topic.partitions())
            .map(|partition| partition.id());
        Ok(partitions.collect())
    }

    fn follow(&self, followed: &mut BTreeSet<i32>, found: BTreeSet<i32>) -> anyhow::Result<()> {
        if *followed == found {
            return Ok(());
        }
        // A first assignment begins at the end. A partition that appears later may have changes that nobody here saw.
        let begin = if followed.is_empty() {
            Offset::End
        } else {
            Offset::Beginning
        };
        let mut added = TopicPartitionList::new();
        for partition in found.difference(followed) {
            added.add_partition_offset(&self.topic, *partition, begin)?;
        }
        self.consumer.incremental_assign(&added)?;
        followed.extend(found);
        Ok(())
    }
}
