//! What is projected: the kinds of documents, and which document an event goes to.

use std::fmt;
use std::str::FromStr;

use shared_events::{AggregateType, Event, EventMetadata, InvoiceEvent, OrderEvent};
use uuid::Uuid;

use crate::deliveries::concerns_delivery;
use crate::order_history::entry_id;

/// A projection: a fold, and documents of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Customer,
    Product,
    Order,
    /// Who did what when to an order: a document for each event.
    OrderHistory,
    /// What an order adds to the sales figures.
    Sale,
    /// What was issued; never written again.
    Invoice,
    /// What has happened to an invoice since.
    InvoiceAccount,
    Delivery,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Customer,
        Self::Product,
        Self::Order,
        Self::OrderHistory,
        Self::Sale,
        Self::Invoice,
        Self::InvoiceAccount,
        Self::Delivery,
    ];

    /// Those that are an aggregate's own stream folded into one document.
    pub const AGGREGATES: [Self; 3] = [Self::Customer, Self::Product, Self::Order];

    /// Whose events are folded, first of all.
    pub fn aggregate(self) -> AggregateType {
        self.topics()[0]
    }

    /// The topic of those events.
    pub fn topic(self) -> &'static str {
        self.aggregate().topic()
    }

    /// Of the index and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Product => "products",
            Self::Order => "orders",
            Self::OrderHistory => "order-history",
            Self::Sale => "sales",
            Self::Invoice => "invoices",
            Self::InvoiceAccount => "invoice-accounts",
            Self::Delivery => "deliveries",
        }
    }

    /// Whose events are folded.
    pub fn topics(self) -> &'static [AggregateType] {
        match self {
            Self::Customer => &[AggregateType::Customer],
            Self::Product => &[AggregateType::Product],
            Self::Order | Self::OrderHistory | Self::Sale => &[AggregateType::Order],
            Self::Invoice | Self::InvoiceAccount => &[AggregateType::Invoice],
            Self::Delivery => &[AggregateType::OrderForDelivery, AggregateType::Order],
        }
    }

    /// The document that the event goes to; `None` where this projection makes nothing of it.
    pub fn target(self, metadata: &EventMetadata, event: &Event) -> Option<Uuid> {
        let id = metadata.aggregate_id;
        match (self, event) {
            (Self::Customer, Event::Customer(_))
            | (Self::Product, Event::Product(_))
            | (Self::Order | Self::Sale, Event::Order(_))
            | (Self::Invoice, Event::Invoice(InvoiceEvent::Issued(_)))
            | (Self::InvoiceAccount, Event::Invoice(_))
            | (Self::Delivery, Event::OrderForDelivery(_)) => Some(id),
            (Self::Delivery, Event::Order(event)) => concerns_delivery(event).then_some(id),
            (Self::OrderHistory, Event::Order(_)) => Some(entry_id(id, metadata.version)),
            _ => None,
        }
    }

    /// Each document is made of one event and never changed: there is nothing to read before it is written.
    pub fn is_create_only(self) -> bool {
        matches!(self, Self::OrderHistory | Self::Invoice)
    }

    /// The event may be the first that its document sees, so that nothing is stored yet, most likely.
    pub fn may_begin(self, metadata: &EventMetadata, event: &Event) -> bool {
        match self {
            Self::OrderHistory => true,
            // Confirmed before the delivery was told of it, or the other way round: either may be first.
            Self::Delivery => {
                metadata.version == 1 || matches!(event, Event::Order(OrderEvent::Confirmed(_)))
            }
            _ => metadata.version == 1,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no projection {0:?}")]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
