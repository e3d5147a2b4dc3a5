//! How many orders are in which state.

use read_model::Kind;
use shared_events::ConsistencyToken;

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::reading::{GroupReader, OrdersByStatus as Groups, StatusCount};

#[derive(Debug, Clone, PartialEq)]
pub struct OrdersByStatus {
    pub paging: Paging,
}

impl Query for OrdersByStatus {
    const NAME: &'static str = "orders_by_status";
    const PROJECTIONS: &'static [Kind] = &[Kind::Sale];
    type Answer = Listing<StatusCount>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        awaiting::sales(token)
    }
}

pub struct OrdersByStatusHandler<R>(pub Lists<R>);

impl<R: GroupReader<Groups>> QueryHandler<OrdersByStatus> for OrdersByStatusHandler<R> {
    async fn handle(&self, query: &OrdersByStatus, context: &Context) -> Outcome<OrdersByStatus> {
        self.0
            .groups(OrdersByStatus::NAME, Groups, &query.paging, context)
            .await
    }
}
