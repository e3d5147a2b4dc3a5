//! Invoices under any sequence of commands, against a model that knows only the rules' words.

use domain::invoicing::{InvoiceCommand, InvoiceEvent, InvoiceStatus, IssueInvoice};
use domain::testing::{
    ItemBuilder, an_invoice, an_item, credit_note_number, money, payment_reference, price,
};
use domain::{Aggregate, Invoice, PaymentAmount, replay};
use proptest::collection::vec;
use proptest::prelude::*;

fn currencies() -> impl Strategy<Value = &'static str> {
    prop_oneof![12 => Just("EUR"), 1 => Just("USD")]
}

fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0_i64..6, 1 => Just(i64::MAX), 1 => Just(i64::MAX / 2)]
}

fn items() -> impl Strategy<Value = ItemBuilder> {
    let pieces = prop_oneof![8 => 1_i64..4, 1 => Just(1_000_000)];
    (1_u128..6, amounts(), currencies(), pieces).prop_map(|(product, amount, currency, pieces)| {
        an_item(product).at(price(amount, currency)).pieces(pieces)
    })
}

fn commands() -> impl Strategy<Value = InvoiceCommand> {
    let payments = (amounts(), currencies()).prop_filter_map("nothing", |(amount, currency)| {
        Some(InvoiceCommand::ReceivePayment {
            amount: PaymentAmount::new(money(amount, currency)).ok()?,
            reference: payment_reference("Transfer"),
        })
    });
    prop_oneof![
        8 => payments,
        1 => (1_i64..9).prop_map(|number| InvoiceCommand::IssueCreditNote { number: credit_note_number(number) }),
    ]
}

fn issue(items: &[ItemBuilder]) -> IssueInvoice {
    IssueInvoice {
        lines: items.iter().cloned().map(ItemBuilder::to_invoice).collect(),
        ..an_invoice()
    }
}

/// Wide enough for any sum; the kind of the refusal, else.
fn expected_total(items: &[ItemBuilder]) -> Result<i128, &'static str> {
    let lines: Vec<_> = items.iter().cloned().map(ItemBuilder::to_invoice).collect();
    let currency = lines.first().ok_or("empty-order")?.unit_price.currency();
    let mut total = 0;
    for line in lines {
        if line.unit_price.currency() != currency {
            return Err("currency-mismatch");
        }
        total += i128::from(line.unit_price.money().amount()) * i128::from(line.quantity.get());
        if total > i128::from(i64::MAX) {
            return Err("amount-overflow");
        }
    }
    Ok(total)
}

fn replayed(events: &[InvoiceEvent]) -> Invoice {
    replay(events).unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_invoice_does_what_the_rules_say(
        items in vec(items(), 0..6),
        commands in vec(commands(), 0..20),
    ) {
        let issued = Invoice::create(issue(&items));
        let total = expected_total(&items);
        let (Ok(mut events), Ok(total)) = (issued.clone(), total) else {
            prop_assert_eq!(issued.map(|_| ()).map_err(|refusal| refusal.kind()), total.map(|_| ()));
            return Ok(());
        };
        let mut paid = 0;
        let mut credited = false;
        for command in commands {
            let invoice = replayed(&events);
            let open = total - paid;
            let expected = match &command {
                InvoiceCommand::ReceivePayment { .. } if credited => Err("invoice-credited"),
                InvoiceCommand::ReceivePayment { amount, .. } => {
                    let amount = amount.money();
                    if amount.currency() != invoice.total.currency() {
                        Err("currency-mismatch")
                    } else if i128::from(amount.amount()) > open {
                        Err("overpayment")
                    } else {
                        paid += i128::from(amount.amount());
                        Ok(1 + usize::from(paid == total))
                    }
                }
                InvoiceCommand::IssueCreditNote { .. } => Ok(usize::from(!std::mem::replace(&mut credited, true))),
            };
            match (invoice.decide(command.clone()), expected) {
                (Ok(decided), Ok(count)) => {
                    prop_assert_eq!(decided.len(), count, "{:?}", command);
                    events.extend(decided);
                }
                (Err(refusal), Err(kind)) => prop_assert_eq!(refusal.kind(), kind),
                (decided, expected) => prop_assert!(false, "{command:?}: {decided:?}, but {expected:?}"),
            }
            let next = replayed(&events);
            prop_assert_eq!(i128::from(next.paid.amount()), paid);
            prop_assert_eq!(i128::from(next.total.amount()), total, "an invoice never changes");
            prop_assert_eq!(i128::from(next.open().amount()), total - paid);
            let status = match (credited, paid == total) {
                (true, _) => InvoiceStatus::Credited,
                (false, true) => InvoiceStatus::Paid,
                (false, false) => InvoiceStatus::Issued,
            };
            prop_assert_eq!(next.status, status);
        }
        let settled = events.iter().filter(|event| matches!(event, InvoiceEvent::Paid { .. })).count();
        prop_assert_eq!(settled, usize::from(paid == total), "what confirms the order is told once");
    }

    /// Whatever stands in a store: an invoice or an error, never a panic.
    #[test]
    fn any_events_replay_or_misfit(amounts in vec((amounts(), amounts(), currencies(), 0..4_u8), 0..12)) {
        let mut events = domain::testing::an_issued_invoice();
        events.extend(amounts.into_iter().filter_map(|(amount, sum, currency, kind)| Some(match kind {
            0 => InvoiceEvent::Paid { order_id: domain::testing::order_id(1) },
            1 => InvoiceEvent::CreditNoteIssued {
                number: credit_note_number(1),
                order_id: domain::testing::order_id(1),
                total: money(sum, currency),
            },
            _ => InvoiceEvent::PaymentReceived {
                amount: PaymentAmount::new(money(amount, currency)).ok()?,
                reference: payment_reference("Transfer"),
                paid: money(sum, currency),
            },
        })));
        let _ = replay::<Invoice>(&events);
    }
}
