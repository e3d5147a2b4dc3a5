//! Sends outbox rows as records.
//!
//! The order within a key is kept because one idempotent producer has all of a batch, and because nothing ever makes it
//! leave a record out: `enable.gapless.guarantee` turns a refused batch into a fatal error instead of going on with the
//! next one, and does not cover records that time out in the client, so they never do (`message.timeout.ms=0`). While the
//! brokers are away, `publish` waits.
//!
//! It does not wait for good where another client would get on: librdkafka takes no leader with an epoch less than the one it
//! knows, and those of a topic that is deleted and made anew begin at nothing (confluentinc/librdkafka#4898). The producer is
//! replaced then, and the batch is sent once more.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use shared_events::wire;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::admin::topics_with_leaders;
use super::delivery::{Deliveries, Outstanding, Ticket};
use super::{KafkaSettings, SchemaIds};
use crate::application::ports::{OutboxRow, PublishError, Publisher};

const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
/// Records handed to the client in one go, before other tasks of the thread get their turn.
const RECORDS_PER_TURN: usize = 128;
/// How often it is looked whether anything of a batch was acknowledged. Two of them are more than the client itself takes to
/// find that a broker does not answer, or that it is back.
const PATIENCE: Duration = Duration::from_secs(10);
/// It doubles with each producer that was replaced in vain, up to this.
const MOST_PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub struct KafkaPublisher {
    config: ClientConfig,
    topic_prefix: String,
    schemas: SchemaIds,
    patience: Duration,
    /// None once it is closed.
    producer: RwLock<Option<Arc<Generation>>>,
}

impl KafkaPublisher {
    /// Connects in the background.
    pub fn new(settings: &KafkaSettings, schemas: SchemaIds) -> anyhow::Result<Self> {
        let config = client_config(settings)?;
        Ok(Self {
            producer: RwLock::new(Some(Generation::create(&config, PATIENCE)?)),
            config,
            topic_prefix: settings.topic_prefix.clone(),
            schemas,
            patience: PATIENCE,
        })
    }

    /// With another patience with a producer of which nothing is acknowledged.
    pub fn with_patience(self, patience: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            producer: RwLock::new(Some(Generation::create(&self.config, patience)?)),
            patience,
            ..self
        })
    }

    /// Lets the client go, which blocks for a moment, on a thread for such. What has not been acknowledged is given up.
    pub async fn close(&self) {
        let last = self
            .producer
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(producer) = last
            .and_then(Arc::into_inner)
            .and_then(|mut last| last.producer.take())
        {
            // The thread cannot panic but by the client's fault, and then nothing is left to close.
            let _ = tokio::task::spawn_blocking(move || drop(producer)).await;
        }
    }

    fn current(&self) -> Option<Arc<Generation>> {
        self.producer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts a new producer in place of one that has failed for good, and gives up what that has still out.
    fn replace(&self, failed: &Arc<Generation>, reason: &str) {
        let mut current = self.producer.write().unwrap_or_else(PoisonError::into_inner);
        if !current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, failed))
        {
            return;
        }
        tracing::error!(reason, "the producer is replaced");
        metrics::counter!("relay_producers_replaced_total").increment(1);
        let patience = match failed.got_on.load(Ordering::Relaxed) {
            true => self.patience,
            false => (failed.patience * 2).min(MOST_PATIENCE),
        };
        match Generation::create(&self.config, patience) {
            Ok(next) => *current = Some(next),
            // The next batch fails as this one did and tries again.
            Err(error) => tracing::error!(error = format!("{error:#}"), "no new producer"),
        }
        failed.give_up();
    }

    /// Waits until another client has found a leader for all of a batch, and a while later does so still, and nothing of the
    /// batch was acknowledged all the time.
    async fn stands_still(&self, generation: &Generation, outstanding: &Outstanding, rows: &[OutboxRow]) {
        let mut were_there = false;
        loop {
            let before = outstanding.count();
            tokio::time::sleep(generation.patience).await;
            let are_there = outstanding.count() == before && self.leaders_are_there(rows).await;
            if were_there && are_there {
                return;
            }
            were_there = are_there;
        }
    }

    async fn leaders_are_there(&self, rows: &[OutboxRow]) -> bool {
        let servers = self
            .config
            .get("bootstrap.servers")
            .unwrap_or_default()
            .to_owned();
        let led = tokio::task::spawn_blocking(move || topics_with_leaders(&servers)).await;
        let Ok(Ok(led)) = led else { return false };
        let wanted: BTreeSet<&str> = rows.iter().map(|row| row.topic.as_str()).collect();
        wanted.iter().all(|topic| led.contains(&self.topic(topic)))
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The ids of all types in the rows, or why there is none.
    async fn schema_ids<'r>(&self, rows: &'r [OutboxRow]) -> HashMap<&'r str, Result<u32, String>> {
        let mut ids = HashMap::new();
        for row in rows {
            let event_type = row.metadata.event_type.as_str();
            if !ids.contains_key(event_type) {
                let id = self.schemas.look_up(&row.topic, event_type).await;
                ids.insert(event_type, id.map_err(|error| format!("{error:#}")));
            }
        }
        ids
    }
}

impl Publisher for KafkaPublisher {
    async fn publish(&self, rows: &[OutboxRow]) -> Vec<Result<(), PublishError>> {
        let schema_ids = self.schema_ids(rows).await;
        let Some(generation) = self.current() else {
            return rows
                .iter()
                .map(|_| Err(not_acknowledged("the publisher is closed")))
                .collect();
        };
        let outstanding = Outstanding::new();
        let mut results: Vec<Result<(), PublishError>> = Vec::with_capacity(rows.len());
        // A bucket stops at its first failure: what follows could overtake it.
        let mut stopped = HashSet::new();
        for (place, row) in rows.iter().enumerate() {
            if place % RECORDS_PER_TURN == RECORDS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
            let sent = match schema_ids.get(row.metadata.event_type.as_str()) {
                _ if stopped.contains(&row.bucket) => {
                    Err(not_acknowledged("an earlier record of its bucket failed"))
                }
                Some(Ok(id)) => {
                    generation
                        .send(&self.topic(&row.topic), row, *id, outstanding.ticket(place))
                        .await
                }
                Some(Err(error)) => Err(not_acknowledged(error)),
                None => Err(not_acknowledged("its schema's id was not looked up")),
            };
            if sent.is_err() {
                stopped.insert(row.bucket);
            }
            results.push(sent);
        }
        let mut settled = std::pin::pin!(outstanding.settled());
        let failures = tokio::select! {
            biased;
            failures = &mut settled => failures,
            () = generation.given_up.cancelled() => {
                self.replace(&generation, &generation.fatal_error().unwrap_or_default());
                settled.await
            }
            () = self.stands_still(&generation, &outstanding, rows) => {
                self.replace(&generation, "nothing was acknowledged for long, though another client finds the leaders");
                settled.await
            }
        };
        let fatal = generation.fatal_error();
        for (place, error) in failures {
            if let Some(result) = results.get_mut(place) {
                *result = Err(match &fatal {
                    Some(reason) => PublishError::Fatal(anyhow!(error).context(reason.clone())),
                    None => PublishError::NotAcknowledged(error.into()),
                });
            }
        }
        if results.iter().any(Result::is_ok) {
            generation.got_on.store(true, Ordering::Relaxed);
        }
        if let Some(reason) = fatal {
            self.replace(&generation, &reason);
        }
        results
    }
}

fn not_acknowledged(reason: &str) -> PublishError {
    PublishError::NotAcknowledged(anyhow!("{reason}"))
}

/// A producer. To drop one blocks, so that is done on a thread for such.
struct Generation {
    producer: Option<ThreadedProducer<Deliveries>>,
    given_up: CancellationToken,
    patience: Duration,
    /// Something of it was acknowledged.
    got_on: AtomicBool,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").finish_non_exhaustive()
    }
}

impl Generation {
    fn create(config: &ClientConfig, patience: Duration) -> anyhow::Result<Arc<Self>> {
        let deliveries = Deliveries::default();
        let given_up = deliveries.given_up.clone();
        let producer = config
            .create_with_context(deliveries)
            .context("Kafka's producer")?;
        Ok(Arc::new(Self {
            producer: Some(producer),
            given_up,
            patience,
            got_on: AtomicBool::new(false),
        }))
    }

    /// Hands a row to the client, waiting while its queue is full: a record that went missing here would be overtaken.
    async fn send(
        &self,
        topic: &str,
        row: &OutboxRow,
        schema_id: u32,
        mut ticket: Box<Ticket>,
    ) -> Result<(), PublishError> {
        let Some(producer) = &self.producer else {
            return Err(not_acknowledged("the producer is closed"));
        };
        let value = wire::frame(schema_id, &row.payload);
        let mut buffer = uuid::Uuid::encode_buffer();
        let key: &str = row
            .metadata
            .aggregate_id
            .as_hyphenated()
            .encode_lower(&mut buffer);
        loop {
            let refused = {
                let record = BaseRecord::with_opaque_to(topic, ticket)
                    .key(key)
                    .payload(value.as_slice())
                    .headers(headers(row));
                match producer.send(record) {
                    Ok(()) => return Ok(()),
                    Err((error, record)) => (error, record.delivery_opaque),
                }
            };
            ticket = match refused {
                (KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), ticket) => ticket,
                (error, _) => return Err(PublishError::NotAcknowledged(error.into())),
            };
            tokio::time::sleep(QUEUE_FULL_PAUSE).await;
        }
    }

    fn fatal_error(&self) -> Option<String> {
        let (code, reason) = self.producer.as_ref()?.client().fatal_error()?;
        Some(format!("{code}: {reason}"))
    }

    /// Fails what is still out, so that whoever waits for it goes on.
    fn give_up(&self) {
        if let Some(producer) = &self.producer {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let Some(producer) = self.producer.take() else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            // Short-lived, and the runtime waits for it when it shuts down.
            runtime.spawn_blocking(move || drop(producer));
        }
    }
}

fn headers(row: &OutboxRow) -> OwnedHeaders {
    let fields = row.metadata.to_headers();
    fields.iter().fold(
        OwnedHeaders::new_with_capacity(fields.len()),
        |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        },
    )
}

fn client_config(settings: &KafkaSettings) -> anyhow::Result<ClientConfig> {
    let servers = settings
        .bootstrap_servers
        .as_deref()
        .context("Kafka's bootstrap servers are not set")?;
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("client.id", "command-service.relay")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("max.in.flight.requests.per.connection", "5")
        .set("enable.gapless.guarantee", "true")
        .set("message.timeout.ms", "0")
        .set("request.timeout.ms", "10000")
        .set("socket.timeout.ms", "20000")
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "2000")
        // The Java client's default, so that every client finds a key in the same partition.
        .set("partitioner", "murmur2_random")
        .set("compression.type", settings.compression.as_str())
        .set("linger.ms", (settings.linger.as_secs_f64() * 1000.0).to_string())
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "262144");
    Ok(config)
}
