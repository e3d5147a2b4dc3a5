//! What orders tell other contexts: to each what it needs to know and nothing else, as a sequence of its own for each
//! order, without gaps, that begins at 1.

use std::collections::BTreeMap;

use super::order::{Order, OrderEvent, OrderStatus};
use crate::value::{Address, CustomerId, Name, ProductId, Quantity, Size, UnitPrice, Weight};

/// To those who write invoices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderForInvoicing {
    Submitted {
        customer_id: CustomerId,
        /// As the customer's stream had it at the submission.
        billing_address: Address,
        lines: Vec<LineForInvoicing>,
    },
    Cancelled,
}

/// To those who pack and send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderForDelivery {
    Confirmed {
        /// As the customer's stream had it at the confirmation.
        delivery_address: Address,
        lines: Vec<LineForDelivery>,
    },
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineForInvoicing {
    pub product_id: ProductId,
    pub product_name: Name,
    pub quantity: Quantity,
    pub unit_price: UnitPrice,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineForDelivery {
    pub product_id: ProductId,
    pub product_name: Name,
    pub quantity: Quantity,
    /// Of one piece.
    pub size: Option<Size>,
    /// Of one piece.
    pub weight: Option<Weight>,
}

/// A message with its place in the sequence of its order and receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told<M> {
    pub sequence: u64,
    pub message: M,
}

/// What one decision tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    pub for_invoicing: Option<Told<OrderForInvoicing>>,
    pub for_delivery: Option<Told<OrderForDelivery>>,
}

/// What was read beside the order to tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The customer's: needed where the order is submitted.
    pub billing_address: Option<Address>,
    /// The customer's: needed where the order is confirmed.
    pub delivery_address: Option<Address>,
    /// Of each of the order's products: needed where it is confirmed.
    pub dimensions: BTreeMap<ProductId, Dimensions>,
}

/// Of one piece of a product, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dimensions {
    pub size: Option<Size>,
    pub weight: Option<Weight>,
}

/// Something is to be told that [`Known`] does not say: a mistake of the use case that read too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    #[error("the customer's billing address was not read")]
    BillingAddress,
    #[error("the customer's delivery address was not read")]
    DeliveryAddress,
    #[error("product {0} was not read")]
    Product(ProductId),
}

/// What `decided`, the events that one command led to on the order `before`, tells others.
///
/// To invoicing: the submission is 1, the cancellation of what was submitted 2. To delivery: the confirmation is 1, the
/// cancellation of what was confirmed 2. Who was told nothing is not told of the cancellation either.
pub fn told(before: &Order, decided: &[OrderEvent], known: &Known) -> Result<Messages, NotRead> {
    let mut messages = Messages::default();
    // The lines of `before` are those that are told of: no command changes lines and the status at once.
    for event in decided {
        match event {
            OrderEvent::Submitted { .. } => {
                let message = submitted(before, known)?;
                messages.for_invoicing = Some(Told { sequence: 1, message });
            }
            OrderEvent::Confirmed { .. } => {
                let message = confirmed(before, known)?;
                messages.for_delivery = Some(Told { sequence: 1, message });
            }
            OrderEvent::Cancelled { cancelled_from, .. } => {
                messages.for_invoicing = (*cancelled_from >= OrderStatus::Submitted).then_some(Told {
                    sequence: 2,
                    message: OrderForInvoicing::Cancelled,
                });
                messages.for_delivery = (*cancelled_from >= OrderStatus::Confirmed).then_some(Told {
                    sequence: 2,
                    message: OrderForDelivery::Cancelled,
                });
            }
            OrderEvent::Created { .. }
            | OrderEvent::ItemAdded { .. }
            | OrderEvent::ItemQuantityChanged { .. }
            | OrderEvent::ItemRemoved { .. }
            | OrderEvent::Shipped { .. }
            | OrderEvent::Delivered => {}
        }
    }
    Ok(messages)
}

fn submitted(order: &Order, known: &Known) -> Result<OrderForInvoicing, NotRead> {
    Ok(OrderForInvoicing::Submitted {
        customer_id: order.customer_id,
        billing_address: known.billing_address.clone().ok_or(NotRead::BillingAddress)?,
        lines: order
            .lines
            .iter()
            .map(|line| LineForInvoicing {
                product_id: line.product_id,
                product_name: line.product_name.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
            })
            .collect(),
    })
}

fn confirmed(order: &Order, known: &Known) -> Result<OrderForDelivery, NotRead> {
    let lines = order.lines.iter().map(|line| {
        let product_id = line.product_id;
        let dimensions = known
            .dimensions
            .get(&product_id)
            .ok_or(NotRead::Product(product_id))?;
        Ok(LineForDelivery {
            product_id,
            product_name: line.product_name.clone(),
            quantity: line.quantity,
            size: dimensions.size,
            weight: dimensions.weight,
        })
    });
    Ok(OrderForDelivery::Confirmed {
        delivery_address: known.delivery_address.clone().ok_or(NotRead::DeliveryAddress)?,
        lines: lines.collect::<Result<_, _>>()?,
    })
}
