use command_service::settings::HttpSettings;
use rstest::rstest;
use serde_json::json;

use crate::api_support::in_memory::{Api, Fault, an_api, an_api_with};
use crate::api_support::{Answer, answer, customer};

async fn rename(api: &Api, path: &str, if_match: Option<&str>, name: &str) -> Answer {
    let mut request = api.request("PUT", path).json(&json!({"name": name}));
    if let Some(if_match) = if_match {
        request = request.header("if-match", if_match);
    }
    answer(request).await
}

#[tokio::test]
async fn a_command_for_another_version_is_refused() {
    let api = an_api().await;
    let path = format!("/v1/customers/{}/name", api.a_customer().await);
    rename(&api, &path, Some("\"1\""), "b")
        .await
        .is_command_answer(200, 2);
    let refused = rename(&api, &path, Some("\"1\""), "c").await;
    refused.is_problem(412, "precondition-failed");
    assert!(refused.text.contains("version 2"), "{}", refused.text);
    rename(&api, &path, Some("\"1\", \"2\""), "d")
        .await
        .is_command_answer(200, 3);
    rename(&api, &path, Some("*"), "e")
        .await
        .is_command_answer(200, 4);
    let etag = rename(&api, &path, None, "f").await.header("etag").to_owned();
    rename(&api, &path, Some(&etag), "g")
        .await
        .is_command_answer(200, 6);
}

#[rstest]
#[case("3")]
#[case("\"abc\"")]
#[case("W/\"3\"")]
#[case("")]
#[case("*, \"3\"")]
#[case("\"-1\"")]
#[tokio::test]
async fn a_malformed_condition_is_named(#[case] if_match: &str) {
    let api = an_api().await;
    let path = format!("/v1/customers/{}/name", api.a_customer().await);
    let refused = rename(&api, &path, Some(if_match), "b").await;
    refused.is_problem(400, "malformed-header");
    assert!(
        refused.text.contains("If-Match takes versions in quotes"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn what_is_not_there_yet_has_no_version() {
    let api = an_api().await;
    for if_match in ["*", "\"1\""] {
        let request = api.request("POST", "/v1/customers").header("if-match", if_match);
        answer(request.json(&customer()))
            .await
            .is_problem(412, "precondition-failed");
    }
}

#[tokio::test]
async fn a_route_may_need_a_version() {
    let settings = HttpSettings {
        require_if_match: vec!["PUT /v1/customers/{id}/name".to_owned()],
        ..HttpSettings::default()
    };
    let api = an_api_with(settings, Fault::None).await;
    let path = format!("/v1/customers/{}/name", api.a_customer().await);
    let refused = rename(&api, &path, None, "b").await;
    refused.is_problem(428, "precondition-required");
    assert!(refused.text.contains("If-Match"), "{}", refused.text);
    rename(&api, &path, Some("\"1\""), "b")
        .await
        .is_command_answer(200, 2);
    let product = api.a_product().await;
    rename(&api, &format!("/v1/products/{product}/name"), None, "b")
        .await
        .is_command_answer(200, 2);
}
