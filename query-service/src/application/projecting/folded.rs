//! What a batch of records has become.

use std::sync::Arc;

use read_model::{NameSource, Projection};
use shared_events::{Event, OrderEvent};
use uuid::Uuid;

use super::record::{Position, Record};
use crate::application::ports::OrderSummary;

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Applied,
    /// Its document had it already.
    Superseded,
    /// It waits in its document for those before it.
    Parked,
    ToBury {
        kind: &'static str,
        cause: String,
    },
}

/// One document's part of a batch, when its write is done.
#[derive(Debug)]
pub struct Folded {
    pub id: Uuid,
    /// 0 where only later events have come.
    pub version: u64,
    /// As it was written, if it is one.
    pub order: Option<OrderSummary>,
    /// In the order in which they came.
    pub records: Vec<(Arc<Record>, Fate)>,
    /// Names that the order shows and nobody has compared with their source since, each with its version.
    pub unchecked_names: Vec<(NameSource, u64)>,
    /// The name has changed and not every order shows it.
    pub awaits_propagation: bool,
}

impl Folded {
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.records.iter().map(|(record, _)| record.position)
    }
}

/// An order that links a customer or product may have been written after their renaming looked for orders.
pub(super) fn unchecked_names(
    projection: &Projection,
    records: &[(Arc<Record>, Fate)],
    drained: usize,
) -> Vec<(NameSource, u64)> {
    let Some(order) = projection.order() else {
        return Vec::new();
    };
    // What came again may have been written by somebody who died before comparing.
    let all = drained > 0 || records.iter().any(|(_, fate)| *fate == Fate::Superseded);
    let linked: Vec<NameSource> = records
        .iter()
        .filter(|(_, fate)| *fate == Fate::Applied)
        .filter_map(|(record, _)| match &record.event {
            Event::Order(OrderEvent::Created(created)) => Some(NameSource::Customer(created.customer_id)),
            Event::Order(OrderEvent::ItemAdded(added)) => Some(NameSource::Product(added.product_id)),
            _ => None,
        })
        .collect();
    order
        .names()
        .filter(|(source, _)| all || linked.contains(source))
        .collect()
}
