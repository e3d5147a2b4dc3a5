//! One order's events: who did what when, and the order as it was then.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::{AggregateType, Event, OrderEvent};
use tokio_postgres::Client;
use uuid::Uuid;

use super::Schemas;
use super::orders::Order;

/// The items of `GET /v1/orders/{id}/history`, ascending.
pub async fn history(database: &Client, order: Uuid) -> Result<Vec<Value>> {
    let rows = database
        .query(
            "SELECT version, event_type, occurred_at, actor, command_id, causation_id, correlation_id, payload
             FROM events WHERE aggregate = 'order' AND stream_id = $1 ORDER BY version",
            &[&order],
        )
        .await?;
    let mut schemas = Schemas::default();
    rows.iter()
        .map(|row| {
            let event = schemas.decode(AggregateType::Order, row.get(1), row.get(7))?;
            Ok(json!({
                "version": row.get::<_, i64>(0),
                "event_type": row.get::<_, &str>(1),
                "occurred_at": row.get::<_, DateTime<Utc>>(2).timestamp_micros(),
                "actor": row.get::<_, &str>(3),
                "command_id": row.get::<_, Uuid>(4),
                "causation_id": row.get::<_, Uuid>(5),
                "correlation_id": row.get::<_, Uuid>(6),
                "data": event,
            }))
        })
        .collect()
}

/// `GET /v1/orders/{id}?as_of=`, for each version: when its event occurred, and the order with it.
pub async fn order_as_of(database: &Client, id: Uuid) -> Result<Vec<(DateTime<Utc>, Value)>> {
    let rows = database
        .query(
            "SELECT event_type, payload, version, occurred_at
             FROM events WHERE aggregate = 'order' AND stream_id = $1 ORDER BY version",
            &[&id],
        )
        .await?;
    let mut schemas = Schemas::default();
    let mut order: Option<Order> = None;
    let mut moments = Vec::new();
    for row in &rows {
        let event = schemas.decode(AggregateType::Order, row.get(0), row.get(1))?;
        let (version, at) = (row.get::<_, i64>(2).unsigned_abs(), row.get(3));
        match event {
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
