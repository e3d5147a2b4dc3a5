//! What orders tell other contexts, with what has to be read for it.

use domain::order::{OrderCommand, OrderEvent};
use domain::ordering::told::{Dimensions, Known, told};
use domain::{Customer, Order, Product};

use crate::application::bus::{CommandError, Decided};
use crate::application::codec::Recorded;
use crate::application::codec::integration::told_records;
use crate::application::codec::snapshot::Snapshotted;
use crate::application::ports::{EventStore, StoredStream};
use crate::application::streams::{self, Loaded};

/// The events, and what is told of them.
pub(super) fn decided(
    order: &Loaded<Order>,
    events: &[OrderEvent],
    known: &Known,
) -> Result<Decided, CommandError> {
    let messages =
        told(&order.state, events, known).map_err(|not_read| CommandError::Failed(not_read.into()))?;
    Ok(Decided {
        told: told_records(order.id, messages)?,
        ..order.decided(events)?
    })
}

/// By either of the ways to confirm. One that changes nothing reads and tells nothing.
pub(super) async fn confirmed(
    store: &impl EventStore,
    order: &Loaded<Order>,
    way: OrderCommand,
) -> Result<Decided, CommandError> {
    let events = order.events(way)?;
    let known = match events.is_empty() {
        true => Known::default(),
        false => known_at_confirmation(store, order).await?,
    };
    decided(order, &events, &known)
}

/// The customer as it is now.
pub(super) async fn known_at_submission(
    store: &impl EventStore,
    order: &Loaded<Order>,
) -> Result<Known, CommandError> {
    let customer_id = order.state.customer_id;
    let wanted = [Customer::stream(customer_id)];
    let [customer] = streams::read(store, wanted, Order::stream(order.id)).await?;
    Ok(Known {
        billing_address: Some(
            there::<Customer>(store, customer_id, &customer)
                .await?
                .billing_address,
        ),
        ..Known::default()
    })
}

/// The customer and the products as they are now, in one round trip.
async fn known_at_confirmation(
    store: &impl EventStore,
    order: &Loaded<Order>,
) -> Result<Known, CommandError> {
    let customer_id = order.state.customer_id;
    let products: Vec<_> = order.state.lines.iter().map(|line| line.product_id).collect();
    let mut wanted: Vec<_> = products.iter().map(|id| Product::stream(*id)).collect();
    wanted.push(Customer::stream(customer_id));
    let mut found = streams::read_all(store, &wanted, Order::stream(order.id)).await?;
    let customer = found.pop().unwrap_or_default();
    let mut known = Known::default();
    for (id, stored) in products.into_iter().zip(&found) {
        let Product { size, weight, .. } = there(store, id, stored).await?;
        known.dimensions.insert(id, Dimensions { size, weight });
    }
    let customer = there::<Customer>(store, customer_id, &customer).await?;
    known.delivery_address = Some(customer.deliver_to().clone());
    Ok(known)
}

/// What an order names was there when it was named, and streams do not go away.
async fn there<A: Snapshotted>(
    store: &impl EventStore,
    id: A::Id,
    stored: &StoredStream,
) -> Result<A, CommandError> {
    match streams::known::<A>(store, id, stored).await? {
        Some(loaded) => Ok(loaded.state),
        None => Err(CommandError::Failed(anyhow::anyhow!(
            "the order names a {} {} without events",
            A::TYPE,
            id.into()
        ))),
    }
}
