//! The promises of the write side, on real servers with two of each role, in small; `tests/accept.rs` has the full sizes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::api::{Accepted, Commands};
use e2e::system::System;
use e2e::{eventually, invoices, repeats, rivals, topics};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sent_by_many_at_once_is_executed_once() -> Result<()> {
    let system = System::prepare().await?;
    let (_processes, commands) = system.start_two("api")?;
    repeats::each_key_is_executed_once(&system, &commands, 60, 20).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_writers_with_one_if_match_exactly_one_succeeds() -> Result<()> {
    let system = System::prepare().await?;
    let (_processes, commands) = system.start_two("api")?;
    rivals::exactly_one_succeeds(&commands, 50, 5).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_submitted_order_has_one_invoice_and_every_cancelled_one_a_credit_note() -> Result<()> {
    let system = System::prepare().await?;
    let (_processes, commands) = system.start_two("all")?;
    invoices::submit_pay_and_cancel(&commands, 7, 16, Duration::from_secs(4)).await?;
    let books = invoices::the_books_are_right(&system, LIMIT).await?;
    ensure!(
        books.invoices > 20 && books.credit_notes > 5 && books.paid > 0 && books.cancelled_drafts > 0,
        "too little happened: {books:?}"
    );
    system.is_verified(LIMIT)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_its_whole_way() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let customer = commands.register_customer("Ada Lovelace").await?;
    let engine = commands.add_product("Difference engine", 1999).await?;
    let order = commands.create_order(customer.id, &[(engine.id, 2)]).await?;
    commands.submit(order.id).await?;

    pay_in_full(&commands, order.id, 2 * 1999).await?;
    let confirmed = eventually("the payment confirms the order", LIMIT, async || {
        let (_, answer) = queries.get(&format!("/v1/orders/{}", order.id)).await?;
        Ok((answer["status"] == "confirmed").then_some(answer))
    })
    .await?;
    ensure!(
        confirmed["invoice_id"] == json!(invoices::invoice_of(order.id)),
        "{confirmed:#}"
    );

    commands.ship(order.id, "JD0002").await?;
    let delivered = commands.advance(order.id, "deliver").await?;
    let answer = queries.order(order.id, &delivered.token).await?;
    ensure!(
        answer["status"] == "delivered" && answer["tracking_number"] == "JD0002",
        "{answer:#}"
    );
    let too_late = commands
        .ask(
            Method::POST,
            &format!("/v1/orders/{}/cancel", order.id),
            &[],
            Some(&json!({"reason": "too late"})),
        )
        .await?;
    ensure!(too_late.status == StatusCode::CONFLICT, "{too_late:?}");
    topics::check_published(&system).await?;
    chain_of_causes(&system, order.id).await?;
    system.is_verified(LIMIT)
}

/// Pays once the invoice is there.
async fn pay_in_full(commands: &Commands, order: Uuid, amount: i64) -> Result<Accepted> {
    let path = format!("/v1/invoices/{}/payments", invoices::invoice_of(order));
    let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "reference": "a transfer"});
    eventually("the invoice is there", LIMIT, async || {
        let answer = commands.ask(Method::POST, &path, &[], Some(&body)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(answer.status == StatusCode::OK, "{answer:?}");
        let answer = answer.json()?;
        Ok(Some(Accepted {
            id: answer["id"].as_str().context("no id")?.parse()?,
            version: answer["version"].as_u64().context("no version")?,
            token: answer["consistency_token"]
                .as_str()
                .context("no token")?
                .to_owned(),
        }))
    })
    .await
}

/// The invoice's command was caused by what ordering told of the submission, the confirmation by the payment.
async fn chain_of_causes(system: &System, order: Uuid) -> Result<()> {
    let caused_by = async |command_type: &str| -> Result<(String, bool)> {
        let row = system
            .database
            .query_one(
                "SELECT e.event_type, c.correlation_id = e.correlation_id FROM commands c
                 JOIN events e ON e.event_id = c.causation_id
                 WHERE c.command_type = $1 AND c.stream_id IN ($2, $3)",
                &[&command_type, &order, &invoices::invoice_of(order)],
            )
            .await?;
        Ok((row.get(0), row.get(1)))
    };
    let issued = caused_by("issue-invoice").await?;
    ensure!(
        issued
            == (
                "ordering.orders.for_invoicing.OrderSubmittedForInvoicingV1".to_owned(),
                true
            ),
        "{issued:?}"
    );
    let confirmed = caused_by("confirm-paid-order").await?;
    ensure!(
        confirmed == ("invoicing.invoices.InvoicePaidV1".to_owned(), true),
        "{confirmed:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_command_is_run_by_a_worker() -> Result<()> {
    let system = System::prepare().await?;
    let api = system.start("command-service", "api")?;
    let commands = Commands::new(&api.base_url());
    let customer = commands.register_customer("Ada Lovelace").await?;

    let later = [("Prefer", "respond-async"), ("Idempotency-Key", "later")];
    let body = json!({"name": "Ada King"});
    let path = format!("/v1/customers/{}/name", customer.id);
    let accepted = commands.ask(Method::PUT, &path, &later, Some(&body)).await?;
    ensure!(accepted.status == StatusCode::ACCEPTED, "{accepted:?}");
    let place = accepted.headers[1].clone().context("no Location")?;
    ensure!(place.starts_with("/v1/commands/"), "{place}");
    let (_, pending) = commands.get(&place).await?;
    ensure!(
        pending["status"] == "pending" && pending["outcome"] == Value::Null,
        "{pending:#}"
    );

    let _worker = system.start("command-service", "worker")?;
    let outcome = eventually("the worker decides the command", LIMIT, async || {
        let (_, command) = commands.get(&place).await?;
        Ok((command["status"] == "succeeded").then_some(command))
    })
    .await?;
    ensure!(
        outcome["outcome"]["version"] == 2 && outcome["type"] == "rename-customer",
        "{outcome:#}"
    );
    let again = commands.ask(Method::PUT, &path, &later, Some(&body)).await?;
    ensure!(again == accepted, "{accepted:?}\nbut then {again:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_mid_work_is_taken_over() -> Result<()> {
    let system = System::prepare().await?;
    let api = system.start("command-service", "api")?;
    let commands = [Commands::new(&api.base_url())];
    let mut doomed = system.start("command-service", "worker")?;
    let work = async { invoices::submit_pay_and_cancel(&commands, 11, 8, Duration::from_secs(4)).await };
    let kill = async {
        eventually("some invoices are issued", LIMIT, async || {
            let row = system
                .database
                .query_one("SELECT last FROM number_series WHERE series = 'invoice'", &[])
                .await?;
            Ok((row.get::<_, i64>(0) > 10).then_some(()))
        })
        .await?;
        doomed.kill()?;
        anyhow::Ok(())
    };
    tokio::try_join!(work, kill)?;
    let _other = system.start("command-service", "worker")?;
    let books = invoices::the_books_are_right(&system, LIMIT).await?;
    ensure!(books.invoices > 20, "too little happened: {books:?}");
    system.is_verified(LIMIT)
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_are_lost_are_made_again() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let commands = [commands];
    invoices::submit_pay_and_cancel(&commands, 3, 8, Duration::from_secs(2)).await?;
    invoices::the_books_are_right(&system, LIMIT).await?;
    let before = system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;

    system.lose_the_topics(LIMIT).await?;
    let after = system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    ensure!(
        after == before && before > 10,
        "{before} orders before, {after} after"
    );

    // The relay and the projector that lost them go on by themselves.
    let customer = commands[0].register_customer("Charles Babbage").await?;
    let product = commands[0].add_product("Mill", 5).await?;
    let order = commands[0].create_order(customer.id, &[(product.id, 1)]).await?;
    queries.order(order.id, &order.token).await?;

    let (_anew, queries) = system.start_queries_anew().await?;
    let compared = system.at_rest_everything_is_as_folded(&queries, LIMIT).await?;
    ensure!(compared == before + 1, "{compared} of {} orders", before + 1);
    Ok(())
}
