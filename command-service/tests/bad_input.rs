//! The write side's rows of bad input, on the in-memory event store: none is a 5xx, none leaves anything behind.
#![allow(clippy::expect_used, reason = "tests")]

mod api_support;

use std::time::Duration;

use api_support::in_memory::{Api, Fault, an_api, an_api_with};
use api_support::{Answer, answer, customer, product, with};
use command_service::settings::HttpSettings;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

async fn sent_text(api: &Api, path: &str, text: impl Into<String>) -> Answer {
    let request = api
        .request("POST", path)
        .header("content-type", "application/json");
    answer(request.body(text.into())).await
}

/// What a socket answers to these bytes.
async fn raw(api: &Api, bytes: &[u8]) -> String {
    let mut connection = tokio::net::TcpStream::connect(api.address)
        .await
        .expect("a connection");
    connection.write_all(bytes).await.expect("sent");
    let mut answer = vec![0; 16 * 1024];
    let read = tokio::time::timeout(Duration::from_secs(20), connection.read(&mut answer))
        .await
        .expect("an answer in time")
        .expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[rstest]
#[case::cut_short("{\"name\": \"Ada\"")]
#[case::no_comma("{\"name\": \"Ada\" \"email\": null}")]
#[case::a_trailing_comma("{\"name\": \"Ada\",}")]
#[case::nothing("")]
#[case::a_lone_surrogate("{\"name\": \"\\ud800\"}")]
#[case::a_raw_control_character("{\"name\": \"a\u{1}b\"}")]
#[case::a_number_beyond_all("{\"name\": 1e999}")]
#[case::not_a_number("{\"name\": NaN}")]
#[tokio::test]
async fn broken_json(#[case] body: &str) {
    let api = an_api().await;
    let refused = sent_text(&api, "/v1/customers", body).await;
    refused.is_problem(400, "malformed-json");
    let pointer = refused.body["errors"][0]["pointer"].as_str().unwrap_or_default();
    assert!(pointer.starts_with('#'), "{}", refused.text);
}

#[tokio::test]
async fn a_body_that_is_not_utf8() {
    let api = an_api().await;
    let request = api
        .request("POST", "/v1/customers")
        .header("content-type", "application/json");
    let refused = answer(request.body(b"{\"name\": \"\xff\xfe\"}".to_vec())).await;
    refused.is_problem(400, "malformed-json");
}

#[tokio::test]
async fn very_deep_json() {
    let api = an_api().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        for body in [
            deep.clone(),
            format!("{{\"name\": {deep}}}"),
            format!("{{\"unknown\": {deep}}}"),
        ] {
            let refused = sent_text(&api, "/v1/customers", body).await;
            assert!([400, 422].contains(&refused.status.as_u16()), "{}", refused.text);
        }
    }
}

#[rstest]
#[case::a_list(json!([]), "#")]
#[case::a_text(json!("Ada"), "#")]
#[case::null(json!(null), "#")]
#[case::a_number_as_name(with(customer(), "/name", json!(7)), "#/name")]
#[case::a_list_as_address(with(customer(), "/billing_address", json!(["a"])), "#/billing_address")]
#[tokio::test]
async fn wrong_types(#[case] body: Value, #[case] pointer: &str) {
    let api = an_api().await;
    let refused = api.send("POST", "/v1/customers", &body).await;
    refused.is_problem(422, "invalid-body");
    let place = refused.body["errors"][0]["pointer"].as_str().unwrap_or_default();
    assert!(place.starts_with(pointer), "{}", refused.text);
}

#[tokio::test]
async fn unknown_fields() {
    let api = an_api().await;
    api.send("POST", "/v1/customers", &with(customer(), "/admin", json!(true)))
        .await
        .is_problem_at(422, "invalid-body", "#/admin");
    api.send(
        "POST",
        "/v1/customers",
        &with(customer(), "/billing_address/planet", json!("Earth")),
    )
    .await
    .is_problem_at(422, "invalid-body", "#/billing_address/planet");
}

#[tokio::test]
async fn duplicate_keys() {
    let api = an_api().await;
    let text = customer().to_string();
    let twice = format!("{},\"name\":\"Eve\"}}", &text[..text.len() - 1]);
    let refused = sent_text(&api, "/v1/customers", twice).await;
    refused.is_problem(422, "invalid-body");
    assert!(refused.text.contains("duplicate"), "{}", refused.text);
}

#[rstest]
#[case::with_exponent("1e3")]
#[case::with_fraction("1.0")]
#[case::a_text("\"1\"")]
#[case::beyond_64_bits("18446744073709551616")]
#[case::beyond_63_bits("9223372036854775808")]
#[tokio::test]
async fn numbers_that_are_not_whole(#[case] number: &str) {
    let api = an_api().await;
    let body = product(1, "EUR")
        .to_string()
        .replace("\"amount\":1", &format!("\"amount\":{number}"));
    assert!(body.contains(number));
    let refused = sent_text(&api, "/v1/products", body).await;
    refused.is_problem_at(422, "invalid-body", "#/unit_price/amount");
}

#[tokio::test]
async fn a_wrong_media_type() {
    let api = an_api().await;
    for media_type in ["text/plain", "application/xml", "application/json-patch+json", ""] {
        let request = api
            .request("POST", "/v1/customers")
            .header("content-type", media_type);
        answer(request.body(customer().to_string()))
            .await
            .is_problem(415, "unsupported-media-type");
    }
}

#[tokio::test]
async fn a_wrong_method() {
    let api = an_api().await;
    for (method, path, allowed) in [
        ("GET", "/v1/customers", "POST"),
        ("DELETE", "/v1/orders/7/submit", "POST"),
        ("POST", "/v1/orders/7/items/8", "PUT, DELETE"),
        ("PUT", "/v1/commands/7", "GET"),
        ("DELETE", "/metrics", "GET"),
    ] {
        let refused = api.call(method, path).await;
        refused.is_problem(405, "method-not-allowed");
        assert_eq!(refused.header("allow"), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_wrong_path() {
    let api = an_api().await;
    for path in [
        "/",
        "/v1",
        "/v1/customers/",
        "/v2/customers",
        "/v1/orders/7/items/8/9",
        "/V1/customers",
    ] {
        api.call("POST", path).await.is_problem(404, "unknown-path");
    }
}

#[tokio::test]
async fn a_body_too_large() {
    let api = an_api().await;
    let long = with(customer(), "/name", json!("a".repeat(300 * 1024)));
    api.send("POST", "/v1/customers", &long)
        .await
        .is_problem(413, "body-too-large");
    // Without a length, in chunks.
    let chunks = "10000\r\n".to_owned() + &"a".repeat(65536) + "\r\n";
    let head = "POST /v1/customers HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = raw(&api, (head.to_owned() + &chunks.repeat(5)).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_header_too_large() {
    let api = an_api().await;
    let request = api
        .request("POST", "/v1/customers")
        .header("x-long", "a".repeat(20_000));
    answer(request.json(&customer()))
        .await
        .is_problem(431, "head-too-large");
    let path = format!("/v1/customers?{}", "a".repeat(20_000));
    api.send("POST", &path, &customer())
        .await
        .is_problem(431, "head-too-large");
}

#[rstest]
#[case::the_head(b"POST /v1/customers HTTP/1.1\r\nhost: a\r\n")]
#[case::the_body(
    b"POST /v1/customers HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
)]
#[tokio::test]
async fn a_client_that_sends_slowly(#[case] bytes: &[u8]) {
    let settings = HttpSettings {
        slow_client_timeout: Duration::from_millis(300),
        ..HttpSettings::default()
    };
    let api = an_api_with(settings, Fault::None).await;
    let answer = raw(&api, bytes).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn what_is_not_http() {
    let api = an_api().await;
    let answer = raw(&api, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(api.call("GET", "/health/live").await.status, 200);
}

#[tokio::test]
async fn overflow() {
    let api = an_api().await;
    let dear = api.done("POST", "/v1/products", &product(i64::MAX, "EUR")).await;
    let order = api.a_draft(api.a_product().await).await;
    let items = format!("/v1/orders/{order}/items");
    for quantity in [1, 2, 1_000_000] {
        let item = json!({"product_id": dear, "quantity": quantity});
        api.send("POST", &items, &item)
            .await
            .is_problem(422, "amount-overflow");
    }
}

#[tokio::test]
async fn a_negative_price() {
    let api = an_api().await;
    let body = with(product(1, "EUR"), "/unit_price/amount", json!(-1));
    api.send("POST", "/v1/products", &body)
        .await
        .is_problem_at(422, "invalid-body", "#/unit_price/amount");
}

#[rstest]
#[case(0)]
#[case(-1)]
#[case(1_000_001)]
#[tokio::test]
async fn a_quantity_out_of_bounds(#[case] quantity: i64) {
    let api = an_api().await;
    let product_id = api.a_product().await;
    let order = api.a_draft(product_id).await;
    let item = json!({"product_id": product_id, "quantity": quantity});
    api.send("POST", &format!("/v1/orders/{order}/items"), &item)
        .await
        .is_problem_at(422, "invalid-body", "#/quantity");
    let line = format!("/v1/orders/{order}/items/{product_id}");
    api.send("PUT", &line, &json!({"quantity": quantity}))
        .await
        .is_problem_at(422, "invalid-body", "#/quantity");
}

#[rstest]
#[case("XYZ")]
#[case("eur")]
#[case("")]
#[case("EURO")]
#[case("ΕUR")]
#[tokio::test]
async fn an_unknown_currency(#[case] currency: &str) {
    let api = an_api().await;
    api.send("POST", "/v1/products", &product(1, currency))
        .await
        .is_problem_at(422, "invalid-body", "#/unit_price/currency");
}

/// Postgres cannot hold it in a text.
#[rstest]
#[case("/name")]
#[case("/email")]
#[case("/billing_address/name")]
#[case("/billing_address/street")]
#[case("/billing_address/postal_code")]
#[case("/billing_address/city")]
#[case("/billing_address/country")]
#[tokio::test]
async fn a_nul_character(#[case] member: &str) {
    let api = an_api().await;
    api.send(
        "POST",
        "/v1/customers",
        &with(customer(), member, json!("a\u{0}b")),
    )
    .await
    .is_problem_at(422, "invalid-body", &format!("#{member}"));
}

#[tokio::test]
async fn ids_in_other_forms() {
    let api = an_api().await;
    let id = Uuid::from_u128(0xABCD_EF00_0000_0000_0000_0000_0000_0001);
    for text in [
        id.simple().to_string(),
        id.braced().to_string(),
        id.urn().to_string(),
        "7".to_owned(),
        String::new(),
    ] {
        api.send(
            "POST",
            "/v1/customers",
            &with(customer(), "/customer_id", json!(text)),
        )
        .await
        .is_problem_at(422, "invalid-body", "#/customer_id");
        if !text.is_empty() {
            let path = format!("/v1/customers/{text}/name");
            api.send("PUT", &path, &json!({"name": "Ada"}))
                .await
                .is_problem(400, "malformed-id");
        }
    }
    // Upper case is another spelling of the same id.
    let upper = id.to_string().to_uppercase();
    let body = with(customer(), "/customer_id", json!(upper));
    let created = api.send("POST", "/v1/customers", &body).await;
    created.is_command_answer(201, 1);
    assert_eq!(created.body["id"], json!(id));
    api.send(
        "PUT",
        &format!("/v1/customers/{upper}/name"),
        &json!({"name": "Ada"}),
    )
    .await
    .is_command_answer(200, 2);
}

#[tokio::test]
async fn a_key_with_another_body() {
    let api = an_api().await;
    let send = |body: Value| {
        let request = api
            .request("POST", "/v1/customers")
            .header("idempotency-key", "k");
        answer(request.json(&body))
    };
    send(customer()).await.is_command_answer(201, 1);
    send(with(customer(), "/name", json!("Eve")))
        .await
        .is_problem(422, "idempotency-key-reused");
}

#[rstest]
#[case::stale("\"7\"", 412, "precondition-failed")]
#[case::malformed("7", 400, "malformed-header")]
#[tokio::test]
async fn a_condition_that_does_not_hold(#[case] if_match: &str, #[case] status: u16, #[case] kind: &str) {
    let api = an_api().await;
    let path = format!("/v1/customers/{}/name", api.a_customer().await);
    let request = api.request("PUT", &path).header("if-match", if_match);
    answer(request.json(&json!({"name": "Eve"})))
        .await
        .is_problem(status, kind);
}

#[tokio::test]
async fn a_changed_price_and_an_illegal_transition() {
    let api = an_api().await;
    let product_id = api.a_product().await;
    let order = api.a_submitted_order(product_id).await;
    api.call("POST", &format!("/v1/orders/{order}/submit"))
        .await
        .is_problem(409, "not-a-draft");
    let draft = api.a_draft(product_id).await;
    let item = json!({"product_id": product_id, "quantity": 1, "expected_unit_price": {"amount": 1, "currency": "EUR"}});
    api.send("POST", &format!("/v1/orders/{draft}/items"), &item)
        .await
        .is_problem(409, "price-changed");
}
