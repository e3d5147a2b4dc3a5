//! An outage is waited out: nothing is given up because a store, a broker or a registry does not answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ProjectorSettings;
use crate::application::ports::{Clock, StoreError};

/// The service stops: what is not done stays unacknowledged and is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("left unfinished because the service stops")]
pub struct Abandoned;

#[derive(Debug, Clone)]
pub struct Patience {
    first: Duration,
    longest: Duration,
    abandon: CancellationToken,
    clock: Arc<dyn Clock>,
}

/// The pauses of one outage.
pub struct Pauses {
    delays: ExponentialBackoff,
    what: &'static str,
    since: Option<Instant>,
}

impl Patience {
    /// Waits until `abandon`.
    pub fn new(settings: &ProjectorSettings, abandon: CancellationToken, clock: Arc<dyn Clock>) -> Self {
        Self {
            first: settings.retry_min,
            longest: settings.retry_max,
            abandon,
            clock,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn pauses(&self, what: &'static str) -> Pauses {
        Pauses {
            delays: ExponentialBuilder::default()
                .with_min_delay(self.first)
                .with_max_delay(self.longest)
                .without_max_times()
                .with_jitter()
                .build(),
            what,
            since: None,
        }
    }

    /// Tries until it succeeds.
    pub async fn until_done<T, F, A>(&self, what: &'static str, mut attempt: A) -> Result<T, Abandoned>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut pauses = self.pauses(what);
        loop {
            let tried = self.unless_abandoned(attempt()).await?;
            match tried {
                Ok(done) => {
                    pauses.over();
                    return Ok(done);
                }
                Err(error) => self.pause(&mut pauses, &anyhow::Error::from(error)).await?,
            }
        }
    }

    pub async fn unless_abandoned<T>(&self, work: impl Future<Output = T>) -> Result<T, Abandoned> {
        tokio::select! {
            // In a fixed order, so that a simulation can repeat it.
            biased;
            done = work => Ok(done),
            () = self.abandon.cancelled() => Err(Abandoned),
        }
    }

    /// Waits for the next attempt; says why once for each outage.
    pub async fn pause(&self, pauses: &mut Pauses, cause: &anyhow::Error) -> Result<(), Abandoned> {
        metrics::counter!("projector_retries_total", "what" => pauses.what).increment(1);
        if pauses.since.is_none() {
            pauses.since = Some(Instant::now());
            tracing::warn!(
                what = pauses.what,
                cause = format!("{cause:#}"),
                "waiting for it to work"
            );
        } else {
            tracing::debug!(what = pauses.what, cause = format!("{cause:#}"), "still waiting");
        }
        let delay = pauses.delays.next().unwrap_or(self.longest).min(self.longest);
        self.unless_abandoned(tokio::time::sleep(delay)).await
    }
}

impl Pauses {
    /// It works again.
    pub fn over(&mut self) {
        if let Some(since) = self.since.take() {
            let seconds = since.elapsed().as_secs_f64();
            tracing::info!(what = self.what, seconds, "works again");
        }
    }
}
