//! What can be done with what is there.

use std::sync::Arc;

use command_service::application::bus::{Actor, CommandBus, KeysInFlight, RetryPolicy};
use command_service::application::invoicing::IssueInvoice;
use command_service::outbound::system::{SystemClock, TimeOrderedIds};
use domain::invoicing::LineToInvoice;
use domain::{Address, Money, Name, Quantity, UnitPrice};
use serde_json::json;
use uuid::Uuid;

use crate::api_support::in_memory::an_api;
use crate::api_support::{address, with};

#[tokio::test]
async fn customers_and_products_change() {
    let api = an_api().await;
    let customer = format!("/v1/customers/{}", api.a_customer().await);
    let elsewhere = with(address(), "/city", json!("Paris"));
    for (part, version) in [("billing-address", 2), ("delivery-address", 3)] {
        let path = format!("{customer}/{part}");
        api.send("PUT", &path, &elsewhere)
            .await
            .is_command_answer(200, version);
        // The same again changes nothing.
        api.send("PUT", &path, &elsewhere)
            .await
            .is_command_answer(200, version);
        api.send("PUT", &path, &with(elsewhere.clone(), "/country", json!("XX")))
            .await
            .is_problem_at(422, "invalid-body", "#/country");
    }
    let product = format!("/v1/products/{}", api.a_product().await);
    let dimensions = json!({"size": {"length_mm": 1, "width_mm": 2, "height_mm": 3}, "weight_grams": 4});
    let path = format!("{product}/dimensions");
    api.send("PUT", &path, &dimensions)
        .await
        .is_command_answer(200, 2);
    for (member, value) in [("/size/width_mm", json!(0)), ("/weight_grams", json!(-1))] {
        api.send("PUT", &path, &with(dimensions.clone(), member, value))
            .await
            .is_problem_at(422, "invalid-body", &format!("#{member}"));
    }
    let path = format!("{product}/discontinue");
    api.call("POST", &path).await.is_command_answer(200, 3);
    api.call("POST", &path).await.is_command_answer(200, 3);
    api.send(
        "PUT",
        &format!("{product}/dimensions"),
        &with(dimensions, "/weight_grams", json!(5)),
    )
    .await
    .is_problem(409, "product-discontinued");
}

#[tokio::test]
async fn an_order_goes_its_way_and_no_other() {
    let api = an_api().await;
    let product = api.a_product().await;
    let order = format!("/v1/orders/{}", api.a_draft(product).await);
    let call = async |step: &str| match step {
        "ship" => {
            api.send(
                "POST",
                &format!("{order}/ship"),
                &json!({"tracking_number": "JD 1"}),
            )
            .await
        }
        "cancel" => {
            api.send("POST", &format!("{order}/cancel"), &json!({"reason": "Twice"}))
                .await
        }
        step => api.call("POST", &format!("{order}/{step}")).await,
    };
    for step in ["confirm", "ship", "deliver"] {
        call(step).await.is_problem(409, "illegal-transition");
    }
    for (step, version) in [("submit", 3), ("confirm", 4), ("ship", 5), ("deliver", 6)] {
        call(step).await.is_command_answer(200, version);
    }
    for step in ["confirm", "ship", "deliver", "cancel"] {
        call(step).await.is_problem(409, "illegal-transition");
    }
    let draft = format!("/v1/orders/{}", api.a_draft(product).await);
    for (path, body, pointer) in [
        ("ship", json!({"tracking_number": " "}), "#/tracking_number"),
        ("cancel", json!({"reason": "a\u{0}b"}), "#/reason"),
        ("cancel", json!({"reason": "a".repeat(501)}), "#/reason"),
        ("confirm", json!({"force": true}), "#/force"),
    ] {
        api.send("POST", &format!("{draft}/{path}"), &body)
            .await
            .is_problem_at(422, "invalid-body", pointer);
    }
    let reason = json!({"reason": "Ordered twice"});
    api.send("POST", &format!("{draft}/cancel"), &reason)
        .await
        .is_command_answer(200, 3);
    api.send("POST", &format!("{draft}/cancel"), &reason)
        .await
        .is_problem(409, "illegal-transition");
}

#[tokio::test]
async fn an_invoice_is_paid() {
    let api = an_api().await;
    let order = Uuid::from_u128(9);
    let issue = IssueInvoice {
        order_id: order.into(),
        customer_id: Uuid::from_u128(8).into(),
        billing_address: Address::new("Ada", "12 St James's Square", "", "London", "GB").expect("an address"),
        lines: vec![LineToInvoice {
            product_id: Uuid::from_u128(7).into(),
            product_name: Name::new("Engine").expect("a name"),
            quantity: Quantity::new(2).expect("a quantity"),
            unit_price: UnitPrice::new(Money::parse(500, "EUR").expect("money")).expect("a price"),
        }],
    };
    let bus = CommandBus::new(
        Arc::clone(&api.store),
        Arc::new(SystemClock),
        Arc::new(TimeOrderedIds),
        RetryPolicy::default(),
        KeysInFlight::default(),
    );
    let context = bus.context(Actor::trusted("policy:test"), None, None);
    bus.execute(&context, &issue).await.expect("issued");

    let invoice = issue.invoice_id();
    let path = format!("/v1/invoices/{invoice}/payments");
    let pay = async |amount: i64, currency: &str| {
        let body = json!({"amount": {"amount": amount, "currency": currency}, "reference": "SEPA 17"});
        api.send("POST", &path, &body).await
    };
    pay(0, "EUR")
        .await
        .is_problem_at(422, "invalid-body", "#/amount/amount");
    pay(-5, "EUR")
        .await
        .is_problem_at(422, "invalid-body", "#/amount/amount");
    pay(5, "USD").await.is_problem(422, "currency-mismatch");
    pay(1001, "EUR").await.is_problem(409, "overpayment");
    let paid = pay(400, "EUR").await;
    paid.is_command_answer(200, 2);
    assert_eq!(paid.header("consistency-token"), format!("invoice:{invoice}:2"));
    assert_eq!(paid.header("location"), "");
    // The payment, and that it is paid in full.
    pay(600, "EUR").await.is_command_answer(200, 4);
    pay(1, "EUR").await.is_problem(409, "overpayment");
    let unknown = json!({"amount": {"amount": 1, "currency": "EUR"}, "reference": "SEPA 17"});
    api.send(
        "POST",
        &format!("/v1/invoices/{}/payments", Uuid::nil()),
        &unknown,
    )
    .await
    .is_problem(404, "not-found");
}
