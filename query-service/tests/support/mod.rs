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
pub mod models;
pub mod mothers;

use std::sync::Arc;

use query_service::application::ports::reading::ReadModels;
use read_model::Kind;
use serde_json::{Value, json};
use uuid::Uuid;

/// A document as the projector writes it: one whose first event has not come is nothing but what waits for it.
pub trait Projected: query_service::outbound::memory::reading::Kept + serde::Serialize {
    const KIND: Kind;

    fn stored(&self) -> Value {
        match self.version() {
            0 => json!({"id": self.id(), "version": 0, "parked": {"2": {}}}),
            _ => serde_json::to_value(self).expect("a document is JSON"),
        }
    }
}

macro_rules! projected {
    ($($document:ident as $kind:ident),* $(,)?) => {
        $(impl Projected for read_model::$document {
            const KIND: Kind = Kind::$kind;
        })*
    };
}

projected! {
    OrderDocument as Order,
    CustomerDocument as Customer,
    ProductDocument as Product,
    OrderHistoryEntry as OrderHistory,
    SaleDocument as Sale,
    InvoiceDocument as Invoice,
    InvoiceAccountDocument as InvoiceAccount,
}

impl Projected for read_model::DeliveryDocument {
    const KIND: Kind = Kind::Delivery;

    /// What the order says is kept before delivery was told.
    fn stored(&self) -> Value {
        serde_json::to_value(self).expect("a document is JSON")
    }
}

/// An adapter under test, with the means to put something into it.
pub trait Fixture: Sized {
    type Reader: ReadModels;

    /// With the documents that orders need.
    async fn new() -> Self {
        Self::of(&Kind::AGGREGATES).await
    }

    /// With documents of these kinds.
    async fn of(kinds: &[Kind]) -> Self;
    fn reader(&self) -> Arc<Self::Reader>;
    /// Gets see it when this returns, searches after [`Fixture::refresh`].
    async fn put<D: Projected>(&self, document: &D);
    async fn refresh(&self);
    /// The name of a customer or product stands everywhere as of `version`.
    async fn propagate(&self, kind: Kind, id: Uuid, version: u64);

    async fn put_all<D: Projected>(&self, documents: &[D]) {
        for document in documents {
            self.put(document).await;
        }
        self.refresh().await;
    }
}
