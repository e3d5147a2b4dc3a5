use std::sync::Arc;

use query_service::outbound::memory::reading::MemoryReader;
use read_model::Kind;
use uuid::Uuid;

use super::{Fixture, Projected};

pub struct Memory(pub Arc<MemoryReader>);

impl Fixture for Memory {
    type Reader = MemoryReader;

    async fn of(_: &[Kind]) -> Self {
        Self(Arc::default())
    }

    fn reader(&self) -> Arc<MemoryReader> {
        self.0.clone()
    }

    async fn put<D: Projected>(&self, document: &D) {
        self.0.put(document.clone());
    }

    async fn refresh(&self) {
        self.0.refresh();
    }

    async fn propagate(&self, kind: Kind, id: Uuid, version: u64) {
        self.0.propagate(kind, id, version);
    }
}
