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

/// Signs on, counts the living relays, renews, takes and gives back, all in one statement, so that a relay which freezes
/// never does it with a lock held. The lease rows are locked in one order, and read as they are once the lock is there:
/// what two relays do at once comes out as one after the other.
pub struct Balance {
    pub owner: Uuid,
    pub ttl_seconds: f64,
    pub busy: Vec<i16>,
}

cached!(Balance => (SmallInt, BigInt));

impl QueryFragment<Pg> for Balance {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "WITH given AS (SELECT "
            {&self.owner => SqlUuid} " AS me, clock_timestamp() + "
            {&self.ttl_seconds => Double} " * interval '1 second' AS expiry, clock_timestamp() - "
            {&self.ttl_seconds => Double} " * interval '1 second' AS horizon"
            "), signed_on AS (INSERT INTO relays (owner, seen_at) SELECT me, clock_timestamp() FROM given \
              ON CONFLICT ON CONSTRAINT relays_owner DO UPDATE SET seen_at = clock_timestamp()\
             ), forgotten AS (DELETE FROM relays r USING given \
              WHERE r.owner <> given.me AND r.seen_at < given.horizon - interval '1 hour'\
             ), leases AS (SELECT l.bucket, l.owner, l.expires_at <= clock_timestamp() AS expired \
              FROM relay_leases l ORDER BY l.bucket FOR UPDATE\
             ), others AS (SELECT r.owner < given.me AS before FROM relays r, given \
              WHERE r.owner <> given.me AND r.seen_at > given.horizon\
             ), sizes AS (SELECT (SELECT count(*) FROM leases) AS buckets, (SELECT count(*) FROM others) + 1 AS relays, \
              (SELECT count(*) FROM others WHERE before) AS place\
             ), fair AS (SELECT buckets / relays + CASE WHEN place < buckets % relays THEN 1 ELSE 0 END AS share FROM sizes\
             ), mine AS (SELECT l.bucket, l.bucket = ANY ("
            {&self.busy => Array<SmallInt>} ") AS busy FROM leases l, given WHERE l.owner = given.me\
             ), kept AS (SELECT bucket FROM (SELECT bucket, busy, \
              row_number() OVER (ORDER BY busy DESC, bucket) AS place FROM mine) ranked, fair WHERE busy OR place <= share\
             ), taken AS (SELECT bucket FROM (SELECT l.bucket, \
              row_number() OVER (ORDER BY l.bucket) + (SELECT count(*) FROM mine) AS place \
              FROM leases l, given WHERE l.owner IS NULL OR l.owner <> given.me AND l.expired) ranked, fair WHERE place <= share\
             ), given_back AS (UPDATE relay_leases l SET owner = NULL, expires_at = '-infinity' FROM mine \
              WHERE l.bucket = mine.bucket AND l.bucket NOT IN (SELECT bucket FROM kept)\
             ), held AS (UPDATE relay_leases l SET owner = given.me, expires_at = given.expiry, \
              epoch = l.epoch + CASE WHEN wanted.taken THEN 1 ELSE 0 END \
              FROM given, (SELECT bucket, false AS taken FROM kept UNION ALL SELECT bucket, true FROM taken) wanted \
              WHERE l.bucket = wanted.bucket RETURNING l.bucket, l.epoch\
             ) SELECT bucket, epoch FROM held"
        )
    }
}

/// Gives back every lease and signs off.
pub struct Release {
    pub owner: Uuid,
}

impl QueryFragment<Pg> for Release {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "WITH signed_off AS (DELETE FROM relays WHERE owner = "
            {&self.owner => SqlUuid} ") UPDATE relay_leases SET owner = NULL, expires_at = '-infinity' WHERE owner = "
            {&self.owner => SqlUuid}
        )
    }
}

cached!(Release => ());

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
