//! One order with its lines, as its document has it now.

use std::sync::Arc;
use std::time::Duration;

use read_model::OrderDocument;
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::{Context, Outcome, Query, QueryError, QueryHandler, Reading};
use crate::application::caching::{Demand, OrderCache};
use crate::application::ports::{Kind, OrderReader};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GetOrderRefusal {
    #[error("there is no order {0}")]
    NotFound(Uuid),
}

impl Query for GetOrder {
    const NAME: &'static str = "get_order";
    const READING: Reading = Reading::Document;
    const PROJECTIONS: &'static [Kind] = &[Kind::Order];
    type Answer = ShownOrder;
    type Refusal = GetOrderRefusal;

    fn is_about(&self, token: &ConsistencyToken) -> bool {
        (token.aggregate, token.id) == (AggregateType::Order, self.id)
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(shown) => Some(shown.order.version),
            Err(QueryError::Refused(GetOrderRefusal::NotFound(_))) => Some(0),
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

impl<R: OrderReader> QueryHandler<GetOrder> for GetOrderHandler<R> {
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
            None => Err(QueryError::Refused(GetOrderRefusal::NotFound(id))),
        }
    }
}
