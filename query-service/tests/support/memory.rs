use std::sync::Arc;

use query_service::outbound::memory::orders::MemoryOrders;
use read_model::OrderDocument;
use shared_events::AggregateType;
use uuid::Uuid;

use super::Fixture;

pub struct Memory(pub Arc<MemoryOrders>);

impl Fixture for Memory {
    type Reader = MemoryOrders;

    async fn new() -> Self {
        Self(Arc::default())
    }

    fn reader(&self) -> Arc<MemoryOrders> {
        self.0.clone()
    }

    async fn put(&self, order: &OrderDocument) {
        self.0.put(order.clone());
    }

    async fn refresh(&self) {
        self.0.refresh();
    }

    async fn propagate(&self, aggregate: AggregateType, id: Uuid, version: u64) {
        self.0.propagate(aggregate, id, version);
    }
}
