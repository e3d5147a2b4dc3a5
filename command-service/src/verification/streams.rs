//! Each stream by itself.

use domain::{Customer, Invoice, Order, Product};
use shared_events::{AggregateType, Event, WriterSchema};
use uuid::Uuid;

use super::findings::{Finding, Kind};
use crate::application::codec::{self, CodecError};
use crate::application::ports::{ArchivedEvent, EventArchive, StoreError, StoredEvent, StreamId};

/// Events that are read of each stream at first, and of a longer one at a time.
const EVENTS_AT_ONCE: usize = 64;
const EVENTS_OF_ONE: usize = 1000;

/// A whole stream.
pub struct Stream {
    pub id: StreamId,
    pub events: Vec<ArchivedEvent>,
    /// With their versions, as far as they can be decoded.
    pub decoded: Vec<(u64, Event)>,
}

impl Stream {
    /// The first event that `pick` answers to, with what it answers.
    pub fn find<'s, T>(&'s self, pick: impl Fn(&'s Event) -> Option<T>) -> Option<(&'s ArchivedEvent, T)> {
        self.decoded.iter().find_map(|(version, event)| {
            let picked = pick(event)?;
            let archived = self
                .events
                .iter()
                .find(|event| event.metadata.version == *version)?;
            Some((archived, picked))
        })
    }
}

/// The streams with these ids, empty ones too.
pub async fn read(
    archive: &impl EventArchive,
    aggregate: AggregateType,
    ids: &[Uuid],
) -> Result<Vec<Stream>, StoreError> {
    let wanted: Vec<_> = ids
        .iter()
        .map(|id| (StreamId { aggregate, id: *id }, 1))
        .collect();
    let mut streams = Vec::with_capacity(ids.len());
    for ((id, _), mut events) in wanted.iter().zip(archive.events(&wanted, EVENTS_AT_ONCE).await?) {
        let mut is_longer = events.len() == EVENTS_AT_ONCE;
        while let Some(last) = events.last().filter(|_| is_longer) {
            let next = [(*id, last.metadata.version + 1)];
            let page = archive
                .events(&next, EVENTS_OF_ONE)
                .await?
                .pop()
                .unwrap_or_default();
            is_longer = page.len() == EVENTS_OF_ONE;
            events.extend(page);
        }
        let decoded = events
            .iter()
            .filter_map(|event| Some((event.metadata.version, decode(event).ok()?)))
            .collect();
        streams.push(Stream {
            id: *id,
            events,
            decoded,
        });
    }
    Ok(streams)
}

fn decode(event: &ArchivedEvent) -> Result<Event, shared_events::DecodeError> {
    let metadata = &event.metadata;
    WriterSchema::of_type(&metadata.event_type)
        .and_then(|schema| Event::decode(metadata.aggregate, schema, &event.payload))
}

/// Versions without a gap, and events that fold as the service folds them.
pub fn check(stream: &Stream) -> Option<Finding> {
    let gap = stream
        .events
        .iter()
        .zip(1..)
        .find(|(event, expected)| event.metadata.version != *expected);
    if let Some((event, expected)) = gap {
        let found = event.metadata.version;
        let explanation = format!("version {found} stands where {expected} belongs");
        return Some(Finding::of(Kind::VersionGap, stream.id, explanation).at(expected));
    }
    let stored: Vec<StoredEvent> = stream.events.iter().map(stored).collect();
    let id = stream.id.id;
    let folded = match stream.id.aggregate {
        AggregateType::Customer => codec::replay::<Customer>(id.into(), &stored).map(drop),
        AggregateType::Product => codec::replay::<Product>(id.into(), &stored).map(drop),
        AggregateType::Order => codec::replay::<Order>(id.into(), &stored).map(drop),
        AggregateType::Invoice => codec::replay::<Invoice>(id.into(), &stored).map(drop),
        // No aggregates; what they say is compared with their order.
        AggregateType::OrderForInvoicing | AggregateType::OrderForDelivery => {
            return undecodable(stream);
        }
    };
    let error = folded.err()?;
    let version = version_of(&error);
    let explanation = format!("{:#}", anyhow::Error::new(error));
    let finding = Finding::of(Kind::DoesNotFold, stream.id, explanation);
    Some(match version {
        Some(version) => finding.at(version),
        None => finding,
    })
}

fn undecodable(stream: &Stream) -> Option<Finding> {
    stream.events.iter().find_map(|event| {
        let error = decode(event).err()?;
        let explanation = format!("{:#}", anyhow::Error::new(error));
        Some(Finding::of(Kind::DoesNotFold, stream.id, explanation).at(event.metadata.version))
    })
}

fn version_of(error: &CodecError) -> Option<u64> {
    match error {
        CodecError::Decode { version, .. }
        | CodecError::ForeignId { version, .. }
        | CodecError::Misfit { version, .. } => Some(*version),
        _ => None,
    }
}

fn stored(event: &ArchivedEvent) -> StoredEvent {
    StoredEvent {
        version: event.metadata.version,
        event_type: event.metadata.event_type.clone(),
        payload: event.payload.clone(),
    }
}
