//! What an [`EventArchive`] promises, and what is remembered of a walk through it.

use std::collections::BTreeSet;

use command_service::application::ports::{
    BUCKETS, BucketProgress, EventArchive, EventStore, Outbox, RepublishRuns, StreamId,
};
use shared_events::{AggregateType, EventMetadata};
use uuid::Uuid;

use crate::Adapters;
use crate::commits::{append, new_id, new_order};

async fn walked(archive: &impl EventArchive, aggregate: AggregateType, limit: usize) -> Vec<Uuid> {
    let mut found = Vec::new();
    loop {
        let page = archive
            .streams(aggregate, found.last().copied(), limit)
            .await
            .unwrap();
        let is_end = page.len() < limit;
        found.extend(page);
        if is_end {
            return found;
        }
    }
}

pub async fn an_empty_archive_has_no_streams(adapters: &impl Adapters) {
    for aggregate in AggregateType::ALL {
        assert!(walked(&*adapters.archive(), aggregate, 10).await.is_empty());
    }
    let read = adapters
        .archive()
        .events(&[(new_order(), 1), (new_order(), 1)], 10)
        .await
        .unwrap();
    assert_eq!(read, [vec![], vec![]]);
    assert!(adapters.archive().events(&[], 10).await.unwrap().is_empty());
}

pub async fn every_stream_is_met_once_in_pages(adapters: &impl Adapters) {
    let mut orders = BTreeSet::new();
    for events in (1..=3).cycle().take(23) {
        let order = new_order();
        adapters.store().commit(append(order, 0, events)).await.unwrap();
        orders.insert(order.id);
    }
    let nil = StreamId {
        aggregate: AggregateType::Order,
        id: Uuid::nil(),
    };
    adapters.store().commit(append(nil, 0, 2)).await.unwrap();
    orders.insert(nil.id);
    let archive = adapters.archive();
    let at_once = walked(&*archive, AggregateType::Order, 1000).await;
    assert_eq!(at_once.len(), 24);
    assert_eq!(at_once.iter().copied().collect::<BTreeSet<_>>(), orders);
    for limit in [1, 4, 5, 24] {
        assert_eq!(walked(&*archive, AggregateType::Order, limit).await, at_once);
    }
}

pub async fn each_kind_is_walked_alone(adapters: &impl Adapters) {
    let id = new_id();
    for aggregate in AggregateType::ALL {
        adapters
            .store()
            .commit(append(StreamId { aggregate, id }, 0, 2))
            .await
            .unwrap();
    }
    for aggregate in AggregateType::ALL {
        assert_eq!(walked(&*adapters.archive(), aggregate, 1).await, [id]);
        let stream = StreamId { aggregate, id };
        let read = adapters.archive().events(&[(stream, 1)], 9).await.unwrap();
        assert_eq!(read[0].len(), 2);
        assert!(read[0].iter().all(|event| event.metadata.aggregate == aggregate));
    }
}

pub async fn events_come_with_all_that_is_known_of_them(adapters: &impl Adapters) {
    let (first, second) = (new_order(), new_order());
    let commits = [append(first, 0, 2), append(first, 2, 1), append(second, 0, 1)];
    for commit in &commits {
        adapters.store().commit(commit.clone()).await.unwrap();
    }
    let read = adapters
        .archive()
        .events(&[(second, 1), (first, 1)], 10)
        .await
        .unwrap();
    assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3]);
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    let rows = adapters.outbox().pending(&buckets, 100).await.unwrap();
    for event in read.into_iter().flatten() {
        let row = rows
            .iter()
            .find(|row| row.metadata.event_id == event.metadata.event_id)
            .unwrap();
        let sent_first = EventMetadata {
            traceparent: None,
            ..row.metadata.clone()
        };
        let again = event.into_row(row.bucket);
        assert_eq!(again.metadata, sent_first);
        assert_eq!(
            (again.topic, again.payload),
            (row.topic.clone(), row.payload.clone())
        );
    }
}

pub async fn a_part_of_a_stream_is_read_from_a_version_on(adapters: &impl Adapters) {
    let order = new_order();
    adapters.store().commit(append(order, 0, 50)).await.unwrap();
    let archive = adapters.archive();
    for (from, limit, expected) in [(1, 7, 1..=7), (44, 100, 44..=50), (20, 5, 20..=24)] {
        let read = archive.events(&[(order, from)], limit).await.unwrap();
        let versions: Vec<u64> = read[0].iter().map(|event| event.metadata.version).collect();
        assert_eq!(versions, expected.collect::<Vec<_>>());
    }
    assert!(archive.events(&[(order, 51)], 9).await.unwrap()[0].is_empty());
    assert!(archive.events(&[(order, u64::MAX)], 9).await.unwrap()[0].is_empty());
}

pub async fn the_bucket_is_that_of_the_outbox(adapters: &impl Adapters) {
    for _ in 0..20 {
        adapters.store().commit(append(new_order(), 0, 1)).await.unwrap();
    }
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    for row in adapters.outbox().pending(&buckets, 100).await.unwrap() {
        assert_eq!(adapters.archive().bucket(row.metadata.aggregate_id), row.bucket);
    }
}

pub async fn a_run_begins_with_nothing_done(adapters: &impl Adapters) {
    let runs = adapters.runs();
    assert_eq!(runs.unfinished(None).await.unwrap(), None);
    let (id, scope) = (new_id(), Some(AggregateType::Order));
    let run = runs.begin(id, scope, true).await.unwrap();
    assert_eq!((run.id, run.scope, run.new_topics), (id, scope, true));
    let expected: Vec<_> = (0..BUCKETS).map(untouched).collect();
    assert_eq!(run.buckets, expected);
    assert_eq!(runs.unfinished(scope).await.unwrap(), Some(run));
    assert_eq!(runs.unfinished(None).await.unwrap(), None, "another scope");
}

fn untouched(bucket: u16) -> BucketProgress {
    BucketProgress {
        bucket,
        after: None,
        streams: 0,
        events: 0,
        finished: false,
    }
}

pub async fn a_run_is_found_as_far_as_it_got(adapters: &impl Adapters) {
    let runs = adapters.runs();
    let run = runs.begin(new_id(), None, false).await.unwrap();
    let reached = BucketProgress {
        after: Some(new_order()),
        streams: 3,
        events: 17,
        ..untouched(5)
    };
    runs.advance(run.id, reached).await.unwrap();
    let found = runs.unfinished(None).await.unwrap().unwrap();
    assert_eq!(found.buckets[5], reached);
    assert_eq!(found.buckets[6], untouched(6));
}

pub async fn a_run_that_is_finished_is_not_resumed(adapters: &impl Adapters) {
    let runs = adapters.runs();
    let run = runs.begin(new_id(), None, false).await.unwrap();
    for bucket in 0..BUCKETS {
        assert!(runs.unfinished(None).await.unwrap().is_some());
        let finished = BucketProgress {
            finished: true,
            ..untouched(bucket)
        };
        runs.advance(run.id, finished).await.unwrap();
    }
    assert_eq!(runs.unfinished(None).await.unwrap(), None);
}

pub async fn a_new_run_takes_the_place_of_the_last_of_its_scope(adapters: &impl Adapters) {
    let runs = adapters.runs();
    let of_orders = Some(AggregateType::Order);
    runs.begin(new_id(), None, false).await.unwrap();
    runs.begin(new_id(), of_orders, false).await.unwrap();
    let (second, other) = (new_id(), new_id());
    runs.begin(second, None, false).await.unwrap();
    assert_eq!(runs.unfinished(None).await.unwrap().unwrap().id, second);
    runs.begin(other, of_orders, false).await.unwrap();
    assert_eq!(runs.unfinished(None).await.unwrap().unwrap().id, second);
    assert_eq!(runs.unfinished(of_orders).await.unwrap().unwrap().id, other);
}
