//! The API over the real Elasticsearch.

// Outside the test functions too.
#![allow(clippy::expect_used)]

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use query_service::application::ports::Change;
use query_service::outbound::elasticsearch::{ElasticsearchSettings, connect};
use read_model::{Kind, OrderDocument, OrderStatus};
use rstest::rstest;
use serde_json::json;
use shared_events::AggregateType;
use support::Fixture as _;
use support::api::Api;
use support::elasticsearch::Elasticsearch;
use support::mothers::{a_line, an_order, an_order_of, id};

#[tokio::test]
async fn a_misspelt_name_finds_its_orders_with_facets_and_highlights() {
    let elasticsearch = Elasticsearch::new().await;
    elasticsearch
        .put_all(&[
            an_order(1),
            OrderDocument {
                status: OrderStatus::Submitted,
                ..an_order(2)
            },
            an_order_of(3, 900_002, "Grace Hopper"),
        ])
        .await;
    let api = Api::over(elasticsearch.reader());
    let found = api.get("/v1/orders/search?q=Lovlace").await.ok();
    assert_eq!(found["total"], 2);
    assert_eq!(found["items"][0]["id"], json!(id(2)));
    assert_eq!(found["items"][0]["customer_name"], "Ada Lovelace");
    assert_eq!(
        found["items"][0]["highlights"],
        json!({"customer_name": ["Ada <em>Lovelace</em>"]})
    );
    assert_eq!(
        found["facets"],
        json!({
            "status": [{"value": "draft", "count": 1}, {"value": "submitted", "count": 1}],
            "month": [{"value": "2026-01", "count": 2}],
            "customer": [{"value": id(900_001), "label": "Ada Lovelace", "count": 2}],
        })
    );
    let narrowed = "/v1/orders/search?q=lovelace&status=submitted&date_from=2026-01-01&date_to=2026-02-01";
    assert_eq!(api.get(narrowed).await.ids(), [id(2).to_string()]);
    api.stop().await;
}

#[tokio::test]
async fn a_detail_shows_what_became_of_the_order_and_a_list_does_not() {
    let order = OrderDocument {
        status: OrderStatus::Cancelled,
        invoice_id: Some(id(700_001)),
        tracking_number: Some("1Z 999".to_owned()),
        cancellation_reason: Some("Ordered twice".to_owned()),
        ..an_order(1)
    };
    let elasticsearch = Elasticsearch::new().await;
    elasticsearch.put_all(&[order]).await;
    let api = Api::over(elasticsearch.reader());
    let shown = api.get(&format!("/v1/orders/{}", id(1))).await.ok();
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(shown["invoice_id"], json!(id(700_001)));
    assert_eq!(shown["tracking_number"], "1Z 999");
    assert_eq!(shown["cancellation_reason"], "Ordered twice");
    for list in [
        "/v1/orders?status=cancelled",
        "/v1/orders/search?status=cancelled",
    ] {
        let listed = api.get(list).await.ok();
        assert_eq!(listed["total"], 1, "{list}");
        assert_eq!(listed["items"][0].get("cancellation_reason"), None);
    }
    assert_eq!(api.get("/v1/orders?status=shipped").await.ok()["total"], 0);
    api.stop().await;
}

#[rstest]
#[case("/v1/orders?sort=-created_at")]
#[case("/v1/orders?sort=total")]
#[case("/v1/orders/search?q=chair&sort=updated_at")]
#[tokio::test]
async fn a_walk_by_cursor_meets_every_order_once(#[case] query: &str) {
    let elasticsearch = Elasticsearch::new().await;
    let orders: Vec<OrderDocument> = (0..250)
        .map(|n| OrderDocument {
            created_at: an_order(n / 7).created_at,
            total: (n % 10 != 0).then(|| support::mothers::euros(i64::try_from(n % 4).expect("small"))),
            ..an_order(n)
        })
        .collect();
    elasticsearch.put_all(&orders).await;
    let api = Api::over(elasticsearch.reader());
    let mut met = Vec::new();
    let mut path = format!("{query}&limit=37");
    loop {
        let page = api.get(&path).await;
        met.extend(page.ids());
        let page = page.ok();
        assert_eq!(page["total"], 250);
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{query}&limit=37&cursor={cursor}");
        assert!(met.len() < 250, "{} met and more to come", met.len());
    }
    assert_eq!(met.len(), 250);
    assert_eq!(met.iter().collect::<HashSet<_>>().len(), 250);
    api.stop().await;
}

#[tokio::test]
async fn the_last_place_within_the_window_can_be_asked_for() {
    let elasticsearch = Elasticsearch::new().await;
    elasticsearch.put_all(&[an_order(1)]).await;
    let api = Api::over(elasticsearch.reader());
    assert_eq!(api.get("/v1/orders?offset=9900&limit=100").await.ids().len(), 0);
    assert_eq!(
        api.get("/v1/orders/search?q=ada&offset=9980").await.ok()["total"],
        1
    );
    api.stop().await;
}

#[tokio::test]
async fn no_search_text_reaches_the_query_syntax() {
    let elasticsearch = Elasticsearch::new().await;
    elasticsearch.put_all(&[an_order(1)]).await;
    let api = Api::over(elasticsearch.reader());
    for text in [
        "*",
        "?",
        "*:*",
        "customer_name:ada",
        "ada%20OR%20x",
        "-ada",
        "!ada",
        "(ada",
        "ada)",
        "%5B1%20TO%209%5D",
        "/.*/",
        "ada~2",
        "ada%5E9",
        "%22ada",
        "%5C",
        "%7B%22match_all%22:%7B%7D%7D",
        "%00",
        "%00%00ada",
        "%E2%80%AE",
        "%F0%9F%A6%80",
        "a%20b%20c%20d%20e%20f%20g%20h%20i%20j%20k%20l%20m%20n%20o%20p",
        &"x".repeat(256),
    ] {
        let answer = api.get(&format!("/v1/orders/search?q={text}")).await;
        answer.ok();
    }
    for text in ["*", "?", "*:*", "/.*/", "%7B%22match_all%22:%7B%7D%7D"] {
        assert_eq!(
            api.get(&format!("/v1/orders/search?q={text}")).await.ok()["total"],
            0,
            "{text}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn a_detail_with_a_token_is_answered_when_the_version_is_written() {
    let elasticsearch = Elasticsearch::new().await;
    let api = Api::over(elasticsearch.reader());
    let path = format!("/v1/orders/{}", id(1));
    let token = format!("order:{}:1", id(1));
    let (answer, ()) = tokio::join!(api.get_with_token(&path, &token, 10), async {
        // Time in which the query begins to wait; too short, the test shows less and fails no sooner.
        tokio::time::sleep(Duration::from_millis(300)).await;
        elasticsearch.put(&an_order(1)).await;
        api.announce(&Change {
            aggregate: AggregateType::Order,
            id: id(1),
            version: 1,
            order: None,
        });
    });
    assert_eq!(answer.ok()["version"], 1);
    let later = format!("order:{}:2", id(1));
    let problem = api
        .get_with_token(&path, &later, 1)
        .await
        .problem(503, "not-yet-visible");
    assert_eq!(problem["version_seen"], 1);
    api.stop().await;
}

#[tokio::test]
async fn a_search_with_a_token_shows_what_was_written_before_it() {
    let elasticsearch = Elasticsearch::new().await;
    let api = Api::over(elasticsearch.reader());
    for n in 1..=5 {
        let order = OrderDocument {
            items: vec![a_line(800_001, "Walnut table", 1, 100)],
            ..an_order(n)
        };
        elasticsearch.put(&order).await;
        let token = format!("order:{}:1", order.id);
        let found = api.get_with_token("/v1/orders/search?q=walnut", &token, 10).await;
        assert!(found.ids().contains(&order.id.to_string()), "{n}");
    }
    let problem = api
        .get_with_token("/v1/orders", &format!("order:{}:9", id(1)), 1)
        .await
        .problem(503, "not-yet-visible");
    assert_eq!(problem["version_seen"], 1);
    api.stop().await;
}

#[tokio::test]
async fn a_listing_with_a_customers_token_waits_for_the_name_to_be_everywhere() {
    let elasticsearch = Elasticsearch::new().await;
    elasticsearch.put_all(&[an_order(1)]).await;
    elasticsearch.propagate(Kind::Customer, id(900_001), 1).await;
    let api = Api::over(elasticsearch.reader());
    let token = format!("customer:{}:2", id(900_001));
    let (answer, ()) = tokio::join!(api.get_with_token("/v1/orders", &token, 10), async {
        // As above.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let renamed = OrderDocument {
            customer_name: "Ada King".to_owned(),
            ..an_order(1)
        };
        elasticsearch.put(&renamed).await;
        elasticsearch.refresh().await;
        elasticsearch.propagate(Kind::Customer, id(900_001), 2).await;
    });
    assert_eq!(answer.ok()["items"][0]["customer_name"], "Ada King");
    api.stop().await;
}

#[tokio::test]
async fn a_missing_index_is_an_outage_and_not_an_empty_answer() {
    let settings = tokio::task::spawn_blocking(Elasticsearch::settings)
        .await
        .expect("no panic");
    let client = connect(&settings).expect("the URL is one");
    let api = Api::over(Arc::new(support::elasticsearch::reader(client, &settings)));
    let detail = format!("/v1/orders/{}", id(1));
    for path in ["/v1/orders", "/v1/orders/search?q=ada", &detail] {
        api.get(path).await.problem(503, "unavailable");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_elasticsearch_that_is_not_there_is_a_503_at_once() {
    let settings = ElasticsearchSettings {
        // The discard port: nothing listens.
        url: "http://127.0.0.1:9".to_owned(),
        ..ElasticsearchSettings::default()
    };
    let client = connect(&settings).expect("the URL is one");
    let api = Api::over(Arc::new(support::elasticsearch::reader(client, &settings)));
    let detail = format!("/v1/orders/{}", id(1));
    for path in ["/v1/orders", "/v1/orders/search?q=ada", &detail] {
        api.get(path).await.problem(503, "unavailable");
    }
    api.stop().await;
}

#[tokio::test]
async fn an_elasticsearch_that_hangs_is_a_503_at_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let settings = ElasticsearchSettings {
        url: format!("http://{}", listener.local_addr().expect("it listens")),
        ..ElasticsearchSettings::default()
    };
    let client = connect(&settings).expect("the URL is one");
    let limits = support::api::Limits {
        request_deadline: Duration::from_millis(200),
        ..Default::default()
    };
    let api = Api::within(
        Arc::new(support::elasticsearch::reader(client, &settings)),
        limits,
    );
    let detail = format!("/v1/orders/{}", id(1));
    for path in ["/v1/orders", "/v1/orders/search?q=ada", &detail] {
        api.get(path).await.problem(503, "deadline-exceeded");
    }
    api.stop().await;
}
