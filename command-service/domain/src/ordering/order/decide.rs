use super::{CreateOrder, ItemToAdd, Line, Order, OrderCommand, OrderEvent, OrderRefusal, OrderStatus};
use crate::value::{ProductId, Quantity};

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
        order.lines.put(line_with(&order, &item)?)?;
        events.push(item_added(item));
    }
    Ok(events)
}

pub(super) fn decide(order: &Order, command: OrderCommand) -> Result<Vec<OrderEvent>, OrderRefusal> {
    match order.status {
        OrderStatus::Draft => {}
        status @ OrderStatus::Submitted => return Err(OrderRefusal::NotADraft { status }),
    }
    match command {
        OrderCommand::AddItem(item) => add_item(order, item),
        OrderCommand::ChangeItemQuantity { product_id, quantity } => {
            change_item_quantity(order, product_id, quantity)
        }
        OrderCommand::RemoveItem { product_id } => {
            line_of(order, product_id)?;
            Ok(vec![OrderEvent::ItemRemoved { product_id }])
        }
        OrderCommand::Submit => match order.lines.total() {
            Some(total) => Ok(vec![OrderEvent::Submitted { total }]),
            None => Err(OrderRefusal::EmptyOrder),
        },
    }
}

fn add_item(order: &Order, item: ItemToAdd) -> Result<Vec<OrderEvent>, OrderRefusal> {
    order.lines.total_with(&line_with(order, &item)?)?;
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
    order.lines.total_with(&Line { quantity, ..*line })?;
    Ok(vec![OrderEvent::ItemQuantityChanged { product_id, quantity }])
}

fn line_of(order: &Order, product_id: ProductId) -> Result<&Line, OrderRefusal> {
    order
        .lines
        .get(product_id)
        .ok_or(OrderRefusal::ItemNotInOrder { product_id })
}

/// The line of the item's product as it would be with the item.
fn line_with(order: &Order, item: &ItemToAdd) -> Result<Line, OrderRefusal> {
    let product_id = item.product.id;
    let current = item.product.unit_price;
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
        let quantity = line
            .quantity
            .checked_add(item.quantity)
            .map_err(|_| OrderRefusal::QuantityTooLarge { product_id })?;
        return Ok(Line { quantity, ..*line });
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
    Ok(Line {
        product_id,
        quantity: item.quantity,
        unit_price: current,
    })
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
