use domain::order::{OrderEvent, OrderStatus};
use domain::{CancellationReason, Name, Order, OrderId, Quantity, TrackingNumber};
use shared_events::event::{
    self as record, OrderCancelledV1, OrderConfirmedV1, OrderCreatedV1, OrderDeliveredV1, OrderItemAddedV1,
    OrderItemQuantityChangedV1, OrderItemRemovedV1, OrderShippedV1, OrderSubmittedV1,
};
use shared_events::{AggregateType, Event};
use uuid::Uuid;

use super::values::{from_money, from_unit_price, from_version, money, version};
use super::{CodecError, Recorded};

impl Recorded for Order {
    const TYPE: AggregateType = AggregateType::Order;
    type Id = OrderId;

    fn to_record(order_id: Uuid, event: &OrderEvent) -> Result<Event, CodecError> {
        let record: record::OrderEvent = match event {
            OrderEvent::Created {
                customer_id,
                customer_name,
                customer_version,
            } => OrderCreatedV1 {
                order_id,
                customer_id: customer_id.uuid(),
                customer_name: customer_name.to_string(),
                customer_version: version("customer_version", *customer_version)?,
            }
            .into(),
            OrderEvent::ItemAdded {
                product_id,
                product_name,
                product_version,
                quantity,
                unit_price,
            } => OrderItemAddedV1 {
                order_id,
                product_id: product_id.uuid(),
                product_name: product_name.to_string(),
                product_version: version("product_version", *product_version)?,
                quantity: quantity.get(),
                unit_price: money(unit_price.money()),
            }
            .into(),
            OrderEvent::ItemQuantityChanged { product_id, quantity } => OrderItemQuantityChangedV1 {
                order_id,
                product_id: product_id.uuid(),
                quantity: quantity.get(),
            }
            .into(),
            OrderEvent::ItemRemoved { product_id } => OrderItemRemovedV1 {
                order_id,
                product_id: product_id.uuid(),
            }
            .into(),
            OrderEvent::Submitted { total } => OrderSubmittedV1 {
                order_id,
                total: money(*total),
            }
            .into(),
            OrderEvent::Confirmed { total } => OrderConfirmedV1 {
                order_id,
                total: money(*total),
            }
            .into(),
            OrderEvent::Shipped { tracking_number } => OrderShippedV1 {
                order_id,
                tracking_number: tracking_number.to_string(),
            }
            .into(),
            OrderEvent::Delivered => OrderDeliveredV1 { order_id }.into(),
            OrderEvent::Cancelled {
                reason,
                cancelled_from,
            } => OrderCancelledV1 {
                order_id,
                reason: reason.to_string(),
                cancelled_from: cancelled_from.to_string(),
            }
            .into(),
        };
        Ok(record.into())
    }

    fn from_record(record: Event) -> Result<(Uuid, OrderEvent), CodecError> {
        let Event::Order(record) = record else {
            return Err(CodecError::ForeignType(record.event_type()));
        };
        Ok(match record {
            record::OrderEvent::Created(created) => (
                created.order_id,
                OrderEvent::Created {
                    customer_id: created.customer_id.into(),
                    customer_name: Name::new(&created.customer_name)?,
                    customer_version: from_version("customer_version", created.customer_version)?,
                },
            ),
            record::OrderEvent::ItemAdded(added) => (
                added.order_id,
                OrderEvent::ItemAdded {
                    product_id: added.product_id.into(),
                    product_name: Name::new(&added.product_name)?,
                    product_version: from_version("product_version", added.product_version)?,
                    quantity: Quantity::new(added.quantity.into())?,
                    unit_price: from_unit_price(&added.unit_price)?,
                },
            ),
            record::OrderEvent::ItemQuantityChanged(changed) => (
                changed.order_id,
                OrderEvent::ItemQuantityChanged {
                    product_id: changed.product_id.into(),
                    quantity: Quantity::new(changed.quantity.into())?,
                },
            ),
            record::OrderEvent::ItemRemoved(removed) => (
                removed.order_id,
                OrderEvent::ItemRemoved {
                    product_id: removed.product_id.into(),
                },
            ),
            record::OrderEvent::Submitted(submitted) => (
                submitted.order_id,
                OrderEvent::Submitted {
                    total: from_money(&submitted.total)?,
                },
            ),
            record::OrderEvent::Confirmed(confirmed) => (
                confirmed.order_id,
                OrderEvent::Confirmed {
                    total: from_money(&confirmed.total)?,
                },
            ),
            record::OrderEvent::Shipped(shipped) => (
                shipped.order_id,
                OrderEvent::Shipped {
                    tracking_number: TrackingNumber::new(&shipped.tracking_number)?,
                },
            ),
            record::OrderEvent::Delivered(delivered) => (delivered.order_id, OrderEvent::Delivered),
            record::OrderEvent::Cancelled(cancelled) => (
                cancelled.order_id,
                OrderEvent::Cancelled {
                    reason: CancellationReason::new(&cancelled.reason)?,
                    cancelled_from: OrderStatus::of_name(&cancelled.cancelled_from)
                        .ok_or(CodecError::UnknownStatus(cancelled.cancelled_from))?,
                },
            ),
        })
    }
}
