//! The API's contract with its clients, over the adapters in memory.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod support;

use std::time::Duration;

use query_service::application::ports::Change;
use query_service::inbound::http::api_document;
use read_model::{Kind, OrderDocument};
use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use shared_events::AggregateType;
use support::Fixture as _;
use support::api::{Answer, Api, Limits};
use support::memory::Memory;
use support::mothers::{a_line, an_empty_order, an_order, an_order_of, id};

async fn an_api_with(
    orders: &[OrderDocument],
) -> (
    Memory,
    Api<query_service::outbound::memory::reading::MemoryReader>,
) {
    let memory = Memory::new().await;
    memory.put_all(orders).await;
    let api = Api::over(memory.reader());
    (memory, api)
}

#[tokio::test]
async fn a_detail_shows_the_order_and_nothing_internal() {
    let order = OrderDocument {
        version: 3,
        items: vec![a_line(800_001, "Oak chair", 2, 4_950)],
        ..an_order(1)
    };
    let (_, api) = an_api_with(&[order]).await;
    let answer = api.get(&format!("/v1/orders/{}", id(1))).await;
    assert_eq!(
        answer.ok(),
        json!({
            "id": id(1), "version": 3, "status": "draft", "customer_id": id(900_001), "customer_name": "Ada Lovelace",
            "item_count": 1, "total": {"amount": 9_900, "currency": "EUR"},
            "created_at": "2026-01-01T00:01:00.000123Z", "updated_at": "2026-01-01T00:01:00.000123Z",
            "items": [{
                "product_id": id(800_001), "product_name": "Oak chair", "quantity": 2,
                "unit_price": {"amount": 4_950, "currency": "EUR"}, "subtotal": {"amount": 9_900, "currency": "EUR"},
            }],
        })
    );
    assert_eq!(answer.header("consistency-token"), format!("order:{}:3", id(1)));
    assert_eq!(answer.header("projected-version"), "3");
    api.stop().await;
}

#[tokio::test]
async fn an_etag_covers_names_too_and_spares_the_body_while_it_holds() {
    let (memory, api) = an_api_with(&[an_order(1)]).await;
    let path = format!("/v1/orders/{}", id(1));
    let etag = api.get(&path).await.header("etag").to_owned();
    let ask = |known: String| Answer::of(api.request(Method::GET, &path).header("If-None-Match", known));
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        "*".to_owned(),
    ] {
        let answer = ask(known).await;
        assert_eq!(answer.status.as_u16(), 304);
        assert_eq!((answer.header("etag"), answer.body.as_str()), (etag.as_str(), ""));
    }
    assert_eq!(ask("\"other\"".to_owned()).await.status.as_u16(), 200);
    memory
        .put(&OrderDocument {
            customer_name: "Ada King".to_owned(),
            ..an_order(1)
        })
        .await;
    api.announce(&Change {
        aggregate: AggregateType::Order,
        id: id(1),
        version: 1,
        order: None,
    });
    assert_eq!(ask(etag).await.status.as_u16(), 200);
    api.stop().await;
}

#[tokio::test]
async fn a_list_shows_the_newest_first_without_lines() {
    let (_, api) = an_api_with(&[an_order(1), an_empty_order(2)]).await;
    let page = api.get("/v1/orders").await.ok();
    assert_eq!((&page["total"], &page["next_cursor"]), (&json!(2), &json!(null)));
    assert_eq!(
        (&page["items"][0]["id"], &page["items"][0]["total"]),
        (&json!(id(2)), &json!(null))
    );
    assert_eq!(page["items"][1]["id"], json!(id(1)));
    assert!(page["items"][0].get("items").is_none());
    assert!(page.get("facets").is_none());
    api.stop().await;
}

#[tokio::test]
async fn a_last_page_that_is_full_has_no_cursor() {
    let orders: Vec<_> = (1..=4).map(an_order).collect();
    let (_, api) = an_api_with(&orders).await;
    let first = api.get("/v1/orders?limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().expect("more follow");
    let second = api.get(&format!("/v1/orders?limit=2&cursor={cursor}")).await;
    assert_eq!(second.ids(), [id(2).to_string(), id(1).to_string()]);
    assert_eq!(second.ok()["next_cursor"], json!(null));
    assert_eq!(
        api.get("/v1/orders?limit=2&offset=2").await.ok()["next_cursor"],
        json!(null)
    );
    api.stop().await;
}

#[tokio::test]
async fn a_cursor_belongs_to_its_query() {
    let orders: Vec<_> = (1..=4).map(an_order).collect();
    let (_, api) = an_api_with(&orders).await;
    let first = api.get("/v1/orders?limit=2&status=draft,shipped").await.ok();
    let cursor = first["next_cursor"].as_str().expect("more follow");
    let with = async |rest: &str| api.get(&format!("/v1/orders{rest}&cursor={cursor}")).await;
    assert_eq!(with("?status=shipped&status=draft&limit=1").await.ids().len(), 1);
    for other in [
        "?status=draft",
        "?limit=2",
        "?status=draft,shipped&sort=created_at",
        "/search?status=draft,shipped",
    ] {
        let problem = with(other).await.problem(400, "forged-cursor");
        assert_eq!(problem["errors"][0]["parameter"], "cursor");
    }
    api.stop().await;
}

#[rstest]
#[case("/v1/orders/7", "malformed-id", "{id}")]
#[case("/v1/orders/%00", "malformed-id", "{id}")]
#[case(
    "/v1/orders/0190b5a0-0000-7000-8000-000000000001?x=1",
    "invalid-parameter",
    "x"
)]
#[case("/v1/orders?limit=0", "invalid-parameter", "1 and 100")]
#[case("/v1/orders?limit=101", "invalid-parameter", "1 and 100")]
#[case("/v1/orders?limit=x", "invalid-parameter", "limit")]
#[case("/v1/orders?offset=9981", "invalid-parameter", "cursor")]
#[case("/v1/orders?offset=-1", "invalid-parameter", "offset")]
#[case("/v1/orders?offset=99999999999999999999999", "invalid-parameter", "10000")]
#[case("/v1/orders?cursor=forged", "forged-cursor", "cursor")]
#[case("/v1/orders?cursor=", "forged-cursor", "cursor")]
#[case("/v1/orders?sort=name", "invalid-parameter", "sort")]
#[case("/v1/orders?status=lost", "invalid-parameter", "lost")]
#[case("/v1/orders?customer_id=1", "invalid-parameter", "customer_id")]
#[case("/v1/orders?q=ada", "invalid-parameter", "q: unknown parameter")]
#[case("/v1/orders?date_from=2026-01-01", "invalid-parameter", "date_from")]
#[case("/v1/orders/search?date_from=soon", "invalid-parameter", "date_from")]
#[case("/v1/orders/search?date_to=2026-13-01", "invalid-parameter", "date_to")]
#[case("/v1/orders/search?query=ada", "invalid-parameter", "query")]
#[tokio::test]
async fn bad_input_is_a_400_that_names_it(#[case] path: &str, #[case] kind: &str, #[case] named: &str) {
    let (_, api) = an_api_with(&[]).await;
    let problem = api.get(path).await.problem(400, kind);
    assert!(
        problem["detail"].as_str().expect("a text").contains(named),
        "{problem}"
    );
    api.stop().await;
}

#[rstest]
#[case("Consistency-Token", "order:1:1", "malformed-token")]
#[case(
    "Consistency-Token",
    "order:0190b5a0-0000-7000-8000-000000000001:0",
    "malformed-token"
)]
#[case(
    "Consistency-Token",
    "basket:0190b5a0-0000-7000-8000-000000000001:1",
    "malformed-token"
)]
#[case("Prefer", "wait=soon", "malformed-header")]
#[tokio::test]
async fn a_malformed_header_is_a_400(#[case] name: &str, #[case] value: &str, #[case] kind: &str) {
    let (_, api) = an_api_with(&[an_order(1)]).await;
    for path in [
        "/v1/orders",
        "/v1/orders/search",
        &format!("/v1/orders/{}", id(1)),
    ] {
        let answer = Answer::of(api.request(Method::GET, path).header(name, value)).await;
        answer.problem(400, kind);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_search_text_has_its_bounds() {
    let (_, api) = an_api_with(&[an_order(1)]).await;
    for text in ["x".repeat(10_000), "x".repeat(257), "x+".repeat(17)] {
        api.get(&format!("/v1/orders/search?q={text}"))
            .await
            .problem(400, "invalid-parameter");
    }
    for text in [
        "%00",
        "%00ada%00",
        "",
        "*:*",
        "a%20AND%20(b",
        "%22",
        "%ff%fe",
        "%F0%9F%A6%80",
    ] {
        api.get(&format!("/v1/orders/search?q={text}")).await.ok();
    }
    assert_eq!(api.get("/v1/orders/search?q=%00ada%00").await.ids().len(), 1);
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let (_, api) = an_api_with(&[]).await;
    api.get(&format!("/v1/orders/{}", id(1)))
        .await
        .problem(404, "not-found");
    for path in ["/", "/v1", "/v1/orders/", "/v2/orders", "/v1/orders/x/y"] {
        api.get(path).await.problem(404, "unknown-path");
    }
    for path in [
        "/v1/orders",
        "/v1/orders/search",
        "/v1/orders/1",
        "/health/live",
        "/openapi.json",
        "/docs",
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = Answer::of(api.request(method, path)).await;
            answer.problem(405, "method-not-allowed");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    let head = Answer::of(api.request(Method::HEAD, "/v1/orders")).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    let long = Answer::of(
        api.request(Method::GET, "/v1/orders")
            .header("x", "y".repeat(40_000)),
    )
    .await;
    long.problem(431, "head-too-large");
    api.stop().await;
}

#[tokio::test]
async fn an_outage_of_the_store_is_a_503() {
    let (memory, api) = an_api_with(&[an_order(1)]).await;
    memory.0.set_unavailable(true);
    let detail = format!("/v1/orders/{}", id(1));
    for path in ["/v1/orders", "/v1/orders/search?q=ada", &detail] {
        api.get(path).await.problem(503, "unavailable");
        api.get_with_token(path, &format!("order:{}:1", id(1)), 1)
            .await
            .problem(503, "unavailable");
    }
    assert_eq!(api.get("/health/live").await.status.as_u16(), 200);
    memory.0.set_unavailable(false);
    api.get(&detail).await.ok();
    api.stop().await;
}

#[tokio::test]
async fn more_than_may_be_in_work_is_shed_and_health_is_not() {
    let memory = Memory::new().await;
    let limits = Limits {
        max_in_flight: 1,
        max_waiting: 1,
        ..Limits::default()
    };
    let api = Api::within(memory.reader(), limits);
    let path = format!("/v1/orders/{}", id(1));
    let token = format!("order:{}:1", id(1));
    let (waited, ()) = tokio::join!(api.get_with_token(&path, &token, 10), async {
        // Until the first is in work, the second is answered.
        while api.get("/v1/orders").await.status.as_u16() == 200 {}
        api.get("/v1/orders").await.problem(503, "overloaded");
        for path in ["/health/live", "/health/ready", "/metrics"] {
            assert_eq!(api.get(path).await.status.as_u16(), 200);
        }
        memory.put(&an_order(1)).await;
        api.announce(&Change {
            aggregate: AggregateType::Order,
            id: id(1),
            version: 1,
            order: None,
        });
    });
    waited.ok();
    api.stop().await;
}

#[tokio::test]
async fn more_than_may_wait_for_a_token_are_shed_and_others_are_not() {
    let memory = Memory::new().await;
    let limits = Limits {
        max_waiting: 1,
        ..Limits::default()
    };
    let api = Api::within(memory.reader(), limits);
    let path = format!("/v1/orders/{}", id(1));
    let token = format!("order:{}:1", id(1));
    let (waited, ()) = tokio::join!(api.get_with_token(&path, &token, 10), async {
        while api.get_with_token(&path, &token, 0).await.problem_kind() != "/problems/overloaded" {}
        api.get("/v1/orders").await.ok();
        memory.put(&an_order(1)).await;
    });
    waited.ok();
    api.stop().await;
}

#[tokio::test]
async fn a_detail_waits_until_its_token_can_be_seen() {
    let (memory, api) = an_api_with(&[an_order(1)]).await;
    let path = format!("/v1/orders/{}", id(1));
    let token = format!("order:{}:2", id(1));
    let (answer, ()) = tokio::join!(api.get_with_token(&path, &token, 10), async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        memory
            .put(&OrderDocument {
                version: 2,
                ..an_order(1)
            })
            .await;
        api.announce(&Change {
            aggregate: AggregateType::Order,
            id: id(1),
            version: 2,
            order: None,
        });
    });
    assert_eq!(answer.ok()["version"], 2);
    api.stop().await;
}

#[tokio::test]
async fn what_never_comes_is_not_yet_visible_and_says_what_is() {
    let (memory, api) = an_api_with(&[an_order(1)]).await;
    memory.propagate(Kind::Customer, id(900_001), 4).await;
    let detail = format!("/v1/orders/{}", id(1));
    for path in [detail.as_str(), "/v1/orders", "/v1/orders/search?q=ada"] {
        for (token, seen) in [
            (format!("order:{}:2", id(1)), 1),
            (format!("order:{}:1", id(5)), 0),
            (format!("customer:{}:5", id(900_001)), 4),
            (format!("product:{}:1", id(800_001)), 0),
        ] {
            let problem = api
                .get_with_token(path, &token, 0)
                .await
                .problem(503, "not-yet-visible");
            assert_eq!(problem["version_seen"], seen, "{path} {token}");
            assert_eq!(problem["consistency_token"], token);
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn an_order_that_does_not_exist_yet_is_waited_for() {
    let (memory, api) = an_api_with(&[]).await;
    let path = format!("/v1/orders/{}", id(1));
    let token = format!("order:{}:1", id(1));
    let (answer, ()) = tokio::join!(api.get_with_token(&path, &token, 10), async {
        // Nobody announces it: it is found by looking again.
        tokio::time::sleep(Duration::from_millis(30)).await;
        memory.put(&an_order(1)).await;
    });
    answer.ok();
    api.stop().await;
}

#[tokio::test]
async fn a_listing_waits_for_the_refresh_and_gives_the_token_back() {
    let (memory, api) = an_api_with(&[]).await;
    memory.put(&an_order_of(1, 900_002, "Grace Hopper")).await;
    let token = format!("order:{}:1", id(1));
    for path in ["/v1/orders", "/v1/orders/search?q=grace"] {
        assert_eq!(api.get(path).await.ids().len(), 0);
    }
    let path = format!("/v1/orders?customer_id={}", id(900_002));
    let (answer, ()) = tokio::join!(api.get_with_token(&path, &token, 10), async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        memory.refresh().await;
    });
    assert_eq!(answer.ids(), [id(1).to_string()]);
    assert_eq!(answer.header("consistency-token"), token);
    api.stop().await;
}

#[tokio::test]
async fn a_process_that_stops_is_not_ready_and_closes_its_connections() {
    let (_, api) = an_api_with(&[an_order(1)]).await;
    let ready = api.get("/health/ready").await.ok();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["dependencies"][0]["name"], "elasticsearch");
    api.health.stop();
    let answer = api.get("/health/ready").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["status"].clone()),
        (503, json!("stopping"))
    );
    let answer = api.get("/v1/orders").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("connection")),
        (200, "close")
    );
    assert_eq!(api.get("/health/live").await.status.as_u16(), 200);
    api.stop().await;
}

#[tokio::test]
async fn operators_find_what_they_ask_for() {
    let (_, api) = an_api_with(&[an_order(1)]).await;
    api.get("/v1/orders").await.ok();
    let metrics = api.get("/metrics").await;
    for name in ["query_duration_seconds", "http_server_request_duration_seconds"] {
        assert!(metrics.body.contains(name), "{}", metrics.body);
    }
    let page = api.get("/healthcheck").await;
    for text in ["api", "elasticsearch", "uptime", env!("CARGO_PKG_VERSION")] {
        assert!(page.body.contains(text), "{}", page.body);
    }
    assert_eq!(api.get("/docs").await.header("location"), "/docs/");
    assert!(api.get("/docs/").await.body.contains("swagger"));
    assert_eq!(api.get("/openapi.json").await.body, api_document::text());
    api.stop().await;
}
