//! A topic that was deleted, and made and filled anew.

use std::ops::Range;
use std::time::Duration;

use chrono::TimeDelta;
use query_service::application::ports::Clock as _;
use query_service::inbound::kafka::resuming::Starts;
use query_service::outbound::system::SystemClock;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use read_model::Kind;
use shared_events::AggregateType;
use tokio::time::Instant;

use super::events::*;
use super::kafka::SOON;
use super::outages::through_a_proxy;
use super::proxy::Network;
use super::world::{World, create_event_topics, first};

const OLD: Range<u128> = 1..40;
/// With these a topic made anew has more in each partition than the old one had.
const NEW: Range<u128> = 40..300;

/// More is in the new topic than was in the old one before anybody reads on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_under_a_projector_is_read_from_its_beginning() {
    let world = World::with(&[Kind::Customer]).await;
    let projector = world.start();
    let before = world.read_old().await;
    world.make_topics_anew(&before).await;
    world.register(NEW).await;
    world.are_there(NEW).await;
    projector.stop().await;
}

/// What the client that read the old topic cannot finish is left, and nothing else ends by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_made_anew_while_elasticsearch_is_away() {
    let mut world = World::with(&[Kind::Customer]).await;
    world.projector.shutdown_grace = Duration::from_millis(200);
    let (elasticsearch, generations) = through_a_proxy(&world).await;
    let projector = world.start_over(generations);
    let before = world.read_old().await;
    elasticsearch.set(Network::Frozen);
    world.register(NEW).await;
    elasticsearch.tried(2).await;
    world.make_topics_anew(&before).await;
    world.register(NEW).await;
    elasticsearch.set(Network::Up);
    world.are_there(NEW).await;
    projector.stop().await;
}

/// What stands still where leaders are no longer those that a client knows does so here, too: records that were taken back
/// stand in their partitions, and nobody is given them to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_records_are_not_read_another_client_reads_on() {
    let mut world = World::with(&[Kind::Customer]).await;
    world.projector.offset_commit_interval = Duration::from_hours(1);
    let projector = world.start();
    let before = world.read_old().await;
    world.take_back().await;
    world
        .until("another client reads", async || {
            let now = world.members().await;
            now.iter().any(|member| !before.contains(member))
        })
        .await;
    // It might be of another topic.
    assert_eq!(world.committed().await, 0);
    world.register(NEW).await;
    world.are_there(NEW).await;
    projector.stop().await;
}

/// When a topic goes, what was read of it may be committed after it was made anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offset_of_the_old_topic_does_not_outlast_the_first_reader_of_the_new_one() {
    let world = World::with(&[Kind::Customer]).await;
    world.commit(Kind::Customer, OLD.end as i64).await;
    world.register(OLD).await;
    let first = world.start();
    world.are_there(OLD).await;
    first.stop().await;
    world.register(NEW).await;
    let next = world.start();
    world.are_there(NEW).await;
    next.stop().await;
}

/// What is committed is behind records that were written since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_topic_was_gone_it_is_read_from_what_was_written_since_or_is_committed() {
    let world = World::with(&[Kind::Customer]).await;
    let gone_at = SystemClock.now();
    let later = gone_at + TimeDelta::hours(1);
    world.register(NEW).await;
    // Nothing; a place in it; one that is of another topic.
    for (committed, gone_at, start) in [
        (None, later, 0),
        (Some(20), gone_at, 0),
        (Some(20), later, 20),
        (Some(1_000), later, 0),
    ] {
        if let Some(committed) = committed {
            world.commit(Kind::Customer, committed).await;
        }
        let starts = Starts::look(&world.kafka, first(Kind::Customer), gone_at).await;
        let mut starts = starts.expect("the brokers answer");
        for partition in 0..world.kafka.partitions {
            let start = Some(Offset::Offset(start));
            assert_eq!(
                starts.of((AggregateType::Customer, partition), Instant::now()),
                start
            );
        }
    }
}

impl World {
    /// What is in the old topic is read. Answers by which clients.
    async fn read_old(&self) -> Vec<String> {
        self.register(OLD).await;
        self.are_there(OLD).await;
        self.members().await
    }

    async fn register(&self, customers: Range<u128>) {
        let events: Vec<_> = customers.map(|n| registered(id(n), "Ada")).collect();
        self.produce(&events).await;
    }

    async fn are_there(&self, customers: Range<u128>) {
        let versions = customers.map(|customer| (id(customer), 1));
        self.until_versions(Kind::Customer, versions).await;
    }

    /// Where nobody is in the group.
    async fn commit(&self, kind: Kind, offset: i64) {
        let (kafka, group) = (self.kafka.clone(), self.kafka.group(first(kind)));
        tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = kafka.client_config().set("group.id", group).create()?;
            let mut list = TopicPartitionList::new();
            for partition in 0..kafka.partitions {
                list.add_partition_offset(&kafka.topic(kind.topic()), partition, Offset::Offset(offset))?;
            }
            consumer.commit(&list, CommitMode::Sync)
        })
        .await
        .expect("no panic")
        .expect("the brokers take it");
    }

    async fn members(&self) -> Vec<String> {
        let (kafka, group) = (self.kafka.clone(), self.kafka.group(first(Kind::Customer)));
        tokio::task::spawn_blocking(move || {
            let client: BaseConsumer = kafka.client_config().create()?;
            let groups = client.fetch_group_list(Some(&group), SOON)?;
            let members = groups.groups().iter().flat_map(|group| group.members());
            Ok::<_, KafkaError>(members.map(|member| member.id().to_owned()).collect())
        })
        .await
        .expect("no panic")
        .expect("the brokers answer")
    }

    /// Records of a transaction that is aborted, in every partition.
    async fn take_back(&self) {
        let kafka = self.kafka.clone();
        tokio::task::spawn_blocking(move || {
            let id = kafka.topic("takes-back");
            let producer: BaseProducer = kafka.client_config().set("transactional.id", id).create()?;
            producer.init_transactions(SOON)?;
            producer.begin_transaction()?;
            let topic = kafka.topic(Kind::Customer.topic());
            for partition in 0..kafka.partitions {
                let record = BaseRecord::<(), _>::to(&topic).partition(partition).payload("it");
                producer.send(record).map_err(|(error, _)| error)?;
            }
            producer.flush(SOON)?;
            producer.abort_transaction(SOON)
        })
        .await
        .expect("no panic")
        .expect("the brokers take them, and take them back");
    }

    /// Once the clients are gone that read the old ones.
    async fn make_topics_anew(&self, before: &[String]) {
        self.delete_event_topics().await;
        self.until("the client that read the old one is gone", async || {
            let now = self.members().await;
            now.iter().all(|member| !before.contains(member))
        })
        .await;
        create_event_topics(&self.kafka).await;
    }

    async fn delete_event_topics(&self) {
        let admin: AdminClient<DefaultClientContext> = self.kafka.client_config().create().expect("a client");
        let names = AggregateType::ALL.map(|aggregate| self.kafka.topic(aggregate.topic()));
        let deleted = admin
            .delete_topics(&names.each_ref().map(String::as_str), &AdminOptions::new())
            .await
            .expect("the brokers answer");
        for topic in deleted {
            topic.expect("the topic can be deleted");
        }
    }
}
