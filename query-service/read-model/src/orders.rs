//! An order's events, folded; and the names of others that it shows.

use shared_events::OrderEvent;
use shared_events::event::{Money, OrderItemAddedV1};
use uuid::Uuid;

use crate::amounts::{positive, times};
use crate::documents::{OrderDocument, OrderItem, OrderStatus};
use crate::fold::{Fold, FoldError, Occurrence, stream_version};

/// Whose name an order shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameSource {
    Customer(Uuid),
    Product(Uuid),
}

impl Fold for OrderDocument {
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
            customer_id: created.customer_id,
            customer_name: created.customer_name.clone(),
            customer_version: stream_version(created.customer_version)?,
            items: Vec::new(),
            item_count: 0,
            total: None,
            invoice_id: None,
            tracking_number: None,
            cancellation_reason: None,
            created_at: occurrence.occurred_at,
            updated_at: occurrence.occurred_at,
        })
    }

    fn evolve(&mut self, occurrence: Occurrence<'_, OrderEvent>) -> Result<(), FoldError> {
        match occurrence.event {
            OrderEvent::Created(_) => return Err(FoldError::CreatedTwice),
            OrderEvent::ItemAdded(added) => self.add(added)?,
            OrderEvent::ItemQuantityChanged(changed) => {
                self.set_quantity(changed.product_id, changed.quantity.into())?;
            }
            OrderEvent::ItemRemoved(removed) => self.remove(removed.product_id)?,
            OrderEvent::Submitted(submitted) => {
                self.status = OrderStatus::Submitted;
                self.total = Some(submitted.total.clone());
                self.invoice_id = Some(invoice_id(self.id));
            }
            OrderEvent::Confirmed(confirmed) => {
                self.status = OrderStatus::Confirmed;
                self.total = Some(confirmed.total.clone());
            }
            OrderEvent::Shipped(shipped) => {
                self.status = OrderStatus::Shipped;
                self.tracking_number = Some(shipped.tracking_number.clone());
            }
            OrderEvent::Delivered(_) => self.status = OrderStatus::Delivered,
            OrderEvent::Cancelled(cancelled) => {
                self.status = OrderStatus::Cancelled;
                self.cancellation_reason = Some(cancelled.reason.clone());
            }
        }
        self.version = occurrence.version;
        self.updated_at = occurrence.occurred_at;
        Ok(())
    }
}

impl OrderDocument {
    /// Shows `name` for `source` unless a later one is shown already. True if the document changed.
    pub fn apply_name(&mut self, source: NameSource, name: &str, version: u64) -> bool {
        let (shown, shown_version) = match source {
            NameSource::Customer(id) if id == self.customer_id => {
                (&mut self.customer_name, &mut self.customer_version)
            }
            NameSource::Customer(_) => return false,
            NameSource::Product(id) => match self.items.iter_mut().find(|item| item.product_id == id) {
                Some(item) => (&mut item.product_name, &mut item.product_version),
                None => return false,
            },
        };
        if *shown_version >= version {
            return false;
        }
        name.clone_into(shown);
        *shown_version = version;
        true
    }

    /// Whose names are shown, and as of which version of theirs.
    pub fn names(&self) -> impl Iterator<Item = (NameSource, u64)> {
        let customer = (NameSource::Customer(self.customer_id), self.customer_version);
        let products = self
            .items
            .iter()
            .map(|item| (NameSource::Product(item.product_id), item.product_version));
        std::iter::once(customer).chain(products)
    }

    fn add(&mut self, added: &OrderItemAddedV1) -> Result<(), FoldError> {
        let quantity = positive(added.quantity.into())?;
        let version = stream_version(added.product_version)?;
        let line = self
            .items
            .iter()
            .position(|item| item.product_id == added.product_id);
        let Some(at) = line else {
            let subtotal = times(&added.unit_price, quantity)?;
            let total = self.total_with(None, Some(&subtotal))?;
            self.items.push(OrderItem {
                product_id: added.product_id,
                product_name: added.product_name.clone(),
                product_version: version,
                quantity,
                unit_price: added.unit_price.clone(),
                subtotal,
            });
            return self.count(total);
        };
        let item = &self.items[at];
        if item.unit_price != added.unit_price {
            return Err(FoldError::OtherPrice(added.product_id));
        }
        let quantity = item.quantity.checked_add(quantity).ok_or(FoldError::Overflow)?;
        self.set_quantity(added.product_id, quantity)?;
        self.apply_name(
            NameSource::Product(added.product_id),
            &added.product_name,
            version,
        );
        Ok(())
    }

    fn set_quantity(&mut self, product_id: Uuid, quantity: i64) -> Result<(), FoldError> {
        let quantity = positive(quantity)?;
        let at = self.line(product_id)?;
        let subtotal = times(&self.items[at].unit_price, quantity)?;
        self.total = self.total_with(Some(at), Some(&subtotal))?;
        self.items[at].quantity = quantity;
        self.items[at].subtotal = subtotal;
        Ok(())
    }

    fn remove(&mut self, product_id: Uuid) -> Result<(), FoldError> {
        let at = self.line(product_id)?;
        let total = self.total_with(Some(at), None)?;
        self.items.remove(at);
        self.count(total)
    }

    fn line(&self, product_id: Uuid) -> Result<usize, FoldError> {
        self.items
            .iter()
            .position(|item| item.product_id == product_id)
            .ok_or(FoldError::NoSuchLine(product_id))
    }

    /// The sum of all subtotals but that of the line at `except`, with `and`.
    fn total_with(&self, except: Option<usize>, and: Option<&Money>) -> Result<Option<Money>, FoldError> {
        let kept = self
            .items
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != except)
            .map(|(_, item)| &item.subtotal);
        let mut total: Option<Money> = None;
        for subtotal in kept.chain(and) {
            total = Some(match total {
                None => subtotal.clone(),
                Some(sum) if sum.currency != subtotal.currency => {
                    return Err(FoldError::Currency {
                        order: sum.currency,
                        line: subtotal.currency.clone(),
                    });
                }
                Some(sum) => Money {
                    amount: sum
                        .amount
                        .checked_add(subtotal.amount)
                        .ok_or(FoldError::Overflow)?,
                    currency: sum.currency,
                },
            });
        }
        Ok(total)
    }

    fn count(&mut self, total: Option<Money>) -> Result<(), FoldError> {
        self.item_count = u32::try_from(self.items.len()).map_err(|_| FoldError::Overflow)?;
        self.total = total;
        Ok(())
    }
}

/// An order has at most one invoice, whose id follows from the order's: the published rule.
fn invoice_id(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"invoice")
}
