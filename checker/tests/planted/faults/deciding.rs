//! Updates lost between rivals, and what policies make of events.

use checker::history::{Answer, Outcome, StoredEvent};
use shared_events::event::{CreditNoteIssuedV1, InvoiceIssuedV1, ProductPriceChangedV1};
use shared_events::{Event, InvoiceEvent, ProductEvent};
use uuid::Uuid;

use super::{Planted, planted};
use crate::shop::{euros, invoice_of};
use crate::story::Story;
use crate::world::refusal;

pub const FAULTS: &[Planted] = &[
    planted(
        "two rivals with one If-Match were told that they won",
        &["I9"],
        |story| {
            let won = rival(story, 1).clone();
            *rival(story, 2) = won;
        },
    ),
    planted("a rival wrote over what he had not seen", &["I9"], |story| {
        let product = story.contested;
        let outcome = story.outcome("rival 2");
        (outcome.outcome, outcome.version, outcome.refusal) = ("succeeded".to_owned(), Some(3), None);
        let command = outcome.command_id;
        let like = story.event("product", product, 2).clone();
        let says = ProductEvent::from(ProductPriceChangedV1 {
            product_id: product,
            unit_price: euros(2),
        });
        story.append(&like, command, &says.into());
        *rival(story, 2) = Answer::Unknown {
            cause: "connection reset".to_owned(),
        };
    }),
    planted(
        "every rival lost, and nobody had changed anything",
        &["I9"],
        |story| {
            let product = story.contested;
            let change = story.event("product", product, 2).event_id;
            story.forget(change);
            *rival(story, 1) = refusal(412, "precondition-failed");
        },
    ),
    planted("an order got two invoices", &["I10"], |story| {
        let order = story.delivered;
        let (event, issued) = invoice(story, order);
        let second = InvoiceIssuedV1 {
            invoice_id: Uuid::new_v5(&order, b"second"),
            number: 5,
            ..issued
        };
        story.append(&event, event.command_id, &InvoiceEvent::from(second).into());
    }),
    planted("a submitted order got no invoice", &["I10"], |story| {
        let order = story.taken_back;
        let invoice = invoice_of(order);
        let events: Vec<Uuid> = of_stream(story, invoice)
            .iter()
            .map(|event| event.event_id)
            .collect();
        events.into_iter().for_each(|event| story.forget(event));
    }),
    planted("the invoices' numbers have a hole", &["I10"], |story| {
        let order = story.taken_back;
        renumber(story, order, 9);
    }),
    planted("two invoices have one number", &["I10"], |story| {
        let order = story.taken_back;
        renumber(story, order, 1);
    }),
    planted(
        "an order was invoiced at another total than it was submitted at",
        &["I10"],
        |story| {
            let order = story.taken_back;
            let (event, mut issued) = invoice(story, order);
            issued.total.amount += 1;
            story.reword(event.event_id, &InvoiceEvent::from(issued).into());
        },
    ),
    planted(
        "a cancelled order's invoice got no credit note",
        &["I10"],
        |story| {
            let note = credit_note(story).0.event_id;
            story.forget(note);
        },
    ),
    planted(
        "a cancelled order's invoice got two credit notes",
        &["I10"],
        |story| {
            let (event, note) = credit_note(story);
            let second = CreditNoteIssuedV1 { number: 3, ..note };
            story.append(&event, event.command_id, &InvoiceEvent::from(second).into());
        },
    ),
    planted("the credit notes' numbers have a hole", &["I10"], |story| {
        let (event, note) = credit_note(story);
        let other = CreditNoteIssuedV1 { number: 8, ..note };
        story.reword(event.event_id, &InvoiceEvent::from(other).into());
    }),
    planted("a policy answered one event twice", &["I10"], |story| {
        let mut outcomes = story.history.outcomes.iter();
        let policy = outcomes.find(|outcome| outcome.command_type == "issue-invoice");
        let again = Outcome {
            command_id: Uuid::from_u128(79),
            ..policy.expect("an order was invoiced").clone()
        };
        story.history.outcomes.push(again);
    }),
    planted("a paid order was never confirmed", &["I10"], |story| {
        let mut outcomes = story.history.outcomes.iter();
        let policy = outcomes.find(|outcome| outcome.command_type == "confirm-paid-order");
        let command = policy.expect("an order was paid").command_id;
        story.forget_outcome(command);
    }),
];

fn rival(story: &mut Story, number: u32) -> &mut Answer {
    let key = format!("rival {number}");
    let mut calls = story.history.calls.iter_mut();
    let call = calls.find(|call| call.key.as_deref() == Some(&key));
    &mut call.expect("there were rivals").answer
}

fn of_stream(story: &Story, stream: Uuid) -> Vec<StoredEvent> {
    let events = story.history.events.iter();
    events.filter(|event| event.stream == stream).cloned().collect()
}

fn invoice(story: &Story, order: Uuid) -> (StoredEvent, InvoiceIssuedV1) {
    let event = of_stream(story, invoice_of(order)).remove(0);
    match checker::fold::decode(&event) {
        Ok(Event::Invoice(InvoiceEvent::Issued(issued))) => (event, issued),
        other => panic!("{other:?}"),
    }
}

fn renumber(story: &mut Story, order: Uuid, number: i64) {
    let (event, issued) = invoice(story, order);
    let issued = InvoiceIssuedV1 { number, ..issued };
    story.reword(event.event_id, &InvoiceEvent::from(issued).into());
}

/// Of the order that was cancelled when it was submitted: the first of them.
fn credit_note(story: &Story) -> (StoredEvent, CreditNoteIssuedV1) {
    let event = of_stream(story, invoice_of(story.cancelled)).remove(1);
    match checker::fold::decode(&event) {
        Ok(Event::Invoice(InvoiceEvent::CreditNoteIssued(note))) => (event, note),
        other => panic!("{other:?}"),
    }
}
