//! An independent fold: what a read model must show, told from the event store alone.
//!
//! It shares no code with the services' own folds; it reads the stored Avro bodies and keeps its books its own way.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::{AggregateType, CustomerEvent, Event, OrderEvent, ProductEvent, WriterSchema};
use tokio_postgres::Client;
use uuid::Uuid;

struct Line {
    quantity: i64,
    unit_price: i64,
    currency: String,
}

struct Order {
    version: u64,
    customer: Uuid,
    status: &'static str,
    invoiced: bool,
    tracking_number: Option<String>,
    cancellation_reason: Option<String>,
    /// In the order in which the lines were first added.
    lines: Vec<(Uuid, Line)>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Every order as `GET /v1/orders/{id}` must answer it.
#[derive(Default)]
pub struct Expected {
    names: HashMap<Uuid, String>,
    orders: BTreeMap<Uuid, Order>,
    pub events: usize,
}

impl Expected {
    /// Reads the whole event store, stream by stream, and checks that versions are 1..n.
    pub async fn from_event_store(database: &Client) -> Result<Self> {
        let rows = database
            .query(
                "SELECT aggregate, stream_id, version, event_type, payload, occurred_at
                 FROM events ORDER BY aggregate, stream_id, version",
                &[],
            )
            .await?;
        let mut expected = Self::default();
        let mut last = (String::new(), Uuid::nil(), 0);
        for row in rows {
            let aggregate: String = row.get(0);
            let stream: Uuid = row.get(1);
            let version: i64 = row.get(2);
            let follows = if (&aggregate, stream) == (&last.0, last.1) {
                last.2 + 1
            } else {
                1
            };
            ensure!(
                version == follows,
                "{aggregate} {stream}: version {version} where {follows} belongs"
            );
            let schema = WriterSchema::of_type(row.get(3))?;
            let kind: AggregateType = aggregate.parse()?;
            let event = Event::decode(kind, schema, row.get(4))?;
            expected.apply(stream, version.unsigned_abs(), row.get(5), event)?;
            expected.events += 1;
            last = (aggregate, stream, version);
        }
        Ok(expected)
    }

    fn apply(&mut self, id: Uuid, version: u64, at: DateTime<Utc>, event: Event) -> Result<()> {
        match event {
            Event::Customer(CustomerEvent::Registered(event)) => {
                self.names.insert(id, event.name);
            }
            Event::Customer(CustomerEvent::Renamed(event)) => {
                self.names.insert(id, event.name);
            }
            Event::Product(ProductEvent::Added(event)) => {
                self.names.insert(id, event.name);
            }
            Event::Product(ProductEvent::Renamed(event)) => {
                self.names.insert(id, event.name);
            }
            // Nothing of these is in an order's answer.
            Event::Customer(_) | Event::Product(_) => {}
            Event::Invoice(_) | Event::OrderForInvoicing(_) | Event::OrderForDelivery(_) => {}
            Event::Order(OrderEvent::Created(event)) => {
                let order = Order {
                    version,
                    customer: event.customer_id,
                    status: "draft",
                    invoiced: false,
                    tracking_number: None,
                    cancellation_reason: None,
                    lines: Vec::new(),
                    created_at: at,
                    updated_at: at,
                };
                ensure!(
                    self.orders.insert(id, order).is_none(),
                    "order {id} was created twice"
                );
            }
            Event::Order(event) => {
                let order = self
                    .orders
                    .get_mut(&id)
                    .with_context(|| format!("order {id} was never created"))?;
                order.version = version;
                order.updated_at = at;
                order.change(event)?;
            }
        }
        Ok(())
    }

    pub fn order_ids(&self) -> impl Iterator<Item = Uuid> {
        self.orders.keys().copied()
    }

    /// The answer that the query service owes for an order.
    pub fn order(&self, id: Uuid) -> Option<Value> {
        let order = self.orders.get(&id)?;
        let items: Vec<Value> = order
            .lines
            .iter()
            .map(|(product, line)| {
                json!({
                    "product_id": product,
                    "product_name": self.names.get(product),
                    "quantity": line.quantity,
                    "unit_price": {"amount": line.unit_price, "currency": line.currency},
                    "subtotal": {"amount": line.unit_price * line.quantity, "currency": line.currency},
                })
            })
            .collect();
        let total = order
            .lines
            .first()
            .map(|(_, first)| json!({"amount": order.total(), "currency": first.currency}));
        let mut answer = json!({
            "id": id,
            "version": order.version,
            "status": order.status,
            "customer_id": order.customer,
            "customer_name": self.names.get(&order.customer),
            "item_count": order.lines.len(),
            "total": total,
            "created_at": order.created_at.timestamp_micros(),
            "updated_at": order.updated_at.timestamp_micros(),
            "items": items,
        });
        if order.invoiced {
            answer["invoice_id"] = json!(Uuid::new_v5(&id, b"invoice"));
        }
        if let Some(tracking_number) = &order.tracking_number {
            answer["tracking_number"] = json!(tracking_number);
        }
        if let Some(reason) = &order.cancellation_reason {
            answer["cancellation_reason"] = json!(reason);
        }
        Some(answer)
    }
}

impl Order {
    fn change(&mut self, event: OrderEvent) -> Result<()> {
        let allowed: &[&str] = match event {
            OrderEvent::Confirmed(_) => &["submitted"],
            OrderEvent::Shipped(_) => &["confirmed"],
            OrderEvent::Delivered(_) => &["shipped"],
            OrderEvent::Cancelled(_) => &["draft", "submitted", "confirmed"],
            _ => &["draft"],
        };
        ensure!(
            allowed.contains(&self.status),
            "a {} order met {event:?}",
            self.status
        );
        let line = |lines: &mut Vec<(Uuid, Line)>, product| lines.iter().position(|(id, _)| *id == product);
        match event {
            OrderEvent::Created(_) => anyhow::bail!("created twice"),
            OrderEvent::ItemAdded(added) => match line(&mut self.lines, added.product_id) {
                Some(at) => {
                    ensure!(
                        self.lines[at].1.unit_price == added.unit_price.amount,
                        "one line, two prices"
                    );
                    self.lines[at].1.quantity += i64::from(added.quantity);
                }
                None => self.lines.push((
                    added.product_id,
                    Line {
                        quantity: i64::from(added.quantity),
                        unit_price: added.unit_price.amount,
                        currency: added.unit_price.currency,
                    },
                )),
            },
            OrderEvent::ItemQuantityChanged(changed) => {
                let at = line(&mut self.lines, changed.product_id).context("no such line")?;
                self.lines[at].1.quantity = i64::from(changed.quantity);
            }
            OrderEvent::ItemRemoved(removed) => {
                let at = line(&mut self.lines, removed.product_id).context("no such line")?;
                self.lines.remove(at);
            }
            OrderEvent::Submitted(submitted) => {
                ensure!(
                    submitted.total.amount == self.total(),
                    "submitted at a wrong total"
                );
                self.status = "submitted";
                self.invoiced = true;
            }
            OrderEvent::Confirmed(confirmed) => {
                ensure!(
                    confirmed.total.amount == self.total(),
                    "confirmed at a wrong total"
                );
                self.status = "confirmed";
            }
            OrderEvent::Shipped(shipped) => {
                self.status = "shipped";
                self.tracking_number = Some(shipped.tracking_number);
            }
            OrderEvent::Delivered(_) => self.status = "delivered",
            OrderEvent::Cancelled(cancelled) => {
                ensure!(
                    cancelled.cancelled_from == self.status,
                    "a {} order was cancelled from {}",
                    self.status,
                    cancelled.cancelled_from
                );
                self.status = "cancelled";
                self.cancellation_reason = Some(cancelled.reason);
            }
        }
        Ok(())
    }

    fn total(&self) -> i64 {
        let subtotals = self.lines.iter().map(|(_, line)| line.unit_price * line.quantity);
        subtotals.sum()
    }
}

/// An answer of the query service in the form of [`Expected::order`]: times as microseconds, so that spelling does not
/// matter.
pub fn normalised(mut answer: Value) -> Result<Value> {
    for field in ["created_at", "updated_at"] {
        let text = answer[field]
            .as_str()
            .with_context(|| format!("{field} is not a text"))?;
        answer[field] = json!(DateTime::parse_from_rfc3339(text)?.timestamp_micros());
    }
    Ok(answer)
}
