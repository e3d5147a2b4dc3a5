//! What stands in Postgres, for the checker: the event store to fold, the commands' outcomes, and what is left to do.

use std::pin::pin;

use anyhow::Result;
use checker::fold::Expected;
use checker::history::{LeftOver, Outcome, StoredEvent};
use futures_util::TryStreamExt as _;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

const EVENTS: &str =
    "SELECT aggregate, stream_id, version, event_id, event_type, command_id, causation_id, correlation_id,
                             actor, occurred_at, payload
                      FROM events";

/// What every read model must show. Reads the whole event store, stream by stream, and keeps no event.
pub async fn expected(database: &Client) -> Result<Expected> {
    let mut expected = Expected::default();
    each_event(database, |event| expected.take(&event)).await?;
    Ok(expected)
}

/// By stream and version.
pub async fn each_event(database: &Client, mut take: impl FnMut(StoredEvent) -> Result<()>) -> Result<()> {
    let all = format!("{EVENTS} ORDER BY aggregate, stream_id, version");
    each(database, &all, |row| take(event(row))).await
}

/// An order's events, ascending.
pub async fn of_order(database: &Client, id: Uuid) -> Result<Vec<StoredEvent>> {
    let one = format!("{EVENTS} WHERE aggregate = 'order' AND stream_id = $1 ORDER BY version");
    let rows = database.query(&one, &[&id]).await?;
    Ok(rows.iter().map(event).collect())
}

/// The records of commands, with the client's key where one was sent, as they came.
pub async fn each_outcome(database: &Client, mut take: impl FnMut(Outcome) -> Result<()>) -> Result<()> {
    const ALL: &str =
        "SELECT command_id, command_type, aggregate, stream_id, causation_id, outcome, version, refusal_kind, key
         FROM commands LEFT JOIN idempotency_keys USING (command_id) ORDER BY received_at";
    each(database, ALL, |row| {
        take(Outcome {
            command_id: row.get(0),
            command_type: row.get(1),
            aggregate: row.get(2),
            stream: row.get(3),
            causation_id: row.get(4),
            outcome: row.get(5),
            version: row.get::<_, Option<i64>>(6).map(i64::unsigned_abs),
            refusal: row.get(7),
            key: row.get(8),
        })
    })
    .await
}

/// What waits in the outbox and in the command queue.
pub async fn each_left_over(database: &Client, mut take: impl FnMut(LeftOver) -> Result<()>) -> Result<()> {
    const ALL: &str =
        "SELECT 'outbox', aggregate, stream_id, format('version %s, since %s', version, created_at) FROM outbox
         UNION ALL
         SELECT 'command_queue', aggregate, stream_id,
                format('%s %s, since %s, %s attempts, last error %s', command_type, command_id, queued_at, attempts,
                       last_error)
         FROM command_queue";
    each(database, ALL, |row| {
        take(LeftOver {
            table: row.get(0),
            aggregate: row.get(1),
            stream: row.get(2),
            detail: row.get(3),
        })
    })
    .await
}

async fn each(database: &Client, query: &str, mut take: impl FnMut(&Row) -> Result<()>) -> Result<()> {
    let rows = database.query_raw(query, std::iter::empty::<&str>()).await?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        take(&row)?;
    }
    Ok(())
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
