//! Customers and products.

use read_model::{CustomerDocument, Kind};
use serde_json::json;

use crate::support::Fixture;
use crate::support::api::Api;
use crate::support::models::{a_customer, a_product};
use crate::support::mothers::id;
use crate::{address, conditional, euros};

pub async fn customers_and_products_are_shown<F: Fixture>() {
    let fixture = F::of(&[Kind::Customer, Kind::Product]).await;
    fixture
        .put_all(&[a_customer(1, "Ada"), a_customer(2, "Grace")])
        .await;
    fixture.put_all(&[a_product(1, "Oak chair")]).await;
    let api = Api::over(fixture.reader());
    let path = format!("/v1/customers/{}", id(900_001));
    let answer = api.get(&path).await;
    assert_eq!(
        answer.ok(),
        json!({"id": id(900_001), "version": 1, "name": "Ada", "billing_address": address(),
            "delivery_address": address(), "created_at": "2026-01-01T00:01:00.000123Z",
            "updated_at": "2026-01-01T00:01:00.000123Z"})
    );
    assert_eq!(
        answer.header("consistency-token"),
        format!("customer:{}:1", id(900_001))
    );
    assert_eq!(answer.header("projected-version"), "1");
    let names: Vec<_> = api.get("/v1/customers").await.ok()["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|customer| customer["name"].clone())
        .collect();
    assert_eq!(names, ["Grace", "Ada"]);
    let product = api.get(&format!("/v1/products/{}", id(800_001))).await.ok();
    assert_eq!(product["unit_price"], euros(4_950));
    assert_eq!(
        (&product["name"], &product["discontinued"]),
        (&json!("Oak chair"), &json!(false))
    );
    for path in [&path, "/v1/customers", "/v1/products"] {
        conditional(&api, path).await;
    }
    // A renaming of one's own shows in its own document before it has reached every order.
    let renamed = CustomerDocument {
        version: 2,
        name: "Ada King".to_owned(),
        name_version: 2,
        ..a_customer(1, "Ada")
    };
    fixture.put(&renamed).await;
    fixture.refresh().await;
    let token = format!("customer:{}:2", id(900_001));
    assert_eq!(
        api.get_with_token(&path, &token, 2).await.ok()["name"],
        "Ada King"
    );
    let listed = api.get_with_token("/v1/customers", &token, 5).await;
    assert_eq!(listed.ok()["items"][1]["name"], "Ada King");
    assert_eq!(listed.header("consistency-token"), token);
    for path in [&path, "/v1/customers"] {
        let problem = api
            .get_with_token(path, &format!("customer:{}:3", id(900_001)), 0)
            .await
            .problem(503, "not-yet-visible");
        assert_eq!(problem["version_seen"], 2, "{path}");
    }
    for (path, known) in [
        ("/v1/customers", "created_at, updated_at"),
        ("/v1/products", "created_at"),
    ] {
        let problem = api
            .get(&format!("{path}?sort=total"))
            .await
            .problem(400, "invalid-parameter");
        assert!(
            problem["detail"].as_str().expect("a text").contains(known),
            "{problem}"
        );
    }
    api.get(&format!("/v1/products/{}", id(5)))
        .await
        .problem(404, "not-found");
    api.stop().await;
}
