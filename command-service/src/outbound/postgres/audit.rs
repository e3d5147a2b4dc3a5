//! What the tables say of each other, asked of each table as a whole, in one look at the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use secrecy::{ExposeSecret, SecretString};
use shared_events::AggregateType;
use uuid::Uuid;

use super::database::PLANS_BY_KEY;
use super::{Database, PgEventArchive, PostgresSettings};
use crate::application::ports::{NumberSeries, StoreError};
use crate::verification::{Bounds, Finding, Kind, Records};

/// Findings of one kind at most; more of them say nothing more.
const FINDINGS_OF_A_KIND: i64 = 1000;

/// The store as it is at one moment: one connection in one transaction that only reads. While it lasts, what is deleted
/// from the outbox cannot be vacuumed.
#[derive(Debug, Clone)]
pub struct PgAudit {
    database: Database,
}

impl PgAudit {
    /// Connects when it is first used.
    pub fn open(settings: &PostgresSettings) -> anyhow::Result<Self> {
        let begun = Arc::new(AtomicBool::new(false));
        let connect_timeout = settings.connect_timeout;
        let database = Database::with_connections(settings, 1, Duration::MAX, move |url| {
            let begun = Arc::clone(&begun);
            async move {
                match begun.swap(true, Ordering::AcqRel) {
                    // Another connection would see another moment.
                    true => Err(diesel::ConnectionError::BadConnection(
                        "the connection was lost: verify from the beginning".to_owned(),
                    )),
                    false => begin(url, connect_timeout).await,
                }
            }
        })?;
        Ok(Self { database })
    }

    /// All but what the events mean.
    pub async fn records(&self, bounds: Bounds) -> Result<Records, StoreError> {
        let findings = diesel::sql_query(FINDINGS)
            .bind::<Double, _>(bounds.outbox_older_than.as_seconds_f64())
            .bind::<Array<Text>, _>(AggregateType::ALL.map(AggregateType::as_str).to_vec())
            .bind::<BigInt, _>(FINDINGS_OF_A_KIND);
        let findings: Vec<FindingRow> = self.database.load(findings).await?;
        let counts: Vec<Counts> = self.database.load(diesel::sql_query(COUNTS)).await?;
        let counts = counts
            .into_iter()
            .next()
            .ok_or_else(|| StoreError::Failed(anyhow::anyhow!("no counts")))?;
        let numbers: Vec<SeriesRow> = self.database.load(diesel::sql_query(NUMBERS)).await?;
        Ok(Records {
            findings: findings.into_iter().map(finding).collect::<Result<Vec<_>, _>>()?,
            commands: counts.commands.unsigned_abs(),
            outbox_rows: counts.outbox_rows.unsigned_abs(),
            queued: counts.queued.unsigned_abs(),
            keys: counts.keys.unsigned_abs(),
            numbers: NumberSeries::ALL
                .into_iter()
                .map(|series| (series, last_of(&numbers, series)))
                .collect(),
            at: counts.at,
        })
    }

    /// The events at the same moment; from here on, statements go by key.
    pub async fn into_archive(self) -> Result<PgEventArchive, StoreError> {
        for setting in PLANS_BY_KEY.split(';') {
            self.database.execute(diesel::sql_query(setting.trim())).await?;
        }
        Ok(PgEventArchive::new(self.database))
    }
}

async fn begin(url: SecretString, connect_timeout: Duration) -> diesel::ConnectionResult<AsyncPgConnection> {
    let connected = async {
        let mut connection = AsyncPgConnection::establish(url.expose_secret()).await?;
        connection
            .batch_execute(
                "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
                 BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )
            .await
            .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    };
    tokio::time::timeout(connect_timeout, connected)
        .await
        .unwrap_or_else(|_| {
            Err(diesel::ConnectionError::BadConnection(format!(
                "no connection within {connect_timeout:?}"
            )))
        })
}

fn last_of(rows: &[SeriesRow], series: NumberSeries) -> i64 {
    rows.iter()
        .find(|row| row.series == series.as_str())
        .map_or(0, |row| row.last)
}

fn finding(row: FindingRow) -> Result<Finding, StoreError> {
    let kind = Kind::of_name(&row.kind)
        .ok_or_else(|| StoreError::Failed(anyhow::anyhow!("a finding of kind {}", row.kind)))?;
    Ok(Finding {
        kind,
        aggregate: row.aggregate,
        stream: row.stream_id,
        version: row.version,
        explanation: row.explanation,
    })
}

#[derive(diesel::QueryableByName)]
struct FindingRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    aggregate: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    stream_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    #[diesel(sql_type = Text)]
    explanation: String,
}

#[derive(diesel::QueryableByName)]
struct Counts {
    #[diesel(sql_type = BigInt)]
    commands: i64,
    #[diesel(sql_type = BigInt)]
    outbox_rows: i64,
    #[diesel(sql_type = BigInt)]
    queued: i64,
    #[diesel(sql_type = BigInt)]
    keys: i64,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
}

#[derive(diesel::QueryableByName)]
struct SeriesRow {
    #[diesel(sql_type = Text)]
    series: String,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

const COUNTS: &str = "SELECT (SELECT count(*) FROM commands) AS commands, (SELECT count(*) FROM outbox) AS outbox_rows, \
    (SELECT count(*) FROM command_queue) AS queued, (SELECT count(*) FROM idempotency_keys) AS keys, now() AS at";

const NUMBERS: &str = "SELECT series, last FROM number_series";

/// `$1`: seconds that a row may wait; `$2`: the kinds of streams; `$3`: findings of a kind at most.
const FINDINGS: &str = "\
    (SELECT 'unknown_aggregate' AS kind, e.aggregate, e.stream_id, e.version, 'no build of this service wrote it' AS explanation \
     FROM events e WHERE e.aggregate <> ALL ($2) LIMIT $3) \
    UNION ALL (SELECT 'command_missing', e.aggregate, e.stream_id, e.version, \
     format('its command %s is not recorded', e.command_id) \
     FROM events e WHERE NOT EXISTS (SELECT FROM commands c WHERE c.command_id = e.command_id) LIMIT $3) \
    UNION ALL (SELECT 'command_not_succeeded', e.aggregate, e.stream_id, e.version, \
     format('its command %s %s is recorded as %s', c.command_type, c.command_id, c.outcome) \
     FROM events e JOIN commands c ON c.command_id = e.command_id WHERE c.outcome <> 'succeeded' LIMIT $3) \
    UNION ALL (SELECT 'outbox_old', o.aggregate, o.stream_id, o.version, \
     format('it waits in bucket %s of the outbox since %s', o.bucket, o.created_at) \
     FROM outbox o WHERE o.created_at < now() - $1 * interval '1 second' ORDER BY o.created_at LIMIT $3) \
    UNION ALL (SELECT 'outbox_without_event', o.aggregate, o.stream_id, o.version, \
     format('the outbox has event %s, which the store has not', o.event_id) \
     FROM outbox o LEFT JOIN events e ON e.aggregate = o.aggregate AND e.stream_id = o.stream_id AND e.version = o.version \
     WHERE e.event_id IS DISTINCT FROM o.event_id LIMIT $3) \
    UNION ALL (SELECT 'queue_old', q.aggregate, q.stream_id, NULL, \
     format('the command %s %s is queued since %s, after %s attempts%s', q.command_type, q.command_id, q.queued_at, \
      q.attempts, coalesce(': ' || q.last_error, '')) \
     FROM command_queue q WHERE q.queued_at < now() - $1 * interval '1 second' ORDER BY q.queued_at LIMIT $3) \
    UNION ALL (SELECT 'key_without_command', NULL, NULL, NULL, \
     format('the key %s of %s names the command %s', k.key, k.actor, k.command_id) FROM idempotency_keys k \
     WHERE NOT EXISTS (SELECT FROM commands c WHERE c.command_id = k.command_id) \
     AND NOT EXISTS (SELECT FROM command_queue q WHERE q.command_id = k.command_id) LIMIT $3)";
