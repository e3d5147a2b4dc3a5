//! One order's delivery.

use std::sync::Arc;

use read_model::{DeliveryDocument, Kind};
use shared_events::{AggregateType, ConsistencyToken};
use uuid::Uuid;

use super::deliveries::{self, Standing};
use super::{Await, Context, Outcome, Query, QueryError, QueryHandler, awaiting};
use crate::application::ports::reading::ReadModels;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetDelivery {
    pub order_id: Uuid,
}

/// An order has a delivery once it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no delivery of order {order_id}")]
pub struct NoDelivery {
    pub order_id: Uuid,
    /// Up to which version of the order this is certain.
    pub order_version: u64,
}

impl Query for GetDelivery {
    const NAME: &'static str = "get_delivery";
    const PROJECTIONS: &'static [Kind] = &[Kind::Delivery, Kind::Product];
    type Answer = DeliveryDocument;
    type Refusal = NoDelivery;

    fn awaits(&self, token: &ConsistencyToken) -> Vec<Await> {
        match (token.aggregate, token.id) == (AggregateType::Order, self.order_id) {
            true => vec![Await::Answer],
            false => awaiting::own_document(token),
        }
    }

    fn version_shown(outcome: &Outcome<Self>) -> Option<u64> {
        match outcome {
            Ok(delivery) => Some(delivery.order_version),
            Err(QueryError::Refused(NoDelivery { order_version, .. })) => Some(*order_version),
            Err(_) => None,
        }
    }
}

pub struct GetDeliveryHandler<R> {
    reader: Arc<R>,
}

impl<R> GetDeliveryHandler<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }
}

impl<R: ReadModels> QueryHandler<GetDelivery> for GetDeliveryHandler<R> {
    async fn handle(&self, query: &GetDelivery, _: &Context) -> Outcome<GetDelivery> {
        let order_id = query.order_id;
        match deliveries::standing(&*self.reader, order_id).await? {
            Standing::Told(delivery) => {
                let mut delivery = *delivery;
                deliveries::with_names(&*self.reader, std::slice::from_mut(&mut delivery)).await?;
                Ok(delivery)
            }
            standing => Err(QueryError::Refused(NoDelivery {
                order_id,
                order_version: standing.order_version(),
            })),
        }
    }
}
