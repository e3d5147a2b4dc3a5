//! Orders as answers show them.

use chrono::{DateTime, Utc};
use read_model::{OrderDocument, OrderItem, OrderStatus};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::application::ports::OrderSummary;
use crate::inbound::http::views::Money;

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderStatus)]
pub enum Status {
    Draft,
    Submitted,
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

impl From<OrderStatus> for Status {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Draft => Self::Draft,
            OrderStatus::Submitted => Self::Submitted,
            OrderStatus::Confirmed => Self::Confirmed,
            OrderStatus::Shipped => Self::Shipped,
            OrderStatus::Delivered => Self::Delivered,
            OrderStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// An order without its lines.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderView {
    pub id: Uuid,
    #[schema(minimum = 1, example = 3)]
    pub version: u64,
    pub status: Status,
    pub customer_id: Uuid,
    pub customer_name: String,
    /// Lines, not pieces.
    pub item_count: u32,
    /// Null while the order has no line and so no currency.
    pub total: Option<Money>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<OrderSummary> for OrderView {
    fn from(order: OrderSummary) -> Self {
        Self {
            id: order.id,
            version: order.version,
            status: order.status.into(),
            customer_id: order.customer_id,
            customer_name: order.customer_name,
            item_count: order.item_count,
            total: order.total.map(Money::from),
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

/// An order with its lines and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderDetail)]
pub struct OrderDetailView {
    #[serde(flatten)]
    pub order: OrderView,
    pub items: Vec<LineView>,
    /// Of its invoice, once the order was submitted; the invoice itself may take a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<Uuid>,
    /// Once it was shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// If it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub struct LineView {
    pub product_id: Uuid,
    pub product_name: String,
    #[schema(minimum = 1, example = 2)]
    pub quantity: i64,
    pub unit_price: Money,
    pub subtotal: Money,
}

impl From<OrderItem> for LineView {
    fn from(item: OrderItem) -> Self {
        Self {
            product_id: item.product_id,
            product_name: item.product_name,
            quantity: item.quantity,
            unit_price: item.unit_price.into(),
            subtotal: item.subtotal.into(),
        }
    }
}

impl From<OrderDocument> for OrderDetailView {
    fn from(order: OrderDocument) -> Self {
        Self {
            order: OrderView {
                id: order.id,
                version: order.version,
                status: order.status.into(),
                customer_id: order.customer_id,
                customer_name: order.customer_name,
                item_count: order.item_count,
                total: order.total.map(Money::from),
                created_at: order.created_at,
                updated_at: order.updated_at,
            },
            items: order.items.into_iter().map(LineView::from).collect(),
            invoice_id: order.invoice_id,
            tracking_number: order.tracking_number,
            cancellation_reason: order.cancellation_reason,
        }
    }
}
