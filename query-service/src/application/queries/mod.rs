//! The typed queries, one handler each, behind a bus with middleware. Data goes [`bus`] → [`middleware`] → handler →
//! the reading ports.

use std::future::Future;
use std::time::Duration;

use shared_events::ConsistencyToken;
use tokio::time::Instant;

use crate::application::freshness::{NotYetVisible, WaitError};
use crate::application::ports::{Kind, StoreError};

pub mod bus;
pub mod cursor;
pub mod get_order;
pub mod list_orders;
pub mod middleware;
pub mod paging;
pub mod search_orders;

pub use bus::QueryBus;

/// How a query reads: it decides what a consistency token waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Sees the last write at once.
    Document,
    /// Sees the last refresh.
    Search,
}

pub trait Query: Send + Sync + 'static {
    /// As it stands in traces and metrics.
    const NAME: &'static str;
    const READING: Reading;
    /// What the answer is read from: it is as fresh as the one that is furthest behind.
    const PROJECTIONS: &'static [Kind];
    type Answer: Send;
    /// Why this query in particular may be refused.
    type Refusal: std::error::Error + Send;

    /// Whether the answer itself shows the token's aggregate, so that a look at it is the query itself.
    fn is_about(&self, _token: &ConsistencyToken) -> bool {
        false
    }

    /// The version of what is asked for that the outcome shows, 0 if it is not there; `None` if the outcome cannot tell.
    fn version_shown(_outcome: &Outcome<Self>) -> Option<u64> {
        None
    }
}

pub type Outcome<Q> = Result<<Q as Query>::Answer, QueryError<<Q as Query>::Refusal>>;

/// What is asked for beside the query itself.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    pub token: Option<ConsistencyToken>,
    /// Until when to wait for the token's version.
    pub wait_until: Instant,
    /// How long the query may take beside that.
    pub allowance: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError<R> {
    #[error(transparent)]
    Refused(R),
    #[error(transparent)]
    NotYetVisible(NotYetVisible),
    #[error("too many queries wait for a consistency token")]
    TooManyWaiting,
    #[error("the query took longer than it may")]
    DeadlineExceeded,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> From<WaitError> for QueryError<R> {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::NotYetVisible(error) => Self::NotYetVisible(error),
            WaitError::TooManyWaiting => Self::TooManyWaiting,
            WaitError::Store(error) => Self::Store(error),
        }
    }
}

/// Answers one kind of query.
pub trait QueryHandler<Q: Query>: Send + Sync + 'static {
    fn handle(&self, query: &Q, context: &Context) -> impl Future<Output = Outcome<Q>> + Send;
}
