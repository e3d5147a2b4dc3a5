//! Every command in every status.

use OrderStatus::{Cancelled, Confirmed, Delivered, Draft, Shipped, Submitted};
use domain::order::{OrderCommand, OrderEvent, OrderRefusal, OrderStatus};
use domain::testing::{
    Scenario, an_item, an_order_that_is, cancellation_reason, eur, product_id, quantity, tracking_number,
};
use domain::{Money, Order};

/// What an order answers to a command.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// Its new status.
    Becomes(OrderStatus),
    Nothing,
    NotADraft,
    Illegal(OrderStatus),
}
use Answer::{Becomes, Illegal, NotADraft, Nothing};

fn total() -> Money {
    eur(5997).money()
}

fn ship() -> OrderCommand {
    OrderCommand::Ship {
        tracking_number: tracking_number("1Z999AA10123456784"),
    }
}

fn cancel() -> OrderCommand {
    OrderCommand::Cancel {
        reason: cancellation_reason("Found it cheaper"),
    }
}

/// The event that takes an order over to `to`.
fn event_to(to: OrderStatus, from: OrderStatus) -> OrderEvent {
    match to {
        Draft => unreachable!("no order becomes a draft"),
        Submitted => OrderEvent::Submitted { total: total() },
        Confirmed => OrderEvent::Confirmed { total: total() },
        Shipped => OrderEvent::Shipped {
            tracking_number: tracking_number("1Z999AA10123456784"),
        },
        Delivered => OrderEvent::Delivered,
        Cancelled => OrderEvent::Cancelled {
            reason: cancellation_reason("Found it cheaper"),
            cancelled_from: from,
        },
    }
}

#[test]
fn each_transition_is_legal_or_refused() {
    let command_of = |to| match to {
        Submitted => OrderCommand::Submit,
        Confirmed => OrderCommand::Confirm,
        Shipped => ship(),
        Delivered => OrderCommand::Deliver,
        _ => cancel(),
    };
    #[rustfmt::skip]
    let table = [
        // asked for, of a:  draft               submitted            confirmed            shipped             delivered           cancelled
        (Submitted, [Becomes(Submitted), NotADraft,           NotADraft,           NotADraft,          NotADraft,          NotADraft]),
        (Confirmed, [Illegal(Confirmed), Becomes(Confirmed),  Illegal(Confirmed),  Illegal(Confirmed), Illegal(Confirmed), Illegal(Confirmed)]),
        (Shipped,   [Illegal(Shipped),   Illegal(Shipped),    Becomes(Shipped),    Illegal(Shipped),   Illegal(Shipped),   Illegal(Shipped)]),
        (Delivered, [Illegal(Delivered), Illegal(Delivered),  Illegal(Delivered),  Becomes(Delivered), Illegal(Delivered), Illegal(Delivered)]),
        (Cancelled, [Becomes(Cancelled), Becomes(Cancelled),  Becomes(Cancelled),  Illegal(Cancelled), Illegal(Cancelled), Illegal(Cancelled)]),
    ];
    for (to, answers) in table {
        for (status, answer) in OrderStatus::ALL.into_iter().zip(answers) {
            expect(status, command_of(to), answer);
        }
    }
}

#[test]
fn what_is_paid_is_confirmed_once_and_never_after_a_cancellation() {
    let answers = [
        Illegal(Confirmed),
        Becomes(Confirmed),
        Nothing,
        Nothing,
        Nothing,
        Illegal(Confirmed),
    ];
    for (status, answer) in OrderStatus::ALL.into_iter().zip(answers) {
        expect(status, OrderCommand::ConfirmPaid, answer);
    }
}

#[test]
fn items_change_in_a_draft_only() {
    for status in OrderStatus::ALL.into_iter().filter(|status| *status != Draft) {
        for command in [
            OrderCommand::AddItem(an_item(2).to_add()),
            // Whatever is wrong with the item, the order is asked first.
            OrderCommand::AddItem(an_item(2).discontinued().to_add()),
            OrderCommand::ChangeItemQuantity {
                product_id: product_id(1),
                quantity: quantity(2),
            },
            // That which changes nothing, too.
            OrderCommand::ChangeItemQuantity {
                product_id: product_id(1),
                quantity: quantity(3),
            },
            OrderCommand::RemoveItem {
                product_id: product_id(1),
            },
            OrderCommand::RemoveItem {
                product_id: product_id(9),
            },
        ] {
            expect(status, command, NotADraft);
        }
    }
}

#[track_caller]
fn expect(status: OrderStatus, command: OrderCommand, answer: Answer) {
    let decision = Scenario::<Order>::given(an_order_that_is(status)).when(command);
    match answer {
        Becomes(to) => {
            let order = decision.then_state([event_to(to, status)]);
            assert_eq!(order.status, to);
            assert_eq!(order.lines.total(), Some(total()), "lines stay as they were");
        }
        Nothing => decision.then_nothing_happened(),
        NotADraft => decision.then_refused(OrderRefusal::NotADraft { status }),
        Illegal(to) => decision.then_refused(OrderRefusal::IllegalTransition { status, to }),
    }
}

#[test]
fn an_empty_draft_is_cancelled_too() {
    Scenario::<Order>::given(domain::testing::a_draft_order())
        .when(cancel())
        .then([event_to(Cancelled, Draft)]);
}

#[test]
fn a_refusal_says_what_must_happen_first() {
    let text = |status, to| OrderRefusal::IllegalTransition { status, to }.to_string();
    assert_eq!(
        text(Draft, Shipped),
        "a draft order cannot be shipped; it must be confirmed first"
    );
    assert_eq!(
        text(Draft, Confirmed),
        "a draft order cannot be confirmed; it must be submitted first"
    );
    assert_eq!(
        text(Confirmed, Delivered),
        "a confirmed order cannot be delivered; it must be shipped first"
    );
    assert_eq!(text(Shipped, Cancelled), "a shipped order cannot be cancelled");
    assert_eq!(text(Shipped, Confirmed), "a shipped order cannot be confirmed");
    assert_eq!(text(Cancelled, Shipped), "a cancelled order cannot be shipped");
    let refusal = OrderRefusal::IllegalTransition {
        status: Draft,
        to: Shipped,
    };
    assert_eq!(refusal.kind(), "illegal-transition");
}

#[test]
fn every_status_is_found_by_its_name() {
    for status in OrderStatus::ALL {
        assert_eq!(OrderStatus::of_name(status.as_str()), Some(status));
    }
    assert_eq!(OrderStatus::of_name("Draft"), None);
}
