//! The documents as they are stored. Times are UTC; money is an amount in minor units with its currency.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
pub use shared_events::event::{Address, DeliveryLine, InvoiceLine, Money, Size};
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    Draft,
    Submitted,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    pub product_id: Uuid,
    pub product_name: String,
    /// The version of the product's stream that the name comes from.
    pub product_version: u64,
    pub quantity: i64,
    pub unit_price: Money,
    pub subtotal: Money,
}

/// One order, for list, search and detail alike. Fed by the order's stream, and by the customer's and the products' for
/// their names: each source has a version of its own in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDocument {
    pub id: Uuid,
    /// The last event of the order's stream that is folded in; 0 while only later ones have come.
    pub version: u64,
    pub status: OrderStatus,
    pub customer_id: Uuid,
    pub customer_name: String,
    /// The version of the customer's stream that the name comes from.
    pub customer_version: u64,
    pub items: Vec<OrderItem>,
    /// Lines, not pieces.
    pub item_count: u32,
    /// Absent while the order has no line and so no currency.
    pub total: Option<Money>,
    /// Of the invoice that the submission led to; absent before, and for good where a draft was cancelled.
    pub invoice_id: Option<Uuid>,
    pub tracking_number: Option<String>,
    pub cancellation_reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDocument {
    pub id: Uuid,
    pub version: u64,
    pub name: String,
    /// The version that set the name last.
    pub name_version: u64,
    /// Up to this version every document that shows the name shows it as of then, also in a search.
    pub propagated_version: u64,
    pub email: Option<String>,
    pub billing_address: Address,
    /// Where parcels go: the billing address until the customer gives one of its own.
    pub delivery_address: Address,
    pub own_delivery_address: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductDocument {
    pub id: Uuid,
    pub version: u64,
    pub name: String,
    pub name_version: u64,
    pub propagated_version: u64,
    pub unit_price: Money,
    pub size: Option<Size>,
    pub weight_grams: Option<i64>,
    pub discontinued: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
