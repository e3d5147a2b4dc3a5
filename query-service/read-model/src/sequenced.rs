//! One stream's document with the events that came ahead of a gap.
//!
//! Kafka may bring an event again, late or before its predecessors. An event at or below the document's version has been
//! folded in already; the next one is folded in; a later one is parked in the document until the gap closes. So any order
//! and any repetition of a stream's events ends in one document, and its version never falls.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_events::{AggregateType, DecodeError, EncodeError, Event, EventMetadata, WriterSchema};
use uuid::Uuid;

use crate::fold::{Fold, FoldError, Occurrence};

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

/// What parking asks of an aggregate's events.
pub trait StreamEvent: Sized {
    const AGGREGATE: AggregateType;

    fn from_event(event: Event) -> Option<Self>;
    fn event_type(&self) -> &'static str;
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;
    /// The aggregate that the event itself names.
    fn aggregate_id(&self) -> Uuid;
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

    /// Folds, parks or drops an event. After an error the document is as it was.
    pub fn apply(
        &mut self,
        metadata: &EventMetadata,
        event: &D::Event,
        draining: Draining,
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
            return self.park(metadata, event);
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

    fn park(&mut self, metadata: &EventMetadata, event: &D::Event) -> Result<Applied, ApplyError> {
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

    /// The document's fields with `parked` beside them, flat.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Flat<'a, D> {
            #[serde(flatten)]
            document: &'a D,
            parked: &'a BTreeMap<u64, ParkedEvent>,
        }
        #[derive(Serialize)]
        struct NotYet<'a> {
            id: Uuid,
            version: u64,
            parked: &'a BTreeMap<u64, ParkedEvent>,
        }
        let parked = &self.parked;
        // What most documents take: growing to it would copy several times.
        let mut json = Vec::with_capacity(1_024);
        match &self.document {
            Some(document) if parked.is_empty() => serde_json::to_writer(&mut json, document),
            Some(document) => serde_json::to_writer(&mut json, &Flat { document, parked }),
            None => serde_json::to_writer(
                &mut json,
                &NotYet {
                    id: self.id,
                    version: 0,
                    parked,
                },
            ),
        }?;
        String::from_utf8(json).map_err(serde::ser::Error::custom)
    }

    pub fn from_json(id: Uuid, mut body: Value) -> Result<Self, UnreadableDocument> {
        let unreadable = |source| UnreadableDocument { id, source };
        let parked = match body.get_mut("parked") {
            Some(parked) => serde_json::from_value(parked.take()).map_err(unreadable)?,
            None => BTreeMap::new(),
        };
        let document = match body.get("version").and_then(Value::as_u64) {
            Some(0) => None,
            _ => Some(serde_json::from_value(body).map_err(unreadable)?),
        };
        Ok(Self { id, document, parked })
    }
}

impl ParkedEvent {
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

#[derive(Debug, thiserror::Error)]
enum UnreadableEvent {
    #[error("a parked event is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("a parked event cannot be decoded: {0}")]
    Avro(#[from] DecodeError),
}
