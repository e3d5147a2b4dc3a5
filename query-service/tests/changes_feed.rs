//! The changes feed on the real Kafka.

// Outside the test functions too.
#![allow(clippy::expect_used)]

use std::time::Duration;

use query_service::application::ports::{Change, ChangePublisher as _};
use query_service::inbound::kafka::changes_feed::ChangesFeed;
use query_service::outbound::kafka::{self, ChangeTopic, KafkaSettings, topics};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::AggregateType;
use shared_events::topic::CHANGES;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn settings(prefix: &str, partitions: i32) -> KafkaSettings {
    let servers = stack::for_tests().expect("the servers for tests run or can be started");
    let begun = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_millis();
    KafkaSettings {
        bootstrap_servers: servers.kafka,
        topic_prefix: format!("{prefix}-{begun}-{}.", std::process::id()),
        partitions,
        ..KafkaSettings::default()
    }
}

fn a_change(version: u64) -> Change {
    Change {
        aggregate: AggregateType::Order,
        id: Uuid::from_u128(1),
        version,
        order: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_hears_of_changes_also_from_a_partition_that_came_later() {
    let settings = tokio::task::spawn_blocking(|| settings("feed", 1))
        .await
        .expect("no panic");
    let cancelled = CancellationToken::new();
    let mut replicas = Vec::new();
    // The topic comes after the feeds: they wait for it.
    for _ in 0..2 {
        let feed = ChangesFeed::new(&settings).expect("settings that the client takes");
        let (heard, hears) = mpsc::unbounded_channel();
        let run = tokio::spawn(feed.run(move |change| _ = heard.send(change.clone()), cancelled.clone()));
        replicas.push((hears, run));
    }
    topics::create(&settings).await.expect("Kafka takes topics");
    let producer = kafka::producer(&settings).expect("settings that the client takes");
    let published = ChangeTopic::new(producer.clone(), &settings);
    for (hears, _) in &mut replicas {
        // What was published before a feed has found the topic's end is not for it.
        heard_when(hears, || async {
            published.publish(&[a_change(1)]).await.expect("acknowledged");
        })
        .await;
    }

    let admin: AdminClient<DefaultClientContext> =
        settings.client_config().create().expect("an admin client");
    let topic = settings.topic(CHANGES);
    admin
        .create_partitions(&[NewPartitions::new(&topic, 2)], &AdminOptions::new())
        .await
        .expect("Kafka takes partitions");
    for (hears, _) in &mut replicas {
        while hears.try_recv().is_ok() {}
    }
    send_to_partition(&producer, &topic, 1, "not json").await;
    let text = serde_json::to_string(&a_change(2)).expect("JSON");
    send_to_partition(&producer, &topic, 1, &text).await;
    for (hears, _) in &mut replicas {
        let change = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                let change = hears.recv().await.expect("the feed runs");
                if change.version == 2 {
                    return change;
                }
            }
        });
        assert_eq!(change.await.expect("heard in time"), a_change(2));
    }
    cancelled.cancel();
    for (_, run) in replicas {
        run.await.expect("it stops");
    }
}

async fn heard_when<F: Future<Output = ()>>(
    hears: &mut mpsc::UnboundedReceiver<Change>,
    publish: impl Fn() -> F,
) {
    for _ in 0..300 {
        publish().await;
        if let Ok(change) = tokio::time::timeout(Duration::from_millis(100), hears.recv()).await {
            assert_eq!(change, Some(a_change(1)));
            return;
        }
    }
    panic!("nothing was heard");
}

async fn send_to_partition(producer: &FutureProducer, topic: &str, partition: i32, text: &str) {
    // The producer learns of a new partition with its next look at the topic.
    for _ in 0..300 {
        let record = FutureRecord::<str, str>::to(topic)
            .partition(partition)
            .payload(text);
        if producer.send(record, Duration::from_secs(30)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the partition never came");
}
