//! Aggregates and their topics. The key of every record is the aggregate's id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What changed in the read model: key is the aggregate's id, value a small JSON document. Caches and pushes live on it.
pub const CHANGES: &str = "query-service.changes";
/// Records that could not be processed, as they were, with the cause in their headers.
pub const DEAD_LETTERS: &str = "query-service.dead-letters";
/// Streams that the query service asks the command service to send again.
pub const REPAIR_REQUESTS: &str = "query-service.repair-requests";

/// The kind of a stream: the first half of a stream's name. Mostly an aggregate; two are what ordering tells another
/// context of an order, in a sequence of its own under the order's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateType {
    Customer,
    Product,
    Order,
    Invoice,
    OrderForInvoicing,
    OrderForDelivery,
}

impl AggregateType {
    pub const ALL: [Self; 6] = [
        Self::Customer,
        Self::Product,
        Self::Order,
        Self::Invoice,
        Self::OrderForInvoicing,
        Self::OrderForDelivery,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Product => "product",
            Self::Order => "order",
            Self::Invoice => "invoice",
            Self::OrderForInvoicing => "order_for_invoicing",
            Self::OrderForDelivery => "order_for_delivery",
        }
    }

    /// The topic of the events. The namespace of their Avro types is the same, with `_` for `-`.
    pub fn topic(self) -> &'static str {
        match self {
            Self::Customer => "ordering.customers",
            Self::Product => "ordering.products",
            Self::Order => "ordering.orders",
            Self::Invoice => "invoicing.invoices",
            Self::OrderForInvoicing => "ordering.orders.for-invoicing",
            Self::OrderForDelivery => "ordering.orders.for-delivery",
        }
    }

    pub fn of_topic(topic: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.topic() == topic)
    }
}

impl fmt::Display for AggregateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown aggregate type {0:?}")]
pub struct UnknownAggregateType(pub String);

impl FromStr for AggregateType {
    type Err = UnknownAggregateType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|aggregate| aggregate.as_str() == text)
            .ok_or_else(|| UnknownAggregateType(text.to_owned()))
    }
}
