//! An independent fold: what the read models must show, told from the events alone.
//!
//! It shares no code with the services' own folds; it reads the stored Avro bodies and keeps its books its own way.

mod catalogue;
mod deliveries;
mod history;
mod invoices;
mod orders;
mod sales;
mod subject;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::{AggregateType, Event, OrderEvent, WriterSchema};
use uuid::Uuid;

use crate::history::StoredEvent;
use catalogue::{Customer, Product};
use deliveries::Delivery;
pub use history::{entry, history, order_as_of};
use invoices::Invoice;
use orders::Order;
pub use subject::subject;

/// Every read model as the query service must show it.
#[derive(Default)]
pub struct Expected {
    customers: BTreeMap<Uuid, Customer>,
    products: BTreeMap<Uuid, Product>,
    orders: BTreeMap<Uuid, Order>,
    invoices: BTreeMap<Uuid, Invoice>,
    deliveries: BTreeMap<Uuid, Delivery>,
    pub events: usize,
    last: Option<(String, Uuid, u64)>,
}

impl Expected {
    /// Of all events, by stream and version; an error where versions are not 1..n or an event does not fit.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a StoredEvent>) -> Result<Self> {
        let mut expected = Self::default();
        events.into_iter().try_for_each(|event| expected.take(event))?;
        Ok(expected)
    }

    /// The next event of its stream. All of one stream come before the next stream's.
    pub fn take(&mut self, event: &StoredEvent) -> Result<()> {
        let StoredEvent {
            aggregate,
            stream,
            version,
            ..
        } = event;
        let follows = match &self.last {
            Some((kind, id, last)) if (kind, id) == (aggregate, stream) => last + 1,
            _ => 1,
        };
        ensure!(
            *version == follows,
            "{aggregate} {stream}: version {version} where {follows} belongs"
        );
        self.last = Some((aggregate.clone(), *stream, *version));
        self.apply(*stream, *version, event.occurred_at, decode(event)?)
    }

    /// An event that is decoded already; the caller sees to versions. What does not fit leaves nothing that can be relied on
    /// of its own document.
    pub fn apply(&mut self, id: Uuid, version: u64, at: DateTime<Utc>, event: Event) -> Result<()> {
        self.events += 1;
        match event {
            Event::Customer(event) => catalogue::customer(&mut self.customers, id, version, at, event),
            Event::Product(event) => catalogue::product(&mut self.products, id, version, at, event),
            Event::Invoice(event) => invoices::invoice(&mut self.invoices, id, at, event),
            Event::OrderForDelivery(event) => deliveries::delivery(&mut self.deliveries, id, event),
            Event::OrderForInvoicing(_) => Ok(()),
            Event::Order(OrderEvent::Created(event)) => {
                let order = Order::created(event, version, at);
                let earlier = self.orders.insert(id, order);
                ensure!(earlier.is_none(), "order {id} was created twice");
                Ok(())
            }
            Event::Order(event) => self
                .orders
                .get_mut(&id)
                .with_context(|| format!("order {id} was never created"))?
                .change(version, at, event),
        }
    }

    /// What a customer or product is called now.
    fn name_of(&self, id: Uuid) -> Option<String> {
        let customer = self.customers.get(&id).map(|customer| &customer.name);
        let product = self.products.get(&id).map(|product| &product.name);
        customer.or(product).cloned()
    }

    pub fn order_ids(&self) -> impl Iterator<Item = Uuid> {
        self.orders.keys().copied()
    }

    /// `GET /v1/orders/{id}`.
    pub fn order(&self, id: Uuid) -> Option<Value> {
        let order = self.orders.get(&id)?;
        Some(order.detail(id, |of| self.name_of(of)))
    }

    /// As `GET /v1/orders` and the search show them.
    pub fn order_summaries(&self) -> BTreeMap<Uuid, Value> {
        let summaries = self.orders.iter();
        summaries
            .map(|(id, order)| (*id, order.summary(*id, |of| self.name_of(of))))
            .collect()
    }

    /// `GET /v1/customers/{id}`.
    pub fn customers(&self) -> BTreeMap<Uuid, Value> {
        self.customers
            .iter()
            .map(|(id, customer)| (*id, customer.answer(*id)))
            .collect()
    }

    /// `GET /v1/products/{id}`.
    pub fn products(&self) -> BTreeMap<Uuid, Value> {
        self.products
            .iter()
            .map(|(id, product)| (*id, product.answer(*id)))
            .collect()
    }

    /// `GET /v1/invoices/{id}`.
    pub fn invoices(&self) -> BTreeMap<Uuid, Value> {
        self.invoices
            .iter()
            .map(|(id, invoice)| (*id, invoice.answer(*id, self.name_of(invoice.customer_id()))))
            .collect()
    }

    /// `GET /v1/deliveries/{order_id}`.
    pub fn deliveries(&self) -> Result<BTreeMap<Uuid, Value>> {
        self.each_delivery()
            .map(|(id, answer)| Ok((id, answer?)))
            .collect()
    }

    /// The same; an error for each that was told of otherwise than its order says.
    pub fn each_delivery(&self) -> impl Iterator<Item = (Uuid, Result<Value>)> {
        self.deliveries.iter().map(|(id, delivery)| {
            let order = self.orders.get(id).context("a delivery of no order");
            let answer = order.and_then(|order| delivery.answer(*id, order, |of| self.name_of(of)));
            (*id, answer)
        })
    }

    /// The items of `GET /v1/sales/daily`, by day and currency.
    pub fn sales_daily(&self) -> BTreeMap<String, Value> {
        sales::daily(self.orders.values())
    }

    /// The items of `GET /v1/sales/products`, by product and currency.
    pub fn sales_products(&self) -> BTreeMap<String, Value> {
        sales::products(self.orders.values(), |of| self.name_of(of))
    }

    /// The items of `GET /v1/sales/status`, by status.
    pub fn sales_status(&self) -> BTreeMap<String, Value> {
        sales::status(self.orders.values())
    }
}

/// What an event says, by the schema that it was written with.
pub fn decode(event: &StoredEvent) -> Result<Event> {
    let kind: AggregateType = event.aggregate.parse()?;
    let schema = WriterSchema::of_type(&event.event_type)?;
    Ok(Event::decode(kind, schema, &event.payload)?)
}

/// An answer of the query service in the form of the answers expected here: times as microseconds, so that spelling does
/// not matter.
pub fn normalised(mut answer: Value) -> Result<Value> {
    normalise(&mut answer)?;
    Ok(answer)
}

fn normalise(value: &mut Value) -> Result<()> {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name.ends_with("_at") => {
                        let time =
                            DateTime::parse_from_rfc3339(text).with_context(|| format!("{name}: {text}"))?;
                        ensure!(text.ends_with('Z'), "{name} is not in UTC: {text}");
                        *value = json!(time.timestamp_micros());
                    }
                    _ => normalise(value)?,
                }
            }
        }
        Value::Array(values) => values.iter_mut().try_for_each(normalise)?,
        _ => {}
    }
    Ok(())
}

/// Without fields that are null: where a contract does not say whether what is not there is null or absent.
pub fn without_nulls(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !value.is_null());
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}
