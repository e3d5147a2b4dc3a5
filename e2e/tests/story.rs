//! The story that the README tells, on real servers, with both services as processes.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::system::System;
use reqwest::StatusCode;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_from_its_first_command_to_a_search_for_a_misspelt_name() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;

    let customer = commands.register_customer("Ada Lovelace").await?;
    let engine = commands.add_product("Difference engine", 1999).await?;
    let cards = commands.add_product("Punched cards", 5).await?;
    let order = commands.create_order(customer.id, &[(engine.id, 1)]).await?;
    ensure!(
        order.version == 2,
        "created and one item added are two events, found version {}",
        order.version
    );
    commands.add_item(order.id, cards.id, 100).await?;
    commands.change_quantity(order.id, engine.id, 3).await?;
    commands.remove_item(order.id, cards.id).await?;
    let submitted = commands.submit(order.id).await?;
    ensure!(
        submitted.version == 6,
        "submitted at version {}",
        submitted.version
    );

    let detail = queries.order(order.id, &submitted.token).await?;
    ensure!(
        detail["version"] == 6 && detail["status"] == "submitted",
        "{detail:#}"
    );
    ensure!(detail["customer_name"] == "Ada Lovelace", "{detail:#}");
    ensure!(
        detail["items"][0]["product_name"] == "Difference engine",
        "{detail:#}"
    );
    ensure!(
        detail["total"]["amount"] == 3 * 1999 && detail["item_count"] == 1,
        "{detail:#}"
    );

    let list = format!(
        "/v1/orders?customer_id={}&status=submitted&limit=5&offset=0",
        customer.id
    );
    let list = queries.get_with(&list, &submitted.token).await?;
    ensure!(
        list["total"] == 1 && list["items"][0]["id"] == order.id.to_string(),
        "{list:#}"
    );

    let found = queries
        .get_with("/v1/orders/search?q=lovelase", &submitted.token)
        .await?;
    ensure!(found["items"][0]["id"] == order.id.to_string(), "{found:#}");
    ensure!(
        found["items"][0]["version"] == 6,
        "the search is behind the token: {found:#}"
    );
    let highlight = found["items"][0]["highlights"]["customer_name"][0]
        .as_str()
        .unwrap_or_default();
    ensure!(highlight.contains("<em>Lovelace</em>"), "{found:#}");
    ensure!(found["facets"]["status"][0]["value"] == "submitted", "{found:#}");

    ensure!(system.at_rest_everything_is_as_folded(&queries, LIMIT).await? == 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_reaches_every_order_that_shows_the_name() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;

    let customer = commands.register_customer("Augusta Byron").await?;
    let product = commands.add_product("Loom", 700).await?;
    let other = commands.register_customer("Charles Babbage").await?;
    for _ in 0..25 {
        commands.create_order(customer.id, &[(product.id, 1)]).await?;
    }
    let untouched = commands.create_order(other.id, &[(product.id, 2)]).await?;
    let renamed = commands.rename_customer(customer.id, "Ada Lovelace").await?;
    let before = commands.create_order(customer.id, &[(product.id, 4)]).await?;
    let renewed = commands.rename_product(product.id, "Jacquard loom").await?;

    // The rename's own token is enough to see it in a listing and in a search.
    let list = format!("/v1/orders?customer_id={}&limit=100", customer.id);
    queries.order(before.id, &before.token).await?;
    let list = queries.get_with(&list, &renamed.token).await?;
    let names: Vec<_> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|order| &order["customer_name"])
        .collect();
    ensure!(
        names.len() >= 25 && names.iter().all(|name| *name == "Ada Lovelace"),
        "{names:?}"
    );
    let found = queries
        .get_with("/v1/orders/search?q=jacquard&limit=100", &renewed.token)
        .await?;
    ensure!(found["total"].as_u64() >= Some(26), "{found:#}");

    let untouched = queries.order(untouched.id, &renewed.token).await?;
    ensure!(untouched["customer_name"] == "Charles Babbage", "{untouched:#}");
    ensure!(
        untouched["version"] == 2,
        "a rename moved the order's own version: {untouched:#}"
    );
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_not_arrived_is_said_to_be_so() -> Result<()> {
    let system = System::prepare().await?;
    let command = system.start("command-service", "api")?;
    let query = system.start("query-service", "all")?;
    let commands = e2e::api::Commands::new(&command.base_url());
    let queries = e2e::queries::Queries::new(&query.base_url());

    // No relay runs: what is committed stays in the outbox.
    let customer = commands.register_customer("Ada Lovelace").await?;
    let product = commands.add_product("Loom", 700).await?;
    let order = commands.create_order(customer.id, &[(product.id, 1)]).await?;
    let response = reqwest::Client::new()
        .get(format!("{}/v1/orders/{}", query.base_url(), order.id))
        .header("Consistency-Token", &order.token)
        .header("Prefer", "wait=1")
        .send()
        .await?;
    ensure!(
        response.status() == StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        response.status()
    );
    ensure!(response.headers().contains_key("retry-after"));
    let problem: serde_json::Value = response.json().await?;
    ensure!(
        problem["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("not-yet-visible")),
        "{problem:#}"
    );

    // The relay starts late and everything arrives.
    let _relay = system.start("command-service", "relay")?;
    queries.order(order.id, &order.token).await?;
    system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    Ok(())
}
