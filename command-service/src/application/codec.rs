//! Between the domain's events and the bytes that are stored and published: domain event ↔ record of [`shared_events`]
//! ↔ Avro body.
//!
//! Domain events do not repeat the id of their aggregate; the records do, and it must be that of the stream.

mod customer;
pub mod integration;
mod invoice;
mod order;
mod product;
pub mod snapshot;
pub(in crate::application) mod values;

use domain::{Aggregate, InvalidValue, Misfit};
use shared_events::{AggregateType, DecodeError, EncodeError, Event, WriterSchema};
use uuid::Uuid;

use super::bus::EncodedEvent;
use super::ports::{StoredEvent, StoredStream, StreamId};
use snapshot::Snapshotted;

/// An aggregate whose events are stored.
pub trait Recorded: Aggregate {
    const TYPE: AggregateType;
    type Id: Copy + Into<Uuid> + Send;

    fn to_record(id: Uuid, event: &Self::Event) -> Result<Event, CodecError>;

    /// Answers the event and the id that the record gives its aggregate.
    fn from_record(record: Event) -> Result<(Uuid, Self::Event), CodecError>;

    fn stream(id: Self::Id) -> StreamId {
        StreamId {
            aggregate: Self::TYPE,
            id: id.into(),
        }
    }
}

/// A stored event that is not what this service wrote, or an event that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("{event_type} cannot be encoded")]
    Encode {
        event_type: &'static str,
        #[source]
        source: EncodeError,
    },
    #[error("version {version} of {} {} cannot be decoded", .stream.aggregate, .stream.id)]
    Decode {
        stream: StreamId,
        version: u64,
        #[source]
        source: DecodeError,
    },
    #[error("a {0} is none of this aggregate's events")]
    ForeignType(&'static str),
    #[error("the stored {0}")]
    Value(#[from] InvalidValue),
    #[error("{field} has the value {value}, which is out of range")]
    OutOfRange { field: &'static str, value: i128 },
    #[error("there is no status {0:?}")]
    UnknownStatus(String),
    #[error("the snapshot is not one of this format")]
    Snapshot(#[source] serde_json::Error),
    #[error("no events lead to the snapshot's state")]
    SnapshotMisfit(#[source] Misfit),
    #[error("version {version} of {} {} names another aggregate, {found}", .stream.aggregate, .stream.id)]
    ForeignId {
        stream: StreamId,
        version: u64,
        found: Uuid,
    },
    #[error("{} {} has version {found} where {expected} belongs", .stream.aggregate, .stream.id)]
    Gap {
        stream: StreamId,
        expected: u64,
        found: u64,
    },
    #[error("version {version} of {} {} does not fit what came before", .stream.aggregate, .stream.id)]
    Misfit {
        stream: StreamId,
        version: u64,
        #[source]
        source: Misfit,
    },
}

/// The bytes of an event of the aggregate `id`.
pub fn encode<A: Recorded>(id: A::Id, event: &A::Event) -> Result<EncodedEvent, CodecError> {
    encode_record(A::to_record(id.into(), event)?)
}

/// The bytes of a record that no aggregate has as its own event.
fn encode_record(record: Event) -> Result<EncodedEvent, CodecError> {
    let event_type = record.event_type();
    let payload = record
        .encode()
        .map_err(|source| CodecError::Encode { event_type, source })?;
    Ok(EncodedEvent {
        record,
        event_type,
        payload,
    })
}

/// The event that `stored`, of the aggregate `id`, holds.
pub fn decode<A: Recorded>(id: A::Id, stored: &StoredEvent) -> Result<A::Event, CodecError> {
    let stream = A::stream(id);
    let version = stored.version;
    let record = WriterSchema::of_type(&stored.event_type)
        .and_then(|schema| Event::decode(A::TYPE, schema, &stored.payload))
        .map_err(|source| CodecError::Decode {
            stream,
            version,
            source,
        })?;
    match A::from_record(record)? {
        (found, event) if found == stream.id => Ok(event),
        (found, _) => Err(CodecError::ForeignId {
            stream,
            version,
            found,
        }),
    }
}

/// The aggregate as its whole stream, oldest event first, leaves it; `None` without events.
pub fn replay<A: Recorded>(id: A::Id, stored: &[StoredEvent]) -> Result<Option<A>, CodecError> {
    fold(id, None, 0, stored)
}

/// The aggregate as its stream leaves it, from a snapshot on if it has one.
pub fn restore<A: Snapshotted>(id: A::Id, stored: &StoredStream) -> Result<Option<A>, CodecError> {
    let Some(snapshot) = &stored.snapshot else {
        return replay(id, &stored.events);
    };
    let state = serde_json::from_slice(&snapshot.state).map_err(CodecError::Snapshot)?;
    let state = A::from_snapshot(&state)?;
    fold(id, Some(state), snapshot.version, &stored.events)
}

fn fold<A: Recorded>(
    id: A::Id,
    mut state: Option<A>,
    version: u64,
    stored: &[StoredEvent],
) -> Result<Option<A>, CodecError> {
    let stream = A::stream(id);
    for (stored, expected) in stored.iter().zip(version + 1..) {
        let version = stored.version;
        if version != expected {
            return Err(CodecError::Gap {
                stream,
                expected,
                found: version,
            });
        }
        let event = decode::<A>(id, stored)?;
        let next = A::evolve(state, &event).map_err(|source| CodecError::Misfit {
            stream,
            version,
            source,
        })?;
        state = Some(next);
    }
    Ok(state)
}
