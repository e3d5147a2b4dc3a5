//! Streams that no decision wrote are told from those that one did.

use domain::order::OrderEvent;
use domain::testing::{
    a_draft_of, a_draft_order, a_submitted_order, an_item, eur, price, product_id, quantity,
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
    for event in [an_item(2).added(), submitted] {
        assert_eq!(misfit(a_submitted_order(), event), Misfit::NotADraft);
    }
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
