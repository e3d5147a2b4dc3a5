//! An order's delivery as it is shown, with the products' names now; and whether there will be one.

use read_model::{
    DeliveryDocument, OrderDocument, OrderHistoryEntry, OrderStatus, ProductDocument, entry_id,
};
use shared_events::OrderEvent;
use uuid::Uuid;

use super::names;
use crate::application::ports::StoreError;
use crate::application::ports::reading::DocumentReader;

/// How an order's delivery stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    Told(Box<DeliveryDocument>),
    /// The order has not been confirmed up to this version, and so has none.
    Unconfirmed {
        order_version: u64,
    },
    /// Nothing can be said yet.
    Unknown,
}

impl Standing {
    /// Up to which version of the order it holds.
    pub fn order_version(&self) -> u64 {
        match self {
            Self::Told(delivery) => delivery.order_version,
            Self::Unconfirmed { order_version } => *order_version,
            Self::Unknown => 0,
        }
    }
}

pub(super) async fn standing<R>(reader: &R, order_id: Uuid) -> Result<Standing, StoreError>
where
    R: DocumentReader<DeliveryDocument> + DocumentReader<OrderDocument> + DocumentReader<OrderHistoryEntry>,
{
    let delivery = DocumentReader::<DeliveryDocument>::get(reader, order_id).await?;
    if let Some(delivery) = delivery {
        return Ok(Standing::Told(Box::new(delivery)));
    }
    let Some(order) = DocumentReader::<OrderDocument>::get(reader, order_id).await? else {
        return Ok(Standing::Unknown);
    };
    let order_version = order.version;
    let unconfirmed = match order.status {
        OrderStatus::Draft | OrderStatus::Submitted => true,
        OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => false,
        OrderStatus::Cancelled => was_cancelled_unconfirmed(reader, order_id, order_version).await?,
    };
    Ok(match unconfirmed {
        true => Standing::Unconfirmed { order_version },
        false => Standing::Unknown,
    })
}

/// Nothing follows a cancellation, so that the order's last entry tells what it was cancelled from.
async fn was_cancelled_unconfirmed(
    reader: &impl DocumentReader<OrderHistoryEntry>,
    order_id: Uuid,
    order_version: u64,
) -> Result<bool, StoreError> {
    let Some(last) = reader.get(entry_id(order_id, order_version)).await? else {
        return Ok(false);
    };
    match last.event().map_err(|error| StoreError::Failed(error.into()))? {
        OrderEvent::Cancelled(cancelled) => Ok(cancelled.cancelled_from != "confirmed"),
        _ => Ok(false),
    }
}

/// A product that has not arrived keeps the name that delivery was told.
pub(super) async fn with_names(
    reader: &impl DocumentReader<ProductDocument>,
    deliveries: &mut [DeliveryDocument],
) -> Result<(), StoreError> {
    let lines = deliveries.iter().flat_map(|delivery| &delivery.lines);
    let mut names = names::of_products(reader, lines.map(|line| line.product_id)).await?;
    for line in deliveries.iter_mut().flat_map(|delivery| &mut delivery.lines) {
        if let Some(name) = names.get_mut(&line.product_id) {
            line.product_name.clone_from(name);
        }
    }
    Ok(())
}
