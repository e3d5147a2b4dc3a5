//! Invoices.

use read_model::{CustomerDocument, InvoiceAccountDocument, InvoiceStatus, Kind};
use serde_json::json;

use crate::support::api::Api;
use crate::support::models::{a_customer, an_account, an_invoice};
use crate::support::mothers::id;
use crate::support::{Fixture, mothers};
use crate::{address, conditional, euros};

pub async fn an_invoice_stays_and_its_account_moves<F: Fixture>() {
    let kinds = [Kind::Invoice, Kind::InvoiceAccount, Kind::Customer];
    let fixture = F::of(&kinds).await;
    let path = format!("/v1/invoices/{}", id(700_001));
    fixture.put(&a_customer(1, "Ada Lovelace")).await;
    fixture.put(&an_invoice(1)).await;
    let api = Api::over(fixture.reader());
    let issued = json!({
        "id": id(700_001), "number": 1, "order_id": id(1), "customer_id": id(900_001), "customer_name": "Ada Lovelace",
        "billing_address": address(),
        "lines": [{"product_id": id(800_001), "product_name": "Oak chair", "quantity": 2, "unit_price": euros(4_950),
            "subtotal": euros(9_900)}],
        "total": euros(9_900), "paid": euros(0), "status": "issued", "credit_note_number": null,
        "issued_at": "2026-01-01T00:01:00.000123Z",
    });
    // As long as nothing is known of its account, nothing has happened to it.
    let answer = api.get(&path).await;
    assert_eq!(answer.ok(), issued);
    assert_eq!(
        answer.header("consistency-token"),
        format!("invoice:{}:1", id(700_001))
    );
    let credited = InvoiceAccountDocument {
        version: 4,
        status: InvoiceStatus::Credited,
        paid: mothers::euros(9_900),
        credit_note_number: Some(7),
        ..an_account(1)
    };
    fixture.put(&credited).await;
    // Its document has yet to come: it is not shown before.
    fixture.put_all(&[an_account(2)]).await;
    let token = format!("invoice:{}:4", id(700_001));
    let mut expected = issued;
    expected["paid"] = euros(9_900);
    expected["status"] = json!("credited");
    expected["credit_note_number"] = json!(7);
    assert_eq!(api.get_with_token(&path, &token, 2).await.ok(), expected);
    let listed = api
        .get_with_token("/v1/invoices?status=credited", &token, 5)
        .await;
    assert_eq!(listed.ok()["items"], json!([expected]));
    assert_eq!(
        api.get("/v1/invoices?sort=-total").await.ids(),
        [id(700_001).to_string()]
    );
    for path in [&path, "/v1/invoices"] {
        conditional(&api, path).await;
        let problem = api
            .get_with_token(path, &format!("invoice:{}:5", id(700_001)), 0)
            .await
            .problem(503, "not-yet-visible");
        assert_eq!(problem["version_seen"], 4, "{path}");
    }
    // The name is looked up: a renaming shows at once, and changes the validator.
    let etag = api.get(&path).await.header("etag").to_owned();
    fixture
        .put(&CustomerDocument {
            version: 2,
            ..a_customer(1, "Ada King")
        })
        .await;
    let renamed = api.get(&path).await;
    assert_eq!(renamed.ok()["customer_name"], "Ada King");
    assert_ne!(renamed.header("etag"), etag);
    let problem = api
        .get("/v1/invoices?status=lost")
        .await
        .problem(400, "invalid-parameter");
    assert!(problem["detail"].as_str().expect("a text").contains("credited"));
    api.stop().await;
}
