//! Events as tests speak of them.

use chrono::{DateTime, TimeDelta};
use query_service::application::projecting::{Position, RawHeaders, RawRecord, Record};
use shared_events::event::*;
use shared_events::{Event, EventMetadata};
use uuid::Uuid;

/// An event with its place in its stream.
#[derive(Debug, Clone)]
pub struct Told {
    pub id: Uuid,
    pub version: u64,
    pub event: Event,
}

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_b5a0_0000_7000_8000_0000_0000_0000 + n)
}

pub fn euros(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".into(),
    }
}

pub fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        street: "12 St James's Square".into(),
        postal_code: "SW1Y 4JH".into(),
        city: "London".into(),
        country: "GB".into(),
    }
}

pub fn registered(customer: Uuid, name: &str) -> Told {
    let event = CustomerEvent::from(CustomerRegisteredV2 {
        customer_id: customer,
        name: name.into(),
        email: None,
        billing_address: address(),
        delivery_address: None,
    });
    told(customer, 1, event)
}

pub fn customer_renamed(customer: Uuid, version: u64, name: &str) -> Told {
    let event = CustomerEvent::from(CustomerRenamedV1 {
        customer_id: customer,
        name: name.into(),
    });
    told(customer, version, event)
}

pub fn product_added(product: Uuid, name: &str) -> Told {
    let event = ProductEvent::from(ProductAddedV1 {
        product_id: product,
        name: name.into(),
        unit_price: euros(250),
        size: None,
        weight_grams: None,
    });
    told(product, 1, event)
}

pub fn product_renamed(product: Uuid, version: u64, name: &str) -> Told {
    let event = ProductEvent::from(ProductRenamedV1 {
        product_id: product,
        name: name.into(),
    });
    told(product, version, event)
}

pub fn price_changed(product: Uuid, version: u64, amount: i64) -> Told {
    let event = ProductEvent::from(ProductPriceChangedV1 {
        product_id: product,
        unit_price: euros(amount),
    });
    told(product, version, event)
}

/// As of the customer's version 1.
pub fn created(order: Uuid, customer: Uuid, customer_name: &str) -> Told {
    let event = OrderEvent::from(OrderCreatedV1 {
        order_id: order,
        customer_id: customer,
        customer_name: customer_name.into(),
        customer_version: 1,
    });
    told(order, 1, event)
}

/// As of the product's version 1.
pub fn item_added(order: Uuid, version: u64, product: Uuid, product_name: &str) -> Told {
    let event = OrderEvent::from(OrderItemAddedV1 {
        order_id: order,
        product_id: product,
        product_name: product_name.into(),
        product_version: 1,
        quantity: 2,
        unit_price: euros(250),
    });
    told(order, version, event)
}

pub fn quantity_changed(order: Uuid, version: u64, product: Uuid, quantity: i32) -> Told {
    let event = OrderEvent::from(OrderItemQuantityChangedV1 {
        order_id: order,
        product_id: product,
        quantity,
    });
    told(order, version, event)
}

/// Any event of an aggregate, at its version.
pub fn told(id: Uuid, version: u64, event: impl Into<Event>) -> Told {
    Told {
        id,
        version,
        event: event.into(),
    }
}

impl Told {
    pub fn metadata(&self) -> EventMetadata {
        let command_id = Uuid::from_u128(self.id.as_u128() ^ u128::from(self.version));
        EventMetadata {
            event_id: command_id,
            event_type: self.event.event_type().to_owned(),
            aggregate: self.event.aggregate(),
            aggregate_id: self.id,
            version: self.version,
            occurred_at: DateTime::from_timestamp(1_700_000_000, 0).expect("in range")
                + TimeDelta::milliseconds(self.version as i64),
            actor: "anonymous".into(),
            command_id,
            causation_id: command_id,
            correlation_id: command_id,
            traceparent: None,
        }
    }

    pub fn at(self, position: Position, target: Uuid) -> Record {
        let metadata = self.metadata();
        let mut headers = RawHeaders::default();
        for (name, value) in metadata.to_headers() {
            headers.push(name, Some(value.as_bytes()));
        }
        Record {
            position,
            target,
            raw: RawRecord {
                topic: self.event.aggregate().topic().into(),
                key: Some(self.id.to_string().into_bytes()),
                payload: Some(self.event.encode().expect("it fits its schema")),
                headers,
            },
            metadata,
            event: self.event,
        }
    }
}
