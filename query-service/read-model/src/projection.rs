//! One document of any kind, behind one type.

use serde_json::Value;
use shared_events::{AggregateType, CustomerEvent, Event, EventMetadata, OrderEvent, ProductEvent};
use uuid::Uuid;

use crate::documents::{CustomerDocument, OrderDocument, ProductDocument};
use crate::kind::Kind;
use crate::orders::NameSource;
use crate::sequenced::{Applied, ApplyError, Draining, Sequenced, StreamEvent, UnreadableDocument};

#[derive(Debug, Clone, PartialEq)]
pub enum Projection {
    Customer(Sequenced<CustomerDocument>),
    Product(Sequenced<ProductDocument>),
    Order(Sequenced<OrderDocument>),
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
    ($projection:expr, $sequenced:ident => $then:expr) => {
        match $projection {
            Projection::Customer($sequenced) => $then,
            Projection::Product($sequenced) => $then,
            Projection::Order($sequenced) => $then,
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
        }
    }

    pub fn from_json(kind: Kind, id: Uuid, body: Value) -> Result<Self, UnreadableDocument> {
        Ok(match kind {
            Kind::Customer => Self::Customer(Sequenced::from_json(id, body)?),
            Kind::Product => Self::Product(Sequenced::from_json(id, body)?),
            Kind::Order => Self::Order(Sequenced::from_json(id, body)?),
        })
    }

    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        each!(self, sequenced => sequenced.to_json())
    }

    pub fn version(&self) -> u64 {
        each!(self, sequenced => sequenced.version())
    }

    /// How many events wait for a gap to close.
    pub fn parked(&self) -> usize {
        each!(self, sequenced => sequenced.parked())
    }

    /// See [`Sequenced::apply`].
    pub fn apply(
        &mut self,
        metadata: &EventMetadata,
        event: &Event,
        draining: Draining,
    ) -> Result<Applied, ApplyError> {
        match (self, event) {
            (Self::Customer(sequenced), Event::Customer(event)) => sequenced.apply(metadata, event, draining),
            (Self::Product(sequenced), Event::Product(event)) => sequenced.apply(metadata, event, draining),
            (Self::Order(sequenced), Event::Order(event)) => sequenced.apply(metadata, event, draining),
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
            Self::Order(_) => return None,
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
            Self::Order(_) => false,
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
            Self::Order(_) => return false,
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

macro_rules! stream_event {
    ($event:ty, $variant:ident, $record:ident => $id:expr) => {
        impl StreamEvent for $event {
            const AGGREGATE: AggregateType = AggregateType::$variant;

            fn from_event(event: Event) -> Option<Self> {
                match event {
                    Event::$variant(event) => Some(event),
                    _ => None,
                }
            }

            fn event_type(&self) -> &'static str {
                <$event>::event_type(self)
            }

            fn encode(&self) -> Result<Vec<u8>, shared_events::EncodeError> {
                <$event>::encode(self)
            }

            fn aggregate_id(&self) -> Uuid {
                let $record = self;
                $id
            }
        }
    };
}

stream_event!(CustomerEvent, Customer, event => match event {
    CustomerEvent::Registered(record) => record.customer_id,
    CustomerEvent::Renamed(record) => record.customer_id,
    CustomerEvent::BillingAddressChanged(record) => record.customer_id,
    CustomerEvent::DeliveryAddressChanged(record) => record.customer_id,
});

stream_event!(ProductEvent, Product, event => match event {
    ProductEvent::Added(record) => record.product_id,
    ProductEvent::Renamed(record) => record.product_id,
    ProductEvent::PriceChanged(record) => record.product_id,
    ProductEvent::DimensionsChanged(record) => record.product_id,
    ProductEvent::Discontinued(record) => record.product_id,
});

stream_event!(OrderEvent, Order, event => match event {
    OrderEvent::Created(record) => record.order_id,
    OrderEvent::ItemAdded(record) => record.order_id,
    OrderEvent::ItemQuantityChanged(record) => record.order_id,
    OrderEvent::ItemRemoved(record) => record.order_id,
    OrderEvent::Submitted(record) => record.order_id,
    OrderEvent::Confirmed(record) => record.order_id,
    OrderEvent::Shipped(record) => record.order_id,
    OrderEvent::Delivered(record) => record.order_id,
    OrderEvent::Cancelled(record) => record.order_id,
});
