//! Single streams.

use command_service::application::ports::{BUCKETS, EventStore, Leases, Outbox, StreamId};
use command_service::relay::RelaySettings;
use command_service::republishing::StreamRequest;

use crate::support::events::{append, new_customer};
use crate::support::relaying::{Running, first_occurrences};
use crate::support::topics::{Record, TestTopics};
use crate::support::{TestDatabase, unique_id};
use crate::{CUSTOMERS, World, rate};

fn whole(stream: StreamId) -> StreamRequest {
    StreamRequest {
        stream,
        from_version: 1,
    }
}

fn versions_of(records: &[Record], stream: StreamId) -> Vec<u64> {
    let key = stream.id.to_string();
    let mut of_key: Vec<_> = records.iter().filter(|record| record.key == key).collect();
    of_key.sort_by_key(|record| record.offset);
    of_key.iter().map(|record| record.version()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_sent_again_from_its_beginning_and_no_other_is() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let (again, other) = (new_customer(), new_customer());
    for stream in [again, other] {
        running.store.commit(append(stream, 0, 40)).await.unwrap();
    }
    running.drained().await;
    let absent = new_customer();
    let requests = [whole(again), whole(absent), whole(again)];
    let summary = World::new(&database, &topics)
        .republisher
        .republish_streams(&requests)
        .await
        .unwrap();
    assert_eq!((summary.sent, summary.events), (1, 40));
    assert_eq!(summary.unknown, [absent]);

    // The bucket is the relay's again.
    running.store.commit(append(again, 40, 1)).await.unwrap();
    running.drained().await;
    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 121).await;
    running.stop().await;
    let twice: Vec<u64> = (1..=40).chain(1..=41).collect();
    assert_eq!(versions_of(&records, again), twice);
    assert_eq!(versions_of(&records, other), (1..=40).collect::<Vec<_>>());
    let [first, second] = [1, 2].map(|nth| {
        let mut of_version = records
            .iter()
            .filter(|record| record.key == again.id.to_string() && record.version() == 7);
        of_version.nth(nth - 1).unwrap().clone()
    });
    assert_eq!(first.value, second.value);
    let untraced = |record: &Record| -> Vec<_> {
        let headers = record.headers.iter().cloned();
        headers.filter(|(key, _)| key != "traceparent").collect()
    };
    assert_eq!(untraced(&first), untraced(&second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_sent_where_what_stands_before_it_is_published_and_else_the_whole() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customer = new_customer();
    running.store.commit(append(customer, 0, 5)).await.unwrap();
    running.drained().await;
    let store = running.store.clone();
    running.stop().await;
    let part = StreamRequest {
        stream: customer,
        from_version: 4,
    };
    let world = World::new(&database, &topics);
    let summary = world.republisher.republish_streams(&[part]).await.unwrap();
    assert_eq!((summary.sent, summary.events), (1, 2));

    store.commit(append(customer, 5, 2)).await.unwrap();
    let summary = world.republisher.republish_streams(&[part]).await.unwrap();
    assert_eq!((summary.sent, summary.events), (1, 7), "what waits could be 4");
    let beyond = StreamRequest {
        stream: customer,
        from_version: 8,
    };
    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 14).await;
    assert_eq!(
        versions_of(&records, customer),
        [1, 2, 3, 4, 5, 4, 5, 1, 2, 3, 4, 5, 6, 7]
    );
    let again = Running::start(&database, &topics, RelaySettings::default());
    again.drained().await;
    let summary = world.republisher.republish_streams(&[beyond]).await.unwrap();
    assert_eq!((summary.sent, summary.unknown), (0, vec![customer]));
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buckets_of_a_frozen_relay_are_taken_when_its_leases_have_run_out() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customer = new_customer();
    running.store.commit(append(customer, 0, 3)).await.unwrap();
    running.drained().await;
    let (leases, outbox, store) = (
        running.leases.clone(),
        running.outbox.clone(),
        running.store.clone(),
    );
    running.stop().await;
    // It takes its buckets and a row, and says nothing more.
    let frozen = leases.balance(unique_id(), &[]).await.unwrap();
    assert_eq!(frozen.len(), usize::from(BUCKETS));
    store.commit(append(customer, 3, 1)).await.unwrap();
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    let taken = outbox.pending(&buckets, 10).await.unwrap();

    let summary = World::new(&database, &topics)
        .republisher
        .republish_streams(&[whole(customer)])
        .await
        .unwrap();
    assert_eq!((summary.sent, summary.events), (1, 4));
    let marks: Vec<_> = taken
        .iter()
        .map(|row| (frozen[usize::from(row.bucket)], row.id))
        .collect();
    assert_eq!(outbox.mark_published(&marks).await.unwrap(), 0, "it is fenced");
    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 7).await;
    assert_eq!(
        first_occurrences(&records)[&customer.id.to_string()],
        [1, 2, 3, 4]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_lost_in_mid_work_is_taken_again_and_its_stream_sent_anew() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customer = new_customer();
    running.store.commit(append(customer, 0, 100)).await.unwrap();
    running.drained().await;
    running.stop().await;

    let world = World::with(&database, &topics, rate(40));
    let requests = [whole(customer)];
    let work = world.republisher.republish_streams(&requests);
    let thief = async {
        topics.read_until(CUSTOMERS, |records| records.len() >= 110).await;
        let owner = database.as_owner().await;
        let taken = owner
            .execute(
                "UPDATE relay_leases SET owner = gen_random_uuid(), epoch = epoch + 1, reserved_by = NULL, \
                 expires_at = clock_timestamp() + interval '1 second' WHERE reserved_by IS NOT NULL",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(taken, 1);
    };
    let (summary, ()) = tokio::join!(work, thief);
    let summary = summary.unwrap();
    assert_eq!((summary.sent, summary.events), (1, 100));
    let records = topics
        .read_until(CUSTOMERS, |records| {
            records.iter().filter(|record| record.version() == 100).count() == 2
        })
        .await;
    let versions = versions_of(&records, customer);
    let begun = versions.iter().filter(|version| **version == 1).count();
    assert_eq!(begun, 3, "published, begun, begun anew: {versions:?}");
    assert_eq!(versions[versions.len() - 100..], (1..=100).collect::<Vec<_>>());
}
