//! One stream's document with the events that came ahead of a gap.
//!
//! Kafka may bring an event again, late or before its predecessors. An event at or below the document's version has been
//! folded in already; the next one is folded in; a later one is parked in the document until the gap closes. So any order
//! and any repetition of a stream's events ends in one document, and its version never falls.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_events::{AggregateType, DecodeError, EncodeError, Event, EventMetadata, WriterSchema};
use uuid::Uuid;

use crate::fold::{Fold, FoldError, Occurrence};
use crate::streams::StreamEvent;

/// Events that one document parks, at most.
pub const MAX_PARKED: usize = 1_000;
/// Their bodies together, at most, as they are stored.
pub const MAX_PARKED_BYTES: usize = 4 * 1024 * 1024;

/// An event as it is kept until its turn: its Avro body, so that an upgraded service reads it as it would from Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEvent {
    event_type: String,
    /// Base64.
    body: String,
    event_id: Uuid,
    occurred_at: DateTime<Utc>,
    actor: String,
    command_id: Uuid,
    causation_id: Uuid,
    correlation_id: Uuid,
    /// Here; absent in what an earlier build parked.
    arrived_at: Option<DateTime<Utc>>,
}

/// A document on its way: `document` is absent until the stream's first event has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequenced<D> {
    id: Uuid,
    document: Option<D>,
    parked: BTreeMap<u64, ParkedEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Folded in, and as many parked ones after it.
    Folded {
        drained: usize,
        /// Why the next parked one stays where it is.
        stuck: Option<String>,
    },
    /// Known already; nothing changed.
    Duplicate,
    /// Kept until the events before it come.
    Parked,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("the event does not fold")]
    DoesNotFold(#[from] FoldError),
    #[error("version {version} is too far ahead of {current}: no more can be parked")]
    TooFarAhead { version: u64, current: u64 },
    #[error("the event cannot be parked")]
    CannotPark(#[source] EncodeError),
    #[error("the event cannot be kept")]
    CannotKeep(#[source] EncodeError),
    #[error("an event of a {found} does not belong into this document")]
    OtherKind { found: AggregateType },
}

/// Whether an event lets those follow that were parked behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draining {
    All,
    /// For when one of those is what a store refuses.
    None,
}

#[derive(Debug, thiserror::Error)]
#[error("the stored document {id} cannot be read")]
pub struct UnreadableDocument {
    pub id: Uuid,
    #[source]
    pub source: serde_json::Error,
}

impl<D> Sequenced<D>
where
    D: Fold,
    D::Event: StreamEvent,
{
    pub fn new(id: Uuid) -> Self {
        Self {
            id,
            document: None,
            parked: BTreeMap::new(),
        }
    }

    /// The last version that is folded in; 0 while only later ones have come.
    pub fn version(&self) -> u64 {
        self.document.as_ref().map_or(0, D::version)
    }

    pub fn document(&self) -> Option<&D> {
        self.document.as_ref()
    }

    pub fn document_mut(&mut self) -> Option<&mut D> {
        self.document.as_mut()
    }

    pub fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Since when the first of those has waited.
    pub fn waits_since(&self) -> Option<DateTime<Utc>> {
        let arrivals = self.parked.values().map(ParkedEvent::arrived_at);
        arrivals.min()
    }

    /// Folds, parks or drops an event that has come at `arrived_at`. After an error the document is as it was.
    pub fn apply(
        &mut self,
        metadata: &EventMetadata,
        event: &D::Event,
        draining: Draining,
        arrived_at: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        let found = event.aggregate_id();
        if found != self.id {
            return Err(FoldError::WrongStream {
                stream: self.id,
                found,
            }
            .into());
        }
        let next = self.version() + 1;
        if metadata.version < next {
            return Ok(Applied::Duplicate);
        }
        if metadata.version > next {
            return self.park(metadata, event, arrived_at);
        }
        self.fold(Occurrence {
            event,
            version: metadata.version,
            occurred_at: metadata.occurred_at,
        })?;
        // It may have been parked and stuck before.
        self.parked.remove(&metadata.version);
        let (drained, stuck) = match draining {
            Draining::All => self.drain(),
            Draining::None => (0, None),
        };
        Ok(Applied::Folded { drained, stuck })
    }

    fn fold(&mut self, occurrence: Occurrence<'_, D::Event>) -> Result<(), FoldError> {
        match &mut self.document {
            Some(document) => document.evolve(occurrence),
            None => {
                self.document = Some(D::begin(occurrence)?);
                Ok(())
            }
        }
    }

    fn park(
        &mut self,
        metadata: &EventMetadata,
        event: &D::Event,
        arrived_at: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        if self.parked.contains_key(&metadata.version) {
            return Ok(Applied::Duplicate);
        }
        let body = event.encode().map_err(ApplyError::CannotPark)?;
        let parked = ParkedEvent {
            event_type: event.event_type().to_owned(),
            body: BASE64.encode(body),
            event_id: metadata.event_id,
            occurred_at: metadata.occurred_at,
            actor: metadata.actor.clone(),
            command_id: metadata.command_id,
            causation_id: metadata.causation_id,
            correlation_id: metadata.correlation_id,
            arrived_at: Some(arrived_at),
        };
        let bytes: usize = self.parked.values().map(|parked| parked.body.len()).sum();
        if self.parked.len() >= MAX_PARKED || bytes + parked.body.len() > MAX_PARKED_BYTES {
            return Err(ApplyError::TooFarAhead {
                version: metadata.version,
                current: self.version(),
            });
        }
        self.parked.insert(metadata.version, parked);
        Ok(Applied::Parked)
    }

    fn drain(&mut self) -> (usize, Option<String>) {
        let mut drained = 0;
        loop {
            let version = self.version() + 1;
            let Some(parked) = self.parked.get(&version) else {
                return (drained, None);
            };
            let occurred_at = parked.occurred_at;
            let folded = match parked.event::<D::Event>() {
                Ok(event) => self
                    .fold(Occurrence {
                        event: &event,
                        version,
                        occurred_at,
                    })
                    .map_err(|error| error.to_string()),
                Err(cause) => Err(cause),
            };
            if let Err(cause) = folded {
                return (drained, Some(cause));
            }
            self.parked.remove(&version);
            drained += 1;
        }
    }

    /// The document's fields with `parked` and `waits_since` beside them, flat.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct NotYet {
            id: Uuid,
            version: u64,
        }
        match &self.document {
            Some(document) => self.with_parked(document),
            None => self.with_parked(&NotYet {
                id: self.id,
                version: 0,
            }),
        }
    }

    pub(crate) fn with_parked(&self, document: &impl Serialize) -> Result<String, serde_json::Error> {
        self.with_waiting(document, self.waits_since())
    }

    /// For a document that may wait although nothing is parked.
    pub(crate) fn with_waiting(
        &self,
        document: &impl Serialize,
        waits_since: Option<DateTime<Utc>>,
    ) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Flat<'a, D> {
            #[serde(flatten)]
            document: &'a D,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            parked: &'a BTreeMap<u64, ParkedEvent>,
            waits_since: DateTime<Utc>,
        }
        // What most documents take: growing to it would copy several times.
        let mut json = Vec::with_capacity(1_024);
        match waits_since {
            None => serde_json::to_writer(&mut json, document)?,
            Some(waits_since) => serde_json::to_writer(
                &mut json,
                &Flat {
                    document,
                    parked: &self.parked,
                    waits_since,
                },
            )?,
        }
        String::from_utf8(json).map_err(serde::ser::Error::custom)
    }

    pub fn from_json(id: Uuid, mut body: Value) -> Result<Self, UnreadableDocument> {
        let unreadable = |source| UnreadableDocument { id, source };
        let parked = take_parked(&mut body).map_err(unreadable)?;
        let document = read_document(body).map_err(unreadable)?;
        Ok(Self { id, document, parked })
    }

    pub(crate) fn from_parts(id: Uuid, document: Option<D>, parked: BTreeMap<u64, ParkedEvent>) -> Self {
        Self { id, document, parked }
    }
}

pub(crate) fn take_parked(body: &mut Value) -> Result<BTreeMap<u64, ParkedEvent>, serde_json::Error> {
    match body.get_mut("parked") {
        Some(parked) => serde_json::from_value(parked.take()),
        None => Ok(BTreeMap::new()),
    }
}

/// `None` while only events have come that wait for the first.
pub(crate) fn read_document<D: DeserializeOwned>(body: Value) -> Result<Option<D>, serde_json::Error> {
    match body.get("version").and_then(Value::as_u64) {
        Some(0) => Ok(None),
        _ => serde_json::from_value(body).map(Some),
    }
}

impl ParkedEvent {
    fn arrived_at(&self) -> DateTime<Utc> {
        self.arrived_at.unwrap_or(self.occurred_at)
    }

    fn event<E: StreamEvent>(&self) -> Result<E, String> {
        let read = || -> Result<Option<E>, UnreadableEvent> {
            let body = BASE64.decode(&self.body)?;
            let schema = WriterSchema::of_type(&self.event_type)?;
            Ok(E::from_event(Event::decode(E::AGGREGATE, schema, &body)?))
        };
        match read() {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(format!("{} is of another aggregate", self.event_type)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Of an event that a document holds.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("the event is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("the event cannot be decoded: {0}")]
    Avro(#[from] DecodeError),
}
