//! One submitted order, one invoice; numbers unique and without gaps; one credit note for each cancelled invoice.

use std::collections::{BTreeMap, HashMap};

use shared_events::{Event, InvoiceEvent, OrderEvent, OrderForInvoicingEvent};
use uuid::Uuid;

use crate::context::{Context, Stood};
use crate::history::{History, Outcome, StoredEvent};
use crate::report::Verdict;
use crate::telling;

pub fn check(history: &History, context: &Context<'_>, mut verdict: Verdict) -> Verdict {
    let books = Books::of(context);
    for order in books.orders.values() {
        one_each(&mut verdict, order);
    }
    in_series(&mut verdict, "invoices", &books.invoices);
    in_series(&mut verdict, "credit notes", &books.credit_notes);
    follow_ups(&mut verdict, history, context);
    verdict
}

/// What became of one order.
#[derive(Default)]
struct Papers<'a> {
    /// With its total.
    submitted: Option<(&'a StoredEvent, i64)>,
    /// From submitted or confirmed.
    cancelled: Option<&'a StoredEvent>,
    invoices: Vec<(&'a StoredEvent, i64)>,
    credit_notes: Vec<&'a StoredEvent>,
}

#[derive(Default)]
struct Books<'a> {
    orders: BTreeMap<Uuid, Papers<'a>>,
    /// By number.
    invoices: BTreeMap<i64, Vec<&'a StoredEvent>>,
    credit_notes: BTreeMap<i64, Vec<&'a StoredEvent>>,
}

impl<'a> Books<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut books = Self::default();
        for Stood { event, says, .. } in &context.events {
            match says {
                Some(Event::Order(OrderEvent::Submitted(submitted))) => {
                    books.order(event.stream).submitted = Some((event, submitted.total.amount));
                }
                Some(Event::Order(OrderEvent::Cancelled(cancelled)))
                    if cancelled.cancelled_from != "draft" =>
                {
                    books.order(event.stream).cancelled = Some(event);
                }
                Some(Event::Invoice(InvoiceEvent::Issued(issued))) => {
                    let invoices = &mut books.order(issued.order_id).invoices;
                    invoices.push((event, issued.total.amount));
                    books.invoices.entry(issued.number).or_default().push(event);
                }
                Some(Event::Invoice(InvoiceEvent::CreditNoteIssued(note))) => {
                    books.order(note.order_id).credit_notes.push(event);
                    books.credit_notes.entry(note.number).or_default().push(event);
                }
                _ => {}
            }
        }
        books
    }

    fn order(&mut self, id: Uuid) -> &mut Papers<'a> {
        self.orders.entry(id).or_default()
    }
}

impl Papers<'_> {
    fn events(&self) -> impl Iterator<Item = String> {
        let submitted = self.submitted.iter().map(|(event, _)| *event);
        let invoices = self.invoices.iter().map(|(event, _)| *event);
        submitted
            .chain(self.cancelled)
            .chain(invoices)
            .chain(self.credit_notes.iter().copied())
            .map(telling::event)
    }
}

fn one_each(verdict: &mut Verdict, order: &Papers<'_>) {
    verdict.compare();
    let (submitted, invoices) = (usize::from(order.submitted.is_some()), order.invoices.len());
    if submitted != invoices {
        let seen = format!("{invoices} invoices of an order that was submitted {submitted} times");
        verdict.violate("one submitted order, one invoice", seen, order.events());
    }
    if let (Some((_, total)), [(_, invoiced), ..]) = (order.submitted, &order.invoices[..])
        && total != *invoiced
    {
        let seen = format!("submitted at {total}, invoiced at {invoiced}");
        verdict.violate("an order is invoiced as it was submitted", seen, order.events());
    }
    let (cancelled, notes) = (usize::from(order.cancelled.is_some()), order.credit_notes.len());
    if cancelled != notes {
        let seen = format!("{notes} credit notes of an order that was cancelled {cancelled} times");
        verdict.violate("one credit note for each cancelled invoice", seen, order.events());
    }
}

fn in_series(verdict: &mut Verdict, what: &str, numbers: &BTreeMap<i64, Vec<&StoredEvent>>) {
    let promised = format!("numbers of {what} are unique and without gaps");
    let mut next = 1;
    for (number, events) in numbers {
        verdict.compare();
        if events.len() > 1 {
            let seen = format!("{number} was given {} times", events.len());
            verdict.violate(&*promised, seen, events.iter().map(|event| telling::event(event)));
        }
        if *number != next {
            let seen = format!("where {next} belongs is {number}");
            verdict.violate(&*promised, seen, events.iter().map(|event| telling::event(event)));
        }
        next = number + 1;
    }
}

/// Each event that a policy answers has its one command.
fn follow_ups(verdict: &mut Verdict, history: &History, context: &Context<'_>) {
    let mut caused: HashMap<Uuid, Vec<&Outcome>> = HashMap::new();
    for outcome in &history.outcomes {
        caused.entry(outcome.causation_id).or_default().push(outcome);
    }
    for Stood { event, says, .. } in &context.events {
        let (wanted, may_be_refused) = match says {
            Some(Event::OrderForInvoicing(OrderForInvoicingEvent::Submitted(_))) => ("an invoice", false),
            Some(Event::OrderForInvoicing(OrderForInvoicingEvent::Cancelled(_))) => ("a credit note", false),
            // The order may have been cancelled meanwhile.
            Some(Event::Invoice(InvoiceEvent::Paid(_))) => ("the order's confirmation", true),
            _ => continue,
        };
        verdict.compare();
        let outcomes = caused.get(&event.event_id).map_or(&[][..], Vec::as_slice);
        let fine = match outcomes {
            [one] => one.outcome == "succeeded" || may_be_refused && one.outcome == "refused",
            _ => false,
        };
        if !fine {
            let seen = match outcomes.len() {
                1 => "it did not succeed".to_owned(),
                number => format!("there are {number}"),
            };
            let outcomes = outcomes.iter().map(|outcome| telling::outcome(outcome));
            verdict.violate(
                format!("an event that a policy answers leads to one command, {wanted}"),
                seen,
                [telling::event(event)].into_iter().chain(outcomes),
            );
        }
    }
}
