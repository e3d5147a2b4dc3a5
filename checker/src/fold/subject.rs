//! The aggregate that an event says it is of.

use shared_events::event::*;
use shared_events::{
    CustomerEvent, Event, InvoiceEvent, OrderEvent, OrderForDeliveryEvent, OrderForInvoicingEvent,
    ProductEvent,
};
use uuid::Uuid;

pub fn subject(event: &Event) -> Uuid {
    match event {
        Event::Customer(event) => match event {
            CustomerEvent::Registered(CustomerRegisteredV2 { customer_id, .. })
            | CustomerEvent::Renamed(CustomerRenamedV1 { customer_id, .. })
            | CustomerEvent::BillingAddressChanged(CustomerBillingAddressChangedV1 { customer_id, .. })
            | CustomerEvent::DeliveryAddressChanged(CustomerDeliveryAddressChangedV1 {
                customer_id, ..
            }) => *customer_id,
        },
        Event::Product(event) => match event {
            ProductEvent::Added(ProductAddedV1 { product_id, .. })
            | ProductEvent::Renamed(ProductRenamedV1 { product_id, .. })
            | ProductEvent::PriceChanged(ProductPriceChangedV1 { product_id, .. })
            | ProductEvent::DimensionsChanged(ProductDimensionsChangedV1 { product_id, .. })
            | ProductEvent::Discontinued(ProductDiscontinuedV1 { product_id }) => *product_id,
        },
        Event::Order(event) => match event {
            OrderEvent::Created(OrderCreatedV1 { order_id, .. })
            | OrderEvent::ItemAdded(OrderItemAddedV1 { order_id, .. })
            | OrderEvent::ItemQuantityChanged(OrderItemQuantityChangedV1 { order_id, .. })
            | OrderEvent::ItemRemoved(OrderItemRemovedV1 { order_id, .. })
            | OrderEvent::Submitted(OrderSubmittedV1 { order_id, .. })
            | OrderEvent::Confirmed(OrderConfirmedV1 { order_id, .. })
            | OrderEvent::Shipped(OrderShippedV1 { order_id, .. })
            | OrderEvent::Delivered(OrderDeliveredV1 { order_id })
            | OrderEvent::Cancelled(OrderCancelledV1 { order_id, .. }) => *order_id,
        },
        Event::Invoice(event) => match event {
            InvoiceEvent::Issued(InvoiceIssuedV1 { invoice_id, .. })
            | InvoiceEvent::PaymentReceived(InvoicePaymentReceivedV1 { invoice_id, .. })
            | InvoiceEvent::Paid(InvoicePaidV1 { invoice_id, .. })
            | InvoiceEvent::CreditNoteIssued(CreditNoteIssuedV1 { invoice_id, .. }) => *invoice_id,
        },
        Event::OrderForInvoicing(event) => match event {
            OrderForInvoicingEvent::Submitted(OrderSubmittedForInvoicingV1 { order_id, .. })
            | OrderForInvoicingEvent::Cancelled(OrderCancelledForInvoicingV1 { order_id }) => *order_id,
        },
        Event::OrderForDelivery(event) => match event {
            OrderForDeliveryEvent::Confirmed(OrderConfirmedForDeliveryV1 { order_id, .. })
            | OrderForDeliveryEvent::Cancelled(OrderCancelledForDeliveryV1 { order_id }) => *order_id,
        },
    }
}
