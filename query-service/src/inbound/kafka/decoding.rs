//! A record's bytes into an event, or the reason why it never will be one.

use std::sync::Arc;

use read_model::Kind;
use shared_events::headers::HeaderError;
use shared_events::wire::{self, WireError};
use shared_events::{AggregateType, DecodeError, Event, EventMetadata, WriterSchema};
use uuid::Uuid;

use crate::application::projecting::{Incoming, Position, RawRecord, Record};
use crate::outbound::kafka::schemas::SchemaError;

/// A record with its place.
#[derive(Debug)]
pub struct Received {
    pub position: Position,
    pub raw: RawRecord,
}

/// Why a record goes to the dead letters.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    #[error("the record is not in the Confluent wire format")]
    Framing(#[from] WireError),
    #[error("the record's headers are not those of an event")]
    Headers(#[from] HeaderError),
    #[error("the writer's schema cannot be had")]
    Schema(#[source] Arc<SchemaError>),
    #[error("the record's body cannot be read")]
    Body(#[from] DecodeError),
    #[error("the header says {header}, the schema {schema}")]
    OtherType { header: String, schema: String },
    #[error("the key is not the id of the event's aggregate, {subject}")]
    OtherKey { subject: Uuid },
}

impl Undecodable {
    /// A stable word for each.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Framing(_) => "not-framed",
            Self::Headers(_) => "malformed-headers",
            Self::Schema(_) => "unknown-schema",
            Self::Body(DecodeError::UnknownType(_)) => "unknown-event-type",
            Self::Body(_) => "undecodable",
            Self::OtherType { .. } => "type-mismatch",
            Self::OtherKey { .. } => "key-mismatch",
        }
    }
}

/// The id of the schema that the record was written with.
pub fn schema_id(raw: &RawRecord) -> Result<u32, Undecodable> {
    let (id, _) = wire::unframe(raw.payload.as_deref().unwrap_or_default())?;
    Ok(id)
}

/// For the projection `kind`.
pub fn decode(kind: Kind, received: Received, schema: &WriterSchema) -> Incoming {
    let Received { position, raw } = received;
    match read(position.topic, &raw, schema) {
        Ok((metadata, event)) => match kind.target(&metadata, &event) {
            Some(target) => Incoming::Event(Arc::new(Record {
                position,
                target,
                metadata,
                event,
                raw,
            })),
            None => Incoming::Ignored(position),
        },
        Err(error) => undecodable(Received { position, raw }, error),
    }
}

pub fn undecodable(received: Received, error: Undecodable) -> Incoming {
    let kind = error.kind();
    let cause = format!("{:#}", anyhow::Error::from(error));
    Incoming::Undecodable {
        position: received.position,
        letter: Box::new(received.raw.to_letter(received.position, kind, cause)),
    }
}

fn read(
    aggregate: AggregateType,
    raw: &RawRecord,
    schema: &WriterSchema,
) -> Result<(EventMetadata, Event), Undecodable> {
    let (_, body) = wire::unframe(raw.payload.as_deref().unwrap_or_default())?;
    let metadata = EventMetadata::from_headers(aggregate, |name| raw.headers.find(name))?;
    if metadata.event_type != schema.event_type() {
        return Err(Undecodable::OtherType {
            header: metadata.event_type,
            schema: schema.event_type().to_owned(),
        });
    }
    let subject = metadata.aggregate_id;
    let key = raw.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    if key.and_then(|key| Uuid::try_parse(key).ok()) != Some(subject) {
        return Err(Undecodable::OtherKey { subject });
    }
    let event = Event::decode(aggregate, schema, body)?;
    Ok((metadata, event))
}
