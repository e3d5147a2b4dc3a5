//! What an [`EventStore`] promises.

use command_service::application::ports::{
    BUCKETS, CommandOutcome, EventStore, Outbox, OutboxRow, StoreError, StoredEvent, StoredStream, StreamId,
};
use shared_events::{AggregateType, EventMetadata};

use crate::Adapters;
use crate::commits::{append, commit, event, new_id, new_order, refusal};

async fn stream_of(store: &impl EventStore, stream: StreamId) -> Vec<StoredEvent> {
    let mut answers = store.read(&[stream], None).await.unwrap();
    assert_eq!(answers.len(), 1, "one answer for one stream");
    answers.remove(0).events
}

async fn all_pending(outbox: &impl Outbox) -> Vec<OutboxRow> {
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    outbox.pending(&buckets, 1_000).await.unwrap()
}

pub async fn a_stream_that_is_not_there_is_empty(adapters: &impl Adapters) {
    assert_eq!(stream_of(&*adapters.store(), new_order()).await, []);
}

pub async fn what_is_appended_is_read_back(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    let every_byte: Vec<u8> = (0..=255).collect();
    let events = vec![event(every_byte.clone()), event("")];
    let outcome = CommandOutcome::Succeeded { version: 2 };
    store.commit(commit(order, 0, events, outcome)).await.unwrap();
    let outcome = CommandOutcome::Succeeded { version: 3 };
    store
        .commit(commit(order, 2, vec![event("third")], outcome))
        .await
        .unwrap();

    let stored = |version, payload: &[u8]| StoredEvent {
        version,
        event_type: "ordering.orders.OrderSubmittedV1".to_owned(),
        payload: payload.to_vec(),
    };
    assert_eq!(
        stream_of(&*store, order).await,
        [stored(1, &every_byte), stored(2, b""), stored(3, b"third")],
    );
}

pub async fn streams_are_read_in_the_order_asked_for(adapters: &impl Adapters) {
    let store = adapters.store();
    let (first, absent, second) = (new_order(), new_order(), new_order());
    store.commit(append(first, 0, 2)).await.unwrap();
    store.commit(append(second, 0, 1)).await.unwrap();
    for order in [
        [first, absent, second],
        [second, first, absent],
        [absent, second, first],
    ] {
        let answers = store.read(&order, None).await.unwrap();
        assert_eq!(answers.len(), 3);
        for (stream, StoredStream { events, .. }) in order.iter().zip(answers) {
            let expected = match stream {
                stream if *stream == first => 2,
                stream if *stream == second => 1,
                _ => 0,
            };
            let versions: Vec<_> = events.iter().map(|event| event.version).collect();
            assert_eq!(versions, (1..=expected).collect::<Vec<u64>>());
            assert!(
                events
                    .iter()
                    .all(|event| event.payload.starts_with(stream.id.to_string().as_bytes()))
            );
        }
    }
}

pub async fn nothing_asked_for_is_nothing_read(adapters: &impl Adapters) {
    assert!(adapters.store().read(&[], None).await.unwrap().is_empty());
}

pub async fn aggregates_with_one_id_are_streams_apart(adapters: &impl Adapters) {
    let store = adapters.store();
    let id = new_id();
    let [customer, product, order, ..] = AggregateType::ALL.map(|aggregate| StreamId { aggregate, id });
    store.commit(append(customer, 0, 1)).await.unwrap();
    store.commit(append(order, 0, 2)).await.unwrap();
    let answers = store.read(&[customer, product, order], None).await.unwrap();
    let lengths: Vec<_> = answers.iter().map(|stream| stream.events.len()).collect();
    assert_eq!(lengths, [1, 0, 2]);
}

pub async fn a_commit_of_many_events_is_one(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    store.commit(append(order, 0, 201)).await.unwrap();
    let versions: Vec<_> = stream_of(&*store, order)
        .await
        .iter()
        .map(|event| event.version)
        .collect();
    assert_eq!(versions, (1..=201).collect::<Vec<_>>());
    assert_eq!(all_pending(&*adapters.outbox()).await.len(), 201);
}

pub async fn a_stale_append_is_a_conflict_and_leaves_nothing(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    store.commit(append(order, 0, 2)).await.unwrap();
    let before = (
        stream_of(&*store, order).await,
        all_pending(&*adapters.outbox()).await,
    );
    // The second one has an event beyond the stream's end, which must not go in alone.
    for events in [1, 3] {
        let answer = store.commit(append(order, 1, events)).await;
        assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
    }
    assert_eq!(
        (
            stream_of(&*store, order).await,
            all_pending(&*adapters.outbox()).await
        ),
        before
    );
}

pub async fn starting_a_stream_twice_is_a_conflict(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    store.commit(append(order, 0, 1)).await.unwrap();
    let answer = store.commit(append(order, 0, 1)).await;
    assert!(matches!(answer, Err(StoreError::Conflict)), "{answer:?}");
}

pub async fn of_concurrent_appends_exactly_one_wins(adapters: &impl Adapters) {
    let order = new_order();
    for version in 0..5 {
        let rivals: Vec<_> = (0..8)
            .map(|_| {
                let store = adapters.store();
                tokio::spawn(async move { store.commit(append(order, version, 1)).await })
            })
            .collect();
        let mut won = 0;
        for rival in rivals {
            match rival.await.unwrap() {
                Ok(()) => won += 1,
                Err(StoreError::Conflict) => {}
                Err(error) => panic!("neither won nor lost: {error:?}"),
            }
        }
        assert_eq!(won, 1);
        assert_eq!(
            stream_of(&*adapters.store(), order).await.len() as u64,
            version + 1
        );
    }
}

pub async fn concurrent_appends_to_different_streams_all_succeed(adapters: &impl Adapters) {
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let store = adapters.store();
            tokio::spawn(async move { store.commit(append(new_order(), 0, 3)).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(all_pending(&*adapters.outbox()).await.len(), 16 * 3);
}

pub async fn a_lost_command_can_be_committed_again(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    store.commit(append(order, 0, 1)).await.unwrap();
    let mut late = append(order, 0, 1);
    assert!(matches!(
        store.commit(late.clone()).await,
        Err(StoreError::Conflict)
    ));
    late.expected_version = 1;
    store.commit(late).await.unwrap();
    assert_eq!(stream_of(&*store, order).await.len(), 2);
}

pub async fn a_refusal_is_recorded_and_leaves_no_event(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    for _ in 0..2 {
        let refusal = refusal(order);
        store.commit(refusal.clone()).await.unwrap();
        let again = store.commit(refusal).await;
        assert!(matches!(again, Err(StoreError::DuplicateCommand)), "{again:?}");
        store
            .commit(append(order, stream_of(&*store, order).await.len() as u64, 1))
            .await
            .unwrap();
    }
    assert_eq!(stream_of(&*store, order).await.len(), 2);
    assert_eq!(all_pending(&*adapters.outbox()).await.len(), 2);
}

pub async fn a_command_that_changes_nothing_is_recorded(adapters: &impl Adapters) {
    let store = adapters.store();
    let order = new_order();
    store.commit(append(order, 0, 1)).await.unwrap();
    let unchanged = append(order, 1, 0);
    store.commit(unchanged.clone()).await.unwrap();
    let again = store.commit(unchanged).await;
    assert!(matches!(again, Err(StoreError::DuplicateCommand)), "{again:?}");
    assert_eq!(stream_of(&*store, order).await.len(), 1);
    assert_eq!(all_pending(&*adapters.outbox()).await.len(), 1);
}

pub async fn a_command_is_recorded_once(adapters: &impl Adapters) {
    let store = adapters.store();
    let first = append(new_order(), 0, 1);
    let other = new_order();
    let mut again = append(other, 0, 1);
    again.command.command_id = first.command.command_id;
    store.commit(first).await.unwrap();
    let answer = store.commit(again).await;
    assert!(matches!(answer, Err(StoreError::DuplicateCommand)), "{answer:?}");
    assert_eq!(stream_of(&*store, other).await, []);
    assert_eq!(all_pending(&*adapters.outbox()).await.len(), 1);
}

pub async fn an_append_fills_the_outbox(adapters: &impl Adapters) {
    let order = new_order();
    let mut untraced = append(order, 0, 1);
    untraced.traceparent = None;
    let traced = append(order, 1, 2);
    adapters.store().commit(untraced.clone()).await.unwrap();
    adapters.store().commit(traced.clone()).await.unwrap();

    let rows = all_pending(&*adapters.outbox()).await;
    assert_eq!(rows.len(), 3);
    let appended = [(&untraced, 0), (&traced, 0), (&traced, 1)];
    for ((row, version), (commit, at)) in rows.iter().zip(1..).zip(appended) {
        assert_eq!(row.topic, "ordering.orders");
        assert_eq!(row.payload, commit.events[at].payload);
        let expected = EventMetadata {
            event_id: commit.events[at].event_id,
            event_type: commit.events[at].event_type.to_owned(),
            aggregate: AggregateType::Order,
            aggregate_id: order.id,
            version,
            occurred_at: commit.occurred_at,
            actor: commit.command.actor.clone(),
            command_id: commit.command.command_id,
            causation_id: commit.command.causation_id,
            correlation_id: commit.command.correlation_id,
            traceparent: commit.traceparent.clone(),
        };
        assert_eq!(row.metadata, expected);
    }
}
