//! Orders, optionally of one customer or in some states, page by page.

use std::sync::Arc;

use read_model::OrderStatus;
use uuid::Uuid;

use super::cursor::{CursorSigner, ForgedCursor};
use super::paging::{Filter, Paging, read_page};
use super::{Context, Outcome, Query, QueryHandler, Reading};
use crate::application::ports::{Kind, OrderReader, OrderSummary};

#[derive(Debug, Clone, PartialEq)]
pub struct ListOrders {
    pub customer_id: Option<Uuid>,
    /// Any of these; all states if empty.
    pub status: Vec<OrderStatus>,
    pub paging: Paging,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderListing {
    pub orders: Vec<OrderSummary>,
    pub total: u64,
    pub next_cursor: Option<String>,
}

impl Query for ListOrders {
    const NAME: &'static str = "list_orders";
    const READING: Reading = Reading::Search;
    const PROJECTIONS: &'static [Kind] = &[Kind::Order];
    type Answer = OrderListing;
    type Refusal = ForgedCursor;
}

pub struct ListOrdersHandler<R> {
    reader: Arc<R>,
    cursors: Arc<CursorSigner>,
}

impl<R> ListOrdersHandler<R> {
    pub fn new(reader: Arc<R>, cursors: Arc<CursorSigner>) -> Self {
        Self { reader, cursors }
    }
}

impl<R: OrderReader> QueryHandler<ListOrders> for ListOrdersHandler<R> {
    async fn handle(&self, query: &ListOrders, context: &Context) -> Outcome<ListOrders> {
        let filter = Filter {
            customer_id: query.customer_id,
            status: &query.status,
            ..Filter::of(ListOrders::NAME)
        };
        let page = read_page(&*self.reader, &self.cursors, filter, &query.paging, context).await?;
        Ok(OrderListing {
            orders: page.hits.into_iter().map(|hit| hit.order).collect(),
            total: page.total,
            next_cursor: page.next_cursor,
        })
    }
}
