//! One product, as its document has it now.

use std::sync::Arc;

use read_model::{Kind, ProductDocument};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::{Await, Context, NotFound, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::ports::reading::DocumentReader;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetProduct {
    pub id: Uuid,
}

impl Query for GetProduct {
    const NAME: &'static str = "get_product";
    const PROJECTIONS: &'static [Kind] = &[Kind::Product];
    type Answer = ProductDocument;
    type Refusal = NotFound;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match (token.aggregate, token.id) == (AggregateType::Product, self.id) {
            true => vec![Await::Answer],
            false => awaiting::own_document(token),
        }
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(product) => Some(product.version),
            Err(QueryError::Refused(NotFound { .. })) => Some(0),
            Err(_) => None,
        }
    }
}

pub struct GetProductHandler<R> {
    reader: Arc<R>,
}

impl<R> GetProductHandler<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }
}

impl<R: DocumentReader<ProductDocument>> QueryHandler<GetProduct> for GetProductHandler<R> {
    async fn handle(&self, query: &GetProduct, _: &Context) -> Outcome<GetProduct> {
        self.reader
            .get(query.id)
            .await?
            .ok_or_else(|| NotFound::refusal("product", query.id))
    }
}
