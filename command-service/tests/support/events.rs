//! Commits of real events.

use chrono::{DateTime, TimeDelta, Utc};
use command_service::application::ports::{CommandOutcome, CommandRecord, Commit, NewEvent, StreamId};
use shared_events::event::{CustomerRegisteredV2, CustomerRenamedV1};
use shared_events::{AggregateType, CustomerEvent};
use uuid::Uuid;

use super::unique_id;

pub const TRACE_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub fn new_customer() -> StreamId {
    StreamId {
        aggregate: AggregateType::Customer,
        id: unique_id(),
    }
}

/// To the microsecond, as the store keeps it.
pub fn some_time() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_700_000_000_123_456)
}

/// Registers a customer, or renames one that is there.
pub fn customer_event(customer_id: Uuid, version: u64) -> CustomerEvent {
    let name = format!("Customer at {version}");
    if version > 1 {
        return CustomerRenamedV1 { customer_id, name }.into();
    }
    let address = shared_events::event::Address {
        name: name.clone(),
        street: "Long Street 1".to_owned(),
        postal_code: "10115".to_owned(),
        city: "Berlin".to_owned(),
        country: "DE".to_owned(),
    };
    CustomerRegisteredV2 {
        customer_id,
        name,
        email: None,
        billing_address: address.clone(),
        delivery_address: Some(address),
    }
    .into()
}

/// A command that appends as many events to the stream of a customer.
pub fn append(stream: StreamId, expected_version: u64, events: u64) -> Commit {
    let version = expected_version + events;
    let command_id = unique_id();
    let command = CommandRecord {
        command_id,
        command_type: "rename_customer".into(),
        stream,
        actor: "anonymous".to_owned(),
        received_at: some_time(),
        body: serde_json::json!({"name": "Customer"}),
        causation_id: command_id,
        correlation_id: unique_id(),
        outcome: CommandOutcome::Succeeded { version },
    };
    Commit {
        expected_version,
        events: (expected_version + 1..=version)
            .map(|version| {
                let event = customer_event(stream.id, version);
                NewEvent {
                    event_id: unique_id(),
                    event_type: event.event_type(),
                    payload: event.encode().unwrap(),
                }
            })
            .collect(),
        traceparent: Some(TRACE_PARENT.to_owned()),
        ..Commit::of(command, some_time())
    }
}
