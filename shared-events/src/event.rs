//! The events as they are published: one Rust type for each Avro record, one enum for each aggregate.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::{DecodeError, EncodeError, WriterSchema, encode};
use crate::topic::AggregateType;

/// Minor units of an ISO 4217 currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount: i64,
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub length_mm: i32,
    pub width_mm: i32,
    pub height_mm: i32,
}

/// Declares the records of one topic and the enum over them.
macro_rules! events {
    ($(#[$enum_meta:meta])* $enum:ident in $namespace:literal {
        $($(#[$meta:meta])* $variant:ident = $record:ident { $($field:ident: $type:ty),* $(,)? })*
    }) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $record { $(pub $field: $type),* })*

        $(#[$enum_meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[allow(clippy::large_enum_variant, reason = "events are few at a time and live briefly; a box would cost more")]
        pub enum $enum { $($variant($record)),* }

        impl $enum {
            /// Every type's full Avro name with the text of its schema.
            pub const SCHEMAS: &'static [(&'static str, &'static str)] = &[$((
                concat!($namespace, ".", stringify!($record)),
                include_str!(concat!("../../schemas/", $namespace, "/", stringify!($record), ".avsc")),
            )),*];

            /// The full name of the Avro record.
            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => concat!($namespace, ".", stringify!($record))),* }
            }

            /// The Avro body, without the wire format's prefix.
            pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
                match self { $(Self::$variant(record) => encode(self.event_type(), record)),* }
            }

            /// Reads a body with the schema that it was written with.
            pub fn decode(schema: &WriterSchema, body: &[u8]) -> Result<Self, DecodeError> {
                match schema.event_type() {
                    $(concat!($namespace, ".", stringify!($record)) => schema.decode(body).map(Self::$variant),)*
                    other => Err(DecodeError::UnknownType(other.to_owned())),
                }
            }
        }

        $(impl From<$record> for $enum {
            fn from(record: $record) -> Self { Self::$variant(record) }
        })*
    };
}

events! {
    CustomerEvent in "ordering.customers" {
        Registered = CustomerRegisteredV1 {
            customer_id: Uuid,
            name: String,
            email: Option<String>,
            billing_address: Address,
            delivery_address: Address,
        }
        Renamed = CustomerRenamedV1 { customer_id: Uuid, name: String }
    }
}

events! {
    ProductEvent in "ordering.products" {
        Added = ProductAddedV1 {
            product_id: Uuid,
            name: String,
            unit_price: Money,
            size: Option<Size>,
            weight_grams: Option<i32>,
        }
        Renamed = ProductRenamedV1 { product_id: Uuid, name: String }
        PriceChanged = ProductPriceChangedV1 { product_id: Uuid, unit_price: Money }
    }
}

events! {
    OrderEvent in "ordering.orders" {
        /// `customer_name` as the customer's stream had it at `customer_version`, so that an order is never without a
        /// name and a later rename can be told from an earlier one.
        Created = OrderCreatedV1 { order_id: Uuid, customer_id: Uuid, customer_name: String, customer_version: i64 }
        /// A new line, or `quantity` more of a line at the same price.
        ItemAdded = OrderItemAddedV1 {
            order_id: Uuid,
            product_id: Uuid,
            product_name: String,
            product_version: i64,
            quantity: i32,
            unit_price: Money,
        }
        /// `quantity` is what the line has from now on.
        ItemQuantityChanged = OrderItemQuantityChangedV1 { order_id: Uuid, product_id: Uuid, quantity: i32 }
        ItemRemoved = OrderItemRemovedV1 { order_id: Uuid, product_id: Uuid }
        Submitted = OrderSubmittedV1 { order_id: Uuid, total: Money }
    }
}

/// An event of any aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    Customer(CustomerEvent),
    Product(ProductEvent),
    Order(OrderEvent),
}

impl Event {
    pub fn aggregate(&self) -> AggregateType {
        match self {
            Self::Customer(_) => AggregateType::Customer,
            Self::Product(_) => AggregateType::Product,
            Self::Order(_) => AggregateType::Order,
        }
    }

    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Customer(event) => event.event_type(),
            Self::Product(event) => event.event_type(),
            Self::Order(event) => event.event_type(),
        }
    }

    /// The Avro body, without the wire format's prefix.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Customer(event) => event.encode(),
            Self::Product(event) => event.encode(),
            Self::Order(event) => event.encode(),
        }
    }

    /// Reads the body of an event of `aggregate` with the schema that it was written with.
    pub fn decode(aggregate: AggregateType, schema: &WriterSchema, body: &[u8]) -> Result<Self, DecodeError> {
        Ok(match aggregate {
            AggregateType::Customer => Self::Customer(CustomerEvent::decode(schema, body)?),
            AggregateType::Product => Self::Product(ProductEvent::decode(schema, body)?),
            AggregateType::Order => Self::Order(OrderEvent::decode(schema, body)?),
        })
    }
}

impl From<CustomerEvent> for Event {
    fn from(event: CustomerEvent) -> Self {
        Self::Customer(event)
    }
}

impl From<ProductEvent> for Event {
    fn from(event: ProductEvent) -> Self {
        Self::Product(event)
    }
}

impl From<OrderEvent> for Event {
    fn from(event: OrderEvent) -> Self {
        Self::Order(event)
    }
}
