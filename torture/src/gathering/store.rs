//! Events, commands, and what is left in outbox and queue.

use std::pin::pin;

use anyhow::Result;
use checker::history::{Entry, LeftOver, Outcome, StoredEvent};
use futures_util::TryStreamExt as _;
use tokio_postgres::{Client, Row};

use crate::recording::Recorder;

pub async fn note(database: &Client, recorder: &Recorder) -> Result<()> {
    each(
        database,
        "SELECT aggregate, stream_id, version, event_id, event_type, command_id, causation_id, correlation_id, actor,
                occurred_at, payload
         FROM events ORDER BY aggregate, stream_id, version",
        |row| recorder.note(Entry::Event(event(row))),
    )
    .await?;
    each(
        database,
        "SELECT command_id, command_type, aggregate, stream_id, causation_id, outcome, version, refusal_kind, key
         FROM commands LEFT JOIN idempotency_keys USING (command_id) ORDER BY received_at",
        |row| recorder.note(Entry::Outcome(outcome(row))),
    )
    .await?;
    each(
        database,
        "SELECT 'outbox', aggregate, stream_id, format('version %s, since %s', version, created_at) FROM outbox
         UNION ALL
         SELECT 'command_queue', aggregate, stream_id,
                format('%s %s, since %s, %s attempts, last error %s', command_type, command_id, queued_at, attempts,
                       last_error)
         FROM command_queue",
        |row| recorder.note(Entry::Left(left_over(row))),
    )
    .await
}

async fn each(database: &Client, query: &str, mut note: impl FnMut(&Row)) -> Result<()> {
    let rows = database.query_raw(query, std::iter::empty::<&str>()).await?;
    let mut rows = pin!(rows);
    while let Some(row) = rows.try_next().await? {
        note(&row);
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

fn outcome(row: &Row) -> Outcome {
    Outcome {
        command_id: row.get(0),
        command_type: row.get(1),
        aggregate: row.get(2),
        stream: row.get(3),
        causation_id: row.get(4),
        outcome: row.get(5),
        version: row.get::<_, Option<i64>>(6).map(i64::unsigned_abs),
        refusal: row.get(7),
        key: row.get(8),
    }
}

fn left_over(row: &Row) -> LeftOver {
    LeftOver {
        table: row.get(0),
        aggregate: row.get(1),
        stream: row.get(2),
        detail: row.get(3),
    }
}
