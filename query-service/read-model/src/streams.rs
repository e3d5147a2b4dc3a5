//! What the folds ask of a stream's events.

use shared_events::{
    AggregateType, CustomerEvent, EncodeError, Event, InvoiceEvent, OrderEvent, OrderForDeliveryEvent,
    ProductEvent,
};
use uuid::Uuid;

/// What parking asks of an aggregate's events.
pub trait StreamEvent: Sized {
    const AGGREGATE: AggregateType;

    fn from_event(event: Event) -> Option<Self>;
    fn event_type(&self) -> &'static str;
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;
    /// The aggregate that the event itself names.
    fn aggregate_id(&self) -> Uuid;
}

macro_rules! stream_event {
    ($event:ty, $variant:ident, $record:ident => $id:expr) => {
        impl StreamEvent for $event {
            const AGGREGATE: AggregateType = AggregateType::$variant;

            fn from_event(event: Event) -> Option<Self> {
                match event {
                    Event::$variant(event) => Some(event),
                    _ => None,
                }
            }

            fn event_type(&self) -> &'static str {
                <$event>::event_type(self)
            }

            fn encode(&self) -> Result<Vec<u8>, EncodeError> {
                <$event>::encode(self)
            }

            fn aggregate_id(&self) -> Uuid {
                let $record = self;
                $id
            }
        }
    };
}

stream_event!(CustomerEvent, Customer, event => match event {
    CustomerEvent::Registered(record) => record.customer_id,
    CustomerEvent::Renamed(record) => record.customer_id,
    CustomerEvent::BillingAddressChanged(record) => record.customer_id,
    CustomerEvent::DeliveryAddressChanged(record) => record.customer_id,
});

stream_event!(ProductEvent, Product, event => match event {
    ProductEvent::Added(record) => record.product_id,
    ProductEvent::Renamed(record) => record.product_id,
    ProductEvent::PriceChanged(record) => record.product_id,
    ProductEvent::DimensionsChanged(record) => record.product_id,
    ProductEvent::Discontinued(record) => record.product_id,
});

stream_event!(OrderEvent, Order, event => match event {
    OrderEvent::Created(record) => record.order_id,
    OrderEvent::ItemAdded(record) => record.order_id,
    OrderEvent::ItemQuantityChanged(record) => record.order_id,
    OrderEvent::ItemRemoved(record) => record.order_id,
    OrderEvent::Submitted(record) => record.order_id,
    OrderEvent::Confirmed(record) => record.order_id,
    OrderEvent::Shipped(record) => record.order_id,
    OrderEvent::Delivered(record) => record.order_id,
    OrderEvent::Cancelled(record) => record.order_id,
});

stream_event!(InvoiceEvent, Invoice, event => match event {
    InvoiceEvent::Issued(record) => record.invoice_id,
    InvoiceEvent::PaymentReceived(record) => record.invoice_id,
    InvoiceEvent::Paid(record) => record.invoice_id,
    InvoiceEvent::CreditNoteIssued(record) => record.invoice_id,
});

stream_event!(OrderForDeliveryEvent, OrderForDelivery, event => match event {
    OrderForDeliveryEvent::Confirmed(record) => record.order_id,
    OrderForDeliveryEvent::Cancelled(record) => record.order_id,
});
