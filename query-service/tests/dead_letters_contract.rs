//! What every adapter of the dead letters keeps to, burying and resolving, in memory and on the real Kafka.

// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use query_service::application::ports::{
    BuriedLetters, DeadLetter, DeadLetters, Letter, LetterHead, LetterId, Resolution, StoreError,
};
use query_service::outbound::kafka::{BuriedLetterTopic, DeadLetterTopic, KafkaSettings, producer, topics};
use query_service::outbound::memory::letters::MemoryLetters;
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::topic::CHANGES;

fn letter(key: &str, offset: i64) -> DeadLetter {
    DeadLetter {
        topic: "ordering.orders".into(),
        partition: 2,
        offset,
        key: Some(key.as_bytes().to_vec()),
        payload: Some(format!("body of {offset}").into_bytes()),
        headers: vec![
            ("ce_id".into(), Some(b"7".to_vec())),
            ("empty".into(), None),
            // It came with this, and is no resolution for that.
            ("dead_letter_resolved".into(), Some(b"0:0".to_vec())),
        ],
        kind: "undecodable",
        cause: format!("cause of {offset}"),
        projection: Some("orders".into()),
    }
}

async fn unresolved(letters: &impl BuriedLetters) -> Vec<LetterHead> {
    let mut all = Vec::new();
    for partition in 0..letters.partitions().await.expect("an answer") {
        let heads = letters.unresolved(partition).await.expect("an answer");
        assert!(heads.iter().all(|head| head.id.partition == partition));
        assert!(heads.is_sorted_by_key(|head| head.id.offset));
        all.extend(heads);
    }
    all
}

async fn letters_of_a_key_are_found_in_the_order_in_which_they_were_buried(
    letters: &(impl DeadLetters + BuriedLetters),
) {
    for offset in 0..20 {
        let key = format!("key {}", offset % 5);
        letters.bury(letter(&key, offset)).await.expect("it is kept");
    }
    let heads = unresolved(letters).await;
    assert_eq!(heads.len(), 20);
    for key in 0..5 {
        let key = format!("key {key}");
        let of_key: Vec<_> = heads
            .iter()
            .filter(|head| head.key.as_deref() == Some(key.as_bytes()))
            .collect();
        assert_eq!(of_key.len(), 4);
        assert!(of_key.is_sorted_by_key(|head| head.offset));
        assert!(
            of_key
                .iter()
                .all(|head| head.id.partition == of_key[0].id.partition)
        );
    }
    let head = &heads[0];
    assert_eq!(head.kind, "undecodable");
    assert_eq!(head.cause, format!("cause of {}", head.offset));
    assert_eq!(head.projection.as_deref(), Some("orders"));
    assert_eq!((head.topic.as_str(), head.partition), ("ordering.orders", 2));
    assert!(head.bytes > 0);
}

async fn a_letter_holds_the_record_as_it_came(letters: &(impl DeadLetters + BuriedLetters)) {
    let buried = letter("a", 1);
    letters.bury(buried.clone()).await.expect("it is kept");
    let head = unresolved(letters).await.pop().expect("a letter");
    let found = letters.read(head.id).await.expect("an answer").expect("a letter");
    assert_eq!(found.head.id, head.id);
    let record = found.record.expect("the record");
    assert_eq!(&*record.topic, "ordering.orders");
    assert_eq!(
        (record.key.clone(), record.payload.clone()),
        (buried.key, buried.payload)
    );
    let headers: Vec<_> = record
        .headers
        .iter()
        .map(|(name, value)| {
            (
                String::from_utf8_lossy(name).into_owned(),
                value.map(<[u8]>::to_vec),
            )
        })
        .collect();
    assert_eq!(headers, buried.headers);
}

async fn a_record_of_nothing_is_a_letter_too(letters: &(impl DeadLetters + BuriedLetters)) {
    let buried = DeadLetter {
        key: None,
        payload: None,
        headers: Vec::new(),
        projection: None,
        ..letter("", 1)
    };
    letters.bury(buried).await.expect("it is kept");
    let head = unresolved(letters).await.pop().expect("a letter");
    assert_eq!((&head.key, &head.projection), (&None, &None));
    let found = letters.read(head.id).await.expect("an answer");
    let record = found.and_then(|found| found.record).expect("the record");
    assert_eq!((record.key, record.payload), (None, None));
}

async fn what_is_resolved_is_listed_no_more_and_can_still_be_read(
    letters: &(impl DeadLetters + BuriedLetters),
) {
    for offset in 0..6 {
        letters
            .bury(letter(&offset.to_string(), offset))
            .await
            .expect("it is kept");
    }
    let heads = unresolved(letters).await;
    for (head, resolution) in [
        (&heads[1], Resolution::Replayed),
        (&heads[4], Resolution::Discarded),
    ] {
        // Twice does no harm.
        for _ in 0..2 {
            letters.resolve(head, resolution).await.expect("it is kept");
        }
    }
    let left: Vec<LetterId> = unresolved(letters).await.iter().map(|head| head.id).collect();
    let expected: Vec<LetterId> = [0, 2, 3, 5].map(|at| heads[at].id).into();
    assert_eq!(left, expected);
    assert!(letters.read(heads[1].id).await.expect("an answer").is_some());
}

async fn where_no_letter_stands_none_is_found(letters: &(impl DeadLetters + BuriedLetters)) {
    assert!(unresolved(letters).await.is_empty());
    letters.bury(letter("a", 1)).await.expect("it is kept");
    let head = unresolved(letters).await.pop().expect("a letter");
    letters
        .resolve(&head, Resolution::Discarded)
        .await
        .expect("it is kept");
    let beside = |partition, offset| LetterId { partition, offset };
    for id in [
        beside(head.id.partition, head.id.offset + 1),
        beside(head.id.partition, 1_000),
        beside(99, 0),
    ] {
        assert!(letters.read(id).await.expect("an answer").is_none(), "{id}");
    }
}

/// Both ports of the real topic.
struct Topic {
    buries: DeadLetterTopic,
    buried: BuriedLetterTopic,
    producer: FutureProducer,
    kafka: KafkaSettings,
}

impl Topic {
    async fn new() -> Self {
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
        let kafka = KafkaSettings {
            bootstrap_servers: servers.kafka,
            topic_prefix: format!("letters-{begun}-{}-{number}.", std::process::id()),
            partitions: 3,
            ..KafkaSettings::default()
        };
        topics::create(&kafka).await.expect("topics can be created");
        let producer = producer(&kafka).expect("a producer");
        Self {
            buries: DeadLetterTopic::new(producer.clone(), &kafka),
            buried: BuriedLetterTopic::new(producer.clone(), &kafka),
            producer,
            kafka,
        }
    }
}

impl DeadLetters for Topic {
    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        self.buries.bury(letter).await
    }
}

impl BuriedLetters for Topic {
    async fn partitions(&self) -> Result<i32, StoreError> {
        self.buried.partitions().await
    }

    async fn unresolved(&self, partition: i32) -> Result<Vec<LetterHead>, StoreError> {
        self.buried.unresolved(partition).await
    }

    async fn read(&self, id: LetterId) -> Result<Option<Letter>, StoreError> {
        self.buried.read(id).await
    }

    async fn resolve(&self, letter: &LetterHead, resolution: Resolution) -> Result<(), StoreError> {
        self.buried.resolve(letter, resolution).await
    }
}

macro_rules! contract {
    ($($rule:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(&super::MemoryLetters::default()).await;
            })+
        }

        mod on_kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(&super::Topic::new().await).await;
            })+
        }
    };
}

contract!(
    letters_of_a_key_are_found_in_the_order_in_which_they_were_buried,
    a_letter_holds_the_record_as_it_came,
    a_record_of_nothing_is_a_letter_too,
    what_is_resolved_is_listed_no_more_and_can_still_be_read,
    where_no_letter_stands_none_is_found,
);

/// A letter may be larger than what a topic takes: the record is read where it still stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_did_not_fit_is_read_where_it_stood() {
    let topic = Topic::new().await;
    let name = topic.kafka.topic(CHANGES);
    let payload = "body of the original".repeat(10);
    let record = FutureRecord::to(&name).partition(1).key("a").payload(&payload);
    let placed = topic
        .producer
        .send(record, Duration::from_secs(20))
        .await
        .expect("the brokers take it");
    let mut too_large = letter("a", placed.offset);
    too_large.topic = name;
    too_large.partition = 1;
    // More than the topic of letters takes.
    too_large.payload = Some(vec![7; 5 * 1024 * 1024]);
    topic.bury(too_large.clone()).await.expect("it is kept");
    too_large.offset += 1;
    topic.bury(too_large).await.expect("it is kept");

    let heads = unresolved(&topic).await;
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| head.key.as_deref() == Some(b"a")));
    let found = topic
        .read(heads[0].id)
        .await
        .expect("an answer")
        .expect("a letter");
    let record = found.record.expect("it still stands");
    assert_eq!(record.payload.as_deref(), Some(payload.as_bytes()));
    let gone = topic
        .read(heads[1].id)
        .await
        .expect("an answer")
        .expect("a letter");
    assert!(gone.record.is_none());
}
