//! Orders, optionally of one customer or in some states, page by page.

use read_model::{Kind, OrderStatus};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, Outcome, Query, QueryHandler, awaiting};
use crate::application::ports::OrderSummary;
use crate::application::ports::reading::{OrderFilter, PageReader};

#[derive(Debug, Clone, PartialEq)]
pub struct ListOrders {
    pub customer_id: Option<Uuid>,
    /// Any of these; all states if empty.
    pub status: Vec<OrderStatus>,
    pub paging: Paging,
}

impl Query for ListOrders {
    const NAME: &'static str = "list_orders";
    const PROJECTIONS: &'static [Kind] = &[Kind::Order];
    type Answer = Listing<OrderSummary>;
    type Refusal = UnusableCursor;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match token.aggregate {
            AggregateType::Order => awaiting::listed(Kind::Order, token),
            // The projector refreshes before it says that a name has reached every order.
            _ => awaiting::with_kept_names(token),
        }
    }
}

pub struct ListOrdersHandler<R>(pub Lists<R>);

impl<R: PageReader<OrderFilter>> QueryHandler<ListOrders> for ListOrdersHandler<R> {
    async fn handle(&self, query: &ListOrders, context: &Context) -> Outcome<ListOrders> {
        let filter = OrderFilter {
            customer_id: query.customer_id,
            status: query.status.clone(),
            ..OrderFilter::default()
        };
        let listing = self
            .0
            .page(ListOrders::NAME, filter, &query.paging, context)
            .await?;
        Ok(listing.map(|hit| hit.order))
    }
}
