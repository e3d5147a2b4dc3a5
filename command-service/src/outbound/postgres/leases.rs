//! Leases on buckets, on this server's clock.

use std::marker::PhantomData;
use std::time::Duration;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Double, SmallInt, Uuid as SqlUuid};
use uuid::Uuid;

use super::Database;
use super::binds::statement;
use crate::application::ports::{Lease, Leases, StoreError};

/// Those who share one kind of work, by the tables that they and their leases stand in.
pub trait Pool: Send + Sync + 'static {
    const OWNERS: &'static str;
    const OWNERS_KEY: &'static str;
    const LEASES: &'static str;
}

/// Who share the outbox.
#[derive(Debug, Clone, Copy)]
pub struct Relays;

impl Pool for Relays {
    const OWNERS: &'static str = "relays";
    const OWNERS_KEY: &'static str = "relays_owner";
    const LEASES: &'static str = "relay_leases";
}

/// Who share the queue of commands.
#[derive(Debug, Clone, Copy)]
pub struct Workers;

impl Pool for Workers {
    const OWNERS: &'static str = "workers";
    const OWNERS_KEY: &'static str = "workers_owner";
    const LEASES: &'static str = "worker_leases";
}

#[derive(Debug, Clone)]
pub struct PgLeases<P> {
    database: Database,
    ttl: Duration,
    pool: PhantomData<P>,
}

impl<P: Pool> PgLeases<P> {
    /// A lease that is not renewed within `ttl` may be taken by another.
    pub fn new(database: Database, ttl: Duration) -> Self {
        Self {
            database,
            ttl,
            pool: PhantomData,
        }
    }
}

impl<P: Pool> Leases for PgLeases<P> {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        let statement = Balance::<P> {
            owner,
            ttl_seconds: self.ttl.as_secs_f64(),
            busy: signed(busy),
            pool: PhantomData,
        };
        Ok(leases(self.database.load(statement).await?))
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        let statement = Release::<P> {
            owner,
            pool: PhantomData,
        };
        self.database.execute(statement).await.map(drop)
    }

    async fn reserve(&self, owner: Uuid, buckets: &[u16]) -> Result<Vec<Lease>, StoreError> {
        let statement = Reserve::<P> {
            owner,
            ttl_seconds: self.ttl.as_secs_f64(),
            buckets: signed(buckets),
            pool: PhantomData,
        };
        Ok(leases(self.database.load(statement).await?))
    }

    async fn give_back(&self, owner: Uuid, buckets: &[u16]) -> Result<(), StoreError> {
        let statement = GiveBack::<P> {
            owner,
            buckets: signed(buckets),
            pool: PhantomData,
        };
        self.database.execute(statement).await.map(drop)
    }
}

fn signed(buckets: &[u16]) -> Vec<i16> {
    buckets.iter().map(|bucket| *bucket as i16).collect()
}

fn leases(rows: Vec<(i16, i64)>) -> Vec<Lease> {
    let mut leases: Vec<Lease> = rows
        .into_iter()
        .map(|(bucket, epoch)| Lease {
            bucket: bucket as u16,
            epoch,
        })
        .collect();
    leases.sort_by_key(|lease| lease.bucket);
    leases
}

/// One prepared statement for each pool.
macro_rules! cached_for_pool {
    ($statement:ident => $columns:ty) => {
        impl<P: Pool> QueryId for $statement<P> {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<P: Pool> Query for $statement<P> {
            type SqlType = $columns;
        }
    };
}

/// Signs on, counts the living owners, renews, takes and gives back, all in one statement, so that one which freezes
/// never does it with a lock held. The lease rows are locked in one order, and read as they are once the lock is there:
/// what two do at once comes out as one after the other.
struct Balance<P> {
    owner: Uuid,
    ttl_seconds: f64,
    busy: Vec<i16>,
    pool: PhantomData<P>,
}

cached_for_pool!(Balance => (SmallInt, BigInt));

impl<P: Pool> QueryFragment<Pg> for Balance<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        statement!(out;
            "WITH given AS (SELECT "
            {&self.owner => SqlUuid} " AS me, clock_timestamp() + "
            {&self.ttl_seconds => Double} " * interval '1 second' AS expiry, clock_timestamp() - "
            {&self.ttl_seconds => Double} " * interval '1 second' AS horizon), signed_on AS (INSERT INTO "
        )?;
        out.push_sql(P::OWNERS);
        out.push_sql(" (owner, seen_at) SELECT me, clock_timestamp() FROM given ON CONFLICT ON CONSTRAINT ");
        out.push_sql(P::OWNERS_KEY);
        out.push_sql(" DO UPDATE SET seen_at = clock_timestamp()), forgotten AS (DELETE FROM ");
        out.push_sql(P::OWNERS);
        out.push_sql(
            " r USING given WHERE r.owner <> given.me AND r.seen_at < given.horizon - interval '1 hour'\
             ), leases AS (SELECT l.bucket, l.owner, l.expires_at <= clock_timestamp() AS expired, \
              l.reserved_by IS NOT NULL AND l.reserved_until > clock_timestamp() AS reserved FROM ",
        );
        out.push_sql(P::LEASES);
        out.push_sql(
            " l ORDER BY l.bucket FOR UPDATE), others AS (SELECT r.owner < given.me AS before FROM ",
        );
        out.push_sql(P::OWNERS);
        statement!(out;
            " r, given WHERE r.owner <> given.me AND r.seen_at > given.horizon\
             ), sizes AS (SELECT (SELECT count(*) FROM leases) AS buckets, (SELECT count(*) FROM others) + 1 AS relays, \
              (SELECT count(*) FROM others WHERE before) AS place\
             ), fair AS (SELECT buckets / relays + CASE WHEN place < buckets % relays THEN 1 ELSE 0 END AS share FROM sizes\
             ), mine AS (SELECT l.bucket, l.reserved, l.bucket = ANY ("
            {&self.busy => Array<SmallInt>} ") AS busy FROM leases l, given WHERE l.owner = given.me\
             ), kept AS (SELECT bucket FROM (SELECT bucket, busy, reserved, \
              row_number() OVER (ORDER BY busy DESC, bucket) AS place FROM mine) ranked, fair \
              WHERE busy OR place <= share AND NOT reserved\
             ), taken AS (SELECT bucket FROM (SELECT l.bucket, \
              row_number() OVER (ORDER BY l.bucket) + (SELECT count(*) FROM mine) AS place \
              FROM leases l, given WHERE (l.owner IS NULL OR l.owner <> given.me AND l.expired) AND NOT l.reserved) ranked, fair \
              WHERE place <= share), given_back AS (UPDATE "
        )?;
        out.push_sql(P::LEASES);
        out.push_sql(
            " l SET owner = NULL, expires_at = '-infinity' FROM mine \
              WHERE l.bucket = mine.bucket AND l.bucket NOT IN (SELECT bucket FROM kept)), held AS (UPDATE ",
        );
        out.push_sql(P::LEASES);
        out.push_sql(
            " l SET owner = given.me, expires_at = given.expiry, \
              epoch = l.epoch + CASE WHEN wanted.taken THEN 1 ELSE 0 END \
              FROM given, (SELECT bucket, false AS taken FROM kept UNION ALL SELECT bucket, true FROM taken) wanted \
              WHERE l.bucket = wanted.bucket RETURNING l.bucket, l.epoch) SELECT bucket, epoch FROM held",
        );
        Ok(())
    }
}

/// Gives back every lease and reservation and signs off.
struct Release<P> {
    owner: Uuid,
    pool: PhantomData<P>,
}

cached_for_pool!(Release => ());

impl<P: Pool> QueryFragment<Pg> for Release<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        out.push_sql("WITH signed_off AS (DELETE FROM ");
        out.push_sql(P::OWNERS);
        statement!(out; " WHERE owner = " {&self.owner => SqlUuid} ") UPDATE ")?;
        out.push_sql(P::LEASES);
        statement!(out;
            " l SET owner = CASE WHEN l.owner = given.me THEN NULL ELSE l.owner END, \
              expires_at = CASE WHEN l.owner = given.me THEN '-infinity' ELSE l.expires_at END, \
              reserved_by = CASE WHEN l.reserved_by = given.me THEN NULL ELSE l.reserved_by END \
              FROM (SELECT "
            {&self.owner => SqlUuid} " AS me) given WHERE l.owner = given.me OR l.reserved_by = given.me"
        )
    }
}

/// Marks the buckets, takes those of them that are free by now, and renews those that were taken before.
struct Reserve<P> {
    owner: Uuid,
    ttl_seconds: f64,
    buckets: Vec<i16>,
    pool: PhantomData<P>,
}

cached_for_pool!(Reserve => (SmallInt, BigInt));

impl<P: Pool> QueryFragment<Pg> for Reserve<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        statement!(out;
            "WITH given AS (SELECT "
            {&self.owner => SqlUuid} " AS me, clock_timestamp() + "
            {&self.ttl_seconds => Double} " * interval '1 second' AS expiry), leases AS (SELECT l.bucket, l.owner, \
              l.owner IS NULL OR l.expires_at <= clock_timestamp() AS free FROM "
        )?;
        out.push_sql(P::LEASES);
        statement!(out;
            " l, given WHERE (l.bucket = ANY ("
            {&self.buckets => Array<SmallInt>} ") OR l.reserved_by = given.me) \
              AND (l.reserved_by IS NULL OR l.reserved_by = given.me OR l.reserved_until <= clock_timestamp()) \
              ORDER BY l.bucket FOR UPDATE OF l), held AS (UPDATE "
        )?;
        out.push_sql(P::LEASES);
        out.push_sql(
            " l SET reserved_by = given.me, reserved_until = given.expiry, \
              epoch = l.epoch + CASE WHEN found.free THEN 1 ELSE 0 END, \
              expires_at = CASE WHEN found.free OR found.owner = given.me THEN given.expiry ELSE l.expires_at END, \
              owner = CASE WHEN found.free THEN given.me ELSE l.owner END \
              FROM given, leases found WHERE l.bucket = found.bucket RETURNING l.bucket, l.epoch, l.owner = given.me AS mine\
             ) SELECT bucket, epoch FROM held WHERE mine",
        );
        Ok(())
    }
}

/// Frees some buckets that were reserved.
struct GiveBack<P> {
    owner: Uuid,
    buckets: Vec<i16>,
    pool: PhantomData<P>,
}

cached_for_pool!(GiveBack => ());

impl<P: Pool> QueryFragment<Pg> for GiveBack<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        out.push_sql("UPDATE ");
        out.push_sql(P::LEASES);
        statement!(out;
            " l SET owner = CASE WHEN l.owner = given.me THEN NULL ELSE l.owner END, \
              expires_at = CASE WHEN l.owner = given.me THEN '-infinity' ELSE l.expires_at END, reserved_by = NULL \
              FROM (SELECT "
            {&self.owner => SqlUuid} " AS me) given WHERE l.reserved_by = given.me AND l.bucket = ANY ("
            {&self.buckets => Array<SmallInt>} ")"
        )
    }
}
