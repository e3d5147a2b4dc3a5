//! What an [`Outbox`] promises to relays.

use std::collections::{BTreeMap, BTreeSet};

use command_service::application::ports::{BUCKETS, EventStore, Lease, Leases, Outbox, OutboxRow};
use uuid::Uuid;

use crate::Adapters;
use crate::commits::{append, every_bucket, new_id, new_order};

async fn all_pending(outbox: &impl Outbox) -> Vec<OutboxRow> {
    outbox.pending(&every_bucket(), 1_000).await.unwrap()
}

/// Commits so many orders of one event each, and answers their rows with the leases to mark them under.
async fn leased_rows(adapters: &impl Adapters, relay: Uuid, orders: usize) -> Vec<(Lease, i64)> {
    for _ in 0..orders {
        adapters.store().commit(append(new_order(), 0, 1)).await.unwrap();
    }
    let leases = adapters.leases().balance(relay, &[]).await.unwrap();
    all_pending(&*adapters.outbox())
        .await
        .iter()
        .map(|row| {
            let lease = leases.iter().find(|lease| lease.bucket == row.bucket).unwrap();
            (*lease, row.id)
        })
        .collect()
}

pub async fn nothing_is_pending_at_first(adapters: &impl Adapters) {
    assert_eq!(all_pending(&*adapters.outbox()).await, []);
    assert!(adapters.outbox().pending(&[], 10).await.unwrap().is_empty());
    assert!(
        adapters
            .outbox()
            .pending(&every_bucket(), 0)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(adapters.outbox().mark_published(&[]).await.unwrap(), 0);
}

pub async fn an_aggregate_stays_in_one_bucket(adapters: &impl Adapters) {
    let mut buckets = BTreeSet::new();
    for _ in 0..64 {
        let order = new_order();
        adapters.store().commit(append(order, 0, 1)).await.unwrap();
        adapters.store().commit(append(order, 1, 2)).await.unwrap();
    }
    let mut of_aggregate = BTreeMap::new();
    for row in all_pending(&*adapters.outbox()).await {
        assert!(row.bucket < BUCKETS);
        buckets.insert(row.bucket);
        let bucket = of_aggregate
            .entry(row.metadata.aggregate_id)
            .or_insert(row.bucket);
        assert_eq!(*bucket, row.bucket);
    }
    assert!(buckets.len() > 4, "64 orders share {} buckets", buckets.len());
}

pub async fn pending_rows_come_in_the_order_of_their_versions(adapters: &impl Adapters) {
    let orders = [new_order(), new_order(), new_order()];
    for version in [0, 2, 4, 6] {
        for order in orders {
            adapters.store().commit(append(order, version, 2)).await.unwrap();
        }
    }
    let mut versions: BTreeMap<Uuid, Vec<u64>> = BTreeMap::new();
    let mut last_id: BTreeMap<u16, i64> = BTreeMap::new();
    for row in all_pending(&*adapters.outbox()).await {
        versions
            .entry(row.metadata.aggregate_id)
            .or_default()
            .push(row.metadata.version);
        let before = last_id.insert(row.bucket, row.id);
        assert!(
            before.is_none_or(|before| before < row.id),
            "in a bucket, ids grow"
        );
    }
    for order in orders {
        assert_eq!(versions[&order.id], (1..=8).collect::<Vec<u64>>());
    }
}

pub async fn pending_is_bounded_for_each_bucket(adapters: &impl Adapters) {
    for _ in 0..32 {
        adapters.store().commit(append(new_order(), 0, 5)).await.unwrap();
    }
    let outbox = adapters.outbox();
    let all = all_pending(&*outbox).await;
    let bounded = outbox.pending(&every_bucket(), 3).await.unwrap();
    for bucket in every_bucket() {
        let ids = |rows: &[OutboxRow]| -> Vec<i64> {
            rows.iter()
                .filter(|row| row.bucket == bucket)
                .map(|row| row.id)
                .collect()
        };
        let oldest: Vec<i64> = ids(&all).into_iter().take(3).collect();
        assert_eq!(ids(&bounded), oldest);
        let alone = outbox.pending(&[bucket], 3).await.unwrap();
        assert!(alone.iter().all(|row| row.bucket == bucket));
        assert_eq!(ids(&alone), oldest);
    }
}

pub async fn marked_rows_are_gone_and_others_stay(adapters: &impl Adapters) {
    let outbox = adapters.outbox();
    let rows = leased_rows(adapters, new_id(), 6).await;
    let (published, others) = rows.split_at(4);
    assert_eq!(outbox.mark_published(published).await.unwrap(), 4);
    let left: BTreeSet<i64> = all_pending(&*outbox).await.iter().map(|row| row.id).collect();
    assert_eq!(left, others.iter().map(|(_, id)| *id).collect());
    assert_eq!(
        outbox.mark_published(published).await.unwrap(),
        0,
        "they are gone already"
    );
    assert_eq!(outbox.mark_published(&rows).await.unwrap(), 2);
    assert_eq!(all_pending(&*outbox).await, []);
}

pub async fn the_backlog_counts_what_is_unpublished(adapters: &impl Adapters) {
    let outbox = adapters.outbox();
    let empty = outbox.backlog().await.unwrap();
    assert_eq!((empty.rows, empty.oldest_seconds), (0, 0.0));
    let rows = leased_rows(adapters, new_id(), 3).await;
    let full = outbox.backlog().await.unwrap();
    assert_eq!(full.rows, 3);
    assert!(full.oldest_seconds >= 0.0);
    outbox.mark_published(&rows).await.unwrap();
    let drained = outbox.backlog().await.unwrap();
    assert_eq!((drained.rows, drained.oldest_seconds), (0, 0.0));
}

pub async fn a_mark_under_an_old_epoch_removes_nothing(adapters: &impl Adapters) {
    let outbox = adapters.outbox();
    let stale = leased_rows(adapters, new_id(), 5).await;
    adapters.expire_leases().await;
    let fresh = leased_rows(adapters, new_id(), 0).await;
    assert_eq!(outbox.mark_published(&stale).await.unwrap(), 0);
    assert_eq!(all_pending(&*outbox).await.len(), 5);
    assert_eq!(outbox.mark_published(&fresh).await.unwrap(), 5);
    assert_eq!(all_pending(&*outbox).await, []);
}

pub async fn a_mark_under_anothers_bucket_removes_nothing(adapters: &impl Adapters) {
    let outbox = adapters.outbox();
    let rows = leased_rows(adapters, new_id(), 1).await;
    let (lease, id) = rows[0];
    let elsewhere = Lease {
        bucket: (lease.bucket + 1) % BUCKETS,
        ..lease
    };
    assert_eq!(outbox.mark_published(&[(elsewhere, id)]).await.unwrap(), 0);
    assert_eq!(all_pending(&*outbox).await.len(), 1);
}

pub async fn of_a_mixed_mark_only_the_held_part_is_removed(adapters: &impl Adapters) {
    let outbox = adapters.outbox();
    let mut rows = leased_rows(adapters, new_id(), 6).await;
    let lost = rows[0].0.bucket;
    for (lease, _) in rows.iter_mut().filter(|(lease, _)| lease.bucket == lost) {
        lease.epoch -= 1;
    }
    let held = rows.iter().filter(|(lease, _)| lease.bucket != lost).count();
    assert_eq!(outbox.mark_published(&rows).await.unwrap(), held);
    let left = all_pending(&*outbox).await;
    assert_eq!(left.len(), rows.len() - held);
    assert!(left.iter().all(|row| row.bucket == lost));
}
