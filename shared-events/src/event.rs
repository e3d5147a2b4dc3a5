//! The events as they are published: one Rust type for each Avro record, one enum for each stream's kind.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::{DecodeError, EncodeError, PublishedSchema, WriterSchema, encode};
use crate::topic::AggregateType;
use crate::upcast;

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

/// Declares the records of one topic and the enum over them. The folder of the schemas is the topic; their namespace is the
/// topic with `_` for `-`, which Avro does not allow. `upcast` names records that are only read: [`upcast`] makes of each
/// the record of the variant that took its place.
macro_rules! events {
    ($(#[$enum_meta:meta])* $enum:ident in $topic:literal as $namespace:literal {
        $($(#[$meta:meta])* $variant:ident = $record:ident { $($field:ident: $type:ty),* $(,)? })*
    } $(upcast { $($old:ident => $current:ident),* $(,)? })?) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $record { $(pub $field: $type),* })*

        $(#[$enum_meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[allow(clippy::large_enum_variant, reason = "events are few at a time and live briefly; a box would cost more")]
        pub enum $enum { $($variant($record)),* }

        impl $enum {
            /// The schema of every type, those that are written before those that are only read.
            pub const SCHEMAS: &'static [PublishedSchema] = &[
                $(published!($topic, $namespace, $record, true),)*
                $($(published!($topic, $namespace, $old, false),)*)?
            ];

            /// The full name of the Avro record.
            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => concat!($namespace, ".", stringify!($record))),* }
            }

            /// The Avro body, without the wire format's prefix.
            pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
                match self { $(Self::$variant(record) => encode(self.event_type(), record)),* }
            }

            /// Reads a body with the schema that it was written with; a record of an older version is upcast.
            pub fn decode(schema: &WriterSchema, body: &[u8]) -> Result<Self, DecodeError> {
                match schema.event_type() {
                    $(concat!($namespace, ".", stringify!($record)) => schema.decode(body).map(Self::$variant),)*
                    $($(concat!($namespace, ".", stringify!($old)) => schema
                        .decode::<upcast::$old>(body)
                        .map(|record| Self::$current(record.into())),)*)?
                    other => Err(DecodeError::UnknownType(other.to_owned())),
                }
            }
        }

        $(impl From<$record> for $enum {
            fn from(record: $record) -> Self { Self::$variant(record) }
        })*
    };
}

macro_rules! published {
    ($topic:literal, $namespace:literal, $record:ident, $written:literal) => {
        PublishedSchema {
            topic: $topic,
            event_type: concat!($namespace, ".", stringify!($record)),
            text: include_str!(concat!(
                "../../schemas/",
                $topic,
                "/",
                stringify!($record),
                ".avsc"
            )),
            written: $written,
        }
    };
}

events! {
    CustomerEvent in "ordering.customers" as "ordering.customers" {
        /// Without a delivery address, parcels go to the billing address, whatever that becomes.
        Registered = CustomerRegisteredV2 {
            customer_id: Uuid,
            name: String,
            email: Option<String>,
            billing_address: Address,
            delivery_address: Option<Address>,
        }
        Renamed = CustomerRenamedV1 { customer_id: Uuid, name: String }
        BillingAddressChanged = CustomerBillingAddressChangedV1 { customer_id: Uuid, billing_address: Address }
        /// From here on parcels no longer follow the billing address.
        DeliveryAddressChanged = CustomerDeliveryAddressChangedV1 { customer_id: Uuid, delivery_address: Address }
    } upcast { CustomerRegisteredV1 => Registered }
}

events! {
    ProductEvent in "ordering.products" as "ordering.products" {
        Added = ProductAddedV1 {
            product_id: Uuid,
            name: String,
            unit_price: Money,
            size: Option<Size>,
            weight_grams: Option<i32>,
        }
        Renamed = ProductRenamedV1 { product_id: Uuid, name: String }
        PriceChanged = ProductPriceChangedV1 { product_id: Uuid, unit_price: Money }
        DimensionsChanged = ProductDimensionsChangedV1 { product_id: Uuid, size: Size, weight_grams: i32 }
        /// It is no longer sold; orders that have it keep it.
        Discontinued = ProductDiscontinuedV1 { product_id: Uuid }
    }
}

events! {
    OrderEvent in "ordering.orders" as "ordering.orders" {
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
        Confirmed = OrderConfirmedV1 { order_id: Uuid, total: Money }
        Shipped = OrderShippedV1 { order_id: Uuid, tracking_number: String }
        Delivered = OrderDeliveredV1 { order_id: Uuid }
        /// `cancelled_from` is the status until then: `draft`, `submitted` or `confirmed`.
        Cancelled = OrderCancelledV1 { order_id: Uuid, reason: String, cancelled_from: String }
    }
}

/// A line as invoicing is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoicingLine {
    pub product_id: Uuid,
    pub product_name: String,
    pub quantity: i32,
    pub unit_price: Money,
}

events! {
    /// What ordering tells invoicing of an order; no more than an invoice needs.
    OrderForInvoicingEvent in "ordering.orders.for-invoicing" as "ordering.orders.for_invoicing" {
        Submitted = OrderSubmittedForInvoicingV1 {
            order_id: Uuid,
            customer_id: Uuid,
            billing_address: Address,
            lines: Vec<InvoicingLine>,
        }
        /// Only of an order that was submitted.
        Cancelled = OrderCancelledForInvoicingV1 { order_id: Uuid }
    }
}

/// A line as delivery is told of it; size and weight are those of one piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLine {
    pub product_id: Uuid,
    pub product_name: String,
    pub quantity: i32,
    pub size: Option<Size>,
    pub weight_grams: Option<i32>,
}

events! {
    /// What ordering tells delivery of an order; no more than a parcel needs.
    OrderForDeliveryEvent in "ordering.orders.for-delivery" as "ordering.orders.for_delivery" {
        Confirmed = OrderConfirmedForDeliveryV1 {
            order_id: Uuid,
            delivery_address: Address,
            lines: Vec<DeliveryLine>,
        }
        /// Only of an order that was confirmed.
        Cancelled = OrderCancelledForDeliveryV1 { order_id: Uuid }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    pub product_id: Uuid,
    pub product_name: String,
    pub quantity: i32,
    pub unit_price: Money,
    pub subtotal: Money,
}

events! {
    InvoiceEvent in "invoicing.invoices" as "invoicing.invoices" {
        /// `number` is from the invoices' series, which starts at 1 and has no gap.
        Issued = InvoiceIssuedV1 {
            invoice_id: Uuid,
            number: i64,
            order_id: Uuid,
            customer_id: Uuid,
            billing_address: Address,
            lines: Vec<InvoiceLine>,
            total: Money,
        }
        /// `paid` is the sum of all payments, with this one.
        PaymentReceived = InvoicePaymentReceivedV1 { invoice_id: Uuid, amount: Money, reference: String, paid: Money }
        /// In full.
        Paid = InvoicePaidV1 { invoice_id: Uuid, order_id: Uuid }
        /// Over the whole invoice; `number` is from the credit notes' own series.
        CreditNoteIssued = CreditNoteIssuedV1 { invoice_id: Uuid, number: i64, order_id: Uuid, total: Money }
    }
}

/// Declares the enum over the enums of all streams.
macro_rules! streams {
    ($($variant:ident($enum:ident)),* $(,)?) => {
        /// An event of any stream.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[allow(clippy::large_enum_variant, reason = "events are few at a time and live briefly; a box would cost more")]
        pub enum Event { $($variant($enum)),* }

        impl Event {
            pub(crate) const SCHEMAS: &'static [&'static [PublishedSchema]] = &[$($enum::SCHEMAS),*];

            pub fn aggregate(&self) -> AggregateType {
                match self { $(Self::$variant(_) => AggregateType::$variant),* }
            }

            /// The full name of the Avro record.
            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.event_type()),* }
            }

            /// The Avro body, without the wire format's prefix.
            pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
                match self { $(Self::$variant(event) => event.encode()),* }
            }

            /// Reads the body of an event of `aggregate` with the schema that it was written with; a record of an older
            /// version is upcast, so that the event's type may be a later one than the schema's.
            pub fn decode(aggregate: AggregateType, schema: &WriterSchema, body: &[u8]) -> Result<Self, DecodeError> {
                match aggregate {
                    $(AggregateType::$variant => $enum::decode(schema, body).map(Self::$variant)),*
                }
            }
        }

        $(impl From<$enum> for Event {
            fn from(event: $enum) -> Self { Self::$variant(event) }
        })*
    };
}

streams! {
    Customer(CustomerEvent),
    Product(ProductEvent),
    Order(OrderEvent),
    Invoice(InvoiceEvent),
    OrderForInvoicing(OrderForInvoicingEvent),
    OrderForDelivery(OrderForDeliveryEvent),
}
