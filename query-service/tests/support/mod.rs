//! What the tests of the queries share: orders, the adapters that keep them, the API on a port of its own.

// Each test binary uses a part of it.
#![allow(dead_code)]
// A test that meets what it did not expect ends there.
#![allow(clippy::expect_used)]

pub mod api;
pub mod elasticsearch;
pub mod events;
pub mod following;
pub mod indices;
pub mod memory;
pub mod mothers;

use std::sync::Arc;

use query_service::application::ports::{OrderReader, VersionReader};
use read_model::OrderDocument;
use shared_events::AggregateType;
use uuid::Uuid;

/// An adapter under test, with the means to put something into it.
pub trait Fixture: Sized {
    type Reader: OrderReader + VersionReader;

    async fn new() -> Self;
    fn reader(&self) -> Arc<Self::Reader>;
    /// Gets see it when this returns, searches after [`Fixture::refresh`].
    async fn put(&self, order: &OrderDocument);
    async fn refresh(&self);
    /// The name of a customer or product stands everywhere as of `version`.
    async fn propagate(&self, aggregate: AggregateType, id: Uuid, version: u64);

    async fn put_all(&self, orders: &[OrderDocument]) {
        for order in orders {
            self.put(order).await;
        }
        self.refresh().await;
    }
}
