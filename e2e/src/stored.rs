//! The event store as it stands in Postgres, for the checker to fold.

use std::pin::pin;

use anyhow::Result;
use checker::fold::Expected;
use checker::history::StoredEvent;
use futures_util::TryStreamExt as _;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

const EVENTS: &str =
    "SELECT aggregate, stream_id, version, event_id, event_type, command_id, causation_id, correlation_id,
                             actor, occurred_at, payload
                      FROM events";

/// What every read model must show. Reads the whole event store, stream by stream, and keeps no event.
pub async fn expected(database: &Client) -> Result<Expected> {
    let all = format!("{EVENTS} ORDER BY aggregate, stream_id, version");
    let rows = database.query_raw(&all, std::iter::empty::<&str>()).await?;
    let mut rows = pin!(rows);
    let mut expected = Expected::default();
    while let Some(row) = rows.try_next().await? {
        expected.take(&event(&row))?;
    }
    Ok(expected)
}

/// All of it.
pub async fn all(database: &Client) -> Result<Vec<StoredEvent>> {
    let rows = database.query(EVENTS, &[]).await?;
    Ok(rows.iter().map(event).collect())
}

/// An order's events, ascending.
pub async fn of_order(database: &Client, id: Uuid) -> Result<Vec<StoredEvent>> {
    let one = format!("{EVENTS} WHERE aggregate = 'order' AND stream_id = $1 ORDER BY version");
    let rows = database.query(&one, &[&id]).await?;
    Ok(rows.iter().map(event).collect())
}

fn event(row: &Row) -> StoredEvent {
    StoredEvent {
        aggregate: row.get(0),
        stream: row.get(1),
        version: row.get::<_, i64>(2).unsigned_abs(),
        event_id: row.get(3),
        event_type: row.get(4),
        command_id: row.get(5),
        causation_id: row.get(6),
        correlation_id: row.get(7),
        actor: row.get(8),
        occurred_at: row.get(9),
        payload: row.get(10),
    }
}
