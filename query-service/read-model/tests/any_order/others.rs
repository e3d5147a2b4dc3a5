//! Sales, history and invoices: whatever order their events come in.

use proptest::prelude::*;
use read_model::{
    Created, Draining, InvoiceAccountDocument, InvoiceStatus, Kind, Moment, OrderHistoryEntry, OrderStatus,
    Projection, SaleDocument, entry_id, order_as_of,
};
use serde_json::Value;
use shared_events::event::*;
use shared_events::{AggregateType, Event, EventMetadata, InvoiceEvent};
use uuid::Uuid;

use super::stream::{CUSTOMER, ORDER, PRODUCTS, at, deliveries, histories, metadata, money, price, total};

fn told(aggregate: AggregateType, id: Uuid, version: u64, event: Event) -> (EventMetadata, Event) {
    (metadata(aggregate, id, version, &event), event)
}

/// The one document that the events end in, each through JSON.
fn project(kind: Kind, id: Uuid, events: impl IntoIterator<Item = (EventMetadata, Event)>) -> Projection {
    let mut projection = Projection::new(kind, id);
    for (step, (metadata, event)) in (0..).zip(events) {
        if kind.target(&metadata, &event) != Some(id) {
            continue;
        }
        let before = projection.version();
        projection
            .apply(&metadata, &event, Draining::All, at(step))
            .unwrap();
        assert!(projection.version() >= before);
        assert_eq!(projection.waits_since().is_some(), projection.parked() > 0);
        let body: Value = serde_json::from_str(&projection.to_json().unwrap()).unwrap();
        let restored = Projection::from_json(kind, id, body).unwrap();
        assert_eq!(restored, projection);
    }
    assert_eq!(projection.parked(), 0);
    projection
}

const INVOICE: Uuid = Uuid::from_u128(7);

fn invoice_events(payments: &[i64], credited: bool) -> Vec<InvoiceEvent> {
    let issued = InvoiceIssuedV1 {
        invoice_id: INVOICE,
        number: 12,
        order_id: ORDER,
        customer_id: CUSTOMER,
        billing_address: Address {
            name: "Ada".into(),
            street: "St James's Square 12".into(),
            postal_code: "SW1Y 4JH".into(),
            city: "London".into(),
            country: "GB".into(),
        },
        lines: vec![InvoiceLine {
            product_id: PRODUCTS[0],
            product_name: "Engine".into(),
            quantity: 2,
            unit_price: money(500),
            subtotal: money(1_000),
        }],
        total: money(1_000),
    };
    let mut events = vec![issued.into()];
    let mut paid = 0;
    for payment in payments {
        let amount = (*payment).min(1_000 - paid);
        if amount == 0 {
            break;
        }
        paid += amount;
        let received = InvoicePaymentReceivedV1 {
            invoice_id: INVOICE,
            amount: money(amount),
            reference: "transfer".into(),
            paid: money(paid),
        };
        events.push(received.into());
        if paid == 1_000 {
            events.push(
                InvoicePaidV1 {
                    invoice_id: INVOICE,
                    order_id: ORDER,
                }
                .into(),
            );
        }
    }
    events.extend(credited.then(|| {
        InvoiceEvent::from(CreditNoteIssuedV1 {
            invoice_id: INVOICE,
            number: 3,
            order_id: ORDER,
            total: money(1_000),
        })
    }));
    events
}

type Account = (Vec<InvoiceEvent>, bool, Vec<usize>);

fn accounts() -> impl Strategy<Value = Account> {
    (prop::collection::vec(1..700i64, 0..4), any::<bool>()).prop_flat_map(|(payments, credited)| {
        let events = invoice_events(&payments, credited);
        let deliveries = deliveries(events.len());
        (Just(events), Just(credited), deliveries)
    })
}

proptest! {
    #[test]
    fn a_sale_counts_from_its_confirmation_until_it_is_cancelled((events, lines, way, deliveries) in histories()) {
        let delivered = deliveries.into_iter().map(|index| {
            told(AggregateType::Order, ORDER, index as u64 + 1, Event::Order(events[index].clone()))
        });
        let projection = project(Kind::Sale, ORDER, delivered);
        let sale: SaleDocument = serde_json::from_str(&projection.to_json().unwrap()).unwrap();
        prop_assert_eq!(sale.version, events.len() as u64);
        prop_assert_eq!(sale.status, way.status());
        let counts = way.states >= 2 && !way.cancelled;
        prop_assert_eq!(sale.revenue, counts.then(|| total(&lines)));
        prop_assert_eq!(sale.currency.as_deref(), counts.then_some("EUR"));
        prop_assert_eq!(sale.confirmed_on, counts.then(|| at(1).date_naive()));
        let sold: Vec<_> = sale.sold.iter().map(|sold| (sold.product_id, sold.quantity, sold.revenue)).collect();
        let expected: Vec<_> = lines.iter().map(|(id, quantity)| (*id, *quantity, price(*id) * quantity)).collect();
        prop_assert_eq!(sold, if counts { expected } else { Vec::new() });
    }

    #[test]
    fn an_invoice_is_what_was_issued_and_its_account_what_came_after((events, credited, deliveries) in accounts()) {
        let delivered: Vec<_> = deliveries.into_iter().map(|index| {
            told(AggregateType::Invoice, INVOICE, index as u64 + 1, Event::Invoice(events[index].clone()))
        }).collect();
        let in_order = told(AggregateType::Invoice, INVOICE, 1, Event::Invoice(events[0].clone()));
        let issued = project(Kind::Invoice, INVOICE, [in_order]);
        prop_assert_eq!(project(Kind::Invoice, INVOICE, delivered.clone()), issued);
        let account = project(Kind::InvoiceAccount, INVOICE, delivered);
        let account: InvoiceAccountDocument = serde_json::from_str(&account.to_json().unwrap()).unwrap();
        let paid: i64 = events.iter().map(|event| match event {
            InvoiceEvent::PaymentReceived(received) => received.amount.amount,
            _ => 0,
        }).sum();
        prop_assert_eq!(account.version, events.len() as u64);
        prop_assert_eq!(account.paid, money(paid));
        prop_assert_eq!(account.credit_note_number, credited.then_some(3));
        prop_assert_eq!(account.status, match (credited, paid) {
            (true, _) => InvoiceStatus::Credited,
            (false, 1_000) => InvoiceStatus::Paid,
            (false, _) => InvoiceStatus::Issued,
        });
    }

    #[test]
    fn the_history_gives_the_order_back_as_it_was((events, _, _, deliveries) in histories()) {
        let entries: Vec<OrderHistoryEntry> = (1..).zip(&events).map(|(version, event)| {
            // Whatever else comes and however often, its own event makes the entry.
            let id = entry_id(ORDER, version);
            let delivered = deliveries.iter().map(|index| {
                told(AggregateType::Order, ORDER, *index as u64 + 1, Event::Order(events[*index].clone()))
            });
            let entry = project(Kind::OrderHistory, id, delivered);
            let entry: OrderHistoryEntry = serde_json::from_str(&entry.to_json().unwrap()).unwrap();
            assert_eq!((entry.order_id, entry.version), (ORDER, version));
            assert_eq!(&entry.event().unwrap(), event);
            entry
        }).collect();
        for version in 0..=events.len() as u64 + 1 {
            let told = (1..).zip(&events).map(|(version, event)| {
                told(AggregateType::Order, ORDER, version, Event::Order(event.clone()))
            });
            let then = project(Kind::Order, ORDER, told.take(version as usize));
            let as_of = order_as_of(&entries, Moment::Version(version)).unwrap();
            prop_assert_eq!(as_of.as_ref(), then.order());
            let as_of = order_as_of(&entries, Moment::Time(at(version))).unwrap();
            prop_assert_eq!(as_of.as_ref(), then.order());
        }
    }
}

#[test]
fn a_history_with_a_hole_is_no_history() {
    let (events, ..) = super::stream::stream(
        &[super::stream::Step::Add {
            product: 0,
            quantity: 1,
        }],
        super::stream::Way {
            states: 2,
            cancelled: false,
        },
    );
    let entry = |version: u64| {
        let event = Event::Order(events[version as usize - 1].clone());
        let mut entry: Created<OrderHistoryEntry> = Created::new(entry_id(ORDER, version));
        let Event::Order(order) = &event else {
            unreachable!()
        };
        entry
            .apply(&metadata(AggregateType::Order, ORDER, version, &event), order)
            .unwrap();
        entry.document().unwrap().clone()
    };
    assert!(order_as_of(&[entry(1), entry(3)], Moment::Version(3)).is_err());
    assert!(order_as_of(&[entry(2)], Moment::Version(3)).is_err());
    let order = order_as_of(&[entry(1), entry(2)], Moment::Version(3)).unwrap();
    assert_eq!(order.unwrap().status, OrderStatus::Draft);
}

#[test]
fn every_kind_has_a_name_of_its_own_that_leads_back_to_it() {
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
        assert!(!kind.topics().is_empty());
    }
    assert!("order".parse::<Kind>().is_err());
}
