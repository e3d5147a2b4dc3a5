//! The HTTP contract of the commands, on the in-memory event store.

mod api_support;

use std::time::Duration;

use api_support::in_memory::{Fault, an_api, an_api_with};
use api_support::{answer, customer, product, with};
use command_service::application::ports::StreamId;
use command_service::settings::HttpSettings;
use rstest::rstest;
use serde_json::{Value, json};
use shared_events::AggregateType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

#[tokio::test]
async fn every_command_answers_id_version_and_token() {
    let api = an_api().await;
    let created = api.send("POST", "/v1/customers", &customer()).await;
    created.is_command_answer(201, 1);
    let customer = created.id();
    assert_eq!(created.header("location"), format!("/v1/customers/{customer}"));
    api.send(
        "PUT",
        &format!("/v1/customers/{customer}/name"),
        &json!({"name": "Countess"}),
    )
    .await
    .is_command_answer(200, 2);

    let created = api.send("POST", "/v1/products", &product(1999, "EUR")).await;
    created.is_command_answer(201, 1);
    let product = created.id();
    assert_eq!(created.header("location"), format!("/v1/products/{product}"));
    api.send(
        "PUT",
        &format!("/v1/products/{product}/name"),
        &json!({"name": "Machine"}),
    )
    .await
    .is_command_answer(200, 2);
    let price = json!({"unit_price": {"amount": 2500, "currency": "EUR"}});
    api.send("PUT", &format!("/v1/products/{product}/price"), &price)
        .await
        .is_command_answer(200, 3);

    let created = api
        .send("POST", "/v1/orders", &json!({"customer_id": customer}))
        .await;
    created.is_command_answer(201, 1);
    let order = format!("/v1/orders/{}", created.id());
    assert_eq!(created.header("location"), order);
    let item = json!({"product_id": product, "quantity": 1, "expected_unit_price": price["unit_price"]});
    let added = api.send("POST", &format!("{order}/items"), &item).await;
    added.is_command_answer(200, 2);
    assert_eq!(added.header("location"), "");
    let line = format!("{order}/items/{product}");
    api.send("PUT", &line, &json!({"quantity": 5}))
        .await
        .is_command_answer(200, 3);
    api.call("DELETE", &line).await.is_command_answer(200, 4);
    api.send("POST", &format!("{order}/items"), &item)
        .await
        .is_command_answer(200, 5);
    api.call("POST", &format!("{order}/submit"))
        .await
        .is_command_answer(200, 6);
}

#[tokio::test]
async fn a_client_may_choose_the_id_once() {
    let api = an_api().await;
    let id = Uuid::from_u128(7);
    let body = with(customer(), "/customer_id", json!(id));
    let created = api.send("POST", "/v1/customers", &body).await;
    created.is_command_answer(201, 1);
    assert_eq!(created.id(), id);
    api.send("POST", "/v1/customers", &body)
        .await
        .is_problem(409, "already-exists");
}

#[rstest]
#[case::no_body_at_all(None)]
#[case::an_empty_object(Some("{}"))]
#[case::white_space(Some(" \n"))]
#[tokio::test]
async fn a_command_without_a_body_needs_no_media_type(#[case] body: Option<&'static str>) {
    let api = an_api().await;
    let order = api.a_draft(api.a_product().await).await;
    let mut request = api.request("POST", &format!("/v1/orders/{order}/submit"));
    if let Some(body) = body {
        request = request.body(body);
    }
    answer(request).await.is_command_answer(200, 3);
}

#[tokio::test]
async fn a_command_without_a_body_takes_no_other() {
    let api = an_api().await;
    let order = api.a_draft(api.a_product().await).await;
    api.send(
        "POST",
        &format!("/v1/orders/{order}/submit"),
        &json!({"force": true}),
    )
    .await
    .is_problem_at(422, "invalid-body", "#/force");
}

#[rstest]
#[case("/name", json!(7), "#/name")]
#[case("/name", json!(null), "#/name")]
#[case("/name", json!(" "), "#/name")]
#[case("/nmae", json!("Ada"), "#/nmae")]
#[case("/email", json!("nobody"), "#/email")]
#[case("/customer_id", json!("no uuid"), "#/customer_id")]
#[case("/billing_address/country", json!("XX"), "#/billing_address/country")]
#[case("/billing_address/planet", json!("Earth"), "#/billing_address/planet")]
#[case("/billing_address", json!({"name": "Ada"}), "#/billing_address")]
#[case("/delivery_address", json!({"name": "", "street": "s", "postal_code": "", "city": "c", "country": "GB"}), "#/delivery_address/name")]
#[tokio::test]
async fn a_wrong_member_of_a_customer_is_pointed_at(
    #[case] member: &str,
    #[case] value: Value,
    #[case] pointer: &str,
) {
    let api = an_api().await;
    let body = with(customer(), member, value);
    api.send("POST", "/v1/customers", &body)
        .await
        .is_problem_at(422, "invalid-body", pointer);
}

#[rstest]
#[case("/unit_price/amount", json!(-1), "#/unit_price/amount")]
#[case("/unit_price/amount", json!(19.99), "#/unit_price/amount")]
#[case("/unit_price/amount", json!(9_223_372_036_854_775_808_u64), "#/unit_price/amount")]
#[case("/unit_price/currency", json!("XYZ"), "#/unit_price/currency")]
#[case("/size/width_mm", json!(0), "#/size/width_mm")]
#[case("/weight_grams", json!(0), "#/weight_grams")]
#[tokio::test]
async fn a_wrong_member_of_a_product_is_pointed_at(
    #[case] member: &str,
    #[case] value: Value,
    #[case] pointer: &str,
) {
    let api = an_api().await;
    let body = with(product(1, "EUR"), member, value);
    api.send("POST", "/v1/products", &body)
        .await
        .is_problem_at(422, "invalid-body", pointer);
}

#[tokio::test]
async fn a_wrong_item_of_an_order_is_pointed_at() {
    let api = an_api().await;
    let (customer, product) = (api.a_customer().await, api.a_product().await);
    let item = json!({"product_id": product, "quantity": 1});
    let body = json!({"customer_id": customer, "items": [item, item]});
    for (member, value, kind, pointer) in [
        (
            "/items/1/quantity",
            json!(0),
            "invalid-body",
            "#/items/1/quantity",
        ),
        (
            "/items/1/quantity",
            json!("1"),
            "invalid-body",
            "#/items/1/quantity",
        ),
        (
            "/items/1/product_id",
            json!(Uuid::nil()),
            "unknown-reference",
            "#/items/1/product_id",
        ),
        (
            "/customer_id",
            json!(Uuid::nil()),
            "unknown-reference",
            "#/customer_id",
        ),
        (
            "/items",
            json!(vec![item.clone(); 2000]),
            "too-many-items",
            "#/items",
        ),
    ] {
        api.send("POST", "/v1/orders", &with(body.clone(), member, value))
            .await
            .is_problem_at(422, kind, pointer);
    }
    let unknown = json!({"product_id": Uuid::nil(), "quantity": 1});
    let order = api.a_draft(product).await;
    api.send("POST", &format!("/v1/orders/{order}/items"), &unknown)
        .await
        .is_problem_at(422, "unknown-reference", "#/product_id");
}

#[rstest]
#[case("{", "#")]
#[case(r#"{"name": "Ada" "email"}"#, "#")]
#[case(r#"{"name": "Ada"} trailing"#, "#")]
#[case("", "#")]
#[tokio::test]
async fn a_body_that_is_not_json_is_malformed(#[case] body: &'static str, #[case] pointer: &str) {
    let api = an_api().await;
    let request = api.request("PUT", &format!("/v1/customers/{}/name", Uuid::nil()));
    let answer = answer(request.header("content-type", "application/json").body(body)).await;
    answer.is_problem(400, "malformed-json");
    let place = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default();
    assert!(place.starts_with(pointer), "{}", answer.text);
}

#[tokio::test]
async fn the_domains_refusals_each_have_a_type() {
    let api = an_api().await;
    let product_id = api.a_product().await;
    let order = format!("/v1/orders/{}", api.a_draft(product_id).await);
    let item = |quantity: i64| json!({"product_id": product_id, "quantity": quantity});
    let items = format!("{order}/items");

    let stale = with(
        item(1),
        "/expected_unit_price",
        json!({"amount": 1, "currency": "EUR"}),
    );
    api.send("POST", &items, &stale)
        .await
        .is_problem(409, "price-changed");
    api.send("POST", &items, &item(1_000_000))
        .await
        .is_problem(422, "quantity-too-large");
    let dollars = api.done("POST", "/v1/products", &product(5, "USD")).await;
    let other = json!({"product_id": dollars, "quantity": 1});
    api.send("POST", &items, &other)
        .await
        .is_problem(422, "currency-mismatch");
    let dear = api.done("POST", "/v1/products", &product(i64::MAX, "EUR")).await;
    let overflowing = json!({"product_id": dear, "quantity": 2});
    api.send("POST", &items, &overflowing)
        .await
        .is_problem(422, "amount-overflow");
    let price = json!({"unit_price": {"amount": 2, "currency": "EUR"}});
    api.done("PUT", &format!("/v1/products/{product_id}/price"), &price)
        .await;
    api.send("POST", &items, &item(1))
        .await
        .is_problem(409, "price-differs-from-line");
    api.call("DELETE", &format!("{items}/{dollars}"))
        .await
        .is_problem(404, "item-not-in-order");
    api.call("DELETE", &format!("{items}/{product_id}"))
        .await
        .is_command_answer(200, 3);
    api.call("POST", &format!("{order}/submit"))
        .await
        .is_problem(409, "empty-order");

    let submitted = format!("/v1/orders/{}", api.a_submitted_order(product_id).await);
    api.call("POST", &format!("{submitted}/submit"))
        .await
        .is_problem(409, "not-a-draft");
}

#[rstest]
#[case("PUT", "/v1/customers/{}/name", Some(json!({"name": "A"})))]
#[case("PUT", "/v1/products/{}/name", Some(json!({"name": "A"})))]
#[case("PUT", "/v1/products/{}/price", Some(json!({"unit_price": {"amount": 1, "currency": "EUR"}})))]
#[case("POST", "/v1/orders/{}/items", Some(json!({"product_id": Uuid::nil(), "quantity": 1})))]
#[case("PUT", "/v1/orders/{}/items/00000000-0000-0000-0000-000000000000", Some(json!({"quantity": 1})))]
#[case("DELETE", "/v1/orders/{}/items/00000000-0000-0000-0000-000000000000", None)]
#[case("POST", "/v1/orders/{}/submit", None)]
#[tokio::test]
async fn an_id_in_the_path_must_exist_and_be_a_uuid(
    #[case] method: &str,
    #[case] path: &str,
    #[case] body: Option<Value>,
) {
    let api = an_api().await;
    for (id, status, kind) in [
        ("00000000-0000-0000-0000-000000000000", 404, "not-found"),
        ("7", 400, "malformed-id"),
        ("%00", 400, "malformed-id"),
    ] {
        let path = path.replace("{}", id);
        let answer = match &body {
            Some(body) => api.send(method, &path, body).await,
            None => api.call(method, &path).await,
        };
        answer.is_problem(status, kind);
    }
}

#[tokio::test]
async fn a_wrong_path_method_or_media_type_is_a_problem_too() {
    let api = an_api().await;
    api.call("GET", "/nowhere").await.is_problem(404, "unknown-path");
    api.call("GET", "/v1/customers/1/2/3")
        .await
        .is_problem(404, "unknown-path");

    let wrong = api.call("PATCH", "/v1/orders/1/items/2").await;
    wrong.is_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "PUT, DELETE");
    let wrong = api.call("POST", "/health/live").await;
    wrong.is_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "GET");

    for media_type in ["text/plain", "application/jsonp", ""] {
        let request = api
            .request("POST", "/v1/customers")
            .header("content-type", media_type);
        answer(request.body(customer().to_string()))
            .await
            .is_problem(415, "unsupported-media-type");
    }
    let request = api
        .request("POST", "/v1/customers")
        .header("content-encoding", "gzip");
    answer(request.json(&customer()))
        .await
        .is_problem(415, "unsupported-media-type");
    let request = api
        .request("POST", "/v1/customers")
        .header("content-type", "Application/JSON; charset=utf-8");
    answer(request.body(customer().to_string()))
        .await
        .is_command_answer(201, 1);
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let api = an_api().await;
    let long = "a".repeat(300 * 1024);
    api.send("POST", "/v1/customers", &with(customer(), "/name", json!(long)))
        .await
        .is_problem(413, "body-too-large");
    let request = api
        .request("POST", "/v1/customers")
        .header("x-long", "a".repeat(20_000));
    answer(request.json(&customer()))
        .await
        .is_problem(431, "head-too-large");
}

#[tokio::test]
async fn a_client_that_sends_slowly_is_refused() {
    let settings = HttpSettings {
        slow_client_timeout: Duration::from_millis(300),
        ..HttpSettings::default()
    };
    let api = an_api_with(settings, Fault::None).await;
    let mut connection = tokio::net::TcpStream::connect(api.address)
        .await
        .expect("a connection");
    connection
        .write_all(
            b"POST /v1/customers HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        )
        .await
        .expect("sent");
    let mut answer = vec![0; 4096];
    let read = connection.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("/problems/slow-client"), "{answer}");
}

#[tokio::test]
async fn a_correlation_id_is_kept_and_answered_and_must_be_a_uuid() {
    let api = an_api().await;
    let correlation = Uuid::from_u128(99);
    let request = api
        .request("POST", "/v1/customers")
        .header("correlation-id", correlation.to_string());
    let created = answer(request.json(&customer())).await;
    assert_eq!(created.header("correlation-id"), correlation.to_string());
    let request = api.request("POST", "/v1/customers").header("correlation-id", "7");
    answer(request.json(&customer()))
        .await
        .is_problem(400, "malformed-header");

    let own = api.send("POST", "/v1/customers", &customer()).await;
    let command = own.header("correlation-id").parse().expect("a UUID");
    let record = api.store.store.command(command).expect("the command's own id");
    assert_eq!(record.correlation_id, command);
    assert_eq!(record.actor, "anonymous");
    let stream = StreamId {
        aggregate: AggregateType::Customer,
        id: own.id(),
    };
    assert_eq!(api.store.store.events(stream).len(), 1);
}
