//! Streams that no decision wrote are told from those that one did.

use domain::order::{OrderEvent, OrderStatus};
use domain::testing::{
    a_confirmed_order, a_draft_of, a_draft_order, a_submitted_order, an_item, an_order_that_is,
    cancellation_reason, eur, price, product_id, quantity, tracking_number,
};
use domain::{Misfit, Order, Quantity, replay};

fn misfit(past: Vec<OrderEvent>, event: OrderEvent) -> Misfit {
    let events: Vec<_> = past.into_iter().chain([event]).collect();
    match replay::<Order>(&events) {
        Err(misfit) => misfit,
        Ok(order) => panic!("replayed to {order:?}"),
    }
}

#[test]
fn a_stream_begins_with_the_creation_and_has_one() {
    assert_eq!(misfit(vec![], an_item(1).added()), Misfit::BeforeCreation);
    let created = a_draft_order().remove(0);
    assert_eq!(misfit(a_draft_order(), created.clone()), Misfit::CreatedTwice);
    assert_eq!(misfit(a_submitted_order(), created), Misfit::CreatedTwice);
}

#[test]
fn nothing_changes_after_the_submission() {
    let submitted = OrderEvent::Submitted {
        total: eur(5997).money(),
    };
    let changed = OrderEvent::ItemQuantityChanged {
        product_id: product_id(1),
        quantity: quantity(1),
    };
    let removed = OrderEvent::ItemRemoved {
        product_id: product_id(1),
    };
    for status in OrderStatus::ALL.into_iter().skip(1) {
        for event in [
            an_item(2).added(),
            changed.clone(),
            removed.clone(),
            submitted.clone(),
        ] {
            assert_eq!(
                misfit(an_order_that_is(status), event),
                Misfit::NotADraft,
                "{status}"
            );
        }
    }
}

#[test]
fn no_status_is_left_out_or_comes_again() {
    let total = eur(5997).money();
    let tracking_number = tracking_number("1Z");
    for status in OrderStatus::ALL {
        for (to, event) in [
            (OrderStatus::Confirmed, OrderEvent::Confirmed { total }),
            (
                OrderStatus::Shipped,
                OrderEvent::Shipped {
                    tracking_number: tracking_number.clone(),
                },
            ),
            (OrderStatus::Delivered, OrderEvent::Delivered),
        ] {
            let events = [an_order_that_is(status), vec![event]].concat();
            let fits = match replay::<Order>(&events) {
                Ok(order) => order.map(|order| order.status) == Some(to),
                Err(misfit) => {
                    assert_eq!(misfit, Misfit::WrongStatus, "{status} to {to}");
                    false
                }
            };
            assert_eq!(fits, status.may_become(to), "{status} to {to}");
        }
        for cancelled_from in OrderStatus::ALL {
            let cancelled = OrderEvent::Cancelled {
                reason: cancellation_reason("Ordered twice"),
                cancelled_from,
            };
            let events = [an_order_that_is(status), vec![cancelled]].concat();
            let legal = status == cancelled_from && status.may_become(OrderStatus::Cancelled);
            match replay::<Order>(&events) {
                Ok(_) => assert!(legal, "{status}, cancelled from {cancelled_from}"),
                Err(misfit) => {
                    assert_eq!((misfit, legal), (Misfit::WrongStatus, false), "{status}");
                }
            }
        }
    }
}

#[test]
fn what_is_confirmed_is_what_was_submitted() {
    for total in [eur(5996).money(), price(5997, "USD").money()] {
        assert_eq!(
            misfit(a_submitted_order(), OrderEvent::Confirmed { total }),
            Misfit::WrongTotal
        );
    }
    assert!(replay::<Order>(&a_confirmed_order()).is_ok());
}

#[test]
fn lines_that_are_not_there_do_not_change() {
    let product_id = product_id(2);
    for event in [
        OrderEvent::ItemRemoved { product_id },
        OrderEvent::ItemQuantityChanged {
            product_id,
            quantity: quantity(1),
        },
    ] {
        assert_eq!(misfit(a_draft_of([an_item(1)]), event), Misfit::NoSuchLine);
    }
}

#[test]
fn lines_stay_within_their_bounds() {
    let past = || a_draft_of([an_item(1).pieces(i64::from(Quantity::MAX))]);
    for event in [
        an_item(1),
        an_item(1).at(eur(1)),
        an_item(2).at(price(1, "USD")),
        an_item(2).at(eur(i64::MAX)),
    ] {
        assert_eq!(misfit(past(), event.added()), Misfit::OutOfBounds);
    }
}

#[test]
fn the_submitted_total_is_the_sum() {
    for total in [eur(1998).money(), price(1999, "USD").money()] {
        assert_eq!(
            misfit(a_draft_of([an_item(1)]), OrderEvent::Submitted { total }),
            Misfit::WrongTotal
        );
    }
    let total = eur(0).money();
    assert_eq!(
        misfit(a_draft_order(), OrderEvent::Submitted { total }),
        Misfit::WrongTotal
    );
}
