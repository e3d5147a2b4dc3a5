//! What the read models answer, on real servers: equal to the fold of the events, after the token, with the names of now.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use checker::fold;
use chrono::{DateTime, SecondsFormat, Utc};
use e2e::api::{Accepted, Commands};
use e2e::invoices::invoice_of;
use e2e::queries::Queries;
use e2e::system::System;
use e2e::{answers, stored, ways};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn every_read_model_shows_what_the_event_store_says() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    ways::go(&commands, 5, 4, 12).await?;
    let compared = answers::all_are_as_folded(&system, &queries, LIMIT).await?;
    ensure!(
        compared.orders == 48 && compared.customers == 4 && compared.products == 16,
        "{compared:?}"
    );
    ensure!(
        compared.invoices > 10 && compared.deliveries > 10 && compared.days > 0,
        "too little happened: {compared:?}"
    );
    system.is_verified(LIMIT)
}

/// An order that was confirmed, with what its read models are asked by.
struct Sold {
    customer: Accepted,
    product: Accepted,
    order: Accepted,
}

impl Sold {
    async fn prepare(commands: &Commands) -> Result<Self> {
        let customer = commands.register_customer("Augusta Byron").await?;
        let product = commands.add_product("Loom", 700).await?;
        let order = commands.create_order(customer.id, &[(product.id, 3)]).await?;
        commands.submit(order.id).await?;
        let order = commands.advance(order.id, "confirm").await?;
        Ok(Self {
            customer,
            product,
            order,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_follow_their_owners_and_invoices_stay_as_they_were_issued() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let sold = Sold::prepare(&commands).await?;
    let paid = ways::pay(&commands, sold.order.id, 100).await?;
    let invoice = format!("/v1/invoices/{}", paid.id);
    let delivery = format!("/v1/deliveries/{}", sold.order.id);
    queries.get_with(&invoice, &paid.token).await?;
    queries.get_with(&delivery, &sold.order.token).await?;
    let list = queries
        .list("/v1/sales/products", Some(&sold.order.token))
        .await?;
    ensure!(list.len() == 1, "{list:?}");

    let renamed = commands.rename_customer(sold.customer.id, "Ada Lovelace").await?;
    let renewed = commands.rename_product(sold.product.id, "Jacquard loom").await?;
    let answer = queries.get_with(&invoice, &renamed.token).await?;
    ensure!(answer["customer_name"] == "Ada Lovelace", "{answer:#}");
    let answer = queries.get_with(&invoice, &renewed.token).await?;
    ensure!(
        answer["lines"][0]["product_name"] == "Loom" && answer["billing_address"]["name"] == "Augusta Byron",
        "an issued invoice changed: {answer:#}"
    );
    let answer = queries.get_with(&delivery, &renewed.token).await?;
    ensure!(
        answer["lines"][0]["product_name"] == "Jacquard loom",
        "{answer:#}"
    );
    let list = queries.list("/v1/sales/products", Some(&renewed.token)).await?;
    ensure!(list[0]["product_name"] == "Jacquard loom", "{list:?}");
    answers::all_are_as_folded(&system, &queries, LIMIT).await?;
    Ok(())
}

/// Every query with the token of the command just before it, again and again: none answers from before it.
#[tokio::test(flavor = "multi_thread")]
async fn every_query_waits_for_its_token() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let mut revenue = 0;
    for round in 0..6 {
        let name = format!("Customer {round}");
        let customer = commands.register_customer(&name).await?;
        let shown = queries
            .get_with(&format!("/v1/customers/{}", customer.id), &customer.token)
            .await?;
        ensure!(shown["name"] == name, "{shown:#}");
        let renamed = commands
            .rename_customer(customer.id, &format!("{name} renamed"))
            .await?;
        let listed = queries.list("/v1/customers", Some(&renamed.token)).await?;
        ensure!(
            listed.iter().any(|one| one["name"] == format!("{name} renamed")),
            "{listed:?}"
        );
        let product = commands.add_product(&format!("Product {round}"), 700).await?;
        let shown = queries
            .get_with(&format!("/v1/products/{}", product.id), &product.token)
            .await?;
        ensure!(shown["version"] == 1, "{shown:#}");
        let price = json!({"unit_price": {"amount": 800, "currency": "EUR"}});
        let path = format!("/v1/products/{}/price", product.id);
        let priced = commands.send(Method::PUT, &path, Some(price)).await?;
        let listed = queries.list("/v1/products", Some(&priced.token)).await?;
        let found = listed.iter().find(|one| one["id"] == product.id.to_string());
        ensure!(
            found.is_some_and(|one| one["unit_price"]["amount"] == 800),
            "{listed:?}"
        );

        let order = commands.create_order(customer.id, &[(product.id, 2)]).await?;
        let submitted = commands.submit(order.id).await?;
        order_is_seen(&queries, &submitted, "submitted").await?;
        let confirmed = commands.advance(order.id, "confirm").await?;
        revenue += 1600;
        let daily = queries.list("/v1/sales/daily", Some(&confirmed.token)).await?;
        let sum: i64 = daily
            .iter()
            .filter_map(|day| day["revenue"]["amount"].as_i64())
            .sum();
        ensure!(sum == revenue, "{sum} instead of {revenue}: {daily:?}");
        delivery_is_seen(&queries, &confirmed, "requested").await?;

        let paid = ways::pay(&commands, order.id, 100).await?;
        let invoice = queries
            .get_with(&format!("/v1/invoices/{}", paid.id), &paid.token)
            .await?;
        ensure!(invoice["paid"]["amount"] == 100, "{invoice:#}");
        let paid = ways::pay(&commands, order.id, 100).await?;
        let listed = queries.list("/v1/invoices", Some(&paid.token)).await?;
        let found = listed.iter().find(|one| one["id"] == paid.id.to_string());
        ensure!(
            found.is_some_and(|one| one["paid"]["amount"] == 200),
            "{listed:?}"
        );

        if round % 2 == 0 {
            let cancelled = commands.cancel(order.id, "a change of mind").await?;
            revenue -= 1600;
            delivery_is_seen(&queries, &cancelled, "cancelled").await?;
            let sold = queries.list("/v1/sales/products", Some(&cancelled.token)).await?;
            ensure!(
                sold.iter().all(|one| one["product_id"] != product.id.to_string()),
                "{sold:?}"
            );
            order_is_seen(&queries, &cancelled, "cancelled").await?;
        } else {
            let shipped = commands.ship(order.id, "1Z999").await?;
            delivery_is_seen(&queries, &shipped, "shipped").await?;
            let delivered = commands.advance(order.id, "deliver").await?;
            let counts = queries.list("/v1/sales/status", Some(&delivered.token)).await?;
            let found = counts.iter().find(|one| one["status"] == "delivered");
            ensure!(
                found.is_some_and(|one| one["count"] == (round + 1) / 2),
                "{counts:?}"
            );
            order_is_seen(&queries, &delivered, "delivered").await?;
        }
    }
    Ok(())
}

/// Detail, listing, search, history and the order as of now.
async fn order_is_seen(queries: &Queries, order: &Accepted, status: &str) -> Result<()> {
    let (id, version, token) = (order.id, order.version, &order.token);
    let is_it = |found: &Value| found["version"] == version && found["status"] == status;
    let history = queries
        .list(&format!("/v1/orders/{id}/history"), Some(token))
        .await?;
    ensure!(history.len() as u64 == version, "{history:?}");
    let detail = queries
        .get_with(&format!("/v1/orders/{id}?as_of={version}"), token)
        .await?;
    ensure!(is_it(&detail), "{detail:#}");
    let detail = queries.order(id, token).await?;
    ensure!(is_it(&detail), "{detail:#}");
    let listed = queries
        .get_with(
            &format!("/v1/orders?status={status}&limit=1&sort=-updated_at"),
            token,
        )
        .await?;
    ensure!(
        is_it(&listed["items"][0]) && listed["items"][0]["id"] == id.to_string(),
        "{listed:#}"
    );
    let found = queries
        .get_with(&format!("/v1/orders/search?q={id}"), token)
        .await?;
    ensure!(
        is_it(&found["items"][0]) && found["items"][0]["id"] == id.to_string(),
        "{found:#}"
    );
    Ok(())
}

async fn delivery_is_seen(queries: &Queries, order: &Accepted, status: &str) -> Result<()> {
    let listed = queries.list("/v1/deliveries", Some(&order.token)).await?;
    let found = listed.iter().find(|one| one["order_id"] == order.id.to_string());
    ensure!(
        found.is_some_and(|one| one["status"] == status),
        "{status}: {listed:?}"
    );
    let delivery = queries
        .get_with(&format!("/v1/deliveries/{}", order.id), &order.token)
        .await?;
    ensure!(delivery["status"] == status, "{status}: {delivery:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_who_did_what_when_and_why() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let sold = Sold::prepare(&commands).await?;
    let id = sold.order.id;
    let renamed = commands.rename_customer(sold.customer.id, "Ada Lovelace").await?;
    let cancelled = commands.cancel(id, "a change of mind").await?;
    let path = format!("/v1/orders/{id}/history");
    let history = queries.list(&path, Some(&cancelled.token)).await?;
    let expected = fold::history(&stored::of_order(&system.database, id).await?)?;
    ensure!(
        fold::normalised(json!(history))? == json!(expected),
        "{history:#?}"
    );
    let versions: Vec<u64> = history
        .iter()
        .filter_map(|entry| entry["version"].as_u64())
        .collect();
    ensure!(versions == [1, 2, 3, 4, 5], "{versions:?}");
    ensure!(history[4]["data"]["reason"] == "a change of mind", "{history:#?}");

    // A page at a time, and none is left out.
    let first = queries
        .get_with(&format!("{path}?limit=2"), &cancelled.token)
        .await?;
    let cursor = first["next_cursor"].as_str().context("there are more")?;
    let (_, second) = queries.get(&format!("{path}?limit=2&cursor={cursor}")).await?;
    ensure!(
        second["items"][0]["version"] == 3 && second["total"] == 5,
        "{second:#}"
    );

    // As it was submitted: under the name of then, though the customer is called otherwise now.
    let then = queries
        .get_with(&format!("/v1/orders/{id}?as_of=3"), &cancelled.token)
        .await?;
    ensure!(
        then["status"] == "submitted" && then["version"] == 3 && then["customer_name"] == "Augusta Byron",
        "{then:#}"
    );
    let now = queries.order(id, &cancelled.token).await?;
    ensure!(now["status"] == "cancelled", "{now:#}");
    let now = queries.order(id, &renamed.token).await?;
    ensure!(now["customer_name"] == "Ada Lovelace", "{now:#}");
    let before: DateTime<Utc> = now["created_at"].as_str().context("created_at")?.parse()?;
    let before = (before - chrono::TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Micros, true);
    let (status, answer) = queries.get(&format!("/v1/orders/{id}?as_of={before}")).await?;
    ensure!(status == StatusCode::NOT_FOUND, "{before}: {status} {answer}");
    Ok(())
}

/// The document itself, as Elasticsearch counts its writes.
async fn writes_of_invoice(system: &System, id: Uuid) -> Result<[Value; 2]> {
    let url = format!(
        "{}/{}invoices/_doc/{id}?_source=false",
        system.servers.elasticsearch,
        system.index_prefix()
    );
    let found: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
    Ok([found["_seq_no"].clone(), found["_version"].clone()])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issued_invoice_is_never_written_again() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let sold = Sold::prepare(&commands).await?;
    let paid = ways::pay(&commands, sold.order.id, 1).await?;
    let path = format!("/v1/invoices/{}", invoice_of(sold.order.id));
    let answer = queries.get_with(&path, &paid.token).await?;
    ensure!(
        answer["status"] == "issued" && answer["paid"]["amount"] == 1,
        "{answer:#}"
    );
    let issued = writes_of_invoice(&system, paid.id).await?;
    ensure!(issued[1] == 1, "written {issued:?} times");

    let paid = ways::pay(&commands, sold.order.id, 3 * 700 - 1).await?;
    let answer = queries.get_with(&path, &paid.token).await?;
    ensure!(
        answer["status"] == "paid" && answer["paid"]["amount"] == 3 * 700,
        "{answer:#}"
    );
    commands.rename_customer(sold.customer.id, "Ada Lovelace").await?;
    commands.cancel(sold.order.id, "a change of mind").await?;
    answers::all_are_as_folded(&system, &queries, LIMIT).await?;
    let (_, answer) = queries.get(&path).await?;
    ensure!(
        answer["status"] == "credited" && answer["credit_note_number"] == 1,
        "{answer:#}"
    );
    let now = writes_of_invoice(&system, paid.id).await?;
    ensure!(
        now == issued,
        "the document was written again: {issued:?}, {now:?}"
    );
    Ok(())
}
