use super::OrderStatus;
use crate::value::{
    CancellationReason, CustomerId, Money, Name, ProductId, Quantity, TrackingNumber, UnitPrice,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// With the customer's name as the customer's stream had it at `customer_version`.
    Created {
        customer_id: CustomerId,
        customer_name: Name,
        customer_version: u64,
    },
    /// A new line, or `quantity` more of a line at the same price.
    ItemAdded {
        product_id: ProductId,
        product_name: Name,
        product_version: u64,
        quantity: Quantity,
        unit_price: UnitPrice,
    },
    /// `quantity` is what the line has from now on.
    ItemQuantityChanged {
        product_id: ProductId,
        quantity: Quantity,
    },
    ItemRemoved {
        product_id: ProductId,
    },
    Submitted {
        total: Money,
    },
    /// With the total that was submitted.
    Confirmed {
        total: Money,
    },
    Shipped {
        tracking_number: TrackingNumber,
    },
    Delivered,
    Cancelled {
        reason: CancellationReason,
        /// The status before: a draft, submitted or confirmed.
        cancelled_from: OrderStatus,
    },
}
