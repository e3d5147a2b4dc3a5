//! An index rebuilt beside the one that queries read, under queries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::watch;

use crate::crowds::{self, Steady};
use crate::queries::Queries;
use crate::stored;
use crate::system::System;

/// How it went.
pub struct Rebuilt {
    pub took: Duration,
    pub rolled_back_in: Duration,
    /// As the command printed it.
    pub printed: String,
    pub steady: Steady,
}

/// Rebuilds the orders and rolls back while queries come in at a steady rate: none of them
/// fails or gets a wrong answer. The orders must be at rest.
pub async fn under_queries(
    system: &System,
    queries: &Queries,
    per_second: u32,
    limit: Duration,
) -> Result<Rebuilt> {
    let expected = Arc::new(stored::expected(&system.database).await?);
    let (stop, stopped) = watch::channel(false);
    let rebuilding = async {
        let rebuilt = rebuild_and_roll_back(system, limit).await;
        stop.send_replace(true);
        rebuilt
    };
    let asking = crowds::ask_steadily(queries, expected, per_second, stopped);
    let ((took, rolled_back_in, printed), steady) = tokio::try_join!(rebuilding, asking)?;
    Ok(Rebuilt {
        took,
        rolled_back_in,
        printed,
        steady,
    })
}

async fn rebuild_and_roll_back(system: &System, limit: Duration) -> Result<(Duration, Duration, String)> {
    let rebuild = |option: Option<&str>| {
        let mut command = system.service("query-service", "rebuild").arg("orders");
        if let Some(option) = option {
            command = command.arg(option);
        }
        crowds::run(command, limit)
    };
    let before = system.queried_index("orders").await?;
    let started = Instant::now();
    let printed = rebuild(None).await?;
    let took = started.elapsed();
    let after = system.queried_index("orders").await?;
    ensure!(after != before, "queries still read {before}:\n{printed}");

    let started = Instant::now();
    let rolled_back = rebuild(Some("--rollback")).await?;
    let rolled_back_in = started.elapsed();
    let back = system.queried_index("orders").await?;
    ensure!(
        back == before,
        "rolled back to {back} from {after}:\n{rolled_back}"
    );
    Ok((took, rolled_back_in, printed))
}
