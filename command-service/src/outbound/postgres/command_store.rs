//! What was accepted: the record of commands, the keys of clients, the queue.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{
    BigInt, Binary, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use super::PgEventStore;
use super::binds::{cached, statement};
use super::queue_statements::{Enqueue, Postpone, ReadWaiting, Remove, Take, TakenRow};
use crate::application::ports::{
    AcceptedCommand, CommandOutcome, CommandQueue, CommandStatus, CommandStore, IdempotencyKey, KeyedCommand,
    Postponement, QueuePlace, QueuedCommand, RecordedRefusal, StoreError, StreamId, TakenCommand, Waiting,
};
use crate::failpoints;
use crate::outbound::bucket::bucket_of;

impl CommandStore for PgEventStore {
    async fn command(&self, command_id: Uuid) -> Result<Option<AcceptedCommand>, StoreError> {
        let rows: Vec<CommandRow> = self.database.load(ReadCommand { command_id }).await?;
        rows.into_iter().next().map(accepted).transpose()
    }

    async fn command_of_key(&self, actor: &str, key: &str) -> Result<Option<KeyedCommand>, StoreError> {
        let statement = ReadKey {
            actor: actor.to_owned(),
            key: key.to_owned(),
        };
        let rows: Vec<(Vec<u8>, bool, Uuid)> = self.database.load(statement).await?;
        let Some((request_hash, deferred, command_id)) = rows.into_iter().next() else {
            return Ok(None);
        };
        let command = self.command(command_id).await?.ok_or_else(|| {
            broken(format!(
                "a key names the command {command_id}, which is not there"
            ))
        })?;
        let request_hash = request_hash
            .try_into()
            .map_err(|_| broken("a key's request hash has another length".to_owned()))?;
        Ok(Some(KeyedCommand {
            request_hash,
            deferred,
            command,
        }))
    }

    async fn enqueue(&self, command: QueuedCommand, key: Option<IdempotencyKey>) -> Result<(), StoreError> {
        let bucket = bucket_of(command.stream.id);
        let statement = Enqueue::of(command, key)
            .map_err(|_| broken("a version of If-Match is beyond any stream".to_owned()))?;
        failpoints::cut("append::before_commit");
        let queued: Vec<i32> = self.database.load(statement).await?;
        failpoints::cut("append::after_commit");
        if queued.is_empty() {
            return Err(broken("a command was not queued".to_owned()));
        }
        self.wakes.queue.committed(bucket);
        Ok(())
    }

    async fn forget_keys(&self, older_than: Duration, limit: usize) -> Result<usize, StoreError> {
        let statement = ForgetKeys {
            seconds: older_than.as_secs_f64(),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        };
        self.database.execute(statement).await
    }
}

impl CommandQueue for PgEventStore {
    async fn take(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<TakenCommand>, StoreError> {
        let statement = Take {
            buckets: buckets.iter().map(|bucket| *bucket as i16).collect(),
            per_bucket: i64::try_from(per_bucket).unwrap_or(i64::MAX),
        };
        let rows: Vec<TakenRow> = self.database.load(statement).await?;
        let mut taken = rows.into_iter().map(taken).collect::<Result<Vec<_>, _>>()?;
        taken.sort_by_key(|command| command.place);
        Ok(taken)
    }

    async fn postpone(&self, place: QueuePlace, postponement: Postponement) -> Result<(), StoreError> {
        let statement = Postpone {
            bucket: place.bucket as i16,
            id: place.id,
            seconds: postponement.delay.as_secs_f64(),
            error: postponement.error,
            faults: i32::from(postponement.is_fault),
        };
        self.database.execute(statement).await.map(drop)
    }

    async fn remove(&self, place: QueuePlace) -> Result<(), StoreError> {
        let statement = Remove {
            bucket: place.bucket as i16,
            id: place.id,
        };
        self.database.execute(statement).await.map(drop)
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let rows: Vec<(String, i64, f64)> = self.database.load(ReadWaiting).await?;
        Ok(rows
            .into_iter()
            .map(|(command_type, commands, oldest_seconds)| Waiting {
                command_type,
                commands: u64::try_from(commands).unwrap_or_default(),
                oldest_seconds,
            })
            .collect())
    }
}

fn broken(what: String) -> StoreError {
    StoreError::Failed(anyhow::anyhow!(what))
}

fn stream(aggregate: &str, id: Uuid) -> Result<StreamId, StoreError> {
    let aggregate = aggregate
        .parse()
        .map_err(|error: shared_events::topic::UnknownAggregateType| StoreError::Failed(error.into()))?;
    Ok(StreamId { aggregate, id })
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|error| StoreError::Failed(error.into()))
}

fn taken(row: TakenRow) -> Result<TakenCommand, StoreError> {
    let (
        (bucket, id, command_id, command_type, aggregate, stream_id, actor, received_at),
        (body, causation_id, correlation_id, traceparent, if_match, attempts, faults),
    ) = row;
    let if_match = if_match
        .map(|versions| versions.into_iter().map(unsigned).collect())
        .transpose()?;
    Ok(TakenCommand {
        place: QueuePlace {
            bucket: bucket as u16,
            id,
        },
        command: QueuedCommand {
            command_id,
            command_type,
            stream: stream(&aggregate, stream_id)?,
            actor,
            received_at,
            body,
            causation_id,
            correlation_id,
            traceparent,
            if_match,
        },
        attempts: attempts.unsigned_abs(),
        faults: faults.unsigned_abs(),
    })
}

/// A command as it is read, from either table.
type CommandRow = (
    (Uuid, String, String, Uuid, String, DateTime<Utc>, Uuid, Uuid),
    (
        String,
        Option<i64>,
        Option<String>,
        Option<String>,
        Option<String>,
        Option<DateTime<Utc>>,
        i32,
    ),
);

fn accepted(row: CommandRow) -> Result<AcceptedCommand, StoreError> {
    let (
        (command_id, command_type, aggregate, stream_id, actor, received_at, causation_id, correlation_id),
        (state, version, kind, detail, pointer, decided_at, attempts),
    ) = row;
    let decided = |outcome| CommandStatus::Decided {
        outcome,
        at: decided_at,
    };
    let status = match (state.as_str(), version, kind) {
        ("succeeded", Some(version), _) => decided(CommandOutcome::Succeeded {
            version: unsigned(version)?,
        }),
        ("refused", _, Some(kind)) => decided(CommandOutcome::Refused(RecordedRefusal {
            kind,
            detail: detail.unwrap_or_default(),
            pointer,
        })),
        ("failed", _, _) => decided(CommandOutcome::Failed {
            detail: detail.unwrap_or_default(),
        }),
        ("running", _, _) => CommandStatus::Running,
        ("pending", _, _) => CommandStatus::Pending {
            attempts: attempts.unsigned_abs(),
            last_error: detail,
        },
        (other, _, _) => {
            return Err(broken(format!(
                "the command {command_id} has the outcome {other}"
            )));
        }
    };
    Ok(AcceptedCommand {
        command_id,
        command_type,
        stream: stream(&aggregate, stream_id)?,
        actor,
        received_at,
        causation_id,
        correlation_id,
        status,
    })
}

/// One look at both tables, so that a command on its way from one to the other is in one of them.
struct ReadCommand {
    command_id: Uuid,
}

cached!(ReadCommand => (
    (SqlUuid, Text, Text, SqlUuid, Text, Timestamptz, SqlUuid, SqlUuid),
    (Text, Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Timestamptz>, Integer),
));

impl QueryFragment<Pg> for ReadCommand {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT command_id, command_type, aggregate, stream_id, actor, received_at, causation_id, correlation_id, \
             outcome, version, refusal_kind, refusal_detail, refusal_pointer, decided_at, 0 FROM commands WHERE command_id = "
            {&self.command_id => SqlUuid}
            " UNION ALL SELECT command_id, command_type, aggregate, stream_id, actor, received_at, causation_id, \
             correlation_id, CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END, NULL, NULL, last_error, NULL, \
             NULL, attempts FROM command_queue WHERE command_id = "
            {&self.command_id => SqlUuid}
        )
    }
}

struct ReadKey {
    actor: String,
    key: String,
}

cached!(ReadKey => (Binary, Bool, SqlUuid));

impl QueryFragment<Pg> for ReadKey {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT request_hash, deferred, command_id FROM idempotency_keys WHERE actor = "
            {&self.actor => Text} " AND key = "
            {&self.key => Text}
        )
    }
}

/// The oldest first, a bounded number at a time, so that it never holds much up.
struct ForgetKeys {
    seconds: f64,
    limit: i64,
}

cached!(ForgetKeys => ());

impl QueryFragment<Pg> for ForgetKeys {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "DELETE FROM idempotency_keys k USING (SELECT actor, key FROM idempotency_keys WHERE created_at < clock_timestamp() - "
            {&self.seconds => Double} " * interval '1 second' ORDER BY created_at LIMIT "
            {&self.limit => BigInt} " FOR UPDATE SKIP LOCKED) old WHERE k.actor = old.actor AND k.key = old.key"
        )
    }
}
