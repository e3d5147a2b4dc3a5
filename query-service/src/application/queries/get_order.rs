//! One order with its lines, as its document has it now.

use std::sync::Arc;
use std::time::Duration;

use read_model::{Kind, OrderDocument};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::{Await, Context, NotFound, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::caching::{Demand, OrderCache};
use crate::application::ports::reading::DocumentReader;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetOrder {
    pub id: Uuid,
}

/// The order as the store had it `age` ago, or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownOrder {
    pub order: Arc<OrderDocument>,
    pub age: Duration,
}

impl Query for GetOrder {
    const NAME: &'static str = "get_order";
    const PROJECTIONS: &'static [Kind] = &[Kind::Order];
    type Answer = ShownOrder;
    type Refusal = NotFound;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match (token.aggregate, token.id) == (AggregateType::Order, self.id) {
            true => vec![Await::Answer],
            false => awaiting::with_kept_names(token),
        }
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(shown) => Some(shown.order.version),
            Err(QueryError::Refused(NotFound { .. })) => Some(0),
            Err(_) => None,
        }
    }
}

pub struct GetOrderHandler<R> {
    reader: Arc<R>,
    cache: Arc<OrderCache>,
}

impl<R> GetOrderHandler<R> {
    pub fn new(reader: Arc<R>, cache: Arc<OrderCache>) -> Self {
        Self { reader, cache }
    }
}

impl<R: DocumentReader<OrderDocument>> QueryHandler<GetOrder> for GetOrderHandler<R> {
    async fn handle(&self, query: &GetOrder, context: &Context) -> Outcome<GetOrder> {
        let id = query.id;
        let load = || {
            let reader = self.reader.clone();
            async move { reader.get(id).await }
        };
        let read = self
            .cache
            .read(id, Demand::of(context.token, id), context.allowance / 2, load)
            .await?;
        match read.order {
            Some(order) => Ok(ShownOrder { order, age: read.age }),
            None => Err(NotFound::refusal("order", id)),
        }
    }
}
