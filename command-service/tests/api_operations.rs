//! What operators see: failures, overload, health, metrics, documents; on the in-memory event store.

mod api_support;

use std::time::Duration;

use api_support::in_memory::{Fault, an_api, an_api_with};
use api_support::{answer, customer};
use command_service::inbound::http::api_document;
use command_service::inbound::http::problem::ProblemKind;
use command_service::settings::HttpSettings;
use rstest::rstest;

#[rstest]
#[case(Fault::Unavailable, 503, "unavailable")]
#[case(Fault::Hangs, 503, "deadline-exceeded")]
#[case(Fault::Broken, 500, "internal-error")]
#[tokio::test]
async fn a_failing_store_reveals_nothing_and_the_process_lives(
    #[case] fault: Fault,
    #[case] status: u16,
    #[case] kind: &str,
) {
    let settings = HttpSettings {
        request_deadline: Duration::from_millis(200),
        ..HttpSettings::default()
    };
    let api = an_api_with(settings, fault).await;
    let refused = api.send("POST", "/v1/customers", &customer()).await;
    refused.is_problem(status, kind);
    assert!(!refused.text.contains("secret"), "{}", refused.text);
    assert_eq!(api.call("GET", "/health/live").await.status, 200);
    let ready = api.call("GET", "/health/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body["dependencies"][0]["name"], "database");
    assert_eq!(ready.body["dependencies"][0]["status"], "down");
}

#[tokio::test]
async fn past_its_limit_the_door_sheds_and_health_is_answered() {
    let settings = HttpSettings {
        max_in_flight: std::num::NonZeroUsize::MIN,
        max_waiting: 0,
        ..HttpSettings::default()
    };
    let api = an_api_with(settings, Fault::Hangs).await;
    let body = customer();
    let hanging = api.send("POST", "/v1/customers", &body);
    let shed = async {
        // The first to arrive hangs in the store; whichever it is, the other is shed.
        api.send("POST", "/v1/customers", &customer()).await
    };
    let shed = tokio::select! { answer = hanging => answer, answer = shed => answer };
    shed.is_problem(503, "overloaded");
    assert_eq!(api.call("GET", "/health/live").await.status, 200);
}

#[tokio::test]
async fn while_the_outbox_is_full_commands_are_refused_before_they_are_read_and_queries_are_not() {
    let api = an_api().await;
    api.outbox.measured(100);
    // Not even its media type is looked at.
    let refused = api.call("POST", "/v1/customers").await;
    refused.is_problem(503, "outbox-full");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(api.call("GET", "/health/live").await.status, 200);
    let unknown = format!("/v1/commands/{}", uuid::Uuid::nil());
    api.call("GET", &unknown).await.is_problem(404, "not-found");
    api.outbox.measured(91);
    api.send("POST", "/v1/customers", &customer())
        .await
        .is_problem(503, "outbox-full");
    api.outbox.measured(90);
    api.a_customer().await;
}

#[tokio::test]
async fn while_the_queue_is_full_only_commands_for_later_are_refused() {
    let api = an_api().await;
    api.queue.measured(100);
    let later = async || {
        let request = api
            .request("POST", "/v1/customers")
            .header("prefer", "respond-async");
        answer(request.json(&customer())).await
    };
    later().await.is_problem(503, "queue-full");
    api.a_customer().await;
    api.queue.measured(0);
    assert_eq!(later().await.status, 202);
}

#[tokio::test]
async fn a_process_that_stops_is_alive_and_not_ready() {
    let api = an_api().await;
    let ready = api.call("GET", "/health/ready").await;
    assert_eq!(
        (ready.status.as_u16(), ready.body["status"].as_str()),
        (200, Some("ready"))
    );
    api.health.stop();
    let ready = api.call("GET", "/health/ready").await;
    assert_eq!(
        (ready.status.as_u16(), ready.body["status"].as_str()),
        (503, Some("stopping"))
    );
    assert_eq!(api.call("GET", "/health/live").await.status, 200);
}

#[tokio::test]
async fn operators_find_a_page_and_metrics() {
    let api = an_api().await;
    api.a_customer().await;
    let page = api.call("GET", "/healthcheck").await;
    assert!(page.header("content-type").starts_with("text/html"));
    for said in [
        "command-service",
        "api",
        "database",
        "3 unpublished",
        "1.5 s",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(page.text.contains(said), "{said} is not in {}", page.text);
    }
    api.call("GET", "/nowhere").await.is_problem(404, "unknown-path");
    let metrics = api.call("GET", "/metrics").await.text;
    for said in [
        "http_server_request_duration_seconds_count{method=\"GET\",route=\"/healthcheck\",status=\"200\"}",
        "http_server_request_duration_seconds_count{method=\"GET\",route=\"unknown\",status=\"404\"}",
        "outbox_depth 3",
        "outbox_oldest_age_seconds 1.5",
        "http_server_request_duration_seconds_count{method=\"POST\",route=\"/v1/customers\",status=\"201\"}",
        "http_server_request_duration_seconds_bucket{",
    ] {
        assert!(metrics.contains(said), "{said} is not in {metrics}");
    }
    let docs = api.call("GET", "/docs").await;
    assert_eq!(docs.status, 200);
    assert!(docs.text.contains("swagger-ui"), "{}", docs.text);
}

/// Regenerate with `cargo run -p command-service -- openapi > docs/openapi/command-service.json`.
#[tokio::test]
async fn the_openapi_document_is_complete_and_up_to_date() {
    let api = an_api().await;
    let served = api.call("GET", "/openapi.json").await;
    assert_eq!(served.text, api_document::text());
    let kept = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/openapi/command-service.json"
    );
    let kept = std::fs::read_to_string(kept).unwrap_or_default();
    assert!(
        kept.trim_end() == served.text,
        "docs/openapi/command-service.json is out of date"
    );

    let paths = served.body["paths"].as_object().expect("paths");
    assert_eq!(paths.keys().filter(|path| path.starts_with("/v1/")).count(), 19);
    for (path, operations) in paths.iter().filter(|(path, _)| path.starts_with("/v1/")) {
        for (method, operation) in operations.as_object().expect("operations") {
            let responses = operation["responses"].as_object().expect("responses");
            let of_all = ["400", "401", "403", "431", "500", "503"];
            let of_commands = ["202", "408", "409", "412", "413", "422", "428"];
            let of_commands = of_commands.iter().filter(|_| method != "get");
            for status in of_all.iter().chain(of_commands) {
                assert!(responses.contains_key(*status), "{method} {path} has no {status}");
            }
            assert!(operation["security"].is_array(), "{method} {path}");
            assert_eq!(
                path.contains('{'),
                responses.contains_key("404"),
                "{method} {path}"
            );
            assert_eq!(
                operation["requestBody"].is_object(),
                responses.contains_key("415"),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn every_problem_is_listed_in_the_documentation() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/problems.md");
    let page = std::fs::read_to_string(page).unwrap_or_default();
    for kind in ProblemKind::ALL {
        let row = format!("| `{}` | {} |", kind.type_uri(), kind.status().as_u16());
        assert!(page.contains(&row), "docs/problems.md has no row {row}");
    }
}
