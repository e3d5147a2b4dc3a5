//! What the end-to-end tests share: a system of their own on the shared servers, a client's view of it, a workload, and
//! the event store to compare the answers with, folded by the checker.

pub mod answers;
pub mod api;
pub mod crowds;
pub mod cut_points;
pub mod dice;
pub mod door;
pub mod events;
pub mod invoices;
pub mod link;
pub mod overload;
pub mod pushes;
pub mod queries;
pub mod rebuilding;
pub mod recorded;
pub mod repeats;
pub mod replicas;
pub mod rivals;
pub mod schemathesis;
pub mod stored;
pub mod system;
pub mod topics;
pub mod ways;
pub mod workload;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Looks again and again until `look` answers `Some`, at most `limit` long.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("not within {limit:?}: {what}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
