//! Deliveries.

use read_model::{DeliveryDocument, DeliveryStatus, Kind, OrderDocument, OrderStatus};
use serde_json::json;
use shared_events::event::OrderCancelledV1;

use crate::support::Fixture;
use crate::support::api::Api;
use crate::support::models::{a_delivery, a_product, an_entry};
use crate::support::mothers::{an_order, id};
use crate::{address, conditional};

pub async fn a_delivery_is_shown_once_it_was_told<F: Fixture>() {
    let kinds = [Kind::Delivery, Kind::Product, Kind::Order, Kind::OrderHistory];
    let fixture = F::of(&kinds).await;
    fixture.put_all(&[a_product(1, "Oak chair, renamed")]).await;
    fixture.put_all(&[a_delivery(1)]).await;
    let api = Api::over(fixture.reader());
    let path = format!("/v1/deliveries/{}", id(1));
    let answer = api.get(&path).await;
    let mut expected = json!({
        "order_id": id(1), "status": "requested", "delivery_address": address(),
        "lines": [{"product_id": id(800_001), "product_name": "Oak chair, renamed", "quantity": 2, "size": null,
            "weight_grams": 700}],
        "total_weight_grams": 1_400, "tracking_number": null,
    });
    assert_eq!(answer.ok(), expected);
    assert_eq!(answer.header("consistency-token"), format!("order:{}:3", id(1)));
    assert_eq!(api.get("/v1/deliveries").await.ok()["items"], json!([expected]));
    let shipped = DeliveryDocument {
        order_version: 4,
        status: DeliveryStatus::Shipped,
        order_status: Some(DeliveryStatus::Shipped),
        tracking_number: Some("1Z 999".to_owned()),
        ..a_delivery(1)
    };
    fixture.put(&shipped).await;
    fixture.refresh().await;
    expected["status"] = json!("shipped");
    expected["tracking_number"] = json!("1Z 999");
    let token = format!("order:{}:4", id(1));
    assert_eq!(api.get_with_token(&path, &token, 2).await.ok(), expected);
    let listed = api
        .get_with_token("/v1/deliveries?status=shipped", &token, 5)
        .await;
    assert_eq!(listed.ok()["items"], json!([expected]));
    for path in [&path, "/v1/deliveries"] {
        conditional(&api, path).await;
        let problem = api
            .get_with_token(path, &format!("order:{}:5", id(1)), 0)
            .await
            .problem(503, "not-yet-visible");
        assert_eq!(problem["version_seen"], 4, "{path}");
    }
    api.stop().await;
}

pub async fn an_order_that_was_never_confirmed_has_no_delivery<F: Fixture>() {
    let kinds = [Kind::Delivery, Kind::Product, Kind::Order, Kind::OrderHistory];
    let fixture = F::of(&kinds).await;
    let in_state = |n, status| OrderDocument {
        version: 2,
        status,
        ..an_order(n)
    };
    let cancelled = |n, from: &str| {
        let event = OrderCancelledV1 {
            order_id: id(n),
            reason: "Ordered twice".to_owned(),
            cancelled_from: from.to_owned(),
        };
        an_entry(id(n), 2, &event.into())
    };
    for order in [
        in_state(1, OrderStatus::Draft),
        in_state(2, OrderStatus::Confirmed),
        in_state(3, OrderStatus::Cancelled),
        in_state(4, OrderStatus::Cancelled),
    ] {
        fixture.put(&order).await;
    }
    fixture.put(&cancelled(3, "submitted")).await;
    fixture.put(&cancelled(4, "confirmed")).await;
    fixture.refresh().await;
    let api = Api::over(fixture.reader());
    for n in 1..=5 {
        let path = format!("/v1/deliveries/{}", id(n));
        api.get(&path).await.problem(404, "not-found");
    }
    for (n, is_certain) in [(1, true), (2, false), (3, true), (4, false), (5, false)] {
        let path = format!("/v1/deliveries/{}", id(n));
        let token = format!("order:{}:2", id(n));
        let answer = api.get_with_token(&path, &token, 0).await;
        let listed = api.get_with_token("/v1/deliveries", &token, 0).await;
        if is_certain {
            answer.problem(404, "not-found");
            assert_eq!(listed.ok()["total"], 0);
        } else {
            answer.problem(503, "not-yet-visible");
            listed.problem(503, "not-yet-visible");
        }
    }
    api.stop().await;
}
