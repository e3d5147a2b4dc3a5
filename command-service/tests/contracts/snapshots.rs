//! States of streams that spare reading them from their beginning.

use command_service::application::ports::{EventStore, Snapshot, StoredStream, StreamId};
use shared_events::AggregateType;

use crate::Adapters;
use crate::commits::{append, new_order};

const FORMAT: i32 = 7;

fn snapshot(version: u64, state: &str) -> Snapshot {
    Snapshot {
        version,
        state: state.as_bytes().to_vec(),
    }
}

async fn read(adapters: &impl Adapters, stream: StreamId, format: Option<i32>) -> StoredStream {
    let mut answers = adapters.store().read(&[stream], format).await.unwrap();
    answers.remove(0)
}

fn versions(stored: &StoredStream) -> Vec<u64> {
    stored.events.iter().map(|event| event.version).collect()
}

/// An order of three events with a snapshot.
async fn an_order_with(adapters: &impl Adapters, kept: Snapshot) -> StreamId {
    let order = new_order();
    let store = adapters.store();
    store.commit(append(order, 0, 3)).await.unwrap();
    store.save_snapshot(order, kept, FORMAT).await.unwrap();
    order
}

pub async fn a_stream_is_read_from_its_snapshot_on(adapters: &impl Adapters) {
    let order = an_order_with(adapters, snapshot(2, "two")).await;
    let stored = read(adapters, order, Some(FORMAT)).await;
    assert_eq!(stored.snapshot, Some(snapshot(2, "two")));
    assert_eq!((versions(&stored), stored.version()), (vec![3], 3));

    let order = an_order_with(adapters, snapshot(3, "three")).await;
    let stored = read(adapters, order, Some(FORMAT)).await;
    assert_eq!(stored.snapshot, Some(snapshot(3, "three")));
    assert_eq!((versions(&stored), stored.version()), (vec![], 3));
}

pub async fn a_snapshot_of_another_format_is_not_there(adapters: &impl Adapters) {
    let order = an_order_with(adapters, snapshot(2, "two")).await;
    for format in [None, Some(FORMAT + 1)] {
        let stored = read(adapters, order, format).await;
        assert_eq!(stored.snapshot, None);
        assert_eq!(versions(&stored), [1, 2, 3]);
    }
}

pub async fn of_streams_read_together_each_has_its_own_snapshot(adapters: &impl Adapters) {
    let first = an_order_with(adapters, snapshot(2, "first")).await;
    let without = new_order();
    adapters.store().commit(append(without, 0, 2)).await.unwrap();
    let second = an_order_with(adapters, snapshot(1, "second")).await;
    let namesake = StreamId {
        aggregate: AggregateType::Customer,
        ..first
    };
    adapters.store().commit(append(namesake, 0, 1)).await.unwrap();
    let streams = [second, namesake, new_order(), first, without];
    let answers = adapters.store().read(&streams, Some(FORMAT)).await.unwrap();
    let seen: Vec<_> = answers
        .iter()
        .map(|stored| (stored.snapshot.clone(), versions(stored)))
        .collect();
    assert_eq!(
        seen,
        [
            (Some(snapshot(1, "second")), vec![2, 3]),
            (None, vec![1]),
            (None, vec![]),
            (Some(snapshot(2, "first")), vec![3]),
            (None, vec![1, 2]),
        ]
    );
}

pub async fn an_older_snapshot_does_not_replace_a_newer_one(adapters: &impl Adapters) {
    let order = an_order_with(adapters, snapshot(2, "two")).await;
    let store = adapters.store();
    store
        .save_snapshot(order, snapshot(1, "one"), FORMAT)
        .await
        .unwrap();
    let stored = read(adapters, order, Some(FORMAT)).await;
    assert_eq!(stored.snapshot, Some(snapshot(2, "two")));
    store
        .save_snapshot(order, snapshot(3, "three"), FORMAT)
        .await
        .unwrap();
    let stored = read(adapters, order, Some(FORMAT)).await;
    assert_eq!(stored.snapshot, Some(snapshot(3, "three")));
}

pub async fn a_snapshot_of_another_format_replaces_whatever_there_is(adapters: &impl Adapters) {
    let order = an_order_with(adapters, snapshot(3, "three")).await;
    let other = FORMAT + 1;
    let store = adapters.store();
    store
        .save_snapshot(order, snapshot(1, "one"), other)
        .await
        .unwrap();
    let stored = read(adapters, order, Some(other)).await;
    assert_eq!(stored.snapshot, Some(snapshot(1, "one")));
    assert_eq!(versions(&stored), [2, 3]);
    let stored = read(adapters, order, Some(FORMAT)).await;
    assert_eq!(
        (stored.snapshot.as_ref(), versions(&stored)),
        (None, vec![1, 2, 3])
    );
}
