//! One order with its lines, as its document has it now.

use std::sync::Arc;

use read_model::OrderDocument;
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::{Context, Outcome, Query, QueryError, QueryHandler, Reading};
use crate::application::ports::OrderReader;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetOrder {
    pub id: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GetOrderRefusal {
    #[error("there is no order {0}")]
    NotFound(Uuid),
}

impl Query for GetOrder {
    const NAME: &'static str = "get_order";
    const READING: Reading = Reading::Document;
    type Answer = OrderDocument;
    type Refusal = GetOrderRefusal;

    fn is_about(&self, token: &ConsistencyToken) -> bool {
        (token.aggregate, token.id) == (AggregateType::Order, self.id)
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(order) => Some(order.version),
            Err(QueryError::Refused(GetOrderRefusal::NotFound(_))) => Some(0),
            Err(_) => None,
        }
    }
}

pub struct GetOrderHandler<R> {
    reader: Arc<R>,
}

impl<R> GetOrderHandler<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }
}

impl<R: OrderReader> QueryHandler<GetOrder> for GetOrderHandler<R> {
    async fn handle(&self, query: &GetOrder, _: &Context) -> Outcome<GetOrder> {
        self.reader
            .get(query.id)
            .await?
            .ok_or(QueryError::Refused(GetOrderRefusal::NotFound(query.id)))
    }
}
