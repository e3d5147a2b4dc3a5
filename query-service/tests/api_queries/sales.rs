//! Sales figures.

use read_model::{Kind, OrderStatus};
use serde_json::json;

use crate::conditional;
use crate::support::Fixture;
use crate::support::api::Api;
use crate::support::models::{a_product, a_sale, no_sale};
use crate::support::mothers::id;

pub async fn sales_figures_are_paged_like_every_list<F: Fixture>() {
    let fixture = F::of(&[Kind::Sale, Kind::Product]).await;
    fixture.put_all(&[a_product(1, "Oak chair")]).await;
    fixture
        .put_all(&[
            a_sale(1, "2026-01-31", &[(1, 2, 9_900), (2, 1, 100)], "EUR"),
            a_sale(2, "2026-02-01", &[(1, 1, 4_950)], "EUR"),
            a_sale(3, "2026-02-01", &[(1, 1, 70)], "USD"),
            no_sale(4, OrderStatus::Cancelled),
        ])
        .await;
    let api = Api::over(fixture.reader());
    let day = |date, orders: u64, amount: i64, currency| json!({"date": date, "orders": orders, "revenue": {"amount": amount, "currency": currency}});
    let days = [
        day("2026-02-01", 1, 70, "USD"),
        day("2026-02-01", 1, 4_950, "EUR"),
        day("2026-01-31", 1, 10_000, "EUR"),
    ];
    let daily = api.get("/v1/sales/daily").await.ok();
    assert_eq!((&daily["items"], &daily["total"]), (&json!(days), &json!(3)));
    assert_eq!(daily["next_cursor"], json!(null));
    let january = api
        .get("/v1/sales/daily?from=2026-01-01&to=2026-01-31")
        .await
        .ok();
    assert_eq!(january["items"], json!([days[2]]));
    let (mut met, mut next) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/v1/sales/daily?limit=1{next}")).await.ok();
        assert_eq!(page["total"], 3);
        met.extend(page["items"].as_array().expect("a list").clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(met, days);
    let second = api.get("/v1/sales/daily?limit=1&offset=1&sort=total").await.ok();
    assert_eq!(second["items"], json!([days[1]]));
    assert!(second["next_cursor"].is_string());
    let product = |n: u128, name: Option<&str>, quantity: i64, amount: i64, currency| {
        json!({"product_id": id(800_000 + n), "product_name": name, "quantity": quantity,
            "revenue": {"amount": amount, "currency": currency}})
    };
    let products = api.get("/v1/sales/products").await.ok();
    assert_eq!(
        products["items"],
        json!([
            product(1, Some("Oak chair"), 3, 14_850, "EUR"),
            product(2, None, 1, 100, "EUR"),
            product(1, Some("Oak chair"), 1, 70, "USD"),
        ])
    );
    let status = api.get("/v1/sales/status").await.ok();
    assert_eq!(
        status["items"],
        json!([{"status": "confirmed", "count": 3}, {"status": "cancelled", "count": 1}])
    );
    for path in ["/v1/sales/daily", "/v1/sales/products", "/v1/sales/status"] {
        conditional(&api, path).await;
        let token = format!("order:{}:3", id(1));
        let answer = api.get_with_token(path, &token, 5).await;
        answer.ok();
        assert_eq!(answer.header("consistency-token"), token);
        let problem = api
            .get_with_token(path, &format!("order:{}:4", id(1)), 0)
            .await
            .problem(503, "not-yet-visible");
        assert_eq!(problem["version_seen"], 3, "{path}");
        api.get(&format!("{path}?limit=0"))
            .await
            .problem(400, "invalid-parameter");
        api.get(&format!("{path}?colour=red"))
            .await
            .problem(400, "invalid-parameter");
        api.get(&format!("{path}?cursor=forged"))
            .await
            .problem(400, "forged-cursor");
    }
    for wrong in [
        "from=soon",
        "to=2026-02-30",
        "from=2026-01-31T00:00:00Z",
        "from=%00",
        "sort=updated_at",
    ] {
        api.get(&format!("/v1/sales/daily?{wrong}"))
            .await
            .problem(400, "invalid-parameter");
    }
    api.stop().await;
}
