//! Kafka's side of the reading loop: records copied in, partitions paused and resumed.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _};
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tokio_util::sync::CancellationToken;

use super::decoding::Received;
use super::group::{Committing, GroupConsumer};
use crate::application::projecting::Acknowledge as _;
use crate::application::projecting::tally::Tally;
use crate::failpoints;
use crate::outbound::kafka::scanning::copy;

pub struct Source {
    pub consumer: Arc<GroupConsumer>,
    pub tally: Arc<Tally>,
}

/// Why another client has to go on.
#[derive(Debug, thiserror::Error)]
pub enum Outdated {
    /// If it is made anew, this client would go on at the old offset where the new topic has got past it, and at the old leader
    /// where the new one's epoch is less than the one it knows (confluentinc/librdkafka#4898).
    #[error("a topic that was read from is gone")]
    TopicGone,
    /// Such as that leader, where it was made anew before this client was told that it was gone.
    #[error("for {unread_for:?} nothing was read of a partition that ends elsewhere")]
    StandsStill { unread_for: Duration },
}

/// Why reading went on from a wait.
pub enum Waited<T> {
    Ready(T),
    Cancelled,
}

impl Source {
    /// Copies records in, and notes that they are in work.
    pub fn receive(&self, chunk: Vec<KafkaResult<BorrowedMessage<'_>>>) -> anyhow::Result<Vec<Received>> {
        let group = self.consumer.context();
        let mut offsets = group.offsets();
        let mut received = Vec::with_capacity(chunk.len());
        for message in chunk {
            let message = match message {
                Ok(message) => message,
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                    return Err(error).context("the consumer cannot go on");
                }
                // Such as a topic that is not there yet, or brokers that are away: librdkafka tries on.
                Err(error) => {
                    tracing::warn!(%error, "Kafka reports an error");
                    if is_of_no_topic(&error) && offsets.was_ever_assigned() {
                        return Err(Outdated::TopicGone.into());
                    }
                    continue;
                }
            };
            let Some((aggregate, topic)) = group.topics.find(message.topic()) else {
                continue;
            };
            let written_at = message.timestamp().to_millis().unwrap_or_default();
            // Not ours any more, or in work.
            let Some(position) =
                offsets.begin((aggregate, message.partition()), message.offset(), written_at)
            else {
                continue;
            };
            received.push(Received {
                position,
                raw: copy(&message, topic),
            });
        }
        self.tally.consumed(received.len());
        drop(offsets);
        if failpoints::planted("planted::offsets_before_write") {
            let read: Vec<_> = received.iter().map(|record| record.position).collect();
            let consumer = Arc::clone(&self.consumer);
            Committing { consumer }.done(&read);
            _ = self.consumer.commit_consumer_state(CommitMode::Sync);
        }
        if !received.is_empty() {
            failpoints::cut("projector::after_poll");
        }
        Ok(received)
    }

    /// Asks Kafka on with what is read paused, until `awaited` is there. What comes nevertheless is kept in `stash`, and
    /// may be `enough` instead.
    pub async fn polling<'a, T>(
        &self,
        awaited: impl Future<Output = T>,
        chunks: &mut (impl Stream<Item = Vec<KafkaResult<BorrowedMessage<'a>>>> + Unpin),
        stash: &mut Vec<Received>,
        enough: impl Fn(&[Received]) -> Option<T>,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Waited<T>> {
        let mut awaited = pin!(awaited);
        self.pause()?;
        let waited = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Waited::Cancelled),
                ready = &mut awaited => break Waited::Ready(ready),
                chunk = chunks.next() => {
                    stash.extend(self.receive(chunk.unwrap_or_default())?);
                    if let Some(ready) = enough(stash) {
                        break Waited::Ready(ready);
                    }
                    // It may be of a partition that was assigned just now.
                    self.pause()?;
                }
            }
        };
        self.resume()?;
        Ok(waited)
    }

    /// Never what is assigned and was not read from yet: see [`Group::begun`](super::group::Group::begun).
    fn pause(&self) -> anyhow::Result<()> {
        let begun = self.consumer.context().begun();
        self.consumer.pause(&begun).context("pausing")?;
        self.consumer.context().set_paused(true);
        Ok(())
    }

    fn resume(&self) -> anyhow::Result<()> {
        let begun = self.consumer.context().begun();
        self.consumer.resume(&begun).context("resuming")?;
        self.consumer.context().set_paused(false);
        Ok(())
    }
}

fn is_of_no_topic(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
    matches!(
        error,
        KafkaError::MessageConsumption(UnknownPartition | UnknownTopic | UnknownTopicOrPartition)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    use rdkafka::{Offset, TopicPartitionList};
    use read_model::Kind;
    use shared_events::AggregateType;

    use super::super::group::{Group, Topics};
    use super::super::resuming::Starts;
    use super::*;
    use crate::application::ports::Generation;
    use crate::outbound::kafka::KafkaSettings;

    const PARTITIONS: i32 = 6;
    /// Without what [`Group::begun`] says, one of them was seen to leave a partition unread.
    const ASSIGNMENTS: usize = 200;
    const STARTED_WITHIN: Duration = Duration::from_millis(20);
    const READ_WITHIN: Duration = Duration::from_secs(20);

    /// Pauses and resumes all the time while partitions are started; and then lets them be.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_pause_does_not_keep_a_partition_from_being_started() {
        let cluster = MockCluster::new(1).unwrap();
        let settings = KafkaSettings {
            bootstrap_servers: cluster.bootstrap_servers(),
            ..KafkaSettings::default()
        };
        let generation = Generation {
            kind: Kind::Customer,
            mapping: 1,
            number: 1,
        };
        let topics = Topics::new(&settings, generation.kind);
        let topic = topics.name(AggregateType::Customer).to_owned();
        cluster.create_topic(&topic, PARTITIONS, 1).unwrap();
        let producer: BaseProducer = settings.client_config().create().unwrap();
        for partition in 0..PARTITIONS {
            let record = BaseRecord::<(), _>::to(&topic).partition(partition).payload("it");
            producer.send(record).unwrap();
        }
        producer.flush(READ_WITHIN).unwrap();
        let mut config = settings.client_config();
        config
            .set("group.id", "pausing")
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10");
        let group = Group::new(generation, topics, Starts::default(), usize::MAX);
        let source = Arc::new(Source {
            consumer: Arc::new(config.create_with_context(group).unwrap()),
            tally: Arc::new(Tally::new(generation)),
        });
        let (ended, busy) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let _guard = ended.clone().drop_guard();
        // In the projector it is one task that pauses and is told of assignments.
        let one = Arc::new(Mutex::new(()));
        std::thread::spawn({
            let (source, busy, one) = (Arc::clone(&source), Arc::clone(&busy), Arc::clone(&one));
            move || {
                while !ended.is_cancelled() {
                    let one = one.lock().unwrap();
                    if busy.load(Ordering::SeqCst) {
                        source.pause().unwrap();
                        source.resume().unwrap();
                    }
                    drop(one);
                    std::thread::yield_now();
                }
            }
        });
        let mut assigned = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            assigned
                .add_partition_offset(&topic, partition, Offset::Stored)
                .unwrap();
        }
        let group = source.consumer.context();
        for assignment in 0..ASSIGNMENTS {
            for partition in 0..PARTITIONS {
                group.offsets().assign((AggregateType::Customer, partition));
            }
            source.consumer.assign(&assigned).unwrap();
            let read = async {
                while group.offsets().unfinished() < PARTITIONS as usize {
                    let message = source.consumer.recv().await;
                    source.receive(vec![message]).unwrap();
                }
            };
            let mut read = pin!(read);
            busy.store(true, Ordering::SeqCst);
            let soon = tokio::time::timeout(STARTED_WITHIN, &mut read).await;
            busy.store(false, Ordering::SeqCst);
            drop(one.lock().unwrap());
            if soon.is_err() {
                tokio::time::timeout(READ_WITHIN, read)
                    .await
                    .unwrap_or_else(|_| panic!("assignment {assignment}: a partition is not read"));
            }
            for partition in 0..PARTITIONS {
                group.offsets().revoke((AggregateType::Customer, partition));
            }
            source.consumer.unassign().unwrap();
        }
    }
}
