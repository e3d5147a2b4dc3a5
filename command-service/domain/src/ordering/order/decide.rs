use super::{CreateOrder, ItemToAdd, Line, Order, OrderCommand, OrderEvent, OrderRefusal, OrderStatus};
use crate::value::{CancellationReason, ProductId, Quantity};

/// An order with items is an empty one to which they are added one by one, all or none.
pub(super) fn create(command: CreateOrder) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let CreateOrder { customer, items } = command;
    let mut order = Order {
        customer_id: customer.id,
        status: OrderStatus::Draft,
        lines: Default::default(),
    };
    let mut events = Vec::with_capacity(items.len() + 1);
    events.push(OrderEvent::Created {
        customer_id: customer.id,
        customer_name: customer.name,
        customer_version: customer.version,
    });
    for item in items {
        let quantity = quantity_with(&order, &item)?;
        order.lines.put(Line {
            product_id: item.product.id,
            product_name: item.product.name.clone(),
            quantity,
            unit_price: item.product.unit_price,
        })?;
        events.push(item_added(item));
    }
    Ok(events)
}

pub(super) fn decide(order: &Order, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderRefusal> {
    match command {
        OrderCommand::AddItem(item) => add_item(draft(order)?, item),
        OrderCommand::ChangeItemQuantity { product_id, quantity } => {
            change_item_quantity(draft(order)?, product_id, quantity)
        }
        OrderCommand::RemoveItem { product_id } => {
            line_of(draft(order)?, product_id)?;
            Ok(vec![OrderEvent::ItemRemoved { product_id }])
        }
        OrderCommand::Submit => match draft(order)?.lines.total() {
            Some(total) => Ok(vec![OrderEvent::Submitted { total }]),
            None => Err(OrderRefusal::EmptyOrder),
        },
        OrderCommand::Confirm => confirm(order),
        OrderCommand::ConfirmPaid => match order.status {
            OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered => Ok(vec![]),
            OrderStatus::Draft | OrderStatus::Submitted | OrderStatus::Cancelled => confirm(order),
        },
        OrderCommand::Ship { tracking_number } => {
            becoming(order, OrderStatus::Shipped)?;
            Ok(vec![OrderEvent::Shipped { tracking_number }])
        }
        OrderCommand::Deliver => {
            becoming(order, OrderStatus::Delivered)?;
            Ok(vec![OrderEvent::Delivered])
        }
        OrderCommand::Cancel { reason } => cancel(order, reason),
    }
}

fn draft(order: &Order) -> Result<&Order, OrderRefusal> {
    match order.status {
        OrderStatus::Draft => Ok(order),
        status => Err(OrderRefusal::NotADraft { status }),
    }
}

fn becoming(order: &Order, to: OrderStatus) -> Result<(), OrderRefusal> {
    match order.status {
        status if status.may_become(to) => Ok(()),
        status => Err(OrderRefusal::IllegalTransition { status, to }),
    }
}

fn confirm(order: &Order) -> Result<Vec<OrderEvent>, OrderRefusal> {
    becoming(order, OrderStatus::Confirmed)?;
    // Nothing that was submitted is empty.
    let total = order.lines.total().ok_or(OrderRefusal::EmptyOrder)?;
    Ok(vec![OrderEvent::Confirmed { total }])
}

fn cancel(order: &Order, reason: CancellationReason) -> Result<Vec<OrderEvent>, OrderRefusal> {
    becoming(order, OrderStatus::Cancelled)?;
    Ok(vec![OrderEvent::Cancelled {
        reason,
        cancelled_from: order.status,
    }])
}

fn add_item(order: &Order, item: ItemToAdd) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let quantity = quantity_with(order, &item)?;
    order
        .lines
        .total_with(item.product.id, quantity, item.product.unit_price)?;
    Ok(vec![item_added(item)])
}

fn change_item_quantity(
    order: &Order,
    product_id: ProductId,
    quantity: Quantity,
) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let line = line_of(order, product_id)?;
    if line.quantity == quantity {
        return Ok(vec![]);
    }
    order.lines.total_with(product_id, quantity, line.unit_price)?;
    Ok(vec![OrderEvent::ItemQuantityChanged { product_id, quantity }])
}

fn line_of(order: &Order, product_id: ProductId) -> Result<&Line, OrderRefusal> {
    order
        .lines
        .get(product_id)
        .ok_or(OrderRefusal::ItemNotInOrder { product_id })
}

/// The quantity that the line of the item's product would have with the item.
fn quantity_with(order: &Order, item: &ItemToAdd) -> Result<Quantity, OrderRefusal> {
    let product_id = item.product.id;
    let current = item.product.unit_price;
    if item.product.discontinued {
        return Err(OrderRefusal::ProductDiscontinued { product_id });
    }
    if let Some(expected) = item.expected_unit_price.filter(|expected| *expected != current) {
        return Err(OrderRefusal::PriceChanged {
            product_id,
            expected,
            current,
        });
    }
    if let Some(line) = order.lines.get(product_id) {
        if line.unit_price != current {
            return Err(OrderRefusal::PriceDiffersFromLine {
                product_id,
                line: line.unit_price,
                current,
            });
        }
        return line
            .quantity
            .checked_add(item.quantity)
            .map_err(|_| OrderRefusal::QuantityTooLarge { product_id });
    }
    if let Some(currency) = order
        .lines
        .currency()
        .filter(|order| *order != current.currency())
    {
        return Err(OrderRefusal::CurrencyMismatch {
            product_id,
            order: currency,
            product: current.currency(),
        });
    }
    if order.lines.len() >= Order::MAX_LINES {
        return Err(OrderRefusal::TooManyLines);
    }
    Ok(item.quantity)
}

fn item_added(item: ItemToAdd) -> OrderEvent {
    OrderEvent::ItemAdded {
        product_id: item.product.id,
        product_name: item.product.name,
        product_version: item.product.version,
        quantity: item.quantity,
        unit_price: item.product.unit_price,
    }
}
