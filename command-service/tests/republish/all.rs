//! Everything again.

use std::collections::BTreeMap;
use std::time::Duration;

use command_service::application::ports::{BUCKETS, EventStore};
use command_service::relay::RelaySettings;
use command_service::republishing::{RepublishError, Start};

use crate::support::TestDatabase;
use crate::support::events::{append, new_customer};
use crate::support::relaying::{Running, first_occurrences};
use crate::support::topics::{Record, TestTopics};
use crate::{CUSTOMERS, World, rate};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_relay_and_writers_work_everything_is_sent_again_and_the_order_holds() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let customers: Vec<_> = (0..60).map(|_| new_customer()).collect();
    for customer in &customers {
        running.store.commit(append(*customer, 0, 10)).await.unwrap();
    }
    let (store, streams) = (running.store.clone(), customers.clone());
    let stop_writing = tokio_util::sync::CancellationToken::new();
    let written = stop_writing.clone();
    let writer = tokio::spawn(async move {
        let mut version = 10;
        while !written.is_cancelled() {
            for customer in &streams {
                store.commit(append(*customer, version, 1)).await.unwrap();
            }
            version += 1;
            // The writer's pace.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        version
    });
    let world = World::with(&database, &topics, rate(1000));
    let mut told = Vec::new();
    let summary = world
        .all(Start::Anew, |reached| told.push(reached))
        .await
        .unwrap();
    stop_writing.cancel();
    let versions = writer.await.unwrap();
    running.drained().await;

    assert!(!summary.stopped);
    assert!(summary.made_topics.is_empty());
    assert_eq!(summary.streams(), 60);
    assert!(summary.events() >= 600);
    assert_eq!(told.last().unwrap().buckets_done, usize::from(BUCKETS));
    let all = 60 * versions + summary.events();
    let records = topics
        .read_until(CUSTOMERS, move |records| {
            // A relay that lost a lease may have repeated some, too: enough is when nothing is missing.
            records.len() as u64 >= all
                && first_occurrences(records)
                    .values()
                    .all(|found| found.len() as u64 == versions)
        })
        .await;
    println!("{} records more than sent", records.len() as u64 - all);
    running.stop().await;
    let firsts = first_occurrences(&records);
    assert_eq!(firsts.len(), 60);
    for (key, found) in firsts {
        assert_eq!(found, (1..=versions).collect::<Vec<_>>(), "{key}");
    }
    let counts = occurrences(&records);
    assert!(
        counts.values().all(|count| *count >= 2),
        "the first ten were sent again"
    );
}

/// How often each of the first ten versions of a key is there.
fn occurrences(records: &[Record]) -> BTreeMap<(String, u64), usize> {
    let mut counts = BTreeMap::new();
    for record in records.iter().filter(|record| record.version() <= 10) {
        *counts.entry((record.key.clone(), record.version())).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_interrupted_goes_on_where_it_was() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let running = Running::start(&database, &topics, RelaySettings::default());
    let nothing = World::new(&database, &topics).all(Start::Resumed, |_| {}).await;
    assert!(
        matches!(nothing, Err(RepublishError::NothingToResume)),
        "{nothing:?}"
    );
    for _ in 0..80 {
        running.store.commit(append(new_customer(), 0, 3)).await.unwrap();
    }
    running.drained().await;

    let world = World::new(&database, &topics);
    let stop = world.stop.clone();
    let interrupted = world
        .all(Start::Anew, |reached| {
            if reached.buckets_done == 5 {
                stop.cancel();
            }
        })
        .await
        .unwrap();
    assert!(interrupted.stopped);
    assert!(interrupted.streams() < 80);
    let owner = database.as_owner().await;
    let reserved = owner
        .query(
            "SELECT FROM relay_leases WHERE reserved_by IS NOT NULL AND reserved_until > clock_timestamp()",
            &[],
        )
        .await
        .unwrap();
    assert!(reserved.is_empty(), "every bucket is given back");

    let resumed = World::new(&database, &topics)
        .all(Start::Resumed, |_| {})
        .await
        .unwrap();
    assert_eq!(resumed.run.id, interrupted.run.id);
    assert!(!resumed.stopped);
    assert_eq!((resumed.streams(), resumed.events()), (80, 240));
    let records = topics.read_until(CUSTOMERS, |records| records.len() >= 480).await;
    assert!(records.len() <= 480 + 16 * 3, "what was done is not done again");
    let over = World::new(&database, &topics).all(Start::Resumed, |_| {}).await;
    assert!(matches!(over, Err(RepublishError::NothingToResume)), "{over:?}");
    running.stop().await;
}
