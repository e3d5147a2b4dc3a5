//! Several relays on real servers.

use std::time::{Duration, Instant};

use command_service::application::ports::{BUCKETS, EventStore, Leases, Outbox};
use command_service::outbound::postgres::{PgLeases, Relays};
use command_service::relay::RelaySettings;

use crate::publishing::{Running, first_occurrences};
use crate::support::events::{append, new_customer};
use crate::support::topics::TestTopics;
use crate::support::{TestDatabase, eventually};

async fn shares(database: &TestDatabase) -> Vec<i64> {
    let owner = database.as_owner().await;
    let rows = owner
        .query(
            "SELECT count(*) FROM relay_leases WHERE expires_at > clock_timestamp() GROUP BY owner ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn shared_as(database: &TestDatabase, expected: &[i64]) {
    eventually(&format!("shared as {expected:?}"), async || {
        shares(database).await == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_share_the_buckets_and_one_that_dies_is_replaced() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let first = Running::start(&database, &topics, RelaySettings::default());
    shared_as(&database, &[16]).await;
    let second = Running::start(&database, &topics, RelaySettings::default());
    shared_as(&database, &[8, 8]).await;

    let customers: Vec<_> = (0..40).map(|_| new_customer()).collect();
    for customer in &customers {
        first.store.commit(append(*customer, 0, 3)).await.unwrap();
    }
    first.drained().await;

    let died = Instant::now();
    second.task.abort();
    for customer in &customers {
        first.store.commit(append(*customer, 3, 3)).await.unwrap();
    }
    first.drained().await;
    let took_over = died.elapsed();
    println!("taken over after {took_over:?}");
    assert!(took_over < Duration::from_secs(10), "{took_over:?}");
    shared_as(&database, &[16]).await;
    let records = topics
        .read_until("ordering.customers", |records| records.len() >= 240)
        .await;
    first.stop().await;
    let versions = first_occurrences(&records);
    assert_eq!(versions.len(), 40);
    assert!(
        versions.values().all(|versions| *versions == [1, 2, 3, 4, 5, 6]),
        "{versions:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_stops_hands_over_at_once_and_a_stale_epoch_marks_nothing() {
    let database = TestDatabase::create().await;
    let topics = TestTopics::create().await;
    let first = Running::start(&database, &topics, RelaySettings::default());
    shared_as(&database, &[16]).await;
    let outbox = std::sync::Arc::clone(&first.outbox);
    let leases = std::sync::Arc::clone(&first.leases);
    let store = first.store.clone();
    first.stop().await;

    let (before, after) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let stale = leases.balance(before, &[]).await.unwrap();
    assert_eq!(stale.len(), usize::from(BUCKETS), "the first gave all back");
    leases.release(before).await.unwrap();
    let fresh = leases.balance(after, &[]).await.unwrap();
    assert_eq!(fresh.len(), usize::from(BUCKETS));
    store.commit(append(new_customer(), 0, 4)).await.unwrap();
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    let rows = outbox.pending(&buckets, 10).await.unwrap();
    let under = |leases: &[command_service::application::ports::Lease]| -> Vec<_> {
        rows.iter()
            .map(|row| (leases[usize::from(row.bucket)], row.id))
            .collect()
    };
    assert_eq!(outbox.mark_published(&under(&stale)).await.unwrap(), 0);
    assert_eq!(outbox.backlog().await.unwrap().rows, 4);
    assert_eq!(outbox.mark_published(&under(&fresh)).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_that_balance_at_once_never_hold_one_bucket_together() {
    let database = TestDatabase::create().await;
    let leases = PgLeases::<Relays>::new(database.open(), Duration::from_secs(60));
    let relays: Vec<_> = (1..=5).map(uuid::Uuid::from_u128).collect();
    let balancing = relays.iter().map(|relay| {
        let (leases, relay) = (leases.clone(), *relay);
        tokio::spawn(async move {
            for _ in 0..30 {
                leases.balance(relay, &[]).await.unwrap();
            }
            leases.balance(relay, &[]).await.unwrap()
        })
    });
    for task in balancing.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let mut held = Vec::new();
    for _ in 0..3 {
        held.clear();
        for relay in &relays {
            held.extend(
                leases
                    .balance(*relay, &[])
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|lease| lease.bucket),
            );
        }
    }
    held.sort_unstable();
    assert_eq!(held, (0..BUCKETS).collect::<Vec<_>>());
}
