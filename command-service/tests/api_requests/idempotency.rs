use command_service::application::ports::StreamId;
use command_service::settings::HttpSettings;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_events::AggregateType;

use crate::api_support::in_memory::{Api, Fault, an_api, an_api_with};
use crate::api_support::{Answer, answer, customer, product, with};

async fn keyed(api: &Api, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    answer(
        api.request(method, path)
            .header("idempotency-key", key)
            .json(body),
    )
    .await
}

#[track_caller]
fn are_the_same(first: &Answer, again: &Answer) {
    assert_eq!(first.status, again.status, "{}", again.text);
    assert_eq!(first.text, again.text);
    for name in ["location", "etag", "consistency-token", "content-type"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_and_changes_nothing() {
    let api = an_api().await;
    let first = keyed(&api, "k-1", "POST", "/v1/customers", &customer()).await;
    first.is_command_answer(201, 1);
    let again = keyed(&api, "k-1", "POST", "/v1/customers", &customer()).await;
    are_the_same(&first, &again);

    let path = format!("/v1/customers/{}/name", first.id());
    let first = keyed(&api, "k-2", "PUT", &path, &json!({"name": "Countess"})).await;
    api.send("PUT", &path, &json!({"name": "Ada"}))
        .await
        .is_command_answer(200, 3);
    let again = keyed(&api, "k-2", "PUT", &path, &json!({"name": "Countess"})).await;
    are_the_same(&first, &again);
    again.is_command_answer(200, 2);
}

#[tokio::test]
async fn a_refusal_is_kept_too() {
    let api = an_api().await;
    let product_id = api.a_product().await;
    let order = api.a_draft(product_id).await;
    let items = format!("/v1/orders/{order}/items");
    let stale = json!({"product_id": product_id, "quantity": 1, "expected_unit_price": {"amount": 1, "currency": "EUR"}});
    let first = keyed(&api, "k", "POST", &items, &stale).await;
    first.is_problem(409, "price-changed");
    let price = json!({"unit_price": {"amount": 1, "currency": "EUR"}});
    api.done("PUT", &format!("/v1/products/{product_id}/price"), &price)
        .await;
    are_the_same(&first, &keyed(&api, "k", "POST", &items, &stale).await);

    let unknown = json!({"customer_id": uuid::Uuid::nil()});
    let first = keyed(&api, "k-2", "POST", "/v1/orders", &unknown).await;
    first.is_problem_at(422, "unknown-reference", "#/customer_id");
    are_the_same(&first, &keyed(&api, "k-2", "POST", "/v1/orders", &unknown).await);
}

#[tokio::test]
async fn what_was_not_decided_frees_the_key() {
    let api = an_api().await;
    let path = "/v1/customers";
    let invalid = with(customer(), "/name", json!(""));
    keyed(&api, "k", "POST", path, &invalid)
        .await
        .is_problem(422, "invalid-body");
    let broken = api.request("POST", path).header("idempotency-key", "k");
    answer(broken.header("content-type", "application/json").body("{"))
        .await
        .is_problem(400, "malformed-json");
    let large = with(customer(), "/name", json!("a".repeat(300_000)));
    keyed(&api, "k", "POST", path, &large)
        .await
        .is_problem(413, "body-too-large");
    keyed(&api, "k", "POST", path, &customer())
        .await
        .is_command_answer(201, 1);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let api = an_api().await;
    let body = product(1999, "EUR");
    let first = keyed(&api, "k", "POST", "/v1/products", &body).await;
    keyed(&api, "k", "POST", "/v1/products", &product(2000, "EUR"))
        .await
        .is_problem(422, "idempotency-key-reused");
    keyed(&api, "k", "POST", "/v1/products?again", &body)
        .await
        .is_problem(422, "idempotency-key-reused");
    let with_version = api
        .request("POST", "/v1/products")
        .header("idempotency-key", "k")
        .header("if-match", "\"1\"");
    answer(with_version.json(&body))
        .await
        .is_problem(422, "idempotency-key-reused");
    keyed(&api, "k", "POST", "/v1/customers", &customer())
        .await
        .is_problem(422, "idempotency-key-reused");
    // The same in another notation.
    let text = serde_json::to_string_pretty(&body).expect("JSON");
    let request = api.request("POST", "/v1/products").header("idempotency-key", "k");
    let again = answer(request.header("content-type", "application/json").body(text)).await;
    are_the_same(&first, &again);
}

#[tokio::test]
async fn no_body_and_an_empty_one_are_the_same() {
    let api = an_api().await;
    let order = api.a_draft(api.a_product().await).await;
    let path = format!("/v1/orders/{order}/submit");
    let first = answer(api.request("POST", &path).header("idempotency-key", "k")).await;
    first.is_command_answer(200, 3);
    are_the_same(&first, &keyed(&api, "k", "POST", &path, &json!({})).await);
}

#[tokio::test]
async fn while_the_first_runs_a_repeat_is_told_to_wait() {
    let api = an_api_with(HttpSettings::default(), Fault::HangsInCommit).await;
    let body = customer();
    let send = || keyed(&api, "k", "POST", "/v1/customers", &body);
    let repeat = async {
        api.store.hanging.notified().await;
        send().await
    };
    let refused = tokio::select! {
        _ = send() => panic!("the first was to hang"),
        refused = repeat => refused,
    };
    refused.is_problem(409, "idempotency-key-in-flight");
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn of_many_at_once_one_is_executed() {
    let api = an_api().await;
    let id = uuid::Uuid::from_u128(7);
    let created = api
        .done(
            "POST",
            "/v1/customers",
            &with(customer(), "/customer_id", json!(id)),
        )
        .await;
    let path = format!("/v1/customers/{created}/name");
    let body = json!({"name": "Countess"});
    let answers = join_all((0..8).map(|_| keyed(&api, "k", "PUT", &path, &body))).await;
    for answer in &answers {
        match answer.status.as_u16() {
            409 => answer.is_problem(409, "idempotency-key-in-flight"),
            _ => answer.is_command_answer(200, 2),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    let stream = StreamId {
        aggregate: AggregateType::Customer,
        id,
    };
    assert_eq!(api.store.store.events(stream).len(), 2);
}

#[tokio::test]
async fn a_malformed_key_is_named() {
    let api = an_api().await;
    for key in ["", "two words", &"k".repeat(256)] {
        let refused = keyed(&api, key, "POST", "/v1/customers", &customer()).await;
        refused.is_problem(400, "malformed-header");
        assert!(refused.text.contains("Idempotency-Key"), "{}", refused.text);
    }
}
