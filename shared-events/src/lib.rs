//! The published language of the two services: what crosses Kafka and nothing else.
//!
//! - [`topic`]: the kinds of streams and the topics that their events go to.
//! - [`event`]: the Avro records of `schemas/` as Rust types, one enum for each kind of stream.
//! - [`codec`]: a record's bytes, written and read with the schema it was written with.
//! - [`wire`]: the Confluent framing round those bytes.
//! - [`headers`]: the CloudEvents headers of a Kafka record.
//! - [`repair`]: the request to send a stream again.
//! - [`token`]: the consistency token that a command's answer carries and a query honours.
//!
//! A schema file that was released never changes; a change is a new type with the next version in its name. Records of
//! older versions are upcast where bodies are decoded.

pub mod codec;
pub mod event;
pub mod headers;
pub mod repair;
pub mod token;
pub mod topic;
mod upcast;
pub mod wire;

pub use codec::{DecodeError, EncodeError, PublishedSchema, WriterSchema};
pub use event::{
    CustomerEvent, Event, InvoiceEvent, OrderEvent, OrderForDeliveryEvent, OrderForInvoicingEvent,
    ProductEvent,
};
pub use headers::EventMetadata;
pub use repair::RepairRequest;
pub use token::ConsistencyToken;
pub use topic::AggregateType;
