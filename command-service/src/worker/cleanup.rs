//! Old idempotency keys are forgotten, a bounded number at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::application::ports::CommandStore;

/// What is deleted in one statement, so that none is long.
const BATCH: usize = 1000;

/// Forgets keys older than `retention`, at once and then after each `every`, until told to stop. Workers that do it at the
/// same time do not get in each other's way.
pub async fn forget_old_keys<S: CommandStore>(
    store: Arc<S>,
    retention: Duration,
    every: Duration,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        loop {
            let Some(forgotten) = stop
                .run_until_cancelled(store.forget_keys(retention, BATCH))
                .await
            else {
                return;
            };
            match forgotten {
                Ok(count) => {
                    metrics::counter!("idempotency_keys_forgotten_total").increment(count as u64);
                    if count < BATCH {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        error = format!("{:#}", anyhow::Error::new(error)),
                        "old idempotency keys stay for now"
                    );
                    break;
                }
            }
        }
    }
}
