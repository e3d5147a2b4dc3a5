//! Deliveries as answers show them.

use read_model::{DeliveryDocument, DeliveryStatus};
use serde::Serialize;
use shared_events::event::DeliveryLine;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::inbound::http::views::{Address, Size};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    pub order_id: Uuid,
    pub status: Status,
    pub delivery_address: Option<Address>,
    pub lines: Vec<DeliveryLineView>,
    /// Of all pieces; null where the weight of any is not known.
    pub total_weight_grams: Option<i64>,
    /// Null until it is shipped.
    pub tracking_number: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryStatus)]
pub enum Status {
    Requested,
    Shipped,
    Delivered,
    Cancelled,
}

impl From<DeliveryStatus> for Status {
    fn from(status: DeliveryStatus) -> Self {
        match status {
            DeliveryStatus::Requested => Self::Requested,
            DeliveryStatus::Shipped => Self::Shipped,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryLine)]
pub struct DeliveryLineView {
    pub product_id: Uuid,
    /// The product's name now.
    pub product_name: String,
    #[schema(minimum = 1, example = 2)]
    pub quantity: i32,
    /// Of one piece, as of the confirmation; null where it is not known.
    pub size: Option<Size>,
    pub weight_grams: Option<i32>,
}

impl From<DeliveryLine> for DeliveryLineView {
    fn from(line: DeliveryLine) -> Self {
        Self {
            product_id: line.product_id,
            product_name: line.product_name,
            quantity: line.quantity,
            size: line.size.map(Size::from),
            weight_grams: line.weight_grams,
        }
    }
}

impl From<DeliveryDocument> for DeliveryView {
    fn from(delivery: DeliveryDocument) -> Self {
        Self {
            order_id: delivery.id,
            status: delivery.status.into(),
            delivery_address: delivery.delivery_address.map(Address::from),
            lines: delivery.lines.into_iter().map(DeliveryLineView::from).collect(),
            total_weight_grams: delivery.total_weight_grams,
            tracking_number: delivery.tracking_number,
        }
    }
}
