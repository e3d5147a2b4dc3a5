//! Topics, schemas and indices of one test's own, and projectors over them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use elasticsearch::Elasticsearch;
use query_service::application::ports::{DocumentStore as _, Generation, Generations as _};
use query_service::application::projecting::ProjectorSettings;
use query_service::inbound::kafka::{Feeding, Projector};
use query_service::outbound::elasticsearch::{ElasticsearchGenerations, ElasticsearchSettings};
use query_service::outbound::kafka::{
    ChangeTopic, DeadLetterTopic, KafkaSettings, RepairRequestTopic, SchemaLookups, SchemaRegistrySettings,
    producer, topics,
};
use query_service::outbound::system::SystemClock;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use read_model::Kind;
use serde_json::Value;
use shared_events::{AggregateType, codec, wire};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::events::Told;
use super::indices;
use super::kafka::{Read, Sent, committed, read_all};

const LIMIT: Duration = Duration::from_secs(60);

pub struct World {
    pub kafka: KafkaSettings,
    pub registry: SchemaRegistrySettings,
    pub projector: ProjectorSettings,
    pub elasticsearch: ElasticsearchSettings,
    pub client: Elasticsearch,
    pub generations: Arc<ElasticsearchGenerations>,
    schema_ids: HashMap<&'static str, u32>,
    producer: FutureProducer,
}

/// A projector at work.
pub struct Running {
    cancel: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub async fn stop(self) {
        self.cancel.cancel();
        let ended = tokio::time::timeout(LIMIT, self.task).await;
        ended
            .expect("it stops")
            .expect("it does not panic")
            .expect("it does not fail");
    }
}

impl World {
    /// With indices of customers, products and orders.
    pub async fn new() -> Self {
        Self::with(&Kind::AGGREGATES).await
    }

    /// With indices of these kinds, which then are what is projected.
    pub async fn with(kinds: &[Kind]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let servers = tokio::task::spawn_blocking(stack::for_tests)
            .await
            .expect("no panic")
            .expect("the servers for tests run or can be started");
        let begun = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_millis();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("p{begun}-{}-{number}", std::process::id());
        let kafka = KafkaSettings {
            bootstrap_servers: servers.kafka,
            topic_prefix: format!("{name}."),
            group_id: format!("{name}.projector"),
            partitions: 3,
            ..KafkaSettings::default()
        };
        let registry = SchemaRegistrySettings {
            url: servers.schema_registry,
            ..SchemaRegistrySettings::default()
        };
        let elasticsearch = ElasticsearchSettings {
            url: servers.elasticsearch,
            index_prefix: format!("{name}-"),
            ..ElasticsearchSettings::default()
        };
        let generations = indices::make(&elasticsearch, kinds).await;
        topics::create(&kafka).await.expect("topics can be created");
        create_event_topics(&kafka).await;
        let schema_ids = register(&registry.url, &kafka).await;
        Self {
            client: generations.client().clone(),
            generations: Arc::new(generations),
            producer: producer(&kafka).expect("a producer"),
            kafka,
            registry,
            projector: ProjectorSettings::default(),
            elasticsearch,
            schema_ids,
        }
    }

    pub fn start(&self) -> Running {
        self.start_over(Arc::clone(&self.generations))
    }

    /// With another way to Elasticsearch.
    pub fn start_over(&self, generations: Arc<ElasticsearchGenerations>) -> Running {
        let feeding = Feeding {
            kafka: self.kafka.clone(),
            settings: self.projector.clone(),
            schemas: Arc::new(SchemaLookups::new(&self.registry).expect("the settings are good")),
            generations,
            dead_letters: Arc::new(DeadLetterTopic::new(self.producer.clone(), &self.kafka)),
            changes: Arc::new(ChangeTopic::new(self.producer.clone(), &self.kafka)),
            repairs: Arc::new(RepairRequestTopic::new(self.producer.clone(), &self.kafka)),
            clock: Arc::new(SystemClock),
        };
        let projector = Projector::new(Arc::new(feeding), Kind::ALL.to_vec());
        let cancel = CancellationToken::new();
        Running {
            task: tokio::spawn(projector.run(cancel.clone())),
            cancel,
        }
    }

    pub fn letters(&self) -> DeadLetterTopic {
        DeadLetterTopic::new(self.producer.clone(), &self.kafka)
    }

    pub fn repair_requests(&self) -> RepairRequestTopic {
        RepairRequestTopic::new(self.producer.clone(), &self.kafka)
    }

    pub fn framed(&self, told: &Told) -> Vec<u8> {
        let body = told.event.encode().expect("it fits its schema");
        self.framed_as(told.event.event_type(), &body)
    }

    pub fn framed_as(&self, event_type: &str, body: &[u8]) -> Vec<u8> {
        wire::frame(self.schema_ids[event_type], body)
    }

    pub fn sent(&self, told: &Told) -> Sent {
        Sent {
            key: told.id.to_string(),
            payload: Some(self.framed(told)),
            headers: told
                .metadata()
                .to_headers()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    pub async fn produce(&self, events: &[Told]) {
        let sends = events.iter().map(|told| async {
            self.send(told.event.aggregate(), &self.sent(told)).await;
        });
        futures_util::future::join_all(sends).await;
    }

    pub async fn send(&self, topic: AggregateType, sent: &Sent) {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &sent.headers {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let topic = self.kafka.topic(topic.topic());
        let mut record = FutureRecord::to(&topic).key(&sent.key).headers(headers);
        if let Some(payload) = &sent.payload {
            record = record.payload(payload);
        }
        self.producer
            .send(record, LIMIT)
            .await
            .expect("the brokers take it");
    }

    pub async fn document(&self, kind: Kind, id: Uuid) -> Value {
        match self.generations.store(first(kind)).load(&[id]).await {
            Ok(mut stored) => stored
                .pop()
                .flatten()
                .map(|stored| stored.body)
                .unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }

    pub async fn until_versions(&self, kind: Kind, versions: impl IntoIterator<Item = (Uuid, u64)>) {
        let store = self.generations.store(first(kind));
        let (ids, wanted): (Vec<_>, Vec<_>) = versions.into_iter().unzip();
        self.until("the documents are there", async || {
            let Ok(stored) = store.load(&ids).await else {
                return false;
            };
            stored.iter().zip(&wanted).all(|(stored, version)| {
                stored
                    .as_ref()
                    .is_some_and(|stored| stored.body["version"] == *version)
            })
        })
        .await;
    }

    pub async fn until_any(&self, kind: Kind, ids: impl IntoIterator<Item = Uuid>) {
        let store = self.generations.store(first(kind));
        let ids: Vec<_> = ids.into_iter().collect();
        self.until("one of the documents is there", async || {
            let found = store.load(&ids).await;
            found.is_ok_and(|found| found.iter().any(Option::is_some))
        })
        .await;
    }

    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        self.until_some(what, async || holds().await.then_some(())).await;
    }

    /// Looks now and then: of topics and documents nobody is told.
    pub async fn until_some<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(began.elapsed() < LIMIT, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn read(&self, topic: &'static str) -> Vec<Read> {
        let kafka = self.kafka.clone();
        tokio::task::spawn_blocking(move || read_all(&kafka, topic))
            .await
            .expect("no panic")
    }

    /// Of the topics of customers, products and orders, each by its own projection; all partitions together.
    pub async fn committed(&self) -> i64 {
        let kafka = self.kafka.clone();
        let committed = move || {
            let of = |kind: Kind| committed(&kafka, &kafka.group(first(kind)), kind.topic());
            Kind::AGGREGATES.map(of).iter().sum()
        };
        tokio::task::spawn_blocking(committed).await.expect("no panic")
    }

    pub async fn delete_indices(&self) {
        delete_indices(&self.client, &self.elasticsearch).await;
    }
}

impl Drop for World {
    /// Indices are what a shared Elasticsearch runs out of.
    fn drop(&mut self) {
        let (client, settings) = (self.client.clone(), self.elasticsearch.clone());
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(delete_indices(&client, &settings));
        });
    }
}

/// What [`World::new`] makes.
pub fn first(kind: Kind) -> Generation {
    Generation {
        kind,
        mapping: 4,
        number: 1,
    }
}

async fn delete_indices(client: &Elasticsearch, settings: &ElasticsearchSettings) {
    if let Err(error) = indices::delete(client, settings).await {
        eprintln!("indices of a test were left behind: {error:#}");
    }
}

pub async fn create_event_topics(kafka: &KafkaSettings) {
    let admin: AdminClient<DefaultClientContext> = kafka.client_config().create().expect("a client");
    let names = AggregateType::ALL.map(|aggregate| kafka.topic(aggregate.topic()));
    let topics = names
        .each_ref()
        .map(|name| NewTopic::new(name, kafka.partitions, TopicReplication::Fixed(1)));
    let created = admin
        .create_topics(&topics, &AdminOptions::new())
        .await
        .expect("the brokers answer");
    for topic in created {
        topic.expect("the topic can be created");
    }
}

async fn register(url: &str, kafka: &KafkaSettings) -> HashMap<&'static str, u32> {
    let (registry, prefix) = (url.to_owned(), kafka.topic_prefix.clone());
    tokio::task::spawn_blocking(move || stack::schemas::register(&registry, &prefix))
        .await
        .expect("no panic")
        .expect("the schemas can be registered");
    let mut ids = HashMap::new();
    for schema in codec::schemas() {
        let event_type = schema.event_type;
        let subject = codec::subject(&kafka.topic(schema.topic), event_type);
        let answer = reqwest::get(format!("{url}/subjects/{subject}/versions/latest"))
            .await
            .expect("the registry answers");
        let latest: Value = serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON");
        let id = latest["id"].as_u64().expect("an id");
        ids.insert(event_type, u32::try_from(id).expect("an id of four bytes"));
    }
    ids
}
