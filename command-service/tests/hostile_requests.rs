//! Requests as nobody should send them, for every command: bodies that are wrong somewhere, and headers of any bytes. Each
//! is answered, as a problem where it is not done, and never with a 5xx.
#![allow(clippy::expect_used, reason = "tests")]

mod api_support;

use api_support::in_memory::{Api, an_api};
use api_support::{address, customer, product};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const ROUNDS: usize = 200;

/// Every command with a body that is right.
fn commands() -> Vec<(&'static str, String, Value)> {
    let id = "0190b5a0-0000-7000-8000-000000000001";
    let of = |path: &str| path.replace("{id}", id);
    let money = json!({"amount": 1999, "currency": "EUR"});
    let items = json!([{"product_id": id, "quantity": 2}]);
    vec![
        ("POST", of("/v1/customers"), customer()),
        ("PUT", of("/v1/customers/{id}/name"), json!({"name": "Ada"})),
        ("PUT", of("/v1/customers/{id}/billing-address"), address()),
        ("PUT", of("/v1/customers/{id}/delivery-address"), address()),
        ("POST", of("/v1/products"), product(1999, "EUR")),
        ("PUT", of("/v1/products/{id}/name"), json!({"name": "Engine"})),
        ("PUT", of("/v1/products/{id}/price"), json!({"unit_price": money})),
        (
            "PUT",
            of("/v1/products/{id}/dimensions"),
            json!({"size": {"length_mm": 300, "width_mm": 200, "height_mm": 100}, "weight_grams": 1200}),
        ),
        ("POST", of("/v1/products/{id}/discontinue"), json!({})),
        (
            "POST",
            of("/v1/orders"),
            json!({"customer_id": id, "items": items}),
        ),
        (
            "POST",
            of("/v1/orders/{id}/items"),
            json!({"product_id": id, "quantity": 2}),
        ),
        ("PUT", of("/v1/orders/{id}/items/{id}"), json!({"quantity": 3})),
        ("DELETE", of("/v1/orders/{id}/items/{id}"), json!({})),
        ("POST", of("/v1/orders/{id}/submit"), json!({})),
        ("POST", of("/v1/orders/{id}/confirm"), json!({})),
        (
            "POST",
            of("/v1/orders/{id}/ship"),
            json!({"tracking_number": "1Z"}),
        ),
        ("POST", of("/v1/orders/{id}/deliver"), json!({})),
        (
            "POST",
            of("/v1/orders/{id}/cancel"),
            json!({"reason": "Ordered twice"}),
        ),
        (
            "POST",
            of("/v1/invoices/{id}/payments"),
            json!({"amount": money, "reference": "a bank transfer"}),
        ),
    ]
}

/// Anything that JSON can say.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("x".repeat(10_000))),
        Just(Value::from("\u{0}\u{202e}\u{feff}")),
        Just(Value::from(i64::MIN)),
        Just(json!(1e308)),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every place of a value, as a pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

async fn assert_answered(api: &Api, method: &str, path: &str, body: Vec<u8>, headers: &[(&str, Vec<u8>)]) {
    let mut request = api
        .request(method, path)
        .header("content-type", "application/json")
        .body(body.clone());
    for (name, value) in headers {
        // What HTTP itself does not carry never gets here.
        if let Ok(value) = reqwest::header::HeaderValue::from_bytes(value) {
            request = request.header(*name, value);
        }
    }
    let answer = api_support::answer(request).await;
    let sent = format!("{method} {path} {headers:?} {}", String::from_utf8_lossy(&body));
    assert!(!answer.status.is_server_error(), "{}: {sent}", answer.text);
    assert!(
        answer.text.len() < 64 * 1024 + 8 * body.len(),
        "{} bytes: {sent}",
        answer.text.len()
    );
    if answer.status.is_client_error() {
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{sent}"
        );
    }
}

#[tokio::test]
async fn hostile_members_in_a_body_that_is_right_otherwise() {
    let api = an_api().await;
    let mut chance = TestRunner::default();
    let strategy = (any::<prop::sample::Index>(), values(), any::<bool>());
    for (method, path, body) in commands() {
        for _ in 0..ROUNDS / 10 {
            let (place, value, is_removed) = strategy.new_tree(&mut chance).expect("a value").current();
            let mut places_of = Vec::new();
            places(&body, "", &mut places_of);
            let mut harmed = body.clone();
            let at = &places_of[place.index(places_of.len())];
            match (is_removed, at.rsplit_once('/')) {
                (true, Some((parent, name))) => {
                    if let Some(Value::Object(members)) = harmed.pointer_mut(parent) {
                        members.remove(name);
                        members.insert("unknown".to_owned(), value);
                    }
                }
                _ => {
                    if let Some(member) = harmed.pointer_mut(at) {
                        *member = value;
                    }
                }
            }
            assert_answered(&api, method, &path, harmed.to_string().into_bytes(), &[]).await;
        }
    }
}

#[tokio::test]
async fn hostile_bytes_in_a_body() {
    let api = an_api().await;
    let mut chance = TestRunner::default();
    let index = any::<prop::sample::Index>;
    let strategy = prop::collection::vec((index(), any::<u8>(), 0..4_u8), 1..8);
    for (method, path, body) in commands() {
        for _ in 0..ROUNDS / 10 {
            let mut bytes = body.to_string().into_bytes();
            for (at, byte, how) in strategy.new_tree(&mut chance).expect("a value").current() {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => _ = bytes.remove(at),
                    _ => bytes.truncate(at),
                }
            }
            assert_answered(&api, method, &path, bytes, &[]).await;
        }
    }
}

#[tokio::test]
async fn hostile_headers_of_a_command() {
    let api = an_api().await;
    let mut chance = TestRunner::default();
    let text = prop_oneof![
        prop::collection::vec(0x20..=0xff_u8, 0..300),
        r#"("[0-9]{0,22}"|W/"[0-9]"|\*|, ?|respond-async|wait=[0-9]{0,22}|;|"|\\){0,6}"#
            .prop_map(String::into_bytes),
    ];
    let strategy = prop::collection::vec((any::<prop::sample::Index>(), text), 1..4);
    let names = [
        "idempotency-key",
        "if-match",
        "prefer",
        "correlation-id",
        "traceparent",
    ];
    let commands = commands();
    for round in 0..ROUNDS {
        let (method, path, body) = &commands[round % commands.len()];
        let headers = strategy.new_tree(&mut chance).expect("a value").current();
        let headers: Vec<(&str, Vec<u8>)> = headers
            .into_iter()
            .map(|(name, value)| (names[name.index(names.len())], value))
            .collect();
        assert_answered(&api, method, path, body.to_string().into_bytes(), &headers).await;
    }
}
