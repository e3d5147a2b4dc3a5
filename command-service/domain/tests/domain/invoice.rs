use domain::invoicing::{
    InvoiceCommand, InvoiceEvent, InvoiceLine, InvoiceRefusal, InvoiceStatus, IssueInvoice, LineToInvoice,
};
use domain::testing::{
    Scenario, a_credited_invoice, a_paid_invoice, an_address, an_invoice, an_issued_invoice, an_item,
    credit_note_number, customer_id, eur, invoice_id, invoice_number, money, name, order_id, payment,
    payment_reference, price, product_id, quantity,
};
use domain::{Invoice, InvoiceId, Misfit, Money, PaymentAmount, replay};

fn invoice_over(lines: impl IntoIterator<Item = LineToInvoice>) -> IssueInvoice {
    IssueInvoice {
        lines: lines.into_iter().collect(),
        ..an_invoice()
    }
}

fn pay(amount: PaymentAmount) -> InvoiceCommand {
    InvoiceCommand::ReceivePayment {
        amount,
        reference: payment_reference("Transfer 1"),
    }
}

fn received(amount: i64, paid: i64) -> InvoiceEvent {
    InvoiceEvent::PaymentReceived {
        amount: payment(amount),
        reference: payment_reference("Transfer 1"),
        paid: eur(paid).money(),
    }
}

fn paid() -> InvoiceEvent {
    InvoiceEvent::Paid {
        order_id: order_id(1),
    }
}

fn credit(number: i64) -> InvoiceCommand {
    InvoiceCommand::IssueCreditNote {
        number: credit_note_number(number),
    }
}

fn credited(number: i64, total: Money) -> InvoiceEvent {
    InvoiceEvent::CreditNoteIssued {
        number: credit_note_number(number),
        order_id: order_id(1),
        total,
    }
}

fn total() -> Money {
    eur(5997).money()
}

#[test]
fn an_invoice_adds_up_what_was_ordered() {
    let items = [an_item(1).pieces(3), an_item(2).at(eur(5))];
    let line = |product, pieces, unit_price, subtotal: i64| InvoiceLine {
        product_id: product_id(product),
        product_name: name(&format!("Product {product}")),
        quantity: quantity(pieces),
        unit_price,
        subtotal: eur(subtotal).money(),
    };
    let invoice = Scenario::<Invoice>::creating(invoice_over(items.map(|item| item.to_invoice())))
        .then_state([InvoiceEvent::Issued {
            number: invoice_number(1),
            order_id: order_id(1),
            customer_id: customer_id(1),
            billing_address: an_address("Ada Lovelace"),
            lines: vec![line(1, 3, eur(1999), 5997), line(2, 1, eur(5), 5)],
            total: eur(6002).money(),
        }]);
    assert_eq!(invoice.status, InvoiceStatus::Issued);
    assert_eq!(
        (invoice.paid, invoice.open()),
        (eur(0).money(), eur(6002).money())
    );
}

#[test]
fn where_nothing_is_to_be_paid_the_invoice_is_paid_at_once() {
    let free = || invoice_over([an_item(1).at(eur(0)).pieces(2).to_invoice()]);
    let issued = InvoiceEvent::Issued {
        number: invoice_number(1),
        order_id: order_id(1),
        customer_id: customer_id(1),
        billing_address: an_address("Ada Lovelace"),
        lines: vec![InvoiceLine::of(an_item(1).at(eur(0)).pieces(2).to_invoice()).unwrap()],
        total: eur(0).money(),
    };
    let invoice = Scenario::<Invoice>::creating(free()).then_state([issued.clone(), paid()]);
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    Scenario::<Invoice>::given([issued, paid()])
        .when(pay(payment(1)))
        .then_refused(InvoiceRefusal::Overpayment {
            open: eur(0).money(),
            amount: eur(1).money(),
        });
}

#[test]
fn what_cannot_be_added_up_is_refused() {
    Scenario::<Invoice>::creating(invoice_over([])).then_refused(InvoiceRefusal::EmptyOrder);
    let most = an_item(1).at(eur(i64::MAX));
    for lines in [
        vec![most.clone().pieces(2).to_invoice()],
        vec![most.to_invoice(), an_item(2).at(eur(1)).to_invoice()],
    ] {
        Scenario::<Invoice>::creating(invoice_over(lines)).then_refused(InvoiceRefusal::AmountOverflow);
    }
    let mixed = [an_item(1), an_item(2).at(price(1, "USD"))].map(|item| item.to_invoice());
    Scenario::<Invoice>::creating(invoice_over(mixed)).then_refused(InvoiceRefusal::CurrencyMismatch {
        invoice: eur(0).currency(),
        other: price(0, "USD").currency(),
    });
}

#[test]
fn an_invoice_is_paid_in_one_or_several_payments() {
    let invoice = Scenario::<Invoice>::given(an_issued_invoice())
        .when(pay(payment(5997)))
        .then_state([received(5997, 5997), paid()]);
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    let invoice = Scenario::<Invoice>::given(an_issued_invoice())
        .when(pay(payment(5996)))
        .then_state([received(5996, 5996)]);
    assert_eq!(
        (invoice.status, invoice.open()),
        (InvoiceStatus::Issued, eur(1).money())
    );
    let invoice = Scenario::<Invoice>::given([an_issued_invoice(), vec![received(5996, 5996)]].concat())
        .when(pay(payment(1)))
        .then_state([received(1, 5997), paid()]);
    assert_eq!(
        (invoice.status, invoice.open()),
        (InvoiceStatus::Paid, eur(0).money())
    );
}

#[test]
fn more_than_is_open_is_refused() {
    for (past, open, amount) in [
        (an_issued_invoice(), 5997, 5998),
        (an_issued_invoice(), 5997, i64::MAX),
        (
            [an_issued_invoice(), vec![received(5000, 5000)]].concat(),
            997,
            998,
        ),
        (
            [an_issued_invoice(), vec![received(5000, 5000)]].concat(),
            997,
            i64::MAX,
        ),
        (a_paid_invoice(), 0, 1),
    ] {
        let refusal = InvoiceRefusal::Overpayment {
            open: eur(open).money(),
            amount: eur(amount).money(),
        };
        assert_eq!(refusal.kind(), "overpayment");
        Scenario::<Invoice>::given(past)
            .when(pay(payment(amount)))
            .then_refused(refusal);
    }
}

#[test]
fn another_currency_is_refused() {
    let dollars = PaymentAmount::new(money(1, "USD")).unwrap();
    for past in [an_issued_invoice(), a_paid_invoice()] {
        Scenario::<Invoice>::given(past)
            .when(pay(dollars))
            .then_refused(InvoiceRefusal::CurrencyMismatch {
                invoice: eur(0).currency(),
                other: dollars.money().currency(),
            });
    }
}

#[test]
fn a_credit_note_takes_back_the_whole_once() {
    for past in [
        an_issued_invoice(),
        [an_issued_invoice(), vec![received(1, 1)]].concat(),
        a_paid_invoice(),
    ] {
        let invoice = Scenario::<Invoice>::given(past)
            .when(credit(7))
            .then_state([credited(7, total())]);
        assert_eq!(
            (invoice.status, invoice.total),
            (InvoiceStatus::Credited, total())
        );
    }
    for again in [1, 2] {
        Scenario::<Invoice>::given(a_credited_invoice())
            .when(credit(again))
            .then_nothing_happened();
    }
}

#[test]
fn a_credited_invoice_takes_no_payment() {
    let dollars = PaymentAmount::new(money(1, "USD")).unwrap();
    for amount in [payment(1), payment(5997), payment(5998), dollars] {
        Scenario::<Invoice>::given(a_credited_invoice())
            .when(pay(amount))
            .then_refused(InvoiceRefusal::Credited);
    }
    assert_eq!(InvoiceRefusal::Credited.kind(), "invoice-credited");
}

#[test]
fn an_orders_invoice_has_an_id_that_anybody_can_work_out() {
    // Python: uuid.uuid5(uuid.UUID(int=(3 << 64) + 1), "invoice")
    assert_eq!(
        InvoiceId::of_order(order_id(1)).to_string(),
        "df35dae6-0a24-5042-9e63-c535f2e53c45"
    );
    assert_ne!(invoice_id(1), invoice_id(2));
}

#[test]
fn a_stream_begins_with_the_issue_and_has_one() {
    for event in [received(1, 1), paid(), credited(1, total())] {
        assert_eq!(replay::<Invoice>(&[event]), Err(Misfit::BeforeCreation));
    }
    for past in [an_issued_invoice(), a_paid_invoice(), a_credited_invoice()] {
        let twice = [past, an_issued_invoice()].concat();
        assert_eq!(replay::<Invoice>(&twice), Err(Misfit::CreatedTwice));
    }
}

#[test]
fn events_that_no_invoice_decides_do_not_fit() {
    let after =
        |past: Vec<InvoiceEvent>, event: InvoiceEvent| replay::<Invoice>(&[past, vec![event]].concat());
    for status in [a_paid_invoice(), a_credited_invoice()] {
        assert_eq!(after(status.clone(), received(1, 1)), Err(Misfit::WrongStatus));
        assert_eq!(after(status, paid()), Err(Misfit::WrongStatus));
    }
    assert_eq!(
        after(a_credited_invoice(), credited(2, total())),
        Err(Misfit::WrongStatus)
    );
    for wrong in [
        received(1, 2),
        received(5998, 5998),
        paid(),
        credited(1, eur(1).money()),
    ] {
        assert_eq!(after(an_issued_invoice(), wrong), Err(Misfit::WrongTotal));
    }
    let in_dollars = InvoiceEvent::PaymentReceived {
        amount: PaymentAmount::new(money(1, "USD")).unwrap(),
        reference: payment_reference("Transfer 1"),
        paid: money(1, "USD"),
    };
    assert_eq!(after(an_issued_invoice(), in_dollars), Err(Misfit::WrongTotal));
    let of_another = InvoiceEvent::CreditNoteIssued {
        number: credit_note_number(1),
        order_id: order_id(2),
        total: total(),
    };
    assert_eq!(after(an_issued_invoice(), of_another), Err(Misfit::OtherOrder));
    let full = [an_issued_invoice(), vec![received(5997, 5997)]].concat();
    let of_another = InvoiceEvent::Paid {
        order_id: order_id(2),
    };
    assert_eq!(after(full, of_another), Err(Misfit::OtherOrder));
}

#[test]
fn an_invoice_that_does_not_add_up_does_not_fit() {
    let Some(InvoiceEvent::Issued {
        number,
        order_id,
        customer_id,
        billing_address,
        lines,
        ..
    }) = an_issued_invoice().pop()
    else {
        panic!("no invoice");
    };
    let with = |lines: Vec<InvoiceLine>, total| {
        replay::<Invoice>(&[InvoiceEvent::Issued {
            number,
            order_id,
            customer_id,
            billing_address: billing_address.clone(),
            lines,
            total,
        }])
    };
    let mut wrong_subtotal = lines.clone();
    wrong_subtotal[0].subtotal = eur(1).money();
    for (lines, total) in [
        (lines.clone(), eur(5996).money()),
        (lines.clone(), money(5997, "USD")),
        (wrong_subtotal, eur(1).money()),
        (vec![], eur(0).money()),
    ] {
        assert_eq!(with(lines, total), Err(Misfit::WrongTotal));
    }
    assert!(with(lines, total()).is_ok());
}
