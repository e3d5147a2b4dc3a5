//! The read side's rows of bad input, on the stores in memory: every path that the OpenAPI document names, none a 5xx.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod support;

use std::time::{Duration, Instant};

use query_service::inbound::http::api_document;
use query_service::outbound::memory::reading::MemoryReader;
use reqwest::Method;
use rstest::rstest;
use serde_json::Value;
use support::Fixture as _;
use support::api::{Answer, Api, Limits};
use support::memory::Memory;
use support::mothers::{an_order, id};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn an_api() -> Api<MemoryReader> {
    an_api_with(Limits::default()).await
}

async fn an_api_with(limits: Limits) -> Api<MemoryReader> {
    let memory = Memory::new().await;
    let orders: Vec<_> = (1..=3).map(an_order).collect();
    memory.put_all(&orders).await;
    Api::within(memory.reader(), limits)
}

/// A query as the document describes it.
struct Query {
    /// With its placeholders.
    template: String,
    parameters: Vec<String>,
}

impl Query {
    fn takes(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|known| known == parameter)
    }

    /// With every placeholder filled in alike.
    fn path(&self, filling: &str) -> String {
        let parts = self.template.split('/').map(|part| match part.starts_with('{') {
            true => filling,
            false => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    fn with(&self, parameters: &str) -> String {
        format!("{}?{parameters}", self.path(&id(1).to_string()))
    }
}

/// Those that the document describes, of the API alone.
fn queries() -> Vec<Query> {
    let document: Value = serde_json::from_str(api_document::text()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let queries: Vec<_> = paths
        .iter()
        .filter(|(path, _)| path.starts_with("/v1/"))
        .map(|(path, operations)| Query {
            template: path.clone(),
            parameters: operations["get"]["parameters"]
                .as_array()
                .expect("every query takes a token at least")
                .iter()
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                .collect(),
        })
        .collect();
    assert!(queries.len() >= 3, "{paths:?}");
    queries
}

fn queries_that_take(parameter: &str) -> Vec<Query> {
    let mut queries = queries();
    queries.retain(|query| query.takes(parameter));
    assert!(!queries.is_empty(), "no query takes {parameter}");
    queries
}

#[track_caller]
fn names(problem: &Value, all: &[&str]) {
    let detail = problem["detail"].as_str().expect("a text");
    for named in all {
        assert!(detail.contains(named), "{named} is missing in {problem}");
    }
}

/// What a socket answers to these bytes.
async fn raw(api: &Api<MemoryReader>, bytes: &[u8]) -> String {
    let address = api.base_url.trim_start_matches("http://");
    let mut connection = tokio::net::TcpStream::connect(address)
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

#[tokio::test]
async fn an_unknown_parameter() {
    let api = an_api().await;
    for query in queries() {
        let problem = api
            .get(&query.with("colour=red"))
            .await
            .problem(400, "invalid-parameter");
        names(&problem, &["colour"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_parameter_given_twice() {
    let api = an_api().await;
    for query in queries_that_take("limit") {
        let problem = api
            .get(&query.with("limit=2&limit=3"))
            .await
            .problem(400, "invalid-parameter");
        names(&problem, &["limit", "once"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn more_parameters_than_a_query_can_have() {
    let api = an_api().await;
    for query in queries() {
        let many: Vec<_> = (0..200).map(|n| format!("p{n}=1")).collect();
        api.get(&query.with(&many.join("&")))
            .await
            .problem(400, "invalid-parameter");
    }
    api.stop().await;
}

#[rstest]
#[case("%ff%fe")]
#[case("%00")]
#[case("%")]
#[case("%zz")]
#[case("%F0%9F%A6%80")]
#[tokio::test]
async fn values_that_are_no_text(#[case] value: &str) {
    let api = an_api().await;
    for query in queries() {
        for parameter in &query.parameters {
            let answer = api.get(&query.with(&format!("{parameter}={value}"))).await;
            assert!(answer.status.as_u16() < 500, "{} {answer:?}", query.template);
        }
    }
    api.stop().await;
}

#[rstest]
#[case("7")]
#[case("%00")]
#[case("..%2F..%2Fetc")]
#[case("0190b5a0-0000-7000-8000-00000000000g")]
#[case("*")]
#[case("_all")]
#[tokio::test]
async fn an_id_that_is_none(#[case] filling: &str) {
    let api = an_api().await;
    let mut seen = 0;
    for query in queries() {
        // Without its last placeholder this path is another one.
        if query.template.contains('{') {
            seen += 1;
            api.get(&query.path(filling)).await.problem(400, "malformed-id");
        }
    }
    assert!(seen > 0);
    api.stop().await;
}

#[rstest]
#[case("0")]
#[case("101")]
#[case("-1")]
#[case("1.5")]
#[case("1e1")]
#[case("99999999999999999999")]
#[case("")]
#[tokio::test]
async fn a_limit_out_of_range(#[case] limit: &str) {
    let api = an_api().await;
    for query in queries_that_take("limit") {
        let problem = api
            .get(&query.with(&format!("limit={limit}")))
            .await
            .problem(400, "invalid-parameter");
        names(&problem, &["limit", "1 and 100"]);
    }
    api.stop().await;
}

#[rstest]
#[case("9981")]
#[case("10000&limit=1")]
#[case("18446744073709551615")]
#[case("99999999999999999999999")]
#[tokio::test]
async fn an_offset_past_ten_thousand(#[case] offset: &str) {
    let api = an_api().await;
    for query in queries_that_take("offset") {
        let problem = api
            .get(&query.with(&format!("offset={offset}")))
            .await
            .problem(400, "invalid-parameter");
        names(&problem, &["offset", "10000", "cursor"]);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_forged_cursor() {
    let api = an_api().await;
    for query in queries_that_take("cursor") {
        for cursor in ["forged", "", "e30", "eyJhZnRlciI6W119", &"A".repeat(5_000)] {
            let problem = api
                .get(&query.with(&format!("cursor={cursor}")))
                .await
                .problem(400, "forged-cursor");
            assert_eq!(problem["errors"][0]["parameter"], "cursor");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_cursor_of_which_any_letter_was_changed() {
    let api = an_api().await;
    let page = api.get("/v1/orders?limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().expect("more follow");
    api.get(&format!("/v1/orders?limit=1&cursor={cursor}")).await.ok();
    for at in 0..cursor.len() {
        let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
        // The last letter of base64 has bits that mean nothing; a decoder that minds them refuses it as well.
        let forged = format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]);
        api.get(&format!("/v1/orders?limit=1&cursor={forged}"))
            .await
            .problem(400, "forged-cursor");
    }
    api.stop().await;
}

#[rstest]
#[case("")]
#[case("order")]
#[case("order:1:1")]
#[case("order:0190b5a0-0000-7000-8000-000000000001")]
#[case("order:0190b5a0-0000-7000-8000-000000000001:0")]
#[case("order:0190b5a0-0000-7000-8000-000000000001:-1")]
#[case("order:0190b5a0-0000-7000-8000-000000000001:1:1")]
#[case("order:0190b5a0-0000-7000-8000-000000000001:99999999999999999999")]
#[case("basket:0190b5a0-0000-7000-8000-000000000001:1")]
#[tokio::test]
async fn a_malformed_token(#[case] token: &str) {
    let api = an_api().await;
    for query in queries_that_take("Consistency-Token") {
        let path = query.path(&id(1).to_string());
        let asked = Instant::now();
        api.get_with_token(&path, token, 30)
            .await
            .problem(400, "malformed-token");
        assert!(asked.elapsed() < Duration::from_secs(10), "it was waited for");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_malformed_preference() {
    let api = an_api().await;
    for query in queries_that_take("Consistency-Token") {
        let path = query.path(&id(1).to_string());
        let request = api.request(Method::GET, &path).header("Prefer", "wait=soon");
        Answer::of(request).await.problem(400, "malformed-header");
    }
    api.stop().await;
}

/// It waits out its bound: nobody can know that it will never be.
#[tokio::test]
async fn a_token_of_a_version_that_never_was() {
    let api = an_api().await;
    let token = format!("order:{}:7", id(1));
    let asked = Instant::now();
    let problem = api
        .get_with_token(&format!("/v1/orders/{}", id(1)), &token, 1)
        .await
        .problem(503, "not-yet-visible");
    assert!(asked.elapsed() >= Duration::from_secs(1));
    assert_eq!(problem["version_seen"], 1);
    api.stop().await;
}

#[tokio::test]
async fn a_search_of_ten_kilobytes_of_operators_or_of_nul() {
    let api = an_api().await;
    let limits = Limits::default();
    for query in queries_that_take("q") {
        for text in [
            "x".repeat(10_000),
            "x%20".repeat(2_500),
            "%2B-%7C*()~%22".repeat(500),
            "%00".repeat(3_000),
            "*:*".to_owned(),
            "customer_name:ada%20AND%20(NOT%20x)".to_owned(),
            "%7B%22match_all%22%3A%7B%7D%7D".to_owned(),
            "%00".to_owned(),
        ] {
            let asked = Instant::now();
            let answer = api.get(&query.with(&format!("q={text}"))).await;
            assert!(
                matches!(answer.status.as_u16(), 200 | 400),
                "{text:.40}: {answer:?}"
            );
            assert!(asked.elapsed() < limits.request_deadline, "{text:.40}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_wrong_method() {
    let api = an_api().await;
    for query in queries() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let path = query.path(&id(1).to_string());
            let answer = Answer::of(api.request(method, &path)).await;
            answer.problem(405, "method-not-allowed");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{path}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_wrong_path() {
    let api = an_api().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/orders",
        "/V1/orders",
        "/v1/orders/",
        "/v1/baskets",
    ] {
        api.get(path).await.problem(404, "unknown-path");
    }
    for query in queries() {
        let path = query.path(&id(1).to_string());
        api.get(&format!("{path}/further/down"))
            .await
            .problem(404, "unknown-path");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_head_too_large() {
    let api = an_api().await;
    let request = api
        .request(Method::GET, "/v1/orders")
        .header("x-long", "a".repeat(40_000));
    Answer::of(request).await.problem(431, "head-too-large");
    api.get(&format!("/v1/orders?limit={}", "1".repeat(40_000)))
        .await
        .problem(431, "head-too-large");
    api.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_slowly() {
    let api = an_api_with(Limits {
        slow_client_timeout: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let answer = raw(&api, b"GET /v1/orders HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_http() {
    let api = an_api().await;
    let answer = raw(&api, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(api.get("/health/live").await.status.as_u16(), 200);
    api.stop().await;
}

/// A query has no body. One that comes nevertheless is not waited for, however long it says that it is.
#[tokio::test]
async fn a_body_where_none_belongs() {
    let api = an_api().await;
    let request = api
        .request(Method::GET, "/v1/orders")
        .body("{\"limit\": 1000000}");
    Answer::of(request).await.ok();
    let answer = raw(
        &api,
        b"GET /v1/orders HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n{",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    api.stop().await;
}
