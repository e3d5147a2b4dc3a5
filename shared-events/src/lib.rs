//! The published language of the two services: what crosses Kafka and nothing else.
//!
//! - [`topic`]: the aggregates and the topics that their events go to.
//! - [`event`]: the Avro records of `schemas/` as Rust types, one enum for each aggregate.
//! - [`codec`]: a record's bytes, written and read with the schema it was written with.
//! - [`wire`]: the Confluent framing round those bytes.
//! - [`headers`]: the CloudEvents headers of a Kafka record.
//! - [`token`]: the consistency token that a command's answer carries and a query honours.
//!
//! A schema file that was released never changes; a change is a new type with the next version in its name.

pub mod codec;
pub mod event;
pub mod headers;
pub mod token;
pub mod topic;
pub mod wire;

pub use codec::{DecodeError, EncodeError, WriterSchema};
pub use event::{CustomerEvent, Event, OrderEvent, ProductEvent};
pub use headers::EventMetadata;
pub use token::ConsistencyToken;
pub use topic::AggregateType;
