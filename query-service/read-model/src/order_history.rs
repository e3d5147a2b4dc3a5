//! Who did what when to an order: an entry for each event; and the order as it was then, folded from them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_events::{EventMetadata, OrderEvent, WriterSchema};
use uuid::Uuid;

use crate::created::Entry;
use crate::documents::OrderDocument;
use crate::fold::{Fold, FoldError, Occurrence};
use crate::sequenced::{ApplyError, UnreadableEvent};

/// The id of the entry for `version` of the order.
pub fn entry_id(order: Uuid, version: u64) -> Uuid {
    Uuid::new_v5(&order, version.to_string().as_bytes())
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderHistoryEntry {
    /// See [`entry_id`].
    pub id: Uuid,
    pub order_id: Uuid,
    pub version: u64,
    /// The full name of the Avro record in `body`.
    pub event_type: String,
    pub occurred_at: DateTime<Utc>,
    pub actor: String,
    pub command_id: Uuid,
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    /// The event as Avro, in base64: an upgraded service reads it as it would from Kafka.
    pub body: String,
}

impl Entry for OrderHistoryEntry {
    type Event = OrderEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn of(id: Uuid, metadata: &EventMetadata, event: &OrderEvent) -> Result<Self, ApplyError> {
        let body = event.encode().map_err(ApplyError::CannotKeep)?;
        Ok(Self {
            id,
            order_id: metadata.aggregate_id,
            version: metadata.version,
            event_type: event.event_type().to_owned(),
            occurred_at: metadata.occurred_at,
            actor: metadata.actor.clone(),
            command_id: metadata.command_id,
            causation_id: metadata.causation_id,
            correlation_id: metadata.correlation_id,
            body: BASE64.encode(body),
        })
    }
}

impl OrderHistoryEntry {
    /// The event itself; as JSON it is what the answer's `data` shows.
    pub fn event(&self) -> Result<OrderEvent, UnreadableEvent> {
        let body = BASE64.decode(&self.body)?;
        let schema = WriterSchema::of_type(&self.event_type)?;
        Ok(OrderEvent::decode(schema, &body)?)
    }
}

/// When the order is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With the event of that version, if it has come so far.
    Version(u64),
    /// With the events of up to and including then.
    Time(DateTime<Utc>),
}

impl Moment {
    /// It is part of the order at that moment, if the events before it are.
    pub fn includes(self, entry: &OrderHistoryEntry) -> bool {
        match self {
            Self::Version(version) => entry.version <= version,
            Self::Time(time) => entry.occurred_at <= time,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AsOfError {
    #[error("the history lacks version {0}")]
    Gap(u64),
    #[error("version {version} cannot be read")]
    Unreadable {
        version: u64,
        #[source]
        source: UnreadableEvent,
    },
    #[error("version {version} does not fold")]
    DoesNotFold {
        version: u64,
        #[source]
        source: FoldError,
    },
}

/// An order at a moment, folded entry by entry: so that a long history need not be in memory at once.
#[derive(Debug)]
pub struct AsOf {
    moment: Moment,
    order: Option<OrderDocument>,
    over: bool,
}

impl AsOf {
    pub fn new(moment: Moment) -> Self {
        Self {
            moment,
            order: None,
            over: false,
        }
    }

    /// Folds in the next version's entry, the first of which is 1. False where it and what follows it came after the
    /// moment.
    pub fn fold(&mut self, entry: &OrderHistoryEntry) -> Result<bool, AsOfError> {
        let version = entry.version;
        self.over = self.over || !self.moment.includes(entry);
        if self.over {
            return Ok(false);
        }
        let next = self.order.as_ref().map_or(0, OrderDocument::version) + 1;
        if version != next {
            return Err(AsOfError::Gap(next));
        }
        let event = entry
            .event()
            .map_err(|source| AsOfError::Unreadable { version, source })?;
        let occurrence = Occurrence {
            event: &event,
            version,
            occurred_at: entry.occurred_at,
        };
        let folded = match &mut self.order {
            Some(order) => order.evolve(occurrence),
            None => OrderDocument::begin(occurrence).map(|order| self.order = Some(order)),
        };
        folded.map_err(|source| AsOfError::DoesNotFold { version, source })?;
        Ok(true)
    }

    /// With the names that the events carried; `None` where the order did not exist yet.
    pub fn order(self) -> Option<OrderDocument> {
        self.order
    }
}

/// The order at the moment, from its entries in version order without a gap.
pub fn order_as_of<'a>(
    entries: impl IntoIterator<Item = &'a OrderHistoryEntry>,
    moment: Moment,
) -> Result<Option<OrderDocument>, AsOfError> {
    let mut as_of = AsOf::new(moment);
    for entry in entries {
        if !as_of.fold(entry)? {
            break;
        }
    }
    Ok(as_of.order())
}
