//! Commits and commands to try the adapters with.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use command_service::application::ports::{
    BUCKETS, CommandOutcome, CommandQueue, CommandRecord, Commit, IdempotencyKey, NewEvent, QueuedCommand,
    RecordedRefusal, StreamId, TakenCommand, ToldEvent,
};
use serde_json::json;
use shared_events::AggregateType;
use uuid::Uuid;

/// Never the same one twice.
pub fn new_id() -> Uuid {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(
        0x0190_b5a0_0000_7000_8000_0000_0000_0000 + u128::from(COUNT.fetch_add(1, Ordering::Relaxed)),
    )
}

pub fn new_order() -> StreamId {
    StreamId {
        aggregate: AggregateType::Order,
        id: new_id(),
    }
}

/// To the microsecond, as the stores keep it.
pub fn some_time() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_700_000_000_123_456)
}

pub fn event(payload: impl Into<Vec<u8>>) -> NewEvent {
    NewEvent {
        event_id: new_id(),
        event_type: "ordering.orders.OrderSubmittedV1",
        payload: payload.into(),
    }
}

/// A new command that appends as many events, told apart by their payload.
pub fn append(stream: StreamId, expected_version: u64, events: u64) -> Commit {
    let version = expected_version + events;
    let events = (expected_version + 1..=version)
        .map(|version| event(format!("{} {version}", stream.id)))
        .collect();
    commit(
        stream,
        expected_version,
        events,
        CommandOutcome::Succeeded { version },
    )
}

pub fn refusal(stream: StreamId) -> Commit {
    let outcome = CommandOutcome::Refused(RecordedRefusal {
        kind: "empty-order".to_owned(),
        detail: "an order without items cannot be submitted".to_owned(),
        pointer: None,
    });
    commit(stream, 0, vec![], outcome)
}

pub fn commit(
    stream: StreamId,
    expected_version: u64,
    events: Vec<NewEvent>,
    outcome: CommandOutcome,
) -> Commit {
    let command = CommandRecord {
        command_id: new_id(),
        command_type: "submit-order".into(),
        stream,
        actor: "Grace Hopper".to_owned(),
        received_at: some_time() - TimeDelta::milliseconds(3),
        body: json!({"order_id": stream.id}),
        causation_id: new_id(),
        correlation_id: new_id(),
        outcome,
    };
    Commit {
        expected_version,
        events,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ..Commit::of(command, some_time())
    }
}

/// What another context is told, in a stream of the order's own id.
pub fn told(order: StreamId, version: u64) -> ToldEvent {
    ToldEvent {
        stream: StreamId {
            aggregate: AggregateType::OrderForInvoicing,
            id: order.id,
        },
        version,
        event: NewEvent {
            event_id: new_id(),
            event_type: "ordering.orders.for_invoicing.OrderSubmittedForInvoicingV1",
            payload: format!("told {version}").into_bytes(),
        },
    }
}

/// A command to be decided later.
pub fn queued(stream: StreamId) -> QueuedCommand {
    QueuedCommand {
        command_id: new_id(),
        command_type: "submit-order".to_owned(),
        stream,
        actor: "Grace Hopper".to_owned(),
        received_at: some_time(),
        body: json!({"order_id": stream.id}),
        causation_id: new_id(),
        correlation_id: new_id(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        if_match: None,
    }
}

pub fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey {
        key: name.to_owned(),
        request_hash: [7; 32],
    }
}

/// The commit of a queued command's outcome, without events.
pub fn decided(taken: &TakenCommand) -> Commit {
    let mut commit = append(taken.command.stream, 0, 0);
    commit.command.command_id = taken.command.command_id;
    commit.place = Some(taken.place);
    commit
}

pub fn every_bucket() -> Vec<u16> {
    (0..BUCKETS).collect()
}

/// All that can be run now.
pub async fn take_all(queue: &impl CommandQueue) -> Vec<TakenCommand> {
    queue.take(&every_bucket(), 1_000).await.unwrap()
}

pub fn ids_of(taken: &[TakenCommand]) -> Vec<Uuid> {
    taken.iter().map(|taken| taken.command.command_id).collect()
}
