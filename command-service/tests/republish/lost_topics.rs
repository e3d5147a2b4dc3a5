//! Kafka has lost the topics.

use std::time::Duration;

use command_service::application::ports::{EventStore, EventTopics, Outbox};
use command_service::outbound::kafka::KafkaTopics;
use command_service::relay::RelaySettings;
use command_service::republishing::Start;
use shared_events::AggregateType;

use crate::support::TestDatabase;
use crate::support::events::{append, new_customer};
use crate::support::relaying::{Running, first_occurrences};
use crate::support::topics::TestTopics;
use crate::{CUSTOMERS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_topics_are_made_again_whole_and_in_order_and_the_relay_goes_on_by_itself() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customers: Vec<_> = (0..40).map(|_| new_customer()).collect();
    for customer in &customers {
        running.store.commit(append(*customer, 0, 5)).await.unwrap();
    }
    running.drained().await;

    topics.lose().await;
    for customer in &customers {
        running.store.commit(append(*customer, 5, 1)).await.unwrap();
    }
    // Time in which a relay that could publish would have: that it cannot shows in nothing happening, which tells nobody.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(running.outbox.backlog().await.unwrap().rows > 0);

    let writer = {
        let (store, customers) = (running.store.clone(), customers.clone());
        tokio::spawn(async move {
            for customer in &customers {
                store.commit(append(*customer, 6, 2)).await.unwrap();
                // The writer's pace: it goes on while the topics are made and filled.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    let summary = World::new(&database, &topics)
        .all(Start::Anew, |_| {})
        .await
        .unwrap();
    assert!(!summary.stopped);
    assert!(summary.run.new_topics);
    assert_eq!(
        summary.made_topics,
        [format!("{}{CUSTOMERS}", topics.kafka.topic_prefix)]
    );
    assert_eq!(summary.streams(), 40);
    assert_eq!(summary.leases_lost, 0);
    let there = KafkaTopics::new(&topics.kafka);
    assert!(there.missing(&AggregateType::ALL).await.unwrap().is_empty());

    writer.await.unwrap();
    for customer in &customers {
        running.store.commit(append(*customer, 8, 2)).await.unwrap();
    }
    running.drained().await;
    let records = topics
        .read_until(CUSTOMERS, |records| {
            let firsts = first_occurrences(records);
            firsts.len() == 40 && firsts.values().all(|versions| versions.len() == 10)
        })
        .await;
    running.stop().await;
    for (key, versions) in first_occurrences(&records) {
        assert_eq!(versions, (1..=10).collect::<Vec<_>>(), "{key}");
    }
}
