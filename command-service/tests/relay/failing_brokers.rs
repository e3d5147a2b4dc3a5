//! The publisher against brokers that answer with errors: librdkafka's own mock of a cluster.

use std::time::Duration;

use command_service::application::ports::{EventStore, Outbox, OutboxRow, PublishError, Publisher};
use command_service::outbound::kafka::{KafkaPublisher, SchemaIds};
use command_service::outbound::memory::MemoryStore;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::support::events::{append, new_customer};
use crate::support::topics::TestTopics;

struct Mocked {
    cluster: MockCluster<'static, DefaultProducerContext>,
    topics: TestTopics,
    publisher: KafkaPublisher,
}

async fn mocked() -> Mocked {
    let cluster = MockCluster::new(1).unwrap();
    let mut topics = TestTopics::create().await;
    topics.kafka.bootstrap_servers = Some(cluster.bootstrap_servers());
    // All of a batch goes in one request: unlike a broker, the mock does not check the sequence of a producer's requests, and
    // would take a second one that was on its way when the first was refused.
    topics.kafka.linger = Duration::from_millis(100);
    let topic = format!("{}ordering.customers", topics.kafka.topic_prefix);
    cluster.create_topic(&topic, 1, 1).unwrap();
    let schemas = SchemaIds::new(&topics.registry, &topics.kafka.topic_prefix).unwrap();
    let publisher = KafkaPublisher::new(&topics.kafka, schemas).unwrap();
    Mocked {
        cluster,
        topics,
        publisher,
    }
}

async fn rows(events: u64) -> Vec<OutboxRow> {
    let store = MemoryStore::new(std::sync::Arc::default());
    let customer = new_customer();
    store.commit(append(customer, 0, events)).await.unwrap();
    let buckets: Vec<u16> = (0..16).collect();
    store.pending(&buckets, 1000).await.unwrap()
}

/// The fifty rows, each once.
async fn all_stand_in_order(topics: &TestTopics) {
    let records = topics
        .read_until("ordering.customers", |records| records.len() >= 50)
        .await;
    let versions: Vec<u64> = records.iter().map(|record| record.version()).collect();
    assert_eq!(versions, (1..=50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_retried_in_order() {
    let mocked = mocked().await;
    let rows = rows(50).await;
    let passing = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 3];
    mocked.cluster.request_errors(RDKafkaApiKey::Produce, &passing);
    let results = mocked.publisher.publish(&rows).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    all_stand_in_order(&mocked.topics).await;
    mocked.publisher.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_could_leave_a_gap_makes_the_producer_give_up_and_another_goes_on() {
    let mocked = mocked().await;
    let rows = rows(50).await;
    assert!(mocked.publisher.publish(&rows[..1]).await[0].is_ok());
    mocked.cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
    );
    let results = mocked.publisher.publish(&rows[1..]).await;
    assert!(
        matches!(results[0], Err(PublishError::Fatal(_))),
        "{:?}",
        results[0]
    );
    assert!(results.iter().all(Result::is_err), "nothing after it lands");
    let results = mocked.publisher.publish(&rows[1..]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    all_stand_in_order(&mocked.topics).await;
    mocked.publisher.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_of_which_nothing_is_acknowledged_though_there_is_a_leader_is_replaced() {
    let mocked = mocked().await;
    let publisher = mocked
        .publisher
        .with_patience(Duration::from_millis(500))
        .unwrap();
    let rows = rows(50).await;
    let for_good = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 1000];
    mocked.cluster.request_errors(RDKafkaApiKey::Produce, &for_good);
    let results = tokio::time::timeout(Duration::from_secs(60), publisher.publish(&rows)).await;
    let results = results.expect("it does not wait for good");
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(PublishError::NotAcknowledged(_)))),
        "{results:?}"
    );
    mocked.cluster.clear_request_errors(RDKafkaApiKey::Produce);
    let results = publisher.publish(&rows).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    all_stand_in_order(&mocked.topics).await;
    publisher.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_brokers_are_away_the_producer_waits_and_stays() {
    let mocked = mocked().await;
    // Longer than the client waits before it connects again.
    let patience = Duration::from_secs(3);
    let publisher = mocked.publisher.with_patience(patience).unwrap();
    let rows = rows(50).await;
    mocked.cluster.broker_down(1).unwrap();
    let mut published = std::pin::pin!(publisher.publish(&rows));
    // Nothing happens: that is what is to be seen, so there is nothing to wait for.
    let early = tokio::time::timeout(patience * 3, &mut published).await;
    assert!(early.is_err(), "{early:?}");
    mocked.cluster.broker_up(1).unwrap();
    let results = published.await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    publisher.close().await;
}
