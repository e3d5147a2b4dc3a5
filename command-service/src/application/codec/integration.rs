//! What orders tell other contexts, as records of the two streams that are kept for it.

use domain::ordering::told::{
    LineForDelivery, LineForInvoicing, Messages, OrderForDelivery, OrderForInvoicing,
};
use domain::{OrderId, Weight};
use shared_events::AggregateType;
use shared_events::event::{
    self as record, DeliveryLine, InvoicingLine, OrderCancelledForDeliveryV1, OrderCancelledForInvoicingV1,
    OrderConfirmedForDeliveryV1, OrderSubmittedForInvoicingV1,
};

use super::values::{address, money, size};
use super::{CodecError, encode_record};
use crate::application::bus::Told;
use crate::application::ports::StreamId;

/// One record for each message; its version is the sequence of its order and receiver.
pub fn told_records(order_id: OrderId, messages: Messages) -> Result<Vec<Told>, CodecError> {
    let told = |aggregate, version, record| {
        Ok(Told {
            stream: StreamId {
                aggregate,
                id: order_id.uuid(),
            },
            version,
            event: encode_record(record)?,
        })
    };
    let for_invoicing = messages.for_invoicing.map(|message| {
        told(
            AggregateType::OrderForInvoicing,
            message.sequence,
            for_invoicing(order_id, message.message).into(),
        )
    });
    let for_delivery = messages.for_delivery.map(|message| {
        told(
            AggregateType::OrderForDelivery,
            message.sequence,
            for_delivery(order_id, message.message).into(),
        )
    });
    for_invoicing.into_iter().chain(for_delivery).collect()
}

fn for_invoicing(order_id: OrderId, message: OrderForInvoicing) -> record::OrderForInvoicingEvent {
    let order_id = order_id.uuid();
    match message {
        OrderForInvoicing::Submitted {
            customer_id,
            billing_address,
            lines,
        } => OrderSubmittedForInvoicingV1 {
            order_id,
            customer_id: customer_id.uuid(),
            billing_address: address(&billing_address),
            lines: lines.iter().map(invoicing_line).collect(),
        }
        .into(),
        OrderForInvoicing::Cancelled => OrderCancelledForInvoicingV1 { order_id }.into(),
    }
}

fn for_delivery(order_id: OrderId, message: OrderForDelivery) -> record::OrderForDeliveryEvent {
    let order_id = order_id.uuid();
    match message {
        OrderForDelivery::Confirmed {
            delivery_address,
            lines,
        } => OrderConfirmedForDeliveryV1 {
            order_id,
            delivery_address: address(&delivery_address),
            lines: lines.iter().map(delivery_line).collect(),
        }
        .into(),
        OrderForDelivery::Cancelled => OrderCancelledForDeliveryV1 { order_id }.into(),
    }
}

fn invoicing_line(line: &LineForInvoicing) -> InvoicingLine {
    InvoicingLine {
        product_id: line.product_id.uuid(),
        product_name: line.product_name.to_string(),
        quantity: line.quantity.get(),
        unit_price: money(line.unit_price.money()),
    }
}

fn delivery_line(line: &LineForDelivery) -> DeliveryLine {
    DeliveryLine {
        product_id: line.product_id.uuid(),
        product_name: line.product_name.to_string(),
        quantity: line.quantity.get(),
        size: line.size.map(size),
        weight_grams: line.weight.map(Weight::grams),
    }
}
