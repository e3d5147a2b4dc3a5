//! Queries as nobody should send them, for every path that the OpenAPI document names: parameters and headers of any text.
//! Each is answered, and never with a 5xx.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod support;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use query_service::inbound::http::api_document;
use query_service::outbound::memory::reading::MemoryReader;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::Value;
use support::Fixture as _;
use support::api::{Api, Limits};
use support::memory::Memory;
use support::mothers::{an_order, id};

const ROUNDS: usize = 40;

async fn an_api() -> Api<MemoryReader> {
    let memory = Memory::new().await;
    let orders: Vec<_> = (1..=3).map(an_order).collect();
    memory.put_all(&orders).await;
    Api::within(memory.reader(), Limits::default())
}

/// The paths, with their ids filled in, and the parameters that they take.
fn queries() -> Vec<(String, Vec<String>)> {
    let document: Value = serde_json::from_str(api_document::text()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let filled = |path: &str| {
        let parts = path.split('/').map(|part| match part.starts_with('{') {
            true => id(1).to_string(),
            false => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    };
    let all: Vec<_> = paths
        .iter()
        .filter(|(path, _)| path.starts_with("/v1/"))
        .map(|(path, operations)| {
            let parameters = operations["get"]["parameters"].as_array();
            let in_query = parameters
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
            (filled(path), in_query.collect())
        })
        .collect();
    assert!(all.len() > 10, "{all:?}");
    all
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{1,40}",
        "-?[a-z_]{0,12}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{0,8}Z?)?",
        "[A-Za-z0-9_-]{0,200}",
        r#"[*?~"()+\-|/\\:<>{}\[\]]{1,40}"#,
        Just("\u{0}".to_owned()),
        Just("x".repeat(3_000)),
        Just(id(1).to_string()),
    ]
}

async fn assert_answered(api: &Api<MemoryReader>, path: &str, headers: &[(&str, Vec<u8>)]) {
    let mut request = api.request(Method::GET, path);
    for (name, value) in headers {
        // What HTTP itself does not carry never gets here.
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request = request.header(*name, value);
        }
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    if status == 503 && path.contains("/changes") {
        // The streams of the requests before may not be seen to be gone yet, and only so many are open at a time.
        assert!(answer.headers().contains_key("retry-after"), "{path}");
        return;
    }
    assert!(!status.is_server_error(), "{status}: {path} {headers:?}");
    if status.is_client_error() {
        let text = answer.text().await.expect("a text");
        let problem: Value = serde_json::from_str(&text).expect("a problem");
        assert_eq!(problem["status"], status.as_u16(), "{path} {headers:?}");
        assert!(text.len() < 64 * 1024, "{} bytes: {path}", text.len());
    }
}

#[tokio::test]
async fn hostile_parameters_of_every_query() {
    let api = an_api().await;
    let mut chance = TestRunner::default();
    let one = (any::<prop::sample::Index>(), any::<bool>(), texts(), texts());
    let strategy = prop::collection::vec(one, 1..5);
    for (path, parameters) in queries() {
        for _ in 0..ROUNDS {
            let given = strategy.new_tree(&mut chance).expect("a value").current();
            let mut url = reqwest::Url::parse("http://any").expect("a URL");
            for (which, is_known, name, value) in given {
                let name = match parameters.is_empty() || !is_known {
                    true => name,
                    false => parameters[which.index(parameters.len())].clone(),
                };
                url.query_pairs_mut().append_pair(&name, &value);
            }
            let query = url.query().unwrap_or_default();
            assert_answered(&api, &format!("{path}?{query}"), &[]).await;
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn hostile_query_strings() {
    let api = an_api().await;
    let mut chance = TestRunner::default();
    let strategy = "([a-z_]{0,8}(=|%|&|\\+|;|%[0-9A-F]{1,2}|%FF|%00|[!-~&&[^#]]){0,4}){0,8}";
    for (path, _) in queries() {
        for _ in 0..ROUNDS {
            let query = strategy.new_tree(&mut chance).expect("a text").current();
            assert_answered(&api, &format!("{path}?{query}"), &[]).await;
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn hostile_headers_of_every_query() {
    let api = an_api().await;
    let mut chance = TestRunner::default();
    let text = prop_oneof![
        prop::collection::vec(0x20..=0xff_u8, 0..300),
        r"([a-z_]{1,20}:)?[0-9a-f-]{0,40}:-?[0-9]{0,22}".prop_map(String::into_bytes),
        r"([0-9]{1,12}:-?[0-9]{1,22},?){0,8}".prop_map(String::into_bytes),
        r#"(W/|\*|,|"[0-9a-z:-]{0,40}"?){0,6}"#.prop_map(String::into_bytes),
    ];
    let strategy = prop::collection::vec((any::<prop::sample::Index>(), text), 1..4);
    let names = [
        "consistency-token",
        "last-event-id",
        "if-none-match",
        "traceparent",
    ];
    for (path, _) in queries() {
        for _ in 0..ROUNDS {
            let given = strategy.new_tree(&mut chance).expect("a value").current();
            let mut headers: Vec<(&str, Vec<u8>)> = given
                .into_iter()
                .map(|(name, value)| (names[name.index(names.len())], value))
                .collect();
            // A token that is well formed is not waited for.
            headers.push(("prefer", b"wait=0".to_vec()));
            assert_answered(&api, &path, &headers).await;
        }
    }
    api.stop().await;
}
