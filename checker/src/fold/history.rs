//! One order's events: who did what when, and the order as it was then.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::{Event, OrderEvent};
use uuid::Uuid;

use super::decode;
use super::orders::Order;
use crate::history::StoredEvent;

/// The items of `GET /v1/orders/{id}/history`, ascending, of the order's events.
pub fn history(events: &[StoredEvent]) -> Result<Vec<Value>> {
    let entries = events.iter().map(|event| Ok(entry(event, &decode(event)?)));
    entries.collect()
}

/// One of them.
pub fn entry(event: &StoredEvent, says: &Event) -> Value {
    json!({
        "version": event.version,
        "event_type": event.event_type,
        "occurred_at": event.occurred_at.timestamp_micros(),
        "actor": event.actor,
        "command_id": event.command_id,
        "causation_id": event.causation_id,
        "correlation_id": event.correlation_id,
        "data": says,
    })
}

/// `GET /v1/orders/{id}?as_of=`, for each version: when its event occurred, and the order with it.
pub fn order_as_of(id: Uuid, events: &[StoredEvent]) -> Result<Vec<(DateTime<Utc>, Value)>> {
    let mut order: Option<Order> = None;
    let mut moments = Vec::new();
    for event in events {
        let (version, at) = (event.version, event.occurred_at);
        match decode(event)? {
            Event::Order(OrderEvent::Created(created)) => order = Some(Order::created(created, version, at)),
            Event::Order(event) => order
                .as_mut()
                .context("never created")?
                .change(version, at, event)?,
            other => anyhow::bail!("an order's stream has {other:?}"),
        }
        let order = order.as_ref().context("never created")?;
        moments.push((at, order.detail_then(id)));
    }
    Ok(moments)
}
