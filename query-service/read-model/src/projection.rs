//! One document of any kind, behind one type.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared_events::{Event, EventMetadata};
use uuid::Uuid;

use crate::created::Created;
use crate::deliveries::Delivery;
use crate::documents::{CustomerDocument, OrderDocument, ProductDocument};
use crate::invoice_accounts::InvoiceAccountDocument;
use crate::invoices::InvoiceDocument;
use crate::kind::Kind;
use crate::order_history::OrderHistoryEntry;
use crate::orders::NameSource;
use crate::sales::SaleDocument;
use crate::sequenced::{Applied, ApplyError, Draining, Sequenced, UnreadableDocument};

#[derive(Debug, Clone, PartialEq)]
pub enum Projection {
    Customer(Sequenced<CustomerDocument>),
    Product(Sequenced<ProductDocument>),
    Order(Sequenced<OrderDocument>),
    OrderHistory(Created<OrderHistoryEntry>),
    Sale(Sequenced<SaleDocument>),
    Invoice(Created<InvoiceDocument>),
    InvoiceAccount(Sequenced<InvoiceAccountDocument>),
    Delivery(Delivery),
}

/// A name and since when it is the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentName {
    pub name: String,
    /// The version of the source's stream that set it.
    pub name_version: u64,
    /// The source's version when this was read.
    pub version: u64,
    pub propagated_version: u64,
}

macro_rules! each {
    ($projection:expr, $document:ident => $then:expr) => {
        match $projection {
            Projection::Customer($document) => $then,
            Projection::Product($document) => $then,
            Projection::Order($document) => $then,
            Projection::OrderHistory($document) => $then,
            Projection::Sale($document) => $then,
            Projection::Invoice($document) => $then,
            Projection::InvoiceAccount($document) => $then,
            Projection::Delivery($document) => $then,
        }
    };
}

impl Projection {
    /// Before any event.
    pub fn new(kind: Kind, id: Uuid) -> Self {
        match kind {
            Kind::Customer => Self::Customer(Sequenced::new(id)),
            Kind::Product => Self::Product(Sequenced::new(id)),
            Kind::Order => Self::Order(Sequenced::new(id)),
            Kind::OrderHistory => Self::OrderHistory(Created::new(id)),
            Kind::Sale => Self::Sale(Sequenced::new(id)),
            Kind::Invoice => Self::Invoice(Created::new(id)),
            Kind::InvoiceAccount => Self::InvoiceAccount(Sequenced::new(id)),
            Kind::Delivery => Self::Delivery(Delivery::new(id)),
        }
    }

    pub fn from_json(kind: Kind, id: Uuid, body: Value) -> Result<Self, UnreadableDocument> {
        Ok(match kind {
            Kind::Customer => Self::Customer(Sequenced::from_json(id, body)?),
            Kind::Product => Self::Product(Sequenced::from_json(id, body)?),
            Kind::Order => Self::Order(Sequenced::from_json(id, body)?),
            Kind::OrderHistory => Self::OrderHistory(Created::from_json(id, body)?),
            Kind::Sale => Self::Sale(Sequenced::from_json(id, body)?),
            Kind::Invoice => Self::Invoice(Created::from_json(id, body)?),
            Kind::InvoiceAccount => Self::InvoiceAccount(Sequenced::from_json(id, body)?),
            Kind::Delivery => Self::Delivery(Delivery::from_json(id, body)?),
        })
    }

    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        each!(self, document => document.to_json())
    }

    /// Of the last event that is folded in; a delivery's is that of what delivery was told.
    pub fn version(&self) -> u64 {
        each!(self, document => document.version())
    }

    /// How many events wait for a gap to close.
    pub fn parked(&self) -> usize {
        match self {
            Self::Customer(sequenced) => sequenced.parked(),
            Self::Product(sequenced) => sequenced.parked(),
            Self::Order(sequenced) => sequenced.parked(),
            Self::Sale(sequenced) => sequenced.parked(),
            Self::InvoiceAccount(sequenced) => sequenced.parked(),
            Self::Delivery(delivery) => delivery.parked(),
            Self::OrderHistory(_) | Self::Invoice(_) => 0,
        }
    }

    /// Since when the first of those has waited.
    pub fn waits_since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Customer(sequenced) => sequenced.waits_since(),
            Self::Product(sequenced) => sequenced.waits_since(),
            Self::Order(sequenced) => sequenced.waits_since(),
            Self::Sale(sequenced) => sequenced.waits_since(),
            Self::InvoiceAccount(sequenced) => sequenced.waits_since(),
            Self::Delivery(delivery) => delivery.waits_since(),
            Self::OrderHistory(_) | Self::Invoice(_) => None,
        }
    }

    /// Folds, parks or drops an event that has come at `arrived_at`. After an error the document is as it was.
    pub fn apply(
        &mut self,
        metadata: &EventMetadata,
        event: &Event,
        draining: Draining,
        arrived_at: DateTime<Utc>,
    ) -> Result<Applied, ApplyError> {
        macro_rules! in_sequence {
            ($sequenced:expr, $event:expr) => {
                $sequenced.apply(metadata, $event, draining, arrived_at)
            };
        }
        match (self, event) {
            (Self::Customer(customer), Event::Customer(event)) => in_sequence!(customer, event),
            (Self::Product(product), Event::Product(event)) => in_sequence!(product, event),
            (Self::Order(order), Event::Order(event)) => in_sequence!(order, event),
            (Self::Sale(sale), Event::Order(event)) => in_sequence!(sale, event),
            (Self::InvoiceAccount(account), Event::Invoice(event)) => in_sequence!(account, event),
            (Self::OrderHistory(entry), Event::Order(event)) => entry.apply(metadata, event),
            (Self::Invoice(invoice), Event::Invoice(event)) => invoice.apply(metadata, event),
            (Self::Delivery(delivery), Event::OrderForDelivery(event)) => {
                delivery.apply_told(metadata, event, draining, arrived_at)
            }
            (Self::Delivery(delivery), Event::Order(event)) => {
                delivery.apply_order(metadata, event, arrived_at)
            }
            (_, event) => Err(ApplyError::OtherKind {
                found: event.aggregate(),
            }),
        }
    }

    /// The order, if it is one and its first event has come.
    pub fn order(&self) -> Option<&OrderDocument> {
        match self {
            Self::Order(sequenced) => sequenced.document(),
            _ => None,
        }
    }

    /// The name that orders show, if it is a customer or product and its first event has come.
    pub fn current_name(&self) -> Option<CurrentName> {
        let (name, name_version, version, propagated_version) = match self {
            Self::Customer(sequenced) => {
                let customer = sequenced.document()?;
                (
                    &customer.name,
                    customer.name_version,
                    customer.version,
                    customer.propagated_version,
                )
            }
            Self::Product(sequenced) => {
                let product = sequenced.document()?;
                (
                    &product.name,
                    product.name_version,
                    product.version,
                    product.propagated_version,
                )
            }
            _ => return None,
        };
        Some(CurrentName {
            name: name.clone(),
            name_version,
            version,
            propagated_version,
        })
    }

    /// A renaming has not reached every order yet.
    pub fn awaits_propagation(&self) -> bool {
        match self {
            Self::Customer(sequenced) => sequenced
                .document()
                .is_some_and(|customer| customer.propagated_version < customer.version),
            Self::Product(sequenced) => sequenced
                .document()
                .is_some_and(|product| product.propagated_version < product.version),
            _ => false,
        }
    }

    /// Every order shows `name` now. True if the document changed.
    pub fn mark_propagated(&mut self, name: &CurrentName) -> bool {
        let reached = |version: u64, name_version: u64| match name_version == name.name_version {
            // What came since did not rename.
            true => version,
            false => name.version,
        };
        let (propagated, reached) = match self {
            Self::Customer(sequenced) => match sequenced.document_mut() {
                Some(customer) => {
                    let reached = reached(customer.version, customer.name_version);
                    (&mut customer.propagated_version, reached)
                }
                None => return false,
            },
            Self::Product(sequenced) => match sequenced.document_mut() {
                Some(product) => {
                    let reached = reached(product.version, product.name_version);
                    (&mut product.propagated_version, reached)
                }
                None => return false,
            },
            _ => return false,
        };
        let changed = *propagated < reached;
        *propagated = reached.max(*propagated);
        changed
    }

    /// Shows a newer name of another aggregate. True if the document changed.
    pub fn apply_name(&mut self, source: NameSource, name: &str, version: u64) -> bool {
        match self {
            Self::Order(sequenced) => sequenced
                .document_mut()
                .is_some_and(|order| order.apply_name(source, name, version)),
            _ => false,
        }
    }
}
