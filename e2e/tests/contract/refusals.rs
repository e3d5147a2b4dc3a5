use anyhow::{Result, ensure};
use e2e::api::Commands;
use e2e::eventually;
use e2e::invoices::invoice_of;
use e2e::system::System;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Client, LIMIT, eur};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_forbid_is_refused_with_its_type() -> Result<()> {
    use Method as M;
    let system = System::prepare().await?;
    let process = system.start("command-service", "all")?;
    let commands = Commands::new(&process.base_url());
    let customer = commands.register_customer("Ada Lovelace").await?.id;
    let engine = commands.add_product("Difference engine", 1999).await?.id;
    let client = Client { commands };

    let nobody = Uuid::from_u128(1);
    let item = |product: Uuid| json!({"product_id": product, "quantity": 1});
    let with = |items: Value| Some(json!({"customer_id": customer, "items": items}));
    let orders = "/v1/orders";
    let body = Some(json!({"customer_id": nobody}));
    client
        .is_refused(M::POST, orders, body, 422, "unknown-reference")
        .await?;
    client
        .is_refused(
            M::POST,
            orders,
            with(json!([item(nobody)])),
            422,
            "unknown-reference",
        )
        .await?;
    let changed = json!([{"product_id": engine, "quantity": 1, "expected_unit_price": eur(1)}]);
    client
        .is_refused(M::POST, orders, with(changed), 409, "price-changed")
        .await?;
    let dollars = json!({"name": "Abacus", "unit_price": {"amount": 5, "currency": "USD"}});
    let abacus = client
        .succeeds(M::POST, "/v1/products", Some(dollars), 201, 1)
        .await?;
    client
        .is_refused(
            M::POST,
            orders,
            with(json!([item(engine), item(abacus)])),
            422,
            "currency-mismatch",
        )
        .await?;
    client
        .succeeds(
            M::POST,
            &format!("/v1/products/{abacus}/discontinue"),
            None,
            200,
            2,
        )
        .await?;
    client
        .is_refused(
            M::POST,
            orders,
            with(json!([item(abacus)])),
            409,
            "product-discontinued",
        )
        .await?;

    let body = json!({"order_id": Uuid::from_u128(7), "customer_id": customer});
    let order = client
        .succeeds(M::POST, orders, Some(body.clone()), 201, 1)
        .await?;
    client
        .is_refused(M::POST, orders, Some(body), 409, "already-exists")
        .await?;
    let of = |part: &str| format!("/v1/orders/{order}/{part}");
    client
        .is_refused(M::POST, &of("submit"), None, 409, "empty-order")
        .await?;
    client
        .is_refused(M::POST, &of("confirm"), None, 409, "illegal-transition")
        .await?;
    let ship = Some(json!({"tracking_number": "JD0002"}));
    client
        .is_refused(M::POST, &of("ship"), ship, 409, "illegal-transition")
        .await?;
    client
        .is_refused(M::POST, &of("deliver"), None, 409, "illegal-transition")
        .await?;
    client
        .is_refused(
            M::DELETE,
            &of(&format!("items/{engine}")),
            None,
            404,
            "item-not-in-order",
        )
        .await?;
    client
        .succeeds(M::POST, &of("items"), Some(item(engine)), 200, 2)
        .await?;
    // The line's price stays: at another one the product is refused, and its pieces are still charged at the old one.
    let price = Some(json!({"unit_price": eur(2500)}));
    client
        .succeeds(M::PUT, &format!("/v1/products/{engine}/price"), price, 200, 2)
        .await?;
    client
        .is_refused(
            M::POST,
            &of("items"),
            Some(item(engine)),
            409,
            "price-differs-from-line",
        )
        .await?;
    client.succeeds(M::POST, &of("submit"), None, 200, 3).await?;
    client
        .is_refused(M::POST, &of("items"), Some(item(engine)), 409, "not-a-draft")
        .await?;

    let payments = format!("/v1/invoices/{}/payments", invoice_of(order));
    let pay = |amount: Value| Some(json!({"amount": amount, "reference": "a transfer"}));
    eventually("the order has an invoice", LIMIT, async || {
        let answer = client.ask(M::POST, &payments, pay(eur(1))).await?;
        Ok((answer.status == StatusCode::OK).then_some(()))
    })
    .await?;
    client
        .is_refused(M::POST, &payments, pay(eur(1999)), 409, "overpayment")
        .await?;
    client
        .is_refused(M::POST, &payments, pay(eur(0)), 422, "invalid-body")
        .await?;
    let dollars = json!({"amount": 5, "currency": "USD"});
    client
        .is_refused(M::POST, &payments, pay(dollars), 422, "currency-mismatch")
        .await?;
    let reason = Some(json!({"reason": "never mind"}));
    client
        .succeeds(M::POST, &of("cancel"), reason.clone(), 200, 4)
        .await?;
    client
        .is_refused(M::POST, &of("cancel"), reason, 409, "illegal-transition")
        .await?;
    eventually("the cancelled order has a credit note", LIMIT, async || {
        let answer = client.ask(M::POST, &payments, pay(eur(1))).await?;
        Ok(
            (answer.status == StatusCode::CONFLICT && answer.json()?["type"] == "/problems/invoice-credited")
                .then_some(()),
        )
    })
    .await?;

    let path = format!("/v1/customers/{nobody}/name");
    client
        .is_refused(M::PUT, &path, Some(json!({"name": "Nobody"})), 404, "not-found")
        .await?;
    let path = format!("/v1/customers/{customer}/name");
    for (if_match, status) in [("\"7\"", 412), ("seven", 400), ("\"1\"", 200)] {
        let answer = client
            .commands
            .ask(
                M::PUT,
                &path,
                &[("If-Match", if_match)],
                Some(&json!({"name": "Ada King"})),
            )
            .await?;
        ensure!(answer.status == status, "{if_match}: {answer:?}");
    }
    let key = [("Idempotency-Key", "one")];
    for (name, status) in [("Ada Byron", 200), ("Ada Byron", 200), ("Ada Noel", 422)] {
        let answer = client
            .commands
            .ask(M::PUT, &path, &key, Some(&json!({"name": name})))
            .await?;
        ensure!(answer.status == status, "{name}: {answer:?}");
    }
    let (status, _) = client.commands.get(&format!("/v1/commands/{nobody}")).await?;
    ensure!(status == StatusCode::NOT_FOUND, "{status}");
    Ok(())
}
