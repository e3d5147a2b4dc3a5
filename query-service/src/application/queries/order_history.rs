//! Who did what when to an order, and why.

use read_model::{Kind, OrderDocument, OrderHistoryEntry, entry_id};
use shared_events::{AggregateType, ConsistencyToken, OrderEvent};
use uuid::Uuid;

use super::lists::{Listing, Lists, UnusableCursor};
use super::paging::Paging;
use super::{Await, Context, NotFound, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::ports::StoreError;
use crate::application::ports::reading::{DocumentReader, HistoryFilter, PageReader};

#[derive(Debug, Clone, PartialEq)]
pub struct OrderHistory {
    pub order_id: Uuid,
    pub paging: Paging,
}

/// One event, and the event as it was published.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryItem {
    pub entry: OrderHistoryEntry,
    pub event: OrderEvent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoHistory {
    #[error(transparent)]
    NotFound(NotFound),
    #[error(transparent)]
    Cursor(#[from] UnusableCursor),
}

impl Query for OrderHistory {
    const NAME: &'static str = "order_history";
    const PROJECTIONS: &'static [Kind] = &[Kind::OrderHistory];
    type Answer = Listing<HistoryItem>;
    type Refusal = NoHistory;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match token.aggregate {
            AggregateType::Order => {
                let entry = entry_id(token.id, token.version);
                vec![Await::Searchable(Kind::OrderHistory, entry, token.version)]
            }
            _ => awaiting::own_document(token),
        }
    }
}

pub struct OrderHistoryHandler<R>(pub Lists<R>);

impl<R> QueryHandler<OrderHistory> for OrderHistoryHandler<R>
where
    R: PageReader<HistoryFilter> + DocumentReader<OrderDocument>,
{
    async fn handle(&self, query: &OrderHistory, context: &Context) -> Outcome<OrderHistory> {
        let order_id = query.order_id;
        let filter = HistoryFilter { order_id };
        let listing = self
            .0
            .page(OrderHistory::NAME, filter, &query.paging, context)
            .await
            .map_err(|error| error.map_refusal(NoHistory::Cursor))?;
        if listing.total == 0 && self.0.reader.get(order_id).await?.is_none() {
            return Err(QueryError::Refused(NoHistory::NotFound(NotFound {
                what: "order",
                id: order_id,
            })));
        }
        let items = listing.items.into_iter().map(|entry| match entry.event() {
            Ok(event) => Ok(HistoryItem { entry, event }),
            Err(error) => Err(StoreError::Failed(error.into())),
        });
        Ok(Listing {
            items: items.collect::<Result<_, _>>()?,
            total: listing.total,
            next_cursor: listing.next_cursor,
            facets: None,
        })
    }
}
