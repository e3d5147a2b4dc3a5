//! The typed queries, one handler each, behind a bus with middleware. Data goes [`bus`] → [`middleware`] → handler →
//! the reading ports.

use std::future::Future;
use std::time::Duration;

use shared_events::ConsistencyToken;
use tokio::time::Instant;
use uuid::Uuid;

use crate::application::freshness::{NotYetVisible, WaitError};
use crate::application::ports::{Kind, StoreError};

pub mod awaiting;
pub mod bus;
pub mod cursor;
pub mod daily_sales;
pub mod deliveries;
pub mod get_customer;
pub mod get_delivery;
pub mod get_invoice;
pub mod get_order;
pub mod get_order_as_of;
pub mod get_product;
pub mod groups;
pub mod invoices;
pub mod list_customers;
pub mod list_deliveries;
pub mod list_invoices;
pub mod list_orders;
pub mod list_products;
pub mod lists;
pub mod middleware;
pub mod names;
pub mod order_history;
pub mod orders_by_status;
pub mod paging;
pub mod points;
pub mod product_sales;
pub mod search_orders;

pub use awaiting::Await;
pub use bus::QueryBus;

pub trait Query: Send + Sync + 'static {
    /// As it stands in traces and metrics.
    const NAME: &'static str;
    /// What the answer is read from: it is as fresh as the one that is furthest behind.
    const PROJECTIONS: &'static [Kind];
    type Answer: Send;
    /// Why this query in particular may be refused.
    type Refusal: std::error::Error + Send;

    /// What a token waits for, one after the other, before the answer includes what it names.
    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await>;

    /// The version of what a token of [`Await::Answer`] names that the outcome shows, 0 if it is not there; `None` if the
    /// outcome cannot tell.
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
    #[error("too many points in time are open")]
    TooManyPoints,
    #[error("the query took longer than it may")]
    DeadlineExceeded,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<R> QueryError<R> {
    /// The same, of a query whose refusals include this one's.
    fn map_refusal<S>(self, refusal: impl FnOnce(R) -> S) -> QueryError<S> {
        match self {
            Self::Refused(refused) => QueryError::Refused(refusal(refused)),
            Self::NotYetVisible(state) => QueryError::NotYetVisible(state),
            Self::TooManyWaiting => QueryError::TooManyWaiting,
            Self::TooManyPoints => QueryError::TooManyPoints,
            Self::DeadlineExceeded => QueryError::DeadlineExceeded,
            Self::Store(error) => QueryError::Store(error),
        }
    }
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

/// What was asked for by its id is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} {id}")]
pub struct NotFound {
    pub what: &'static str,
    pub id: Uuid,
}

impl NotFound {
    fn refusal(what: &'static str, id: Uuid) -> QueryError<Self> {
        QueryError::Refused(Self { what, id })
    }
}

/// Answers one kind of query.
pub trait QueryHandler<Q: Query>: Send + Sync + 'static {
    fn handle(&self, query: &Q, context: &Context) -> impl Future<Output = Outcome<Q>> + Send;
}
