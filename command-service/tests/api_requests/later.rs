use command_service::application::ports::CommandQueue as _;
use command_service::outbound::bucket::bucket_of;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_support::in_memory::{Api, an_api};
use crate::api_support::{Answer, answer, customer, with};

async fn deferred(api: &Api, key: Option<&str>, body: &Value) -> Answer {
    let mut request = api
        .request("POST", "/v1/customers")
        .header("prefer", "wait=5, respond-async");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    answer(request.json(body)).await
}

async fn shown(api: &Api, id: Uuid) -> Answer {
    let answer = api.call("GET", &format!("/v1/commands/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

#[tokio::test]
async fn a_client_may_look_for_the_outcome_later() {
    let api = an_api().await;
    let id = Uuid::from_u128(7);
    let accepted = deferred(&api, None, &with(customer(), "/customer_id", json!(id))).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let command = accepted.id();
    assert_eq!(accepted.header("location"), format!("/v1/commands/{command}"));
    assert_eq!(accepted.header("preference-applied"), "respond-async");
    assert_eq!(
        accepted.body,
        json!({"id": command, "type": "register-customer", "status": "pending", "outcome": null})
    );

    let pending = shown(&api, command).await;
    assert_eq!(pending.header("retry-after"), "1");
    assert_eq!(pending.body["status"], "pending");
    assert_eq!(pending.body["outcome"], Value::Null);
    assert_eq!(pending.body["attempts"], 0);
    assert_eq!(pending.body["aggregate"], "customer");
    assert_eq!(pending.body["aggregate_id"], json!(id));
    assert_eq!(pending.body["actor"], "anonymous");
    assert_eq!(pending.body["causation_id"], json!(command));

    let taken = api
        .store
        .store
        .take(&[bucket_of(id)], 1)
        .await
        .expect("a command");
    assert_eq!(taken.len(), 1);
    let running = shown(&api, command).await;
    assert_eq!(running.body["status"], "running");
    assert_eq!(running.header("retry-after"), "1");
}

#[tokio::test]
async fn a_repeat_of_a_deferred_command_gets_the_same_answer_with_and_without_the_preference() {
    let api = an_api().await;
    let first = deferred(&api, Some("k"), &customer()).await;
    assert_eq!(first.status, 202);
    let plain = api
        .request("POST", "/v1/customers")
        .header("idempotency-key", "k");
    for again in [
        deferred(&api, Some("k"), &customer()).await,
        answer(plain.json(&customer())).await,
    ] {
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("location"), first.header("location"));
    }
    deferred(&api, Some("k"), &with(customer(), "/name", json!("Other")))
        .await
        .is_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_command_that_was_decided_is_shown_with_its_outcome() {
    let api = an_api().await;
    let created = api.send("POST", "/v1/customers", &customer()).await;
    let command: Uuid = created.header("correlation-id").parse().expect("its id");
    let done = shown(&api, command).await;
    assert_eq!(done.body["status"], "succeeded");
    assert_eq!(done.body["outcome"], created.body);
    assert_eq!(
        done.header("consistency-token"),
        created.header("consistency-token")
    );
    assert_eq!(done.header("retry-after"), "");
    assert!(done.body["decided_at"].is_string());

    let order = api.a_submitted_order(api.a_product().await).await;
    let refused = api.call("POST", &format!("/v1/orders/{order}/submit")).await;
    let command: Uuid = refused.header("correlation-id").parse().expect("its id");
    let shown = shown(&api, command).await;
    assert_eq!(shown.body["status"], "refused");
    assert_eq!(shown.body["type"], "submit-order");
    assert_eq!(shown.body["outcome"], refused.body);
}

#[tokio::test]
async fn an_unknown_command_is_not_there() {
    let api = an_api().await;
    api.call("GET", &format!("/v1/commands/{}", Uuid::nil()))
        .await
        .is_problem(404, "not-found");
    api.call("GET", "/v1/commands/7")
        .await
        .is_problem(400, "malformed-id");
    let wrong = api.call("POST", &format!("/v1/commands/{}", Uuid::nil())).await;
    wrong.is_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "GET");
}
