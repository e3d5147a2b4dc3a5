//! What is wrapped round every handler.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Await, Context, Outcome, Query, QueryError, QueryHandler};
use crate::application::freshness::Freshness;
use crate::application::ports::StoreError;
use crate::application::ports::reading::VersionReader;

/// A span for each query; a store's failure is logged here, once.
pub struct Traced<H>(pub H);

impl<Q: Query, H: QueryHandler<Q>> QueryHandler<Q> for Traced<H> {
    async fn handle(&self, query: &Q, context: &Context) -> Outcome<Q> {
        // Within the request's span, which is enough unless somebody looks closer.
        let span = tracing::debug_span!("query", query = Q::NAME, "otel.name" = Q::NAME);
        let outcome = self.0.handle(query, context).instrument(span.clone()).await;
        if let Err(QueryError::Store(error)) = &outcome {
            let _entered = span.enter();
            match error {
                StoreError::Unavailable(cause) => tracing::warn!("{error}: {cause:#}"),
                StoreError::Failed(cause) => tracing::error!("{error}: {cause:#}"),
            }
        }
        outcome
    }
}

/// Counts and times every query by its outcome.
pub struct Measured<H>(pub H);

impl<Q: Query, H: QueryHandler<Q>> QueryHandler<Q> for Measured<H> {
    async fn handle(&self, query: &Q, context: &Context) -> Outcome<Q> {
        let begun = Instant::now();
        let outcome = self.0.handle(query, context).await;
        let label = match &outcome {
            Ok(_) => "answered",
            Err(QueryError::Refused(_)) => "refused",
            Err(QueryError::NotYetVisible(_)) => "not_yet_visible",
            Err(QueryError::TooManyWaiting) => "too_many_waiting",
            Err(QueryError::TooManyPoints) => "too_many_points",
            Err(QueryError::DeadlineExceeded) => "deadline_exceeded",
            Err(QueryError::Store(StoreError::Unavailable(_))) => "unavailable",
            Err(QueryError::Store(StoreError::Failed(_))) => "failed",
        };
        metrics::histogram!("query_duration_seconds", "query" => Q::NAME, "outcome" => label)
            .record(begun.elapsed().as_secs_f64());
        outcome
    }
}

/// Ends a query that takes longer than it may: its allowance, and before it the wait that the client asked for.
pub struct Timed<H>(pub H);

impl<Q: Query, H: QueryHandler<Q>> QueryHandler<Q> for Timed<H> {
    async fn handle(&self, query: &Q, context: &Context) -> Outcome<Q> {
        let begin = match context.token {
            Some(_) => context.wait_until.max(Instant::now()),
            None => Instant::now(),
        };
        tokio::time::timeout_at(begin + context.allowance, self.0.handle(query, context))
            .await
            .unwrap_or(Err(QueryError::DeadlineExceeded))
    }
}

/// Reads your own writes: a query with a token is answered once the answer includes what the token names.
pub struct Consistent<R, H> {
    freshness: Arc<Freshness<R>>,
    inner: H,
}

impl<R, H> Consistent<R, H> {
    pub fn new(freshness: Arc<Freshness<R>>, inner: H) -> Self {
        Self { freshness, inner }
    }
}

impl<Q, R, H> QueryHandler<Q> for Consistent<R, H>
where
    Q: Query,
    R: VersionReader,
    H: QueryHandler<Q>,
{
    async fn handle(&self, query: &Q, context: &Context) -> Outcome<Q> {
        let Some(token) = context.token else {
            return self.inner.handle(query, context).await;
        };
        // Registered before the first look, so that no change falls between the two.
        let mut wait = self.freshness.wait_for(token, context.wait_until)?;
        for awaited in query.awaits(&token) {
            match awaited {
                Await::Answer => loop {
                    let outcome = self.inner.handle(query, context).await;
                    match Q::version_shown(&outcome) {
                        Some(seen) if seen < token.version => wait.pause(seen).await?,
                        Some(_) | None => return outcome,
                    }
                },
                Await::Visible(watched, version) => {
                    self.freshness.visible(&mut wait, watched, version).await?;
                }
                Await::Searchable(kind, id, version) => {
                    self.freshness.searchable(&mut wait, kind, id, version).await?;
                }
                Await::Never => wait.in_vain().await?,
            }
        }
        drop(wait);
        self.inner.handle(query, context).await
    }
}
