//! Invoices and their numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use command_service::application::codec::Recorded;
use command_service::application::invoicing::{IssueCreditNote, IssueInvoice, ReceivePayment};
use command_service::application::ports::{
    CommandRecord, Commit, EventStore, NumberSeries, Snapshot, StoreError, StoredStream, StreamId,
};
use command_service::outbound::memory::MemoryStore;
use domain::invoicing::InvoiceStatus;
use domain::testing::{an_invoice, an_item, eur, order_id, payment, payment_reference, price};
use domain::{Invoice, InvoiceId, PaymentAmount};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::service::{ATTEMPTS, Service, kind_of};

/// Of three pieces for 19.99 EUR each.
fn issue(order: u128) -> IssueInvoice {
    let invoice = an_invoice();
    IssueInvoice {
        order_id: order_id(order),
        customer_id: invoice.customer_id,
        billing_address: invoice.billing_address,
        lines: invoice.lines,
    }
}

fn pay(order: u128, amount: PaymentAmount) -> ReceivePayment {
    ReceivePayment {
        invoice_id: InvoiceId::of_order(order_id(order)),
        amount,
        reference: payment_reference("Transfer 1"),
    }
}

fn history<S>(service: &Service<S>, order: u128) -> Vec<String>
where
    S: EventStore + command_service::application::ports::CommandStore,
{
    service.history(Invoice::stream(InvoiceId::of_order(order_id(order))))
}

#[tokio::test]
async fn invoices_and_credit_notes_are_numbered_from_one_on_each() {
    let service = Service::new();
    for order in [1, 2, 3] {
        service.execute(issue(order)).await.unwrap();
    }
    for order in [3, 1] {
        let note = IssueCreditNote {
            order_id: order_id(order),
        };
        service.execute(note).await.unwrap();
    }
    let numbers = [1, 2, 3].map(|order| service.invoice(order_id(order)).number.get());
    assert_eq!(numbers, [1, 2, 3]);
    let last = |series| service.memory.last_number(series);
    assert_eq!(last(NumberSeries::Invoice).await.unwrap(), 3);
    assert_eq!(last(NumberSeries::CreditNote).await.unwrap(), 2);
}

#[tokio::test]
async fn an_order_has_one_invoice_and_one_credit_note_however_often_they_are_asked_for() {
    let service = Service::new();
    let note = || IssueCreditNote {
        order_id: order_id(1),
    };
    assert_eq!(service.execute(issue(1)).await.unwrap().version, 1);
    assert_eq!(service.execute(issue(1)).await.unwrap().version, 1);
    assert_eq!(service.execute(note()).await.unwrap().version, 2);
    assert_eq!(service.execute(note()).await.unwrap().version, 2);
    assert_eq!(
        service.execute(issue(1)).await.unwrap().version,
        2,
        "a credited invoice is an invoice"
    );
    assert_eq!(history(&service, 1), ["InvoiceIssuedV1", "CreditNoteIssuedV1"]);
    for series in NumberSeries::ALL {
        assert_eq!(service.memory.last_number(series).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn of_two_at_once_one_issues_and_both_succeed() {
    let service = Service::new();
    let (first, second) = tokio::join!(service.execute(issue(1)), service.execute(issue(1)));
    assert_eq!((first.unwrap().version, second.unwrap().version), (1, 1));
    assert_eq!(history(&service, 1), ["InvoiceIssuedV1"]);
    let last = service.memory.last_number(NumberSeries::Invoice).await.unwrap();
    assert_eq!(last, 1);
}

#[tokio::test]
async fn many_at_once_leave_no_gap_and_nobody_is_given_up() {
    let service = Service::new();
    let orders = 1..=50;
    let answers = join_all(orders.clone().map(|order| service.execute(issue(order)))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let mut numbers: Vec<_> = orders
        .map(|order| service.invoice(order_id(order)).number.get())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_payment_in_parts_pays_the_invoice_in_the_end() {
    let service = Service::new();
    service.execute(issue(1)).await.unwrap();
    assert_eq!(service.execute(pay(1, payment(5000))).await.unwrap().version, 2);
    assert_eq!(service.invoice(order_id(1)).status, InvoiceStatus::Issued);
    assert_eq!(
        kind_of(service.execute(pay(1, payment(998))).await),
        "overpayment"
    );
    assert_eq!(service.execute(pay(1, payment(997))).await.unwrap().version, 4);
    assert_eq!(service.invoice(order_id(1)).status, InvoiceStatus::Paid);
    assert_eq!(kind_of(service.execute(pay(1, payment(1))).await), "overpayment");
    assert_eq!(
        history(&service, 1),
        [
            "InvoiceIssuedV1",
            "InvoicePaymentReceivedV1",
            "InvoicePaymentReceivedV1",
            "InvoicePaidV1"
        ]
    );
}

#[tokio::test]
async fn payments_that_do_not_fit_are_refused() {
    let service = Service::new();
    service.execute(issue(1)).await.unwrap();
    let dollars = PaymentAmount::new(price(1, "USD").money()).unwrap();
    assert_eq!(
        kind_of(service.execute(pay(1, dollars)).await),
        "currency-mismatch"
    );
    assert_eq!(kind_of(service.execute(pay(2, payment(1))).await), "not-found");
    let note = IssueCreditNote {
        order_id: order_id(1),
    };
    service.execute(note).await.unwrap();
    assert_eq!(
        kind_of(service.execute(pay(1, payment(1))).await),
        "invoice-credited"
    );
}

#[tokio::test]
async fn a_refused_invoice_takes_no_number() {
    let service = Service::new();
    let mixed = IssueInvoice {
        lines: vec![
            an_item(1).to_invoice(),
            an_item(2).at(price(1, "USD")).to_invoice(),
        ],
        ..issue(1)
    };
    assert_eq!(kind_of(service.execute(mixed).await), "currency-mismatch");
    let note = IssueCreditNote {
        order_id: order_id(1),
    };
    assert_eq!(kind_of(service.execute(note).await), "not-found");
    for series in NumberSeries::ALL {
        assert_eq!(service.memory.last_number(series).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_costs_nothing_is_paid_at_once() {
    let service = Service::new();
    let free = IssueInvoice {
        lines: vec![an_item(1).at(eur(0)).to_invoice()],
        ..issue(1)
    };
    assert_eq!(service.execute(free).await.unwrap().version, 2);
    assert_eq!(history(&service, 1), ["InvoiceIssuedV1", "InvoicePaidV1"]);
    let [confirm] = &service.memory.queued()[..] else {
        panic!("{:?}", service.memory.queued());
    };
    assert_eq!(confirm.command_type, "confirm-paid-order");
}

/// A store in which another process takes the number right before each commit that claims one, so many times.
struct Outrun {
    memory: Arc<MemoryStore>,
    rivals: AtomicU32,
}

impl Outrun {
    fn by(rivals: u32) -> impl FnOnce(Arc<MemoryStore>) -> Arc<Self> {
        move |memory| {
            Arc::new(Self {
                memory,
                rivals: AtomicU32::new(rivals),
            })
        }
    }
}

impl EventStore for Outrun {
    async fn read(&self, streams: &[StreamId], format: Option<i32>) -> Result<Vec<StoredStream>, StoreError> {
        self.memory.read(streams, format).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let rival = self
            .rivals
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if let (Some(_), Ok(rival)) = (commit.claim, rival) {
            let command = CommandRecord {
                command_id: Uuid::from_u128(rival.into()),
                ..commit.command.clone()
            };
            let taking = Commit {
                claim: commit.claim,
                ..Commit::of(command, commit.occurred_at)
            };
            self.memory.commit(taking).await.unwrap();
        }
        self.memory.commit(commit).await
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        self.memory.save_snapshot(stream, snapshot, format).await
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        self.memory.last_number(series).await
    }
}

commands_in_memory!(Outrun);

#[tokio::test]
async fn a_number_that_another_took_first_is_not_given_again() {
    for rivals in 0..ATTEMPTS {
        let service = Service::over(Outrun::by(rivals));
        assert_eq!(service.execute(issue(1)).await.unwrap().version, 1);
        let number = service.invoice(order_id(1)).number.get();
        assert_eq!(number, i64::from(rivals) + 1);
    }
    let service = Service::over(Outrun::by(ATTEMPTS));
    let context = service.context();
    let answer = service.execute_as(&context, issue(1)).await;
    assert_eq!(kind_of(answer), "version-conflict");
    assert!(history(&service, 1).is_empty());
    assert_eq!(
        service.memory.command(context.command_id),
        None,
        "it is not decided, and is tried again"
    );
}
