//! The changes feed on the real Kafka.

// Outside the test functions too.
#![allow(clippy::expect_used)]

use std::time::Duration;

use query_service::application::following::FeedEvent;
use query_service::application::ports::{Change, ChangePublisher as _};
use query_service::application::pushing::{
    ChangeLog as _, ChangeLogReader as _, Heard, Positions, PushError,
};
use query_service::inbound::kafka::changes_feed::ChangesFeed;
use query_service::inbound::kafka::past_changes::PastChanges;
use query_service::outbound::kafka::{self, ChangeTopic, KafkaSettings, topics};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
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
        let tell = move |event| {
            if let FeedEvent::Heard(Heard {
                change: Some(change), ..
            }) = event
            {
                _ = heard.send(change);
            }
        };
        let run = tokio::spawn(feed.run(tell, cancelled.clone()));
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

#[tokio::test(flavor = "multi_thread")]
async fn what_the_topic_keeps_is_read_from_any_position_and_what_it_does_not_is_gone() {
    let settings = tokio::task::spawn_blocking(|| settings("past", 2))
        .await
        .expect("no panic");
    topics::create(&settings).await.expect("Kafka takes topics");
    let producer = kafka::producer(&settings).expect("settings that the client takes");
    let topic = settings.topic(CHANGES);
    for version in 1..=4 {
        let text = serde_json::to_string(&a_change(version)).expect("JSON");
        send_to_partition(&producer, &topic, 1, &text).await;
    }
    let past = PastChanges::new(&settings).expect("settings that the client takes");
    let from = |text: &str| text.parse::<Positions>().expect("positions");
    past.check(&from("0:0,1:2")).await.expect("it is kept");
    let mut reader = past.read(&from("0:0,1:2")).await.expect("it is kept");
    for version in 3..=4 {
        let heard = tokio::time::timeout(Duration::from_secs(30), reader.next())
            .await
            .expect("in time")
            .expect("it is kept");
        assert_eq!((heard.partition, heard.offset), (1, version - 1));
        assert_eq!(heard.change, Some(a_change(version as u64)));
    }
    // A topic that does not reach there, or is another one.
    for gone in ["0:1,1:2", "0:0,1:5", "0:0,1:2,2:0"] {
        let checked = past.check(&from(gone)).await;
        assert!(matches!(checked, Err(PushError::Gone)), "{gone}: {checked:?}");
    }
    let admin: AdminClient<DefaultClientContext> =
        settings.client_config().create().expect("an admin client");
    let mut below = TopicPartitionList::new();
    below
        .add_partition_offset(&topic, 1, Offset::Offset(3))
        .expect("an offset");
    admin
        .delete_records(&below, &AdminOptions::new())
        .await
        .expect("Kafka forgets records");
    assert!(matches!(past.check(&from("0:0,1:2")).await, Err(PushError::Gone)));
    past.check(&from("0:0,1:3")).await.expect("it is kept");
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
