//! One customer, as its document has it now.

use std::sync::Arc;

use read_model::{CustomerDocument, Kind};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::{Await, Context, NotFound, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::ports::reading::DocumentReader;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetCustomer {
    pub id: Uuid,
}

impl Query for GetCustomer {
    const NAME: &'static str = "get_customer";
    const PROJECTIONS: &'static [Kind] = &[Kind::Customer];
    type Answer = CustomerDocument;
    type Refusal = NotFound;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match (token.aggregate, token.id) == (AggregateType::Customer, self.id) {
            true => vec![Await::Answer],
            false => awaiting::own_document(token),
        }
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(customer) => Some(customer.version),
            Err(QueryError::Refused(NotFound { .. })) => Some(0),
            Err(_) => None,
        }
    }
}

pub struct GetCustomerHandler<R> {
    reader: Arc<R>,
}

impl<R> GetCustomerHandler<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }
}

impl<R: DocumentReader<CustomerDocument>> QueryHandler<GetCustomer> for GetCustomerHandler<R> {
    async fn handle(&self, query: &GetCustomer, _: &Context) -> Outcome<GetCustomer> {
        self.reader
            .get(query.id)
            .await?
            .ok_or_else(|| NotFound::refusal("customer", query.id))
    }
}
