//! Every command can be read out of the queue again, and is in the list by which it is run.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use command_service::application::bus::{Command, CommandError};
use command_service::application::invoicing::{IssueCreditNote, IssueInvoice, ReceivePayment};
use command_service::application::ordering::{
    AddOrderItem, AddProduct, CancelOrder, ChangeBillingAddress, ChangeDeliveryAddress,
    ChangeOrderItemQuantity, ChangeProductDimensions, ChangeProductPrice, ConfirmOrder, ConfirmPaidOrder,
    CreateOrder, DeliverOrder, DiscontinueProduct, OrderItem, RegisterCustomer, RemoveOrderItem,
    RenameCustomer, RenameProduct, ShipOrder, SubmitOrder,
};
use command_service::application::ports::{QueuePlace, QueuedCommand, TakenCommand};
use command_service::application::stored::{TYPES, run_stored};
use domain::invoicing::LineToInvoice;
use domain::testing::{an_address, email, order_id, quantity};
use domain::{
    Address, CancellationReason, Money, Name, PaymentAmount, PaymentReference, Quantity, Size,
    TrackingNumber, UnitPrice, Weight,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::Service;

/// What commands are made of.
#[derive(Debug, Clone)]
struct Values {
    ids: [Uuid; 4],
    name: Name,
    address: Address,
    price: UnitPrice,
    quantity: Quantity,
    size: Size,
    weight: Weight,
    /// Whether what may be absent is there.
    is_whole: bool,
}

impl Values {
    fn optional<T>(&self, value: T) -> Option<T> {
        self.is_whole.then_some(value)
    }

    fn item(&self) -> OrderItem {
        OrderItem {
            product_id: self.ids[2].into(),
            quantity: self.quantity,
            expected_unit_price: self.optional(self.price),
        }
    }

    fn line(&self) -> LineToInvoice {
        LineToInvoice {
            product_id: self.ids[2].into(),
            product_name: self.name.clone(),
            quantity: self.quantity,
            unit_price: self.price,
        }
    }
}

fn values() -> impl Strategy<Value = Values> {
    let name = "[^\\p{C}]{1,40}".prop_filter_map("not a name", |text| Name::new(&text).ok());
    let money = (0..=i64::MAX, prop_oneof!["EUR", "JPY", "USD"]);
    let side = || 1..=i64::from(Size::MAX_SIDE_MM);
    (
        any::<[u128; 4]>(),
        name,
        money,
        1..=i64::from(Quantity::MAX),
        (side(), side(), side()),
        1..=i64::from(Weight::MAX_GRAMS),
        any::<bool>(),
    )
        .prop_map(
            |(ids, name, (amount, currency), pieces, (length, width, height), grams, is_whole)| Values {
                ids: ids.map(Uuid::from_u128),
                address: an_address(name.as_str()),
                name,
                price: UnitPrice::new(Money::parse(amount, &currency).unwrap()).unwrap(),
                quantity: quantity(pieces),
                size: Size::new(length, width, height).unwrap(),
                weight: Weight::from_grams(grams).unwrap(),
                is_whole,
            },
        )
}

/// Through text, as in the store.
#[track_caller]
fn survives<C: Command + PartialEq + Debug>(command: C) -> &'static str {
    let text = command.body().to_string();
    let read = C::from_body(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(read, command);
    assert_eq!(read.stream(), command.stream());
    C::TYPE
}

/// One of each; answers their types.
fn all_survive(of: &Values) -> Vec<&'static str> {
    let [customer, order, product, invoice] = of.ids;
    let name = || of.name.clone();
    let (customer_id, order_id, product_id) = (customer.into(), order.into(), product.into());
    vec![
        survives(RegisterCustomer {
            customer_id,
            name: name(),
            email: of.optional(email("ada@example.org")),
            billing_address: of.address.clone(),
            delivery_address: of.optional(an_address("Charles Babbage")),
        }),
        survives(RenameCustomer {
            customer_id,
            name: name(),
        }),
        survives(ChangeBillingAddress {
            customer_id,
            billing_address: of.address.clone(),
        }),
        survives(ChangeDeliveryAddress {
            customer_id,
            delivery_address: of.address.clone(),
        }),
        survives(AddProduct {
            product_id,
            name: name(),
            unit_price: of.price,
            size: of.optional(of.size),
            weight: of.optional(of.weight),
        }),
        survives(RenameProduct {
            product_id,
            name: name(),
        }),
        survives(ChangeProductPrice {
            product_id,
            unit_price: of.price,
        }),
        survives(ChangeProductDimensions {
            product_id,
            size: of.size,
            weight: of.weight,
        }),
        survives(DiscontinueProduct { product_id }),
        survives(CreateOrder {
            order_id,
            customer_id,
            items: of.optional(of.item()).into_iter().collect(),
        }),
        survives(AddOrderItem {
            order_id,
            item: of.item(),
        }),
        survives(ChangeOrderItemQuantity {
            order_id,
            product_id,
            quantity: of.quantity,
        }),
        survives(RemoveOrderItem { order_id, product_id }),
        survives(SubmitOrder { order_id }),
        survives(ConfirmOrder { order_id }),
        survives(ConfirmPaidOrder { order_id }),
        survives(ShipOrder {
            order_id,
            tracking_number: TrackingNumber::new(of.name.as_str()).unwrap(),
        }),
        survives(DeliverOrder { order_id }),
        survives(CancelOrder {
            order_id,
            reason: CancellationReason::new(of.name.as_str()).unwrap(),
        }),
        survives(IssueInvoice {
            order_id,
            customer_id,
            billing_address: of.address.clone(),
            lines: vec![of.line(), of.line()],
        }),
        survives(ReceivePayment {
            invoice_id: invoice.into(),
            amount: PaymentAmount::new(Money::new(of.price.money().amount().max(1), of.price.currency()))
                .unwrap(),
            reference: PaymentReference::new(of.name.as_str()).unwrap(),
        }),
        survives(IssueCreditNote { order_id }),
    ]
}

proptest! {
    #[test]
    fn every_command_survives_its_body(values in values()) {
        prop_assert_eq!(all_survive(&values), TYPES, "a command of each type, in the list's order");
    }
}

#[test]
fn every_command_is_in_the_list_once() {
    let distinct: BTreeSet<_> = TYPES.iter().collect();
    assert_eq!(distinct.len(), TYPES.len(), "{TYPES:?}");

    let application = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/application");
    let mut declared = BTreeSet::new();
    for context in ["ordering", "invoicing"] {
        for file in fs::read_dir(application.join(context)).unwrap() {
            let source = fs::read_to_string(file.unwrap().path()).unwrap();
            let types = source
                .lines()
                .filter_map(|line| line.trim().strip_prefix("const TYPE: &'static str = "));
            declared.extend(types.map(|name| name.trim_matches(['"', ';']).to_owned()));
        }
    }
    let listed: BTreeSet<_> = TYPES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(declared, listed, "what is declared is what is in the list");
}

fn taken(command_type: &str, body: Value) -> TakenCommand {
    let command_id = Uuid::from_u128(7);
    let service = Service::new();
    let context = service.context();
    TakenCommand {
        place: QueuePlace { bucket: 0, id: 1 },
        command: QueuedCommand {
            command_id,
            command_type: command_type.to_owned(),
            stream: SubmitOrder {
                order_id: order_id(1),
            }
            .stream(),
            actor: "anonymous".to_owned(),
            received_at: context.received_at,
            body,
            causation_id: command_id,
            correlation_id: command_id,
            traceparent: None,
            if_match: None,
        },
        attempts: 0,
        faults: 0,
    }
}

async fn failure_of(taken: &TakenCommand) -> String {
    let service = Service::new();
    let answer = run_stored(&service.bus, taken).await;
    let Err(CommandError::Failed(cause)) = answer else {
        panic!("{answer:?}");
    };
    let recorded = service.memory.command(taken.command.command_id);
    assert_eq!(recorded, None, "a later build may know it");
    format!("{cause:#}")
}

#[tokio::test]
async fn a_type_that_is_not_known_fails_by_name() {
    let failure = failure_of(&taken("dance", json!({}))).await;
    let expected = "the queued command 00000000-0000-0000-0000-000000000007 has the type dance, which this build \
                    does not know";
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_fails_with_what_is_wrong() {
    let failure = failure_of(&taken("submit-order", json!({"order_id": "x"}))).await;
    assert!(
        failure.starts_with(
            "the queued submit-order 00000000-0000-0000-0000-000000000007: the command's body cannot be read: \
             order_id: "
        ),
        "{failure}"
    );
}

#[tokio::test]
async fn a_queued_command_is_run_as_itself() {
    let service = Service::new();
    let order_id = service.a_draft().await;
    let context = service.context();
    service
        .bus
        .defer(&context, &SubmitOrder { order_id })
        .await
        .unwrap();
    service.work().await;
    let record = service.memory.command(context.command_id).unwrap();
    assert_eq!(record.command_type, "submit-order");
    assert_eq!(record.received_at, context.received_at);
    assert_eq!(
        (record.causation_id, record.correlation_id),
        (context.command_id, context.command_id)
    );
    assert!(service.memory.queued().is_empty());
}
