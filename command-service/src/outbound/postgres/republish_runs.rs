//! How far runs of `republish` are.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use shared_events::AggregateType;
use uuid::Uuid;

use super::Database;
use super::binds::{cached, statement};
use crate::application::ports::{BUCKETS, BucketProgress, RepublishRun, RepublishRuns, StoreError, StreamId};

const ALL: &str = "all";

#[derive(Debug, Clone)]
pub struct PgRepublishRuns {
    database: Database,
}

impl PgRepublishRuns {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

fn scope_name(scope: Option<AggregateType>) -> &'static str {
    scope.map_or(ALL, AggregateType::as_str)
}

impl RepublishRuns for PgRepublishRuns {
    async fn begin(
        &self,
        id: Uuid,
        scope: Option<AggregateType>,
        new_topics: bool,
    ) -> Result<RepublishRun, StoreError> {
        let begin = Begin {
            id,
            scope: scope_name(scope),
            new_topics,
            last_bucket: i32::from(BUCKETS) - 1,
        };
        let rows: Vec<RunRow> = self.database.load(begin).await?;
        run(scope, rows)?.ok_or_else(|| StoreError::Failed(anyhow::anyhow!("a run without buckets")))
    }

    async fn unfinished(&self, scope: Option<AggregateType>) -> Result<Option<RepublishRun>, StoreError> {
        let rows: Vec<RunRow> = self.database.load(ReadRun(scope_name(scope))).await?;
        let run = run(scope, rows)?;
        Ok(run.filter(|run| run.buckets.iter().any(|bucket| !bucket.finished)))
    }

    async fn advance(&self, run: Uuid, progress: BucketProgress) -> Result<(), StoreError> {
        let advance = Advance {
            run,
            bucket: progress.bucket as i16,
            after_aggregate: progress.after.map(|stream| stream.aggregate.as_str()),
            after_stream: progress.after.map(|stream| stream.id),
            streams: signed(progress.streams),
            events: signed(progress.events),
            finished: progress.finished,
        };
        self.database.execute(advance).await.map(drop)
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn run(scope: Option<AggregateType>, rows: Vec<RunRow>) -> Result<Option<RepublishRun>, StoreError> {
    let Some((id, new_topics, started_at, ..)) = rows.first().cloned() else {
        return Ok(None);
    };
    let mut buckets = rows.into_iter().map(progress).collect::<Result<Vec<_>, _>>()?;
    buckets.sort_by_key(|progress| progress.bucket);
    if !buckets.iter().map(|progress| progress.bucket).eq(0..BUCKETS) {
        return Err(StoreError::Failed(anyhow::anyhow!(
            "the run {id} has not one row for each bucket"
        )));
    }
    Ok(Some(RepublishRun {
        id,
        scope,
        new_topics,
        started_at,
        buckets,
    }))
}

fn progress(row: RunRow) -> Result<BucketProgress, StoreError> {
    let (_, _, _, bucket, aggregate, stream, streams, events, finished) = row;
    let aggregate: Option<AggregateType> = aggregate
        .map(|name| name.parse())
        .transpose()
        .map_err(|error: shared_events::topic::UnknownAggregateType| StoreError::Failed(error.into()))?;
    Ok(BucketProgress {
        bucket: bucket as u16,
        after: aggregate
            .zip(stream)
            .map(|(aggregate, id)| StreamId { aggregate, id }),
        streams: u64::try_from(streams).unwrap_or_default(),
        events: u64::try_from(events).unwrap_or_default(),
        finished,
    })
}

type RunRow = (
    Uuid,
    bool,
    DateTime<Utc>,
    i16,
    Option<String>,
    Option<Uuid>,
    i64,
    i64,
    bool,
);

struct Begin {
    id: Uuid,
    scope: &'static str,
    new_topics: bool,
    last_bucket: i32,
}

cached!(Begin => (SqlUuid, Bool, Timestamptz, SmallInt, Nullable<Text>, Nullable<SqlUuid>, BigInt, BigInt, Bool));

impl QueryFragment<Pg> for Begin {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "WITH forgotten AS (DELETE FROM republish_progress WHERE scope = "
            {&self.scope => Text} ") INSERT INTO republish_progress (run, bucket, scope, new_topics, started_at) SELECT "
            {&self.id => SqlUuid} ", bucket, "
            {&self.scope => Text} ", "
            {&self.new_topics => Bool} ", date_trunc('microseconds', clock_timestamp()) FROM generate_series(0, "
            {&self.last_bucket => Integer} ") AS bucket \
             RETURNING run, new_topics, started_at, bucket, after_aggregate, after_stream_id, streams, events, false"
        )
    }
}

struct ReadRun(&'static str);

cached!(ReadRun => (SqlUuid, Bool, Timestamptz, SmallInt, Nullable<Text>, Nullable<SqlUuid>, BigInt, BigInt, Bool));

impl QueryFragment<Pg> for ReadRun {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT run, new_topics, started_at, bucket, after_aggregate, after_stream_id, streams, events, \
             finished_at IS NOT NULL FROM republish_progress WHERE scope = "
            {&self.0 => Text}
        )
    }
}

struct Advance {
    run: Uuid,
    bucket: i16,
    after_aggregate: Option<&'static str>,
    after_stream: Option<Uuid>,
    streams: i64,
    events: i64,
    finished: bool,
}

cached!(Advance => ());

impl QueryFragment<Pg> for Advance {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "UPDATE republish_progress SET after_aggregate = "
            {&self.after_aggregate => Nullable<Text>} ", after_stream_id = "
            {&self.after_stream => Nullable<SqlUuid>} ", streams = "
            {&self.streams => BigInt} ", events = "
            {&self.events => BigInt} ", finished_at = CASE WHEN "
            {&self.finished => Bool} " THEN clock_timestamp() END WHERE run = "
            {&self.run => SqlUuid} " AND bucket = "
            {&self.bucket => SmallInt}
        )
    }
}
