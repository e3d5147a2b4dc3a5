//! An order's delivery: what delivery was told of the order, and how far the order has got since.
//!
//! Two streams feed the document, each with a version of its own in it. What delivery was told is folded in sequence; of
//! the order's own events the latest decides, whichever comes first.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_events::event::{Address, DeliveryLine};
use shared_events::{EventMetadata, OrderEvent, OrderForDeliveryEvent};
use uuid::Uuid;

use crate::fold::{Fold, FoldError, Occurrence};
use crate::sequenced::{Applied, ApplyError, Draining, Sequenced, UnreadableDocument, take_parked};
use crate::streams::StreamEvent as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Requested,
    Shipped,
    Delivered,
    Cancelled,
}

/// As it is stored. While `version` is 0, delivery has been told nothing and there is nothing to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryDocument {
    /// The order's.
    pub id: Uuid,
    /// Of what delivery was told.
    pub version: u64,
    /// The last event of the order's stream that counts here; 0 while none has come.
    pub order_version: u64,
    pub status: DeliveryStatus,
    pub delivery_address: Option<Address>,
    /// Size and weight are those of one piece, as of the confirmation.
    pub lines: Vec<DeliveryLine>,
    /// Of all pieces; absent where the weight of any is not known.
    pub total_weight_grams: Option<i64>,
    pub tracking_number: Option<String>,
    /// When delivery was asked for.
    pub created_at: Option<DateTime<Utc>>,
    /// Absent while nothing is folded in.
    pub updated_at: Option<DateTime<Utc>>,
    /// For the fold: what each of the two streams says by itself.
    pub order_status: Option<DeliveryStatus>,
    pub order_changed_at: Option<DateTime<Utc>>,
    pub told_cancelled: bool,
    pub told_at: Option<DateTime<Utc>>,
}

/// The order's event says how its delivery stands. An order that was never confirmed has none.
pub fn concerns_delivery(event: &OrderEvent) -> bool {
    status_after(event).is_some()
}

fn status_after(event: &OrderEvent) -> Option<DeliveryStatus> {
    match event {
        OrderEvent::Confirmed(_) => Some(DeliveryStatus::Requested),
        OrderEvent::Shipped(_) => Some(DeliveryStatus::Shipped),
        OrderEvent::Delivered(_) => Some(DeliveryStatus::Delivered),
        OrderEvent::Cancelled(cancelled) => {
            (cancelled.cancelled_from == "confirmed").then_some(DeliveryStatus::Cancelled)
        }
        OrderEvent::Created(_)
        | OrderEvent::ItemAdded(_)
        | OrderEvent::ItemQuantityChanged(_)
        | OrderEvent::ItemRemoved(_)
        | OrderEvent::Submitted(_) => None,
    }
}

/// What delivery was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    id: Uuid,
    version: u64,
    delivery_address: Address,
    lines: Vec<DeliveryLine>,
    total_weight_grams: Option<i64>,
    cancelled: bool,
    created_at: DateTime<Utc>,
    told_at: DateTime<Utc>,
}

impl Fold for Told {
    type Event = OrderForDeliveryEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn begin(occurrence: Occurrence<'_, OrderForDeliveryEvent>) -> Result<Self, FoldError> {
        let OrderForDeliveryEvent::Confirmed(confirmed) = occurrence.event else {
            return Err(FoldError::NotCreated);
        };
        Ok(Self {
            id: confirmed.order_id,
            version: occurrence.version,
            delivery_address: confirmed.delivery_address.clone(),
            lines: confirmed.lines.clone(),
            total_weight_grams: total_weight(&confirmed.lines)?,
            cancelled: false,
            created_at: occurrence.occurred_at,
            told_at: occurrence.occurred_at,
        })
    }

    fn evolve(&mut self, occurrence: Occurrence<'_, OrderForDeliveryEvent>) -> Result<(), FoldError> {
        match occurrence.event {
            OrderForDeliveryEvent::Confirmed(_) => return Err(FoldError::CreatedTwice),
            OrderForDeliveryEvent::Cancelled(_) => self.cancelled = true,
        }
        self.version = occurrence.version;
        self.told_at = occurrence.occurred_at;
        Ok(())
    }
}

fn total_weight(lines: &[DeliveryLine]) -> Result<Option<i64>, FoldError> {
    let mut total = 0_i64;
    for line in lines {
        let Some(grams) = line.weight_grams else {
            return Ok(None);
        };
        total = i64::from(grams)
            .checked_mul(line.quantity.into())
            .and_then(|weight| total.checked_add(weight))
            .ok_or(FoldError::Overflow)?;
    }
    Ok(Some(total))
}

/// How far the order has got, by the latest of its events that has come.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    order_version: u64,
    status: DeliveryStatus,
    changed_at: DateTime<Utc>,
    tracking_number: Option<String>,
}

/// A delivery's document on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    id: Uuid,
    told: Sequenced<Told>,
    progress: Option<Progress>,
    /// When the order's first event came, while delivery has been told nothing: what it is told may be lost.
    untold_since: Option<DateTime<Utc>>,
}

impl Delivery {
    pub fn new(id: Uuid) -> Self {
        Self {
            id,
            told: Sequenced::new(id),
            progress: None,
            untold_since: None,
        }
    }

    /// Of what delivery was told.
    pub fn version(&self) -> u64 {
        self.told.version()
    }

    pub fn parked(&self) -> usize {
        self.told.parked()
    }

    /// Since when an event is missing: one before those that are parked, or the first that delivery is told.
    pub fn waits_since(&self) -> Option<DateTime<Utc>> {
        let parked = self.told.waits_since();
        parked.into_iter().chain(self.untold_since).min()
    }

    /// What delivery was told: see [`Sequenced::apply`].
    pub fn apply_told(
        &mut self,
        metadata: &EventMetadata,
        event: &OrderForDeliveryEvent,
        draining: Draining,
        arrived_at: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        let applied = self.told.apply(metadata, event, draining, arrived_at)?;
        if self.version() > 0 {
            self.untold_since = None;
        }
        Ok(applied)
    }

    /// An event of the order itself, in any order. One that the projection makes nothing of changes nothing.
    pub fn apply_order(
        &mut self,
        metadata: &EventMetadata,
        event: &OrderEvent,
        arrived_at: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        let found = event.aggregate_id();
        if found != self.id {
            let stream = self.id;
            return Err(FoldError::WrongStream { stream, found }.into());
        }
        let Some(status) = status_after(event) else {
            return Ok(Applied::Duplicate);
        };
        let tracking_number = match event {
            OrderEvent::Shipped(shipped) => Some(shipped.tracking_number.clone()),
            _ => None,
        };
        let known = self.progress.take();
        let shown = known
            .as_ref()
            .and_then(|progress| progress.tracking_number.clone());
        let latest = match known.clone() {
            Some(progress) if progress.order_version >= metadata.version => progress,
            _ => Progress {
                order_version: metadata.version,
                status,
                changed_at: metadata.occurred_at,
                tracking_number: None,
            },
        };
        self.progress = Some(Progress {
            tracking_number: tracking_number.or(shown),
            ..latest
        });
        if self.progress == known {
            return Ok(Applied::Duplicate);
        }
        if self.version() == 0 && self.untold_since.is_none() {
            self.untold_since = self.told.waits_since().or(Some(arrived_at));
        }
        Ok(Applied::Folded {
            drained: 0,
            stuck: None,
        })
    }

    /// As it is to be stored.
    pub fn document(&self) -> DeliveryDocument {
        let told = self.told.document();
        let progress = self.progress.as_ref();
        let order_status = progress.map(|progress| progress.status);
        let told_cancelled = told.is_some_and(|told| told.cancelled);
        let (told_at, order_changed_at) = (
            told.map(|told| told.told_at),
            progress.map(|progress| progress.changed_at),
        );
        DeliveryDocument {
            id: self.id,
            version: self.version(),
            order_version: progress.map_or(0, |progress| progress.order_version),
            // Only what was not shipped can be cancelled: the two never contradict each other for good.
            status: match order_status {
                _ if told_cancelled => DeliveryStatus::Cancelled,
                Some(status) => status,
                None => DeliveryStatus::Requested,
            },
            delivery_address: told.map(|told| told.delivery_address.clone()),
            lines: told.map(|told| told.lines.clone()).unwrap_or_default(),
            total_weight_grams: told.and_then(|told| told.total_weight_grams),
            tracking_number: progress.and_then(|progress| progress.tracking_number.clone()),
            created_at: told.map(|told| told.created_at),
            updated_at: told_at.max(order_changed_at),
            order_status,
            order_changed_at,
            told_cancelled,
            told_at,
        }
    }

    /// With `parked` and `waits_since` beside the fields.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        self.told.with_waiting(&self.document(), self.waits_since())
    }

    pub fn from_json(id: Uuid, mut body: Value) -> Result<Self, UnreadableDocument> {
        let unreadable = |source| UnreadableDocument { id, source };
        let parked = take_parked(&mut body).map_err(unreadable)?;
        let waits_since = body.get_mut("waits_since").map(Value::take);
        let waits_since: Option<DateTime<Utc>> =
            serde_json::from_value(waits_since.unwrap_or_default()).map_err(unreadable)?;
        let stored: DeliveryDocument = serde_json::from_value(body).map_err(unreadable)?;
        let told = match (stored.delivery_address, stored.created_at, stored.told_at) {
            (Some(delivery_address), Some(created_at), Some(told_at)) => Some(Told {
                id,
                version: stored.version,
                delivery_address,
                lines: stored.lines,
                total_weight_grams: stored.total_weight_grams,
                cancelled: stored.told_cancelled,
                created_at,
                told_at,
            }),
            _ => None,
        };
        let progress = match (stored.order_status, stored.order_changed_at) {
            (Some(status), Some(changed_at)) => Some(Progress {
                order_version: stored.order_version,
                status,
                changed_at,
                tracking_number: stored.tracking_number,
            }),
            _ => None,
        };
        let told = Sequenced::from_parts(id, told, parked);
        let untold_since = match (&progress, told.version()) {
            (Some(_), 0) => waits_since,
            _ => None,
        };
        Ok(Self {
            id,
            told,
            progress,
            untold_since,
        })
    }
}
