//! What an order adds to the sales figures, from its confirmation until it is cancelled.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use shared_events::OrderEvent;
use shared_events::event::{Money, OrderItemAddedV1};
use uuid::Uuid;

use crate::amounts::{positive, times};
use crate::documents::OrderStatus;
use crate::fold::{Fold, FoldError, Occurrence};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLine {
    pub product_id: Uuid,
    pub quantity: i64,
    pub unit_price: Money,
}

/// What was sold of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    pub product_id: Uuid,
    pub quantity: i64,
    /// In minor units of `currency`.
    pub revenue: i64,
    pub currency: String,
}

/// One order for the sales figures. `confirmed_on`, `currency`, `revenue` and `sold` are there while it counts: once it
/// has been confirmed and as long as it is not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleDocument {
    pub id: Uuid,
    pub version: u64,
    pub status: OrderStatus,
    /// The day in UTC.
    pub confirmed_on: Option<NaiveDate>,
    pub currency: Option<String>,
    /// In minor units of `currency`.
    pub revenue: Option<i64>,
    pub sold: Vec<Sold>,
    /// What the order has, whether it counts or not.
    pub lines: Vec<SaleLine>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Fold for SaleDocument {
    type Event = OrderEvent;

    fn version(&self) -> u64 {
        self.version
    }

    fn begin(occurrence: Occurrence<'_, OrderEvent>) -> Result<Self, FoldError> {
        let OrderEvent::Created(created) = occurrence.event else {
            return Err(FoldError::NotCreated);
        };
        Ok(Self {
            id: created.order_id,
            version: occurrence.version,
            status: OrderStatus::Draft,
            confirmed_on: None,
            currency: None,
            revenue: None,
            sold: Vec::new(),
            lines: Vec::new(),
            created_at: occurrence.occurred_at,
            updated_at: occurrence.occurred_at,
        })
    }

    fn evolve(&mut self, occurrence: Occurrence<'_, OrderEvent>) -> Result<(), FoldError> {
        match occurrence.event {
            OrderEvent::Created(_) => return Err(FoldError::CreatedTwice),
            OrderEvent::ItemAdded(added) => self.add(added)?,
            OrderEvent::ItemQuantityChanged(changed) => {
                let quantity = positive(changed.quantity.into())?;
                let line = self.line(changed.product_id)?;
                self.lines[line].quantity = quantity;
            }
            OrderEvent::ItemRemoved(removed) => {
                let line = self.line(removed.product_id)?;
                self.lines.remove(line);
            }
            OrderEvent::Submitted(_) => self.status = OrderStatus::Submitted,
            OrderEvent::Confirmed(confirmed) => {
                self.sold = self.sold_lines()?;
                self.status = OrderStatus::Confirmed;
                self.confirmed_on = Some(occurrence.occurred_at.date_naive());
                self.currency = Some(confirmed.total.currency.clone());
                self.revenue = Some(confirmed.total.amount);
            }
            OrderEvent::Shipped(_) => self.status = OrderStatus::Shipped,
            OrderEvent::Delivered(_) => self.status = OrderStatus::Delivered,
            OrderEvent::Cancelled(_) => {
                self.status = OrderStatus::Cancelled;
                self.confirmed_on = None;
                self.currency = None;
                self.revenue = None;
                self.sold.clear();
            }
        }
        self.version = occurrence.version;
        self.updated_at = occurrence.occurred_at;
        Ok(())
    }
}

impl SaleDocument {
    fn add(&mut self, added: &OrderItemAddedV1) -> Result<(), FoldError> {
        let more = positive(added.quantity.into())?;
        let line = self
            .lines
            .iter_mut()
            .find(|line| line.product_id == added.product_id);
        match line {
            Some(line) if line.unit_price != added.unit_price => {
                return Err(FoldError::OtherPrice(added.product_id));
            }
            Some(line) => line.quantity = line.quantity.checked_add(more).ok_or(FoldError::Overflow)?,
            None => self.lines.push(SaleLine {
                product_id: added.product_id,
                quantity: more,
                unit_price: added.unit_price.clone(),
            }),
        }
        Ok(())
    }

    fn line(&self, product_id: Uuid) -> Result<usize, FoldError> {
        self.lines
            .iter()
            .position(|line| line.product_id == product_id)
            .ok_or(FoldError::NoSuchLine(product_id))
    }

    fn sold_lines(&self) -> Result<Vec<Sold>, FoldError> {
        self.lines
            .iter()
            .map(|line| {
                let revenue = times(&line.unit_price, line.quantity)?;
                Ok(Sold {
                    product_id: line.product_id,
                    quantity: line.quantity,
                    revenue: revenue.amount,
                    currency: revenue.currency,
                })
            })
            .collect()
    }
}
