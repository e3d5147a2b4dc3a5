use anyhow::{Result, ensure};
use e2e::api::Commands;
use e2e::invoices::invoice_of;
use e2e::system::System;
use e2e::{eventually, topics};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared_events::AggregateType;
use uuid::Uuid;

use crate::{Client, LIMIT, address, eur};

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_contract_succeeds() -> Result<()> {
    use Method as M;
    let system = System::prepare().await?;
    let process = system.start("command-service", "all")?;
    let client = Client {
        commands: Commands::new(&process.base_url()),
    };

    let body =
        json!({"name": "Ada Lovelace", "email": "ada@example.org", "billing_address": address("London")});
    let customer = client
        .succeeds(M::POST, "/v1/customers", Some(body), 201, 1)
        .await?;
    let of = |part: &str| format!("/v1/customers/{customer}/{part}");
    client
        .succeeds(M::PUT, &of("name"), Some(json!({"name": "Ada King"})), 200, 2)
        .await?;
    client
        .succeeds(M::PUT, &of("billing-address"), Some(address("Ockham")), 200, 3)
        .await?;
    client
        .succeeds(M::PUT, &of("delivery-address"), Some(address("Ashley")), 200, 4)
        .await?;

    let size = json!({"length_mm": 300, "width_mm": 200, "height_mm": 100});
    let body =
        json!({"name": "Difference engine", "unit_price": eur(1999), "size": size, "weight_grams": 1500});
    let engine = client
        .succeeds(M::POST, "/v1/products", Some(body), 201, 1)
        .await?;
    let of = |part: &str| format!("/v1/products/{engine}/{part}");
    client
        .succeeds(
            M::PUT,
            &of("name"),
            Some(json!({"name": "Analytical engine"})),
            200,
            2,
        )
        .await?;
    client
        .succeeds(
            M::PUT,
            &of("price"),
            Some(json!({"unit_price": eur(2999)})),
            200,
            3,
        )
        .await?;
    let body = json!({"size": size, "weight_grams": 2500});
    client
        .succeeds(M::PUT, &of("dimensions"), Some(body), 200, 4)
        .await?;
    let body = json!({"name": "Cards", "unit_price": eur(5)});
    let cards = client
        .succeeds(M::POST, "/v1/products", Some(body), 201, 1)
        .await?;

    let items = json!([{"product_id": engine, "quantity": 1, "expected_unit_price": eur(2999)}]);
    let body = json!({"customer_id": customer, "items": items});
    let order = client.succeeds(M::POST, "/v1/orders", Some(body), 201, 2).await?;
    let of = |part: &str| format!("/v1/orders/{order}/{part}");
    let cards_item = format!("items/{cards}");
    let body = json!({"product_id": cards, "quantity": 3});
    client.succeeds(M::POST, &of("items"), Some(body), 200, 3).await?;
    client
        .succeeds(M::PUT, &of(&cards_item), Some(json!({"quantity": 7})), 200, 4)
        .await?;
    client.succeeds(M::DELETE, &of(&cards_item), None, 200, 5).await?;
    client.succeeds(M::POST, &of("submit"), None, 200, 6).await?;
    client.succeeds(M::POST, &of("confirm"), None, 200, 7).await?;
    let body = json!({"tracking_number": "JD0002"});
    client.succeeds(M::POST, &of("ship"), Some(body), 200, 8).await?;
    client
        .succeeds(M::POST, &of("deliver"), Some(json!({})), 200, 9)
        .await?;

    let body = json!({"customer_id": customer});
    let draft = client.succeeds(M::POST, "/v1/orders", Some(body), 201, 1).await?;
    let cancel = format!("/v1/orders/{draft}/cancel");
    client
        .succeeds(M::POST, &cancel, Some(json!({"reason": "never mind"})), 200, 2)
        .await?;
    client
        .succeeds(
            M::POST,
            &format!("/v1/products/{cards}/discontinue"),
            None,
            200,
            2,
        )
        .await?;

    let payments = format!("/v1/invoices/{}/payments", invoice_of(order));
    let pay = json!({"amount": eur(999), "reference": "a transfer"});
    eventually("the order has an invoice", LIMIT, async || {
        let answer = client.ask(M::POST, &payments, Some(pay.clone())).await?;
        Ok((answer.status == StatusCode::OK).then_some(()))
    })
    .await?;
    // In full: two events, the payment and that it was the last.
    let rest = json!({"amount": eur(2000), "reference": "the rest"});
    client.succeeds(M::POST, &payments, Some(rest), 200, 4).await?;
    what_others_were_told(&system, order, customer, engine).await
}

/// Invoicing and delivery were told what they need, at the time that they need it, each in its own sequence.
async fn what_others_were_told(system: &System, order: Uuid, customer: Uuid, engine: Uuid) -> Result<()> {
    system.everything_is_published(LIMIT).await?;
    let told = |kind: AggregateType| -> Result<Vec<(u64, Value)>> {
        let mut found = Vec::new();
        for record in topics::read_all(system, kind)? {
            let schema = shared_events::WriterSchema::of_type(&record.metadata.event_type)?;
            let event = shared_events::Event::decode(kind, schema, &record.body)?;
            if record.metadata.aggregate_id == order {
                found.push((record.metadata.version, serde_json::to_value(event)?));
            }
        }
        Ok(found)
    };
    let line = |more: Value| {
        let mut line = json!({"product_id": engine, "product_name": "Analytical engine", "quantity": 1});
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        json!([line])
    };
    let invoicing = told(AggregateType::OrderForInvoicing)?;
    let expected = json!({
        "order_id": order, "customer_id": customer, "billing_address": address("Ockham"),
        "lines": line(json!({"unit_price": eur(2999)})),
    });
    ensure!(
        invoicing == [(1, expected.clone())],
        "{invoicing:#?} instead of {expected:#}"
    );
    let delivery = told(AggregateType::OrderForDelivery)?;
    let size = json!({"length_mm": 300, "width_mm": 200, "height_mm": 100});
    let expected = json!({
        "order_id": order, "delivery_address": address("Ashley"),
        "lines": line(json!({"size": size, "weight_grams": 2500})),
    });
    ensure!(
        delivery == [(1, expected.clone())],
        "{delivery:#?} instead of {expected:#}"
    );
    topics::check_published(system).await?;
    Ok(())
}
