//! Kafka's side of the reading loop: records copied in, partitions paused and resumed.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, TopicPartitionList};
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
                    continue;
                }
            };
            let Some((aggregate, topic)) = group.topics.find(message.topic()) else {
                continue;
            };
            let written_at = message.timestamp().to_millis().unwrap_or_default();
            // Not ours any more, or read before.
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

    /// Asks Kafka on with every partition paused, until `awaited` is there. What comes nevertheless is kept in `stash`.
    pub async fn polling<'a, T>(
        &self,
        awaited: impl Future<Output = T>,
        chunks: &mut (impl Stream<Item = Vec<KafkaResult<BorrowedMessage<'a>>>> + Unpin),
        stash: &mut Vec<Received>,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Waited<T>> {
        let mut awaited = pin!(awaited);
        let mut paused = TopicPartitionList::new();
        self.pause(&mut paused)?;
        let waited = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Waited::Cancelled),
                ready = &mut awaited => break Waited::Ready(ready),
                chunk = chunks.next() => {
                    stash.extend(self.receive(chunk.unwrap_or_default())?);
                    // It may be of a partition that was assigned just now.
                    self.pause(&mut paused)?;
                }
            }
        };
        // Also what was taken away meanwhile: librdkafka would still have it paused when it is assigned again
        // (confluentinc/librdkafka#1849).
        self.consumer.resume(&paused).context("resuming")?;
        self.say_paused(0.0);
        Ok(waited)
    }

    /// Pauses what is assigned now, and adds it to what is `paused`.
    fn pause(&self, paused: &mut TopicPartitionList) -> anyhow::Result<()> {
        let assignment = self.consumer.assignment().context("the assignment")?;
        for one in assignment.elements() {
            if paused.find_partition(one.topic(), one.partition()).is_none() {
                paused.add_partition(one.topic(), one.partition());
            }
        }
        self.consumer.pause(&assignment).context("pausing")?;
        self.say_paused(1.0);
        Ok(())
    }

    fn say_paused(&self, paused: f64) {
        let index = self.consumer.context().generation.to_string();
        metrics::gauge!("projector_paused", "index" => index).set(paused);
    }
}
