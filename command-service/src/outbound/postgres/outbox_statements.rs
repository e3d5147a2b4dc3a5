//! The outbox's statements.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{
    Array, BigInt, Binary, Double, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use super::binds::{cached, statement};

/// The beginning of each bucket by one walk over the primary key.
pub struct Pending {
    pub buckets: Vec<i16>,
    pub per_bucket: i64,
}

/// A row in two halves: tuples end at sixteen columns, and one half alone would be too long to read.
pub type PendingRow = (
    (i16, i64, String, String, Uuid, i64, Uuid, String),
    (Vec<u8>, String, Uuid, Uuid, Uuid, DateTime<Utc>, Option<String>),
);

cached!(Pending => (
    (SmallInt, BigInt, Text, Text, SqlUuid, BigInt, SqlUuid, Text),
    (Binary, Text, SqlUuid, SqlUuid, SqlUuid, Timestamptz, Nullable<Text>),
));

impl QueryFragment<Pg> for Pending {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT o.bucket, o.id, o.topic, o.aggregate, o.stream_id, o.version, o.event_id, o.event_type, o.payload, \
             o.actor, o.command_id, o.causation_id, o.correlation_id, o.occurred_at, o.traceparent FROM unnest("
            {&self.buckets => Array<SmallInt>} ") AS wanted(bucket) CROSS JOIN LATERAL (SELECT * FROM outbox \
             WHERE outbox.bucket = wanted.bucket ORDER BY outbox.id LIMIT "
            {&self.per_bucket => BigInt} ") o"
        )
    }
}

/// Deletes by primary key what the lease's present epoch still covers; answers how many in one row. The migration says
/// why it is a function.
pub struct MarkPublished {
    pub buckets: Vec<i16>,
    pub epochs: Vec<i64>,
    pub ids: Vec<i64>,
}

cached!(MarkPublished => BigInt);

impl QueryFragment<Pg> for MarkPublished {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT delete_published("
            {&self.buckets => Array<SmallInt>} ", "
            {&self.epochs => Array<BigInt>} ", "
            {&self.ids => Array<BigInt>} ")"
        )
    }
}

/// Rows, and the age of the oldest: the first of a bucket by id is its oldest but for the moment between taking an id
/// and reading the clock.
pub struct ReadBacklog;

cached!(ReadBacklog => (BigInt, Double));

impl QueryFragment<Pg> for ReadBacklog {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT (SELECT count(*) FROM outbox), coalesce((SELECT extract(epoch FROM clock_timestamp() \
             - min(oldest.created_at)) FROM relay_leases l CROSS JOIN LATERAL (SELECT created_at FROM outbox o \
             WHERE o.bucket = l.bucket ORDER BY o.id LIMIT 1) oldest), 0)::float8"
        )
    }
}
