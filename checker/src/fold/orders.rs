//! Orders: their lines, their sums and their states.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_events::OrderEvent;
use shared_events::event::OrderCreatedV1;
use uuid::Uuid;

pub struct Line {
    pub quantity: i64,
    pub unit_price: i64,
    pub currency: String,
    /// As the line's last addition had it.
    pub name_then: String,
}

pub struct Order {
    pub version: u64,
    pub customer: Uuid,
    pub customer_name_then: String,
    pub status: &'static str,
    pub invoiced: bool,
    pub tracking_number: Option<String>,
    pub cancellation_reason: Option<String>,
    /// In the order in which the lines were first added.
    pub lines: Vec<(Uuid, Line)>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Order {
    /// Folds in the next event.
    pub fn change(&mut self, version: u64, at: DateTime<Utc>, event: OrderEvent) -> Result<()> {
        self.version = version;
        self.updated_at = at;
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
                    self.lines[at].1.name_then = added.product_name;
                }
                None => self.lines.push((
                    added.product_id,
                    Line {
                        quantity: i64::from(added.quantity),
                        unit_price: added.unit_price.amount,
                        currency: added.unit_price.currency,
                        name_then: added.product_name,
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
                self.confirmed_at = Some(at);
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

    pub fn total(&self) -> i64 {
        let subtotals = self.lines.iter().map(|(_, line)| line.unit_price * line.quantity);
        subtotals.sum()
    }

    pub fn created(created: OrderCreatedV1, version: u64, at: DateTime<Utc>) -> Self {
        Self {
            version,
            customer: created.customer_id,
            customer_name_then: created.customer_name,
            status: "draft",
            invoiced: false,
            tracking_number: None,
            cancellation_reason: None,
            lines: Vec::new(),
            confirmed_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// It has been sold and the sale still stands.
    pub fn sold_at(&self) -> Option<DateTime<Utc>> {
        self.confirmed_at.filter(|_| self.status != "cancelled")
    }

    /// As listings show it.
    pub fn summary(&self, id: Uuid, name_of: impl Fn(Uuid) -> Option<String>) -> Value {
        let total = self
            .lines
            .first()
            .map(|(_, first)| json!({"amount": self.total(), "currency": first.currency}));
        json!({
            "id": id,
            "version": self.version,
            "status": self.status,
            "customer_id": self.customer,
            "customer_name": name_of(self.customer),
            "item_count": self.lines.len(),
            "total": total,
            "created_at": self.created_at.timestamp_micros(),
            "updated_at": self.updated_at.timestamp_micros(),
        })
    }

    /// As it is shown by itself.
    pub fn detail(&self, id: Uuid, name_of: impl Fn(Uuid) -> Option<String>) -> Value {
        let items: Vec<Value> = self
            .lines
            .iter()
            .map(|(product, line)| {
                json!({
                    "product_id": product,
                    "product_name": name_of(*product),
                    "quantity": line.quantity,
                    "unit_price": {"amount": line.unit_price, "currency": line.currency},
                    "subtotal": {"amount": line.unit_price * line.quantity, "currency": line.currency},
                })
            })
            .collect();
        let mut answer = self.summary(id, name_of);
        answer["items"] = json!(items);
        if self.invoiced {
            answer["invoice_id"] = json!(Uuid::new_v5(&id, b"invoice"));
        }
        if let Some(tracking_number) = &self.tracking_number {
            answer["tracking_number"] = json!(tracking_number);
        }
        if let Some(reason) = &self.cancellation_reason {
            answer["cancellation_reason"] = json!(reason);
        }
        answer
    }

    /// With the names that its own events carried.
    pub fn detail_then(&self, id: Uuid) -> Value {
        self.detail(id, |of| {
            match self.lines.iter().find(|(product, _)| *product == of) {
                Some((_, line)) => Some(line.name_then.clone()),
                None => Some(self.customer_name_then.clone()),
            }
        })
    }
}
