//! What orders tell other contexts, and what they keep to themselves.

use std::collections::BTreeMap;

use domain::order::{OrderCommand, OrderEvent, OrderStatus};
use domain::ordering::told::{
    Dimensions, Known, LineForDelivery, LineForInvoicing, Messages, NotRead, OrderForDelivery,
    OrderForInvoicing, Told, told,
};
use domain::testing::{
    a_draft_of, a_draft_order, an_address, an_item, an_order_that_is, cancellation_reason, customer_id, eur,
    name, product_id, quantity, size, tracking_number, weight,
};
use domain::{Aggregate, Order, replay};

fn decided(past: &[OrderEvent], command: OrderCommand) -> (Order, Vec<OrderEvent>) {
    let order = replay::<Order>(past).unwrap().unwrap();
    let events = order.decide(command).unwrap();
    (order, events)
}

fn known() -> Known {
    Known {
        billing_address: Some(an_address("Ada Lovelace")),
        delivery_address: Some(an_address("Charles Babbage")),
        dimensions: BTreeMap::from([
            (
                product_id(1),
                Dimensions {
                    size: Some(size(300, 200, 100)),
                    weight: Some(weight(2500)),
                },
            ),
            (product_id(2), Dimensions::default()),
        ]),
    }
}

fn a_draft_of_two() -> Vec<OrderEvent> {
    a_draft_of([an_item(1).pieces(3), an_item(2).at(eur(5))])
}

fn cancel() -> OrderCommand {
    OrderCommand::Cancel {
        reason: cancellation_reason("Ordered twice"),
    }
}

#[test]
fn a_submission_tells_invoicing_prices_and_the_billing_address() {
    let (order, events) = decided(&a_draft_of_two(), OrderCommand::Submit);
    let line = |product, quantity_of, unit_price| LineForInvoicing {
        product_id: product_id(product),
        product_name: name(&format!("Product {product}")),
        quantity: quantity(quantity_of),
        unit_price,
    };
    let messages = Messages {
        for_invoicing: Some(Told {
            sequence: 1,
            message: OrderForInvoicing::Submitted {
                customer_id: customer_id(1),
                billing_address: an_address("Ada Lovelace"),
                lines: vec![line(1, 3, eur(1999)), line(2, 1, eur(5))],
            },
        }),
        for_delivery: None,
    };
    assert_eq!(told(&order, &events, &known()), Ok(messages));
}

#[test]
fn a_confirmation_tells_delivery_sizes_weights_and_the_delivery_address() {
    let submitted = OrderEvent::Submitted {
        total: eur(6002).money(),
    };
    let past: Vec<_> = a_draft_of_two().into_iter().chain([submitted]).collect();
    for command in [OrderCommand::Confirm, OrderCommand::ConfirmPaid] {
        let (order, events) = decided(&past, command);
        let line = |product, quantity_of, size, weight| LineForDelivery {
            product_id: product_id(product),
            product_name: name(&format!("Product {product}")),
            quantity: quantity(quantity_of),
            size,
            weight,
        };
        let messages = Messages {
            for_invoicing: None,
            for_delivery: Some(Told {
                sequence: 1,
                message: OrderForDelivery::Confirmed {
                    delivery_address: an_address("Charles Babbage"),
                    lines: vec![
                        line(1, 3, Some(size(300, 200, 100)), Some(weight(2500))),
                        line(2, 1, None, None),
                    ],
                },
            }),
        };
        assert_eq!(told(&order, &events, &known()), Ok(messages));
    }
}

#[test]
fn a_cancellation_is_told_to_those_who_were_told_before() {
    let for_invoicing = Some(Told {
        sequence: 2,
        message: OrderForInvoicing::Cancelled,
    });
    let for_delivery = Some(Told {
        sequence: 2,
        message: OrderForDelivery::Cancelled,
    });
    for (status, for_invoicing, for_delivery) in [
        (OrderStatus::Draft, None, None),
        (OrderStatus::Submitted, for_invoicing.clone(), None),
        (OrderStatus::Confirmed, for_invoicing, for_delivery),
    ] {
        let (order, events) = decided(&an_order_that_is(status), cancel());
        let messages = Messages {
            for_invoicing,
            for_delivery,
        };
        assert_eq!(told(&order, &events, &Known::default()), Ok(messages), "{status}");
    }
}

#[test]
fn all_else_is_the_orders_own() {
    let ship = OrderCommand::Ship {
        tracking_number: tracking_number("1Z"),
    };
    for (past, command) in [
        (a_draft_order(), OrderCommand::AddItem(an_item(1).to_add())),
        (an_order_that_is(OrderStatus::Confirmed), ship),
        (an_order_that_is(OrderStatus::Shipped), OrderCommand::Deliver),
        (
            an_order_that_is(OrderStatus::Delivered),
            OrderCommand::ConfirmPaid,
        ),
    ] {
        let (order, events) = decided(&past, command);
        assert_eq!(told(&order, &events, &Known::default()), Ok(Messages::default()));
    }
}

#[test]
fn who_read_too_little_is_told_so() {
    let (order, events) = decided(&a_draft_of_two(), OrderCommand::Submit);
    assert_eq!(
        told(&order, &events, &Known::default()),
        Err(NotRead::BillingAddress)
    );
    let (order, events) = decided(&an_order_that_is(OrderStatus::Submitted), OrderCommand::Confirm);
    let without_address = Known {
        delivery_address: None,
        ..known()
    };
    assert_eq!(
        told(&order, &events, &without_address),
        Err(NotRead::DeliveryAddress)
    );
    let without_product = Known {
        dimensions: BTreeMap::new(),
        ..known()
    };
    assert_eq!(
        told(&order, &events, &without_product),
        Err(NotRead::Product(product_id(1)))
    );
}
