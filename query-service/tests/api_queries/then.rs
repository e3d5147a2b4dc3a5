//! Histories, and orders as they were.

use read_model::Kind;
use serde_json::json;
use shared_events::OrderEvent;
use shared_events::event::{Money, OrderCancelledV1, OrderCreatedV1, OrderItemAddedV1, OrderSubmittedV1};

use crate::support::Fixture;
use crate::support::api::Api;
use crate::support::models::an_entry;
use crate::support::mothers::{an_order, id};
use crate::{conditional, euros};

/// Created, a chair added, submitted, cancelled.
fn a_life(n: u128) -> Vec<OrderEvent> {
    let price = Money {
        amount: 4_950,
        currency: "EUR".to_owned(),
    };
    vec![
        OrderCreatedV1 {
            order_id: id(n),
            customer_id: id(900_001),
            customer_name: "Ada Lovelace".to_owned(),
            customer_version: 1,
        }
        .into(),
        OrderItemAddedV1 {
            order_id: id(n),
            product_id: id(800_001),
            product_name: "Oak chair".to_owned(),
            product_version: 1,
            quantity: 2,
            unit_price: price.clone(),
        }
        .into(),
        OrderSubmittedV1 {
            order_id: id(n),
            total: Money {
                amount: 9_900,
                ..price
            },
        }
        .into(),
        OrderCancelledV1 {
            order_id: id(n),
            reason: "Ordered twice".to_owned(),
            cancelled_from: "submitted".to_owned(),
        }
        .into(),
    ]
}

async fn put_life<F: Fixture>(fixture: &F, n: u128) {
    for (event, version) in a_life(n).iter().zip(1..) {
        fixture.put(&an_entry(id(n), version, event)).await;
    }
    fixture.refresh().await;
}

pub async fn a_history_says_who_did_what_when<F: Fixture>() {
    let fixture = F::of(&[Kind::OrderHistory, Kind::Order]).await;
    put_life(&fixture, 1).await;
    fixture.put(&an_order(2)).await;
    let api = Api::over(fixture.reader());
    let path = format!("/v1/orders/{}/history", id(1));
    let page = api.get(&path).await.ok();
    assert_eq!((&page["total"], &page["next_cursor"]), (&json!(4), &json!(null)));
    assert_eq!(
        page["items"][1],
        json!({
            "version": 2, "event_type": "ordering.orders.OrderItemAddedV1", "occurred_at": "2026-01-01T00:02:00Z",
            "actor": "clerk", "command_id": id(500_002), "causation_id": id(500_002), "correlation_id": id(400_001),
            "data": {"order_id": id(1), "product_id": id(800_001), "product_name": "Oak chair", "product_version": 1,
                "quantity": 2, "unit_price": euros(4_950)},
        })
    );
    conditional(&api, &path).await;
    // By cursor, both ways.
    for (sort, expected) in [("", [1, 2, 3, 4]), ("&sort=-created_at", [4, 3, 2, 1])] {
        let (mut met, mut next) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("{path}?limit=1{sort}{next}")).await.ok();
            met.push(page["items"][0]["version"].as_u64().expect("a version"));
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            next = format!("&cursor={cursor}");
        }
        assert_eq!(met, expected);
    }
    let token = |version| format!("order:{}:{version}", id(1));
    assert_eq!(api.get_with_token(&path, &token(4), 5).await.ok()["total"], 4);
    api.get_with_token(&path, &token(5), 0)
        .await
        .problem(503, "not-yet-visible");
    // One whose entries are still to come is there; what never was is not.
    let of = |n| format!("/v1/orders/{}/history", id(n));
    assert_eq!(api.get(&of(2)).await.ok()["items"], json!([]));
    api.get(&of(3)).await.problem(404, "not-found");
    api.get("/v1/orders/7/history").await.problem(400, "malformed-id");
    let problem = api
        .get(&format!("{path}?sort=total"))
        .await
        .problem(400, "invalid-parameter");
    assert_eq!(problem["errors"][0]["parameter"], "sort");
    api.stop().await;
}

pub async fn an_order_is_shown_as_it_was_then<F: Fixture>() {
    let fixture = F::of(&[Kind::OrderHistory]).await;
    put_life(&fixture, 1).await;
    let api = Api::over(fixture.reader());
    let path = |as_of: &str| format!("/v1/orders/{}?as_of={as_of}", id(1));
    let shown = async |as_of: &str| {
        let order = api.get(&path(as_of)).await.ok();
        (
            order["version"].clone(),
            order["status"].clone(),
            order["total"].clone(),
        )
    };
    let draft = |version: u64, total| (json!(version), json!("draft"), total);
    let submitted = (json!(3), json!("submitted"), euros(9_900));
    assert_eq!(shown("1").await, draft(1, json!(null)));
    assert_eq!(shown("2").await, draft(2, euros(9_900)));
    assert_eq!(shown("3").await, submitted);
    assert_eq!(shown("2026-01-01T00:02:30Z").await, draft(2, euros(9_900)));
    assert_eq!(shown("2026-01-01T00:03:00Z").await, submitted);
    assert_eq!(shown("2026-01-01T01:03:59.999%2B01:00").await, submitted);
    assert_eq!(shown("2999-01-01T00:00:00Z").await.1, "cancelled");
    conditional(&api, &path("3")).await;
    for (as_of, current) in [("5", 4), ("0", 4), ("99999999999999999999999", 4)] {
        let problem = api.get(&path(as_of)).await.problem(404, "unknown-version");
        assert_eq!(problem["current_version"], current, "{problem}");
        assert!(
            problem["detail"]
                .as_str()
                .expect("a text")
                .contains("version is 4")
        );
    }
    api.get(&path("2025-12-31T23:59:59Z"))
        .await
        .problem(404, "not-yet-created");
    for as_of in ["1", "2026-01-01T00:02:30Z"] {
        api.get(&format!("/v1/orders/{}?as_of={as_of}", id(2)))
            .await
            .problem(404, "not-found");
    }
    for as_of in ["", "yesterday", "-1", "1.5", "2026-01-01", "%00", "1%00"] {
        let problem = api.get(&path(as_of)).await.problem(400, "invalid-parameter");
        assert_eq!(problem["errors"][0]["parameter"], "as_of", "{as_of}");
    }
    // What has been decided for good needs no later version; what has not waits for it.
    let token = |version| format!("order:{}:{version}", id(1));
    let then = api.get_with_token(&path("2"), &token(9), 0).await;
    assert_eq!(then.ok()["version"], 2);
    assert_eq!(then.header("consistency-token"), token(9), "never an older one");
    for as_of in ["5", "2999-01-01T00:00:00Z"] {
        let problem = api
            .get_with_token(&path(as_of), &token(5), 0)
            .await
            .problem(503, "not-yet-visible");
        assert_eq!(problem["version_seen"], 4, "{as_of}");
    }
    api.stop().await;
}
