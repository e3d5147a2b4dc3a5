//! Aggregates as JSON, so that long streams need not be read from their beginning. A snapshot can be thrown away at any
//! time: one that cannot be read is as good as none.

use domain::invoicing::InvoiceStatus;
use domain::order::{Line, Lines, OrderStatus};
use domain::{
    Customer, EmailAddress, Invoice, InvoiceNumber, Misfit, Name, Order, Product, Quantity, Weight,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared_events::event::{Address, Money, Size};
use uuid::Uuid;

use super::values::{
    address, from_address, from_money, from_size, from_unit_price, from_weight, money, size as to_size,
};
use super::{CodecError, Recorded};

/// Of all aggregates. Raise it whenever the form or the meaning of any state changes: snapshots of other formats are not
/// read.
pub const SNAPSHOT_FORMAT: i32 = 1;

/// An aggregate whose state can be kept instead of the events that led to it.
pub trait Snapshotted: Recorded {
    fn to_snapshot(&self) -> Value;

    /// The state in a snapshot of [`SNAPSHOT_FORMAT`].
    fn from_snapshot(snapshot: &Value) -> Result<Self, CodecError>;
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerState {
    name: String,
    email: Option<String>,
    billing_address: Address,
    delivery_address: Option<Address>,
}

impl Snapshotted for Customer {
    fn to_snapshot(&self) -> Value {
        json!(CustomerState {
            name: self.name.to_string(),
            email: self.email.as_ref().map(EmailAddress::to_string),
            billing_address: address(&self.billing_address),
            delivery_address: self.delivery_address.as_ref().map(address),
        })
    }

    fn from_snapshot(snapshot: &Value) -> Result<Self, CodecError> {
        let state = CustomerState::deserialize(snapshot).map_err(CodecError::Snapshot)?;
        Ok(Self {
            name: Name::new(&state.name)?,
            email: state.email.as_deref().map(EmailAddress::new).transpose()?,
            billing_address: from_address(&state.billing_address)?,
            delivery_address: state.delivery_address.as_ref().map(from_address).transpose()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductState {
    name: String,
    unit_price: Money,
    size: Option<Size>,
    weight_grams: Option<i32>,
    discontinued: bool,
}

impl Snapshotted for Product {
    fn to_snapshot(&self) -> Value {
        json!(ProductState {
            name: self.name.to_string(),
            unit_price: money(self.unit_price.money()),
            size: self.size.map(to_size),
            weight_grams: self.weight.map(Weight::grams),
            discontinued: self.discontinued,
        })
    }

    fn from_snapshot(snapshot: &Value) -> Result<Self, CodecError> {
        let state = ProductState::deserialize(snapshot).map_err(CodecError::Snapshot)?;
        Ok(Self {
            name: Name::new(&state.name)?,
            unit_price: from_unit_price(&state.unit_price)?,
            size: state.size.map(from_size).transpose()?,
            weight: state.weight_grams.map(from_weight).transpose()?,
            discontinued: state.discontinued,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderState {
    customer_id: Uuid,
    status: String,
    lines: Vec<LineState>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineState {
    product_id: Uuid,
    product_name: String,
    quantity: i32,
    unit_price: Money,
}

impl Snapshotted for Order {
    fn to_snapshot(&self) -> Value {
        let lines = self.lines.iter().map(|line| LineState {
            product_id: line.product_id.uuid(),
            product_name: line.product_name.to_string(),
            quantity: line.quantity.get(),
            unit_price: money(line.unit_price.money()),
        });
        json!(OrderState {
            customer_id: self.customer_id.uuid(),
            status: self.status.to_string(),
            lines: lines.collect(),
        })
    }

    fn from_snapshot(snapshot: &Value) -> Result<Self, CodecError> {
        let state = OrderState::deserialize(snapshot).map_err(CodecError::Snapshot)?;
        let lines = state.lines.iter().map(|line| {
            Ok(Line {
                product_id: line.product_id.into(),
                product_name: Name::new(&line.product_name)?,
                quantity: Quantity::new(line.quantity.into())?,
                unit_price: from_unit_price(&line.unit_price)?,
            })
        });
        let lines: Vec<_> = lines.collect::<Result<_, CodecError>>()?;
        Ok(Self {
            customer_id: state.customer_id.into(),
            status: OrderStatus::of_name(&state.status).ok_or(CodecError::UnknownStatus(state.status))?,
            lines: Lines::of(lines).map_err(CodecError::SnapshotMisfit)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceState {
    number: i64,
    order_id: Uuid,
    total: Money,
    paid: Money,
    status: String,
}

impl Snapshotted for Invoice {
    fn to_snapshot(&self) -> Value {
        json!(InvoiceState {
            number: self.number.get(),
            order_id: self.order_id.uuid(),
            total: money(self.total),
            paid: money(self.paid),
            status: self.status.to_string(),
        })
    }

    fn from_snapshot(snapshot: &Value) -> Result<Self, CodecError> {
        let state = InvoiceState::deserialize(snapshot).map_err(CodecError::Snapshot)?;
        let (total, paid) = (from_money(&state.total)?, from_money(&state.paid)?);
        if paid.currency() != total.currency() || !(0..=total.amount()).contains(&paid.amount()) {
            return Err(CodecError::SnapshotMisfit(Misfit::WrongTotal));
        }
        Ok(Self {
            number: InvoiceNumber::new(state.number)?,
            order_id: state.order_id.into(),
            total,
            paid,
            status: InvoiceStatus::of_name(&state.status).ok_or(CodecError::UnknownStatus(state.status))?,
        })
    }
}
