//! Avro bodies. Schemas are parsed once; writers and readers are kept, which is several times faster than making one
//! for each record.

use std::collections::HashMap;
use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::Event;

/// An event's body is never larger: the command service refuses to append more, a reader refuses to allocate more.
pub const MAX_BODY_BYTES: usize = 512 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("{0} has no schema in this build")]
    UnknownType(String),
    #[error("the record does not fit its schema")]
    Avro(#[source] Box<apache_avro::Error>),
    #[error("{size} bytes are more than an event may have ({MAX_BODY_BYTES})")]
    TooLarge { size: usize },
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the schema cannot be parsed")]
    Schema(#[source] Box<apache_avro::Error>),
    #[error("the schema is not a named record")]
    NotARecord,
    #[error("unknown event type {0}")]
    UnknownType(String),
    #[error("the body does not fit its schema {event_type}")]
    Body {
        event_type: String,
        #[source]
        source: Box<apache_avro::Error>,
    },
    #[error("{0} bytes follow the record")]
    TrailingBytes(usize),
    #[error("{0} bytes are more than an event may have ({MAX_BODY_BYTES})")]
    TooLarge(usize),
}

/// A schema of this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedSchema {
    pub topic: &'static str,
    /// The full name of the record.
    pub event_type: &'static str,
    pub text: &'static str,
    /// False: records of it are only read, and upcast.
    pub written: bool,
}

/// The schema that a body was written with, ready to read it.
pub struct WriterSchema {
    event_type: String,
    reader: GenericDatumReader<'static>,
}

impl std::fmt::Debug for WriterSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriterSchema")
            .field("event_type", &self.event_type)
            .finish_non_exhaustive()
    }
}

impl WriterSchema {
    /// Takes a schema's text as a registry gives it. Schemas are few and used until the process ends: each is kept for
    /// good, so parse one only once.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        bound_allocations();
        let schema = Schema::parse_str(text).map_err(|error| DecodeError::Schema(Box::new(error)))?;
        let event_type = match &schema {
            Schema::Record(record) => record.name.fullname(None),
            _ => return Err(DecodeError::NotARecord),
        };
        let schema: &'static Schema = Box::leak(Box::new(schema));
        let reader = GenericDatumReader::builder(schema)
            .human_readable(true)
            .build()
            .map_err(|error| DecodeError::Schema(Box::new(error)))?;
        Ok(Self { event_type, reader })
    }

    /// This build's schema of a type; the event store's bodies are read with it, because released schemas are frozen.
    pub fn of_type(event_type: &str) -> Result<&'static Self, DecodeError> {
        static KNOWN: LazyLock<HashMap<&'static str, WriterSchema>> = LazyLock::new(|| {
            schemas()
                // A broken schema file is found by this crate's tests; at run time its type is unknown.
                .filter_map(|known| Some((known.event_type, WriterSchema::parse(known.text).ok()?)))
                .collect()
        });
        KNOWN
            .get(event_type)
            .ok_or_else(|| DecodeError::UnknownType(event_type.to_owned()))
    }

    /// The full name of the record.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    pub(crate) fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, DecodeError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(DecodeError::TooLarge(body.len()));
        }
        let mut rest = body;
        let record = self
            .reader
            .read_deser(&mut rest)
            .map_err(|source| DecodeError::Body {
                event_type: self.event_type.clone(),
                source: Box::new(source),
            })?;
        match rest.len() {
            0 => Ok(record),
            trailing => Err(DecodeError::TrailingBytes(trailing)),
        }
    }
}

/// Every schema of this build.
pub fn schemas() -> impl Iterator<Item = PublishedSchema> {
    Event::SCHEMAS.iter().copied().flatten().copied()
}

pub(crate) fn encode<T: Serialize>(event_type: &str, record: &T) -> Result<Vec<u8>, EncodeError> {
    static WRITERS: LazyLock<HashMap<&'static str, GenericDatumWriter<'static>>> = LazyLock::new(|| {
        schemas()
            .filter(|known| known.written)
            .filter_map(|known| {
                let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(known.text).ok()?));
                let writer = GenericDatumWriter::builder(schema)
                    .human_readable(true)
                    .build()
                    .ok()?;
                Some((known.event_type, writer))
            })
            .collect()
    });
    let writer = WRITERS
        .get(event_type)
        .ok_or_else(|| EncodeError::UnknownType(event_type.to_owned()))?;
    let body = writer
        .write_ser_to_vec(record)
        .map_err(|error| EncodeError::Avro(Box::new(error)))?;
    match body.len() {
        size if size > MAX_BODY_BYTES => Err(EncodeError::TooLarge { size }),
        _ => Ok(body),
    }
}

/// A length that lies must not make the reader allocate: the bound is global in apache-avro and set before first use.
fn bound_allocations() {
    apache_avro::util::max_allocation_bytes(MAX_BODY_BYTES);
}

/// The subject of a type under TopicRecordNameStrategy: topic, hyphen, full record name.
pub fn subject(topic: &str, event_type: &str) -> String {
    format!("{topic}-{event_type}")
}
