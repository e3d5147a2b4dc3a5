//! When a fault counts as overcome.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::topics;
use crate::cluster::Cluster;
use crate::pulse::Pulse;

/// A fault that is not overcome by then is a violation.
pub const RECOVERY: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The first thing that only a system does which has overcome the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A command succeeds.
    Write,
    /// A command succeeds through that replica.
    WriteAt(usize),
    /// A deferred command is done.
    Work,
    /// A command succeeds and the query service shows it.
    Visible,
    VisibleAt(usize),
    /// What stood in the topics then is written, and its offsets are committed, by every projection that queries read.
    Applied,
    /// What stood in the outbox then is published.
    Published,
    /// What stood in the queue then and was not postponed is done.
    Worked,
}

impl Sign {
    /// How long after `since` it was seen.
    pub async fn seen(
        self,
        cluster: &Cluster,
        pulse: &Pulse,
        since: Instant,
        limit: Duration,
    ) -> Result<Duration> {
        match self {
            Self::Write => pulse.next_write(since, limit).await,
            Self::WriteAt(replica) => pulse.next_write_at(replica, since, limit).await,
            Self::Work => pulse.next_work(since, limit).await,
            Self::Visible => pulse.next_visible(since, limit).await,
            Self::VisibleAt(replica) => pulse.next_visible_at(replica, since, limit).await,
            Self::Applied => {
                topics::applied(cluster, limit).await?;
                Ok(since.elapsed())
            }
            Self::Published => drained(cluster, OUTBOX, since, limit).await,
            Self::Worked => drained(cluster, QUEUE, since, limit).await,
        }
    }
}

const OUTBOX: &str = "SELECT count(*) FROM outbox WHERE created_at <= $1::text::timestamptz";
const QUEUE: &str =
    "SELECT count(*) FROM command_queue WHERE queued_at <= $1::text::timestamptz AND retry_at IS NULL";

/// Waits until no row of before `since` is left.
async fn drained(cluster: &Cluster, count: &str, since: Instant, limit: Duration) -> Result<Duration> {
    let database = cluster.database().await?;
    let passed = since.elapsed().as_secs_f64();
    let then = database
        .query_one(
            "SELECT (clock_timestamp() - make_interval(secs => $1))::text",
            &[&passed],
        )
        .await?;
    let then: String = then.get(0);
    loop {
        let left = rows(&database, count, &then).await?;
        if left == 0 {
            return Ok(since.elapsed());
        }
        if since.elapsed() > limit {
            bail!("{left} rows of {then} and before are left after {limit:?}: {count}");
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn rows(database: &Client, count: &str, then: &str) -> Result<i64> {
    let row = database.query_one(count, &[&then]).await.context("Postgres")?;
    Ok(row.get(0))
}
