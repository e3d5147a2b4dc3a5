//! `query-service.repair-requests`: streams of which the query service misses events are sent again.
//!
//! Several relays share the topic's partitions as a consumer group. A request counts as read when its stream was sent, so
//! that none is lost; one that is read twice does no harm.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use shared_events::RepairRequest;
use shared_events::topic::REPAIR_REQUESTS;
use tokio_util::sync::CancellationToken;

use crate::application::ports::{EventArchive, Leases, Outbox, Publisher, StreamId};
use crate::outbound::kafka::KafkaSettings;
use crate::republishing::{Republisher, StreamRequest};

const GROUP: &str = "command-service.repairs";
/// Requests that are served together.
const BATCH: usize = 500;
/// After a failure: at first, ...
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// ... and at most, doubling each time.
const AFTER_FAILURE_AT_MOST: Duration = Duration::from_secs(30);
const CLOSES_WITHIN: Duration = Duration::from_secs(10);

pub struct RepairRequests {
    consumer: Arc<StreamConsumer>,
    topic: String,
}

/// Requests that were read together, and how far that is in each partition.
#[derive(Debug, Default)]
struct Batch {
    requests: Vec<StreamRequest>,
    next: BTreeMap<i32, i64>,
}

impl RepairRequests {
    /// Connects in the background. The topic need not be there yet.
    pub fn new(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let servers = settings
            .bootstrap_servers
            .as_deref()
            .context("Kafka's bootstrap servers are not set")?;
        let consumer: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("client.id", GROUP)
            .set("group.id", format!("{}{GROUP}", settings.topic_prefix))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            // How soon the topic is noticed when it is made after this.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "1024")
            .create()
            .context("Kafka's consumer of repair requests")?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topic: format!("{}{REPAIR_REQUESTS}", settings.topic_prefix),
        })
    }

    /// Serves requests until told to stop. `republisher` ends by the same token.
    pub async fn run<A: EventArchive, L: Leases, O: Outbox, P: Publisher>(
        self,
        republisher: Republisher<A, L, O, P>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        self.consumer
            .subscribe(&[&self.topic])
            .context("the repair requests cannot be subscribed to")?;
        let mut waiting = Batch::default();
        while !stop.is_cancelled() {
            if waiting.next.is_empty() {
                let Some(batch) = stop.run_until_cancelled(self.read()).await else {
                    break;
                };
                waiting = batch;
            }
            let batch = std::mem::take(&mut waiting);
            let (served, meanwhile) = self.polling(serve(&republisher, &batch.requests, &stop)).await;
            if !served {
                break;
            }
            self.done(&batch);
            waiting = meanwhile;
        }
        self.close().await;
        Ok(())
    }

    /// Waits for a request, and takes along what else has come.
    async fn read(&self) -> Batch {
        let mut batch = Batch::default();
        batch.take(self.receive().await);
        while batch.requests.len() < BATCH
            && let Some(received) = self.consumer.recv().now_or_never()
        {
            match received {
                Ok(message) => batch.take(Ok(message)),
                Err(_) => break,
            }
        }
        batch
    }

    async fn receive(&self) -> KafkaResult<BorrowedMessage<'_>> {
        let received = self.consumer.recv().await;
        if received.is_err() {
            // Mostly that the topic is not there yet.
            tokio::time::sleep(AFTER_FAILURE).await;
        }
        received
    }

    /// Asks Kafka on while it waits for `work`, so that the group never takes a slow repair for a dead consumer. What
    /// arrives meanwhile, from partitions that were assigned meanwhile, is answered too.
    async fn polling<T>(&self, work: impl Future<Output = T>) -> (T, Batch) {
        let mut work = pin!(work);
        let mut meanwhile = Batch::default();
        let assigned = self.consumer.assignment().unwrap_or_default();
        if let Err(error) = self.consumer.pause(&assigned) {
            tracing::debug!(%error, "partitions were not paused");
        }
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                received = self.receive(), if meanwhile.requests.len() < BATCH => meanwhile.take(received),
            }
        };
        if let Err(error) = self.consumer.resume(&assigned) {
            tracing::debug!(%error, "partitions were not resumed");
        }
        (done, meanwhile)
    }

    /// Stores how far the requests are served, for the next commit.
    fn done(&self, batch: &Batch) {
        let mut offsets = TopicPartitionList::new();
        let stored = batch
            .next
            .iter()
            .try_for_each(|(partition, next)| {
                offsets.add_partition_offset(&self.topic, *partition, Offset::Offset(*next))
            })
            .and_then(|()| self.consumer.store_offsets(&offsets));
        if let Err(error) = stored {
            // A partition that is another's by now, who serves these requests again.
            tracing::debug!(%error, "offsets of repair requests were not stored");
        }
    }

    /// Commits what is stored and leaves the group. librdkafka blocks in both, at worst until brokers answer.
    async fn close(self) {
        let closed = tokio::task::spawn_blocking(move || {
            match self.consumer.commit_consumer_state(CommitMode::Sync) {
                Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                Err(error) => tracing::warn!(%error, "offsets of repair requests were not committed"),
            }
            drop(self);
        });
        if tokio::time::timeout(CLOSES_WITHIN, closed).await.is_err() {
            tracing::warn!("the consumer of repair requests does not close");
        }
    }
}

impl Batch {
    fn take(&mut self, received: KafkaResult<BorrowedMessage<'_>>) {
        let message = match received {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "repair requests cannot be read");
                return;
            }
        };
        self.next.insert(message.partition(), message.offset() + 1);
        match RepairRequest::decode(message.payload().unwrap_or_default()) {
            Ok(request) => self.requests.push(StreamRequest {
                stream: StreamId {
                    aggregate: request.aggregate,
                    id: request.id,
                },
                from_version: request.from_version,
            }),
            Err(error) => {
                tracing::warn!(
                    partition = message.partition(),
                    offset = message.offset(),
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "a repair request is malformed and left out"
                );
                count("malformed", 1);
            }
        }
    }
}

/// Sends until all is sent. False when told to stop before.
async fn serve<A: EventArchive, L: Leases, O: Outbox, P: Publisher>(
    republisher: &Republisher<A, L, O, P>,
    requests: &[StreamRequest],
    stop: &CancellationToken,
) -> bool {
    let mut pause = AFTER_FAILURE;
    loop {
        match republisher.republish_streams(requests).await {
            Ok(summary) if summary.stopped => return false,
            Ok(summary) => {
                count("sent", summary.sent);
                count("unknown", summary.unknown.len() as u64);
                if summary.sent > 0 {
                    tracing::info!(
                        streams = summary.sent,
                        events = summary.events,
                        "streams were sent again as asked for"
                    );
                }
                for stream in &summary.unknown {
                    tracing::warn!(aggregate = %stream.aggregate, id = %stream.id, "a repair is asked for of what is not there");
                }
                return true;
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "repairs failed and are tried again"
                );
                count("failed", 1);
            }
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return false;
        }
        pause = (pause * 2).min(AFTER_FAILURE_AT_MOST);
    }
}

fn count(outcome: &'static str, streams: u64) {
    metrics::counter!("repair_requests_total", "outcome" => outcome).increment(streams);
}
