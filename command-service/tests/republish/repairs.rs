//! The query service asks for streams.

use std::time::Duration;

use command_service::application::ports::EventStore;
use command_service::inbound::kafka::RepairRequests;
use command_service::relay::RelaySettings;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::topic::REPAIR_REQUESTS;
use shared_events::{AggregateType, RepairRequest};
use uuid::Uuid;

use crate::support::events::{append, new_customer};
use crate::support::relaying::{Running, first_occurrences};
use crate::support::topics::TestTopics;
use crate::support::{TestDatabase, unique_id};
use crate::{CUSTOMERS, World};

async fn make_topic(topics: &TestTopics) {
    let admin: AdminClient<DefaultClientContext> = config(topics).create().unwrap();
    let name = format!("{}{REPAIR_REQUESTS}", topics.kafka.topic_prefix);
    let topic = NewTopic::new(&name, 2, TopicReplication::Fixed(1));
    for made in admin.create_topics([&topic], &AdminOptions::new()).await.unwrap() {
        made.unwrap();
    }
    tokio::task::spawn_blocking(move || drop(admin)).await.unwrap();
}

fn config(topics: &TestTopics) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set(
        "bootstrap.servers",
        topics.kafka.bootstrap_servers.clone().unwrap(),
    );
    config
}

async fn ask(topics: &TestTopics, requests: &[(Uuid, String)]) {
    let producer: FutureProducer = config(topics).create().unwrap();
    let topic = format!("{}{REPAIR_REQUESTS}", topics.kafka.topic_prefix);
    for (id, value) in requests {
        let key = id.to_string();
        let record = FutureRecord::to(&topic).key(&key).payload(value);
        producer.send(record, Duration::from_secs(20)).await.unwrap();
    }
    tokio::task::spawn_blocking(move || drop(producer)).await.unwrap();
}

fn request(id: Uuid, from_version: u64) -> (Uuid, String) {
    let request = RepairRequest {
        aggregate: AggregateType::Customer,
        id,
        from_version,
    };
    (id, request.encode())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_asked_for_is_sent_again_and_nonsense_holds_nothing_up() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let (first, second) = (new_customer(), new_customer());
    for stream in [first, second] {
        running.store.commit(append(stream, 0, 4)).await.unwrap();
    }
    running.drained().await;

    let World {
        republisher, stop, ..
    } = World::new(&database, &topics);
    let repairs = RepairRequests::new(&topics.kafka).unwrap();
    let repairs = tokio::spawn(repairs.run(republisher, stop.clone()));
    // The topic is made after the consumer has begun to look for it, and nobody is told when that is. Too short, the test
    // shows less and fails no sooner.
    tokio::time::sleep(Duration::from_millis(500)).await;
    make_topic(&topics).await;
    let nonsense = (first.id, "{\"aggregate\":\"order\"}".to_owned());
    ask(
        &topics,
        &[nonsense, request(unique_id(), 1), request(first.id, 1)],
    )
    .await;
    ask(&topics, &[request(second.id, 3)]).await;

    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 14).await;
    let counted = |id: Uuid| {
        records
            .iter()
            .filter(|record| record.key == id.to_string())
            .count()
    };
    assert_eq!((counted(first.id), counted(second.id)), (8, 6));
    assert!(
        first_occurrences(&records)
            .values()
            .all(|versions| *versions == [1, 2, 3, 4])
    );
    stop.cancel();
    repairs.await.unwrap().unwrap();

    // What was served is not served again by the next.
    let World {
        republisher, stop, ..
    } = World::new(&database, &topics);
    let repairs = RepairRequests::new(&topics.kafka).unwrap();
    let repairs = tokio::spawn(repairs.run(republisher, stop.clone()));
    ask(&topics, &[request(second.id, 4)]).await;
    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 15).await;
    assert_eq!(records.len(), 15);
    stop.cancel();
    repairs.await.unwrap().unwrap();
    running.stop().await;
}
