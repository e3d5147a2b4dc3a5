//! What the projector tells of what it wrote.

use std::future::Future;

use serde::{Deserialize, Serialize};
use shared_events::AggregateType;
use uuid::Uuid;

use super::{OrderSummary, StoreError};

/// What changed in the read model, told to every replica of the api after the store has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub aggregate: AggregateType,
    pub id: Uuid,
    /// The version that the document now has.
    pub version: u64,
    /// Of an order, as it was written; absent where an earlier build told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderSummary>,
}

pub trait ChangePublisher: Send + Sync + 'static {
    /// Returns once the broker has acknowledged all.
    fn publish(&self, changes: &[Change]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
