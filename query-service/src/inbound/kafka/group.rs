//! The consumer group's side: rebalances, and what is stored for the next commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Gauge;
use rdkafka::consumer::{
    BaseConsumer, Consumer, ConsumerContext, Rebalance, RebalanceProtocol, StreamConsumer,
};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use read_model::Kind;
use shared_events::AggregateType;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::offsets::{Offsets, Partition};
use super::resuming::Starts;
use crate::application::ports::Generation;
use crate::application::projecting::{Acknowledge, Position, ProjectorSettings};
use crate::failpoints;
use crate::outbound::kafka::{GroupProtocol, KafkaSettings};

/// Kafka's documentation advises three at least.
const HEARTBEATS_IN_A_SESSION: u32 = 6;

pub type GroupConsumer = StreamConsumer<Group>;

/// A projection's topics by their name in the cluster.
#[derive(Debug, Clone)]
pub struct Topics(Vec<(AggregateType, Arc<str>)>);

impl Topics {
    pub fn new(settings: &KafkaSettings, kind: Kind) -> Self {
        Self(
            kind.topics()
                .iter()
                .map(|aggregate| (*aggregate, settings.topic(aggregate.topic()).into()))
                .collect(),
        )
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(_, name)| &**name).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (AggregateType, &str)> {
        self.0.iter().map(|(aggregate, name)| (*aggregate, &**name))
    }

    pub fn find(&self, name: &str) -> Option<(AggregateType, &Arc<str>)> {
        self.0
            .iter()
            .find(|(_, found)| **found == *name)
            .map(|(aggregate, name)| (*aggregate, name))
    }

    pub fn name(&self, aggregate: AggregateType) -> &str {
        self.0
            .iter()
            .find(|(found, _)| *found == aggregate)
            .map_or(aggregate.topic(), |(_, name)| name)
    }
}

pub struct Group {
    pub generation: Generation,
    pub topics: Topics,
    offsets: Mutex<Offsets>,
    starts: Mutex<Starts>,
    /// How many records may be taken in and not passed.
    max_unfinished: usize,
    passed: Notify,
    unfinished_now: Gauge,
    paused: AtomicBool,
}

impl Group {
    pub fn new(generation: Generation, topics: Topics, starts: Starts, max_unfinished: usize) -> Self {
        Self {
            generation,
            topics,
            offsets: Mutex::default(),
            starts: Mutex::new(starts),
            max_unfinished,
            passed: Notify::new(),
            unfinished_now: metrics::gauge!("projector_unfinished_records", "index" => generation.to_string()),
            paused: AtomicBool::new(false),
        }
    }

    pub fn offsets(&self) -> MutexGuard<'_, Offsets> {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn starts(&self) -> MutexGuard<'_, Starts> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so much waits behind a record that is not done that no more may be read.
    pub fn is_full(&self) -> bool {
        let unfinished = self.offsets().unfinished();
        self.unfinished_now.set(unfinished as f64);
        unfinished >= self.max_unfinished
    }

    /// Waits until it is not full.
    pub async fn room(&self) {
        loop {
            let passed = self.passed.notified();
            if !self.is_full() {
                return;
            }
            passed.await;
        }
    }

    /// Whether what was read from is paused until there is room.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
        metrics::gauge!("projector_paused", "index" => self.generation.to_string())
            .set(f64::from(u8::from(paused)));
    }

    /// The partitions that may be paused: those from which something was read since they were assigned.
    ///
    /// Each pause, resume and start of a partition takes a number within librdkafka and then a place in a queue, on
    /// whichever thread it is made, and what comes to its turn with a smaller number than one before it is dropped
    /// without a word (`rd_kafka_toppar_op_serve`). A partition is started by librdkafka's own thread, some time after it
    /// was assigned. A pause of ours that takes the next number and the place before would leave it unread for good
    /// (confluentinc/librdkafka#2190, #5591). With the first record the start is past.
    pub fn begun(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (aggregate, partition) in self.offsets().begun() {
            list.add_partition(self.topics.name(aggregate), partition);
        }
        list
    }

    /// Within the callback of a rebalance: lets nothing stay paused, of what stays and of what comes. librdkafka keeps a
    /// pause through revocation and assignment (confluentinc/librdkafka#1849); and a resume of ours is dropped where its
    /// own pause, which goes before each of these callbacks, takes the next number and the place before.
    fn resume(&self, consumer: &BaseConsumer<Self>, assigned: Option<&TopicPartitionList>) {
        let mut list = self.begun();
        for element in assigned.map(TopicPartitionList::elements).unwrap_or_default() {
            list.add_partition(element.topic(), element.partition());
        }
        if let Err(error) = consumer.resume(&list) {
            tracing::warn!(generation = %self.generation, %error, "partitions were not resumed");
        }
    }

    fn list(&self, places: &[(Partition, i64)]) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(places.len());
        for ((aggregate, partition), next) in places {
            list.add_partition_offset(self.topics.name(*aggregate), *partition, Offset::Offset(*next))?;
        }
        Ok(list)
    }

    fn at_their_starts(&self, partitions: &TopicPartitionList) -> TopicPartitionList {
        let mut starts = self.starts();
        let now = Instant::now();
        let mut list = TopicPartitionList::with_capacity(partitions.count());
        for element in partitions.elements() {
            let mut added = list.add_partition(element.topic(), element.partition());
            let aggregate = self.topics.find(element.topic()).map(|(aggregate, _)| aggregate);
            let start = aggregate.and_then(|aggregate| starts.of((aggregate, element.partition()), now));
            let Some(start) = start else {
                continue;
            };
            let (generation, topic, partition) = (self.generation, element.topic(), element.partition());
            tracing::info!(%generation, topic, partition, ?start, "begins where a topic that was gone is read on");
            if let Err(error) = added.set_offset(start) {
                tracing::error!(%error, "a partition begins where it is committed");
            }
        }
        list
    }

    fn note_committed(&self, list: &TopicPartitionList) {
        let mut starts = self.starts();
        for element in list.elements() {
            let is_committed = element.error().is_ok() && matches!(element.offset(), Offset::Offset(_));
            if is_committed && let Some((aggregate, _)) = self.topics.find(element.topic()) {
                starts.committed((aggregate, element.partition()));
            }
        }
    }

    fn ours(&self, partitions: &TopicPartitionList) -> Vec<Partition> {
        partitions
            .elements()
            .iter()
            .filter_map(|element| Some((self.topics.find(element.topic())?.0, element.partition())))
            .collect()
    }
}

impl ClientContext for Group {}

impl ConsumerContext for Group {
    /// As librdkafka's binding does it, but that a partition may begin elsewhere than at its committed offset.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let result = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.pre_rebalance(consumer, &Rebalance::Assign(partitions));
                let list = self.at_their_starts(partitions);
                match is_cooperative {
                    true => consumer.incremental_assign(&list),
                    false => consumer.assign(&list),
                }
            }
            event => {
                let rebalance = match event {
                    RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Rebalance::Revoke(partitions),
                    failed => Rebalance::Error(KafkaError::Rebalance(failed.into())),
                };
                self.pre_rebalance(consumer, &rebalance);
                match is_cooperative {
                    true => consumer.incremental_unassign(partitions),
                    false => consumer.unassign(),
                }
            }
        };
        if let Err(error) = result {
            tracing::warn!(generation = %self.generation, %error, "the rebalance was not carried out");
        }
    }

    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let generation = self.generation;
        match rebalance {
            Rebalance::Assign(partitions) => {
                self.resume(consumer, Some(partitions));
                let partitions = self.ours(partitions);
                tracing::info!(%generation, ?partitions, "partitions assigned");
                let mut offsets = self.offsets();
                for partition in partitions {
                    offsets.assign(partition);
                }
            }
            // librdkafka commits what is stored for them when it lets go of them; nothing is stored after this.
            Rebalance::Revoke(partitions) => {
                self.resume(consumer, None);
                let partitions = self.ours(partitions);
                tracing::info!(%generation, ?partitions, "partitions revoked");
                let mut offsets = self.offsets();
                for partition in partitions {
                    offsets.revoke(partition);
                }
            }
            Rebalance::Error(error) => tracing::warn!(%generation, %error, "rebalance failed"),
        }
        metrics::gauge!("projector_assigned_partitions", "index" => generation.to_string())
            .set(self.offsets().assigned() as f64);
        self.passed.notify_waiters();
    }

    fn commit_callback(&self, result: KafkaResult<()>, committed: &TopicPartitionList) {
        match result {
            Ok(()) => {
                self.note_committed(committed);
                failpoints::cut("projector::after_offset_commit");
            }
            // What was not committed is read again by whoever has the partition then.
            Err(error) => tracing::warn!(%error, "offsets were not committed"),
        }
    }
}

pub fn consumer(
    kafka: &KafkaSettings,
    settings: &ProjectorSettings,
    generation: Generation,
    topics: Topics,
    starts: Starts,
) -> KafkaResult<GroupConsumer> {
    let mut config = kafka.client_config();
    config
        .set("group.id", kafka.group(generation))
        .set("enable.auto.offset.store", "false")
        .set("enable.auto.commit", "true")
        .set(
            "auto.commit.interval.ms",
            settings.offset_commit_interval.as_millis().to_string(),
        )
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set(
            "max.poll.interval.ms",
            kafka.max_poll_interval.as_millis().to_string(),
        )
        .set("fetch.wait.max.ms", "100")
        // Bound what librdkafka reads ahead: it counts neither headers nor what a compressed batch grows to.
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.max.bytes", "4194304")
        .set("max.partition.fetch.bytes", "524288");
    match kafka.group_protocol {
        GroupProtocol::Classic => config
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set(
                "session.timeout.ms",
                kafka.session_timeout.as_millis().to_string(),
            )
            // Members learn of a rebalance by their next heartbeat, and each that comes or goes makes two.
            .set(
                "heartbeat.interval.ms",
                (kafka.session_timeout / HEARTBEATS_IN_A_SESSION)
                    .as_millis()
                    .to_string(),
            ),
        GroupProtocol::Consumer => config.set("group.protocol", "consumer"),
    };
    let group = Group::new(generation, topics, starts, settings.max_unfinished_records.get());
    config.create_with_context(group)
}

/// Nothing that is in work counts for any offset any more, nor what is done and not committed: it may be of a topic that is
/// gone, and librdkafka would commit it when it lets go of the partitions.
pub fn forget(consumer: &GroupConsumer) {
    let group = consumer.context();
    let mut offsets = group.offsets();
    let mut none = TopicPartitionList::new();
    for (aggregate, partition) in offsets.begun() {
        // With no offset, which takes the place of what is stored.
        none.add_partition(group.topics.name(aggregate), partition);
    }
    offsets.revoke_all();
    if none.count() > 0
        && let Err(error) = consumer.store_offsets(&none)
    {
        tracing::debug!(%error, "partitions that are being taken away");
    }
}

/// Stores what is done for the next commit.
pub struct Committing {
    pub consumer: Arc<GroupConsumer>,
}

impl Acknowledge for Committing {
    fn done(&self, positions: &[Position]) {
        let group = self.consumer.context();
        // Stored under the lock, so that no revocation comes between.
        let mut offsets = group.offsets();
        let moved = offsets.done(positions);
        if moved.is_empty() {
            return;
        }
        group.unfinished_now.set(offsets.unfinished() as f64);
        group.passed.notify_waiters();
        let stored = group
            .list(&moved)
            .and_then(|list| self.consumer.store_offsets(&list));
        if let Err(error) = stored {
            // A partition that is being taken away; its next owner reads these records again.
            tracing::debug!(%error, "offsets were not stored");
        }
    }
}
