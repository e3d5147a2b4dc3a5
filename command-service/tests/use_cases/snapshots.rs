//! A snapshot and the events after it are as good as all the events.

use std::fmt::Debug;
use std::path::Path;

use command_service::application::codec::snapshot::{SNAPSHOT_FORMAT, Snapshotted};
use domain::customer::{CustomerCommand, RegisterCustomer};
use domain::invoicing::{InvoiceCommand, IssueInvoice};
use domain::order::{CreateOrder, OrderCommand};
use domain::product::{AddProduct, ProductCommand};
use domain::testing::{
    a_draft_of, a_registered_customer, an_added_product, an_invoice, an_issued_invoice, an_item,
    credit_note_number, eur, payment, payment_reference, product_id, quantity, the_customer,
};
use domain::{Aggregate, Customer, Invoice, Order, Product, replay};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::values::*;

/// What the commands lead to, those that are refused left out.
fn history<A: Aggregate>(mut events: Vec<A::Event>, commands: Vec<A::Command>) -> Vec<A::Event>
where
    A::Refusal: Debug,
{
    let mut state = replay::<A>(&events).unwrap().unwrap();
    for command in commands {
        for event in state.decide(command).unwrap_or_default() {
            state = A::evolve(Some(state), &event).unwrap();
            events.push(event);
        }
    }
    events
}

/// At every cut.
fn snapshots_agree<A>(events: &[A::Event]) -> Result<(), TestCaseError>
where
    A: Snapshotted + Debug + PartialEq,
{
    let whole = replay::<A>(events).unwrap().unwrap();
    for cut in 1..=events.len() {
        let (before, after) = events.split_at(cut);
        let kept = replay::<A>(before).unwrap().unwrap();
        let text = kept.to_snapshot().to_string();
        let value: Value = serde_json::from_str(&text).unwrap();
        let read = A::from_snapshot(&value).unwrap();
        prop_assert_eq!(&read, &kept);
        let state = after
            .iter()
            .fold(read, |state, event| A::evolve(Some(state), event).unwrap());
        prop_assert_eq!(&state, &whole);
    }
    Ok(())
}

fn customer_commands() -> impl Strategy<Value = CustomerCommand> {
    prop_oneof![
        names().prop_map(|name| CustomerCommand::Rename { name }),
        addresses().prop_map(|billing_address| CustomerCommand::ChangeBillingAddress { billing_address }),
        addresses().prop_map(|delivery_address| CustomerCommand::ChangeDeliveryAddress { delivery_address }),
    ]
}

fn product_commands() -> impl Strategy<Value = ProductCommand> {
    prop_oneof![
        4 => names().prop_map(|name| ProductCommand::Rename { name }),
        4 => unit_prices().prop_map(|unit_price| ProductCommand::ChangePrice { unit_price }),
        4 => (sizes(), weights()).prop_map(|(size, weight)| ProductCommand::ChangeDimensions { size, weight }),
        1 => Just(ProductCommand::Discontinue),
    ]
}

fn order_commands() -> impl Strategy<Value = OrderCommand> {
    let product = || 1_u128..5;
    prop_oneof![
        6 => (product(), 1_i64..9, 0_i64..3).prop_map(|(product, pieces, price)| {
            OrderCommand::AddItem(an_item(product).pieces(pieces).at(eur(price)).to_add())
        }),
        2 => (product(), 1_i64..9).prop_map(|(product, pieces)| OrderCommand::ChangeItemQuantity {
            product_id: product_id(product),
            quantity: quantity(pieces),
        }),
        2 => product().prop_map(|product| OrderCommand::RemoveItem { product_id: product_id(product) }),
        1 => Just(OrderCommand::Submit),
        1 => Just(OrderCommand::Confirm),
        1 => tracking_numbers().prop_map(|tracking_number| OrderCommand::Ship { tracking_number }),
        1 => Just(OrderCommand::Deliver),
        1 => reasons().prop_map(|reason| OrderCommand::Cancel { reason }),
    ]
}

fn invoice_commands() -> impl Strategy<Value = InvoiceCommand> {
    prop_oneof![
        6 => (1_i64..6000, references()).prop_map(|(amount, reference)| InvoiceCommand::ReceivePayment {
            amount: payment(amount),
            reference,
        }),
        1 => credit_note_numbers().prop_map(|number| InvoiceCommand::IssueCreditNote { number }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_customers(
        name in names(),
        email in option::of(emails()),
        billing_address in addresses(),
        delivery_address in option::of(addresses()),
        commands in vec(customer_commands(), 0..8),
    ) {
        let creation = RegisterCustomer { name, email, billing_address, delivery_address };
        let events = history::<Customer>(Customer::create(creation).unwrap(), commands);
        snapshots_agree::<Customer>(&events)?;
    }

    #[test]
    fn of_products(
        name in names(),
        unit_price in unit_prices(),
        size in option::of(sizes()),
        weight in option::of(weights()),
        commands in vec(product_commands(), 0..8),
    ) {
        let creation = AddProduct { name, unit_price, size, weight };
        let events = history::<Product>(Product::create(creation).unwrap(), commands);
        snapshots_agree::<Product>(&events)?;
    }

    #[test]
    fn of_orders(commands in vec(order_commands(), 0..40)) {
        let creation = CreateOrder { customer: the_customer(), items: vec![] };
        let events = history::<Order>(Order::create(creation).unwrap(), commands);
        snapshots_agree::<Order>(&events)?;
    }

    #[test]
    fn of_invoices(number in invoice_numbers(), commands in vec(invoice_commands(), 0..8)) {
        let creation = IssueInvoice { number, ..an_invoice() };
        let events = history::<Invoice>(Invoice::create(creation).unwrap(), commands);
        snapshots_agree::<Invoice>(&events)?;
    }

    /// JSON from anywhere is a state or an error.
    #[test]
    fn changed_anywhere(amount in any::<i64>(), currency in "[A-Z]{3}", status in "[a-z]{5,9}") {
        let mut snapshot = an_invoice_partly_paid().to_snapshot();
        snapshot["paid"] = json!({"amount": amount, "currency": currency});
        snapshot["status"] = json!(status);
        let _ = Invoice::from_snapshot(&snapshot);
        let mut snapshot = an_order_of_two().to_snapshot();
        snapshot["lines"][1]["unit_price"] = json!({"amount": amount, "currency": currency});
        snapshot["status"] = json!(status);
        let _ = Order::from_snapshot(&snapshot);
    }
}

fn an_order_of_two() -> Order {
    let items = [an_item(2).pieces(3), an_item(1).at(eur(5))];
    let events = history::<Order>(a_draft_of(items), vec![OrderCommand::Submit]);
    replay(&events).unwrap().unwrap()
}

fn an_invoice_partly_paid() -> Invoice {
    let pay = InvoiceCommand::ReceivePayment {
        amount: payment(5000),
        reference: payment_reference("Transfer 1"),
    };
    replay(&history::<Invoice>(an_issued_invoice(), vec![pay]))
        .unwrap()
        .unwrap()
}

/// The form of the snapshots in the stores. Where a state or its meaning changes, raise `SNAPSHOT_FORMAT` and run this once
/// with `BLESS=1`: it replaces golden files of other formats only.
#[test]
fn the_form_changes_with_the_format_only() {
    golden(
        "customer",
        &replay::<Customer>(&a_registered_customer()).unwrap().unwrap(),
    );
    golden(
        "product",
        &replay::<Product>(&an_added_product()).unwrap().unwrap(),
    );
    golden("order", &an_order_of_two());
    golden("invoice", &an_invoice_partly_paid());
}

#[track_caller]
fn golden<A: Snapshotted + Debug + PartialEq>(aggregate: &str, state: &A) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/snapshot.{aggregate}.json"));
    let written = json!({"format": SNAPSHOT_FORMAT, "state": state.to_snapshot()});
    let kept: Option<Value> = std::fs::read_to_string(&path)
        .ok()
        .map(|text| serde_json::from_str(&text).unwrap());
    match kept {
        Some(kept) if kept["format"] == SNAPSHOT_FORMAT => {
            assert_eq!(
                written, kept,
                "{aggregate}: raise SNAPSHOT_FORMAT when its form changes"
            );
            assert_eq!(&A::from_snapshot(&kept["state"]).unwrap(), state);
        }
        _ if std::env::var_os("BLESS").is_some() => {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = serde_json::to_string_pretty(&written).unwrap();
            std::fs::write(&path, format!("{text}\n")).unwrap();
        }
        _ => panic!("{} is not of format {SNAPSHOT_FORMAT}", path.display()),
    }
}

#[test]
fn a_snapshot_that_no_events_lead_to_is_an_error() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut snapshot = an_order_of_two().to_snapshot();
        change(&mut snapshot);
        Order::from_snapshot(&snapshot)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(with(&|_| {}), Ok(()));
    assert!(with(&|order| order["status"] = json!("forgotten")).is_err());
    assert!(
        with(&|order| order["total"] = json!(1)).is_err(),
        "an unknown member"
    );
    assert!(with(&|order| order["lines"][1] = order["lines"][0].clone()).is_err());
    assert!(with(&|order| order["lines"][1]["unit_price"]["currency"] = json!("USD")).is_err());
    assert!(with(&|order| order["lines"][0]["quantity"] = json!(0)).is_err());
    let mut invoice = an_invoice_partly_paid().to_snapshot();
    invoice["paid"]["amount"] = json!(5998);
    assert!(Invoice::from_snapshot(&invoice).is_err());
    let number = credit_note_number(1);
    let command = InvoiceCommand::IssueCreditNote { number };
    let credited = replay::<Invoice>(&history::<Invoice>(an_issued_invoice(), vec![command])).unwrap();
    assert_eq!(credited.unwrap().to_snapshot()["status"], "credited");
}
