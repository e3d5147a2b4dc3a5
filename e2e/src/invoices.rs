//! Orders that are submitted, paid and cancelled at random, and what invoicing must have made of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared_events::{AggregateType, Event, InvoiceEvent, OrderEvent, WriterSchema};
use tokio::time::Instant;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::api::Commands;
use crate::dice::Dice;
use crate::eventually;
use crate::system::System;

/// `clients` submit, pay and cancel orders for `duration`, round robin over the replicas. Only answers that the rules allow
/// are accepted.
pub async fn submit_pay_and_cancel(
    replicas: &[Commands],
    seed: u64,
    clients: usize,
    duration: Duration,
) -> Result<()> {
    let first = replicas.first().context("no replica")?;
    let customer = first.register_customer("Ada Lovelace").await?.id;
    let products = [
        first.add_product("Loom", 700).await?.id,
        first.add_product("Cards", 5).await?.id,
        first.add_product("Free sample", 0).await?.id,
    ];
    let end = Instant::now() + duration;
    try_join_all((0..clients).map(|client| {
        let commands = &replicas[client % replicas.len()];
        async move {
            let mut dice = Dice::of(seed, client);
            while Instant::now() < end {
                one_order(commands, &mut dice, customer, &products).await?;
            }
            anyhow::Ok(())
        }
    }))
    .await?;
    Ok(())
}

async fn one_order(commands: &Commands, dice: &mut Dice, customer: Uuid, products: &[Uuid]) -> Result<()> {
    let product = products[dice.roll(products.len())];
    let quantity = 1 + dice.roll(5) as u32;
    let order = commands.create_order(customer, &[(product, quantity)]).await?.id;
    if dice.roll(8) == 0 {
        commands.cancel(order, "never mind").await?;
        return Ok(());
    }
    commands.submit(order).await?;
    match dice.roll(4) {
        0 => {}
        1 => {
            commands.cancel(order, "at once").await?;
        }
        2 => pay(commands, dice, order).await?,
        _ => {
            pay(commands, dice, order).await?;
            // The payment's confirmation may come before or after it: both may be cancelled.
            commands.cancel(order, "after the payment").await?;
        }
    }
    Ok(())
}

/// Pays something, in one part or several; the invoice may not be there yet, or be paid or credited.
async fn pay(commands: &Commands, dice: &mut Dice, order: Uuid) -> Result<()> {
    let path = format!("/v1/invoices/{}/payments", invoice_of(order));
    for part in 0..1 + dice.roll(3) {
        let amount = [5, 700, 1400, 3500][dice.roll(4)];
        let body =
            json!({"amount": {"amount": amount, "currency": "EUR"}, "reference": format!("part {part}")});
        let answer = commands.ask(Method::POST, &path, &[], Some(&body)).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => tokio::time::sleep(Duration::from_millis(10)).await,
            StatusCode::CONFLICT => {
                let kind = answer.json()?["type"].clone();
                ensure!(
                    kind == "/problems/overpayment" || kind == "/problems/invoice-credited",
                    "{answer:?}"
                );
            }
            _ => bail!("a payment was answered {answer:?}"),
        }
    }
    Ok(())
}

/// As anybody can work it out.
pub fn invoice_of(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"invoice")
}

/// What was found at rest.
#[derive(Debug, Default)]
pub struct Books {
    pub submitted: usize,
    pub cancelled_drafts: usize,
    pub invoices: usize,
    pub paid: usize,
    pub credit_notes: usize,
}

/// Waits until no command is queued, then compares what stands in the event store: for each submitted order one invoice, for
/// each of them that was cancelled one credit note, for a cancelled draft neither; numbers 1..n; a paid order is confirmed
/// unless it was cancelled.
pub async fn the_books_are_right(system: &System, limit: Duration) -> Result<Books> {
    eventually("the queue of commands is empty", limit, async || {
        let row = system
            .database
            .query_one("SELECT count(*) FROM command_queue", &[])
            .await?;
        Ok((row.get::<_, i64>(0) == 0).then_some(()))
    })
    .await?;
    let failed: i64 = system
        .database
        .query_one("SELECT count(*) FROM commands WHERE outcome = 'failed'", &[])
        .await?
        .get(0);
    ensure!(failed == 0, "{failed} commands failed");

    let orders = streams(&system.database, AggregateType::Order).await?;
    let mut invoices = streams(&system.database, AggregateType::Invoice).await?;
    let mut books = Books::default();
    let mut numbers = BTreeSet::new();
    let mut credit_numbers = BTreeSet::new();
    for (order, events) in &orders {
        let has = |wanted: fn(&OrderEvent) -> bool| {
            events
                .iter()
                .any(|event| matches!(event, Event::Order(event) if wanted(event)))
        };
        let submitted = has(|event| matches!(event, OrderEvent::Submitted(_)));
        let confirmed = has(|event| matches!(event, OrderEvent::Confirmed(_)));
        let cancelled = has(|event| matches!(event, OrderEvent::Cancelled(_)));
        let invoice = invoices.remove(&invoice_of(*order));
        if !submitted {
            ensure!(
                invoice.is_none(),
                "order {order} was never submitted and has an invoice"
            );
            books.cancelled_drafts += usize::from(cancelled);
            continue;
        }
        books.submitted += 1;
        let invoice = invoice.with_context(|| format!("the submitted order {order} has no invoice"))?;
        let invoice = Invoice::of(*order, &invoice)?;
        ensure!(
            numbers.insert(invoice.number),
            "two invoices are number {}",
            invoice.number
        );
        books.invoices += 1;
        books.paid += usize::from(invoice.paid);
        ensure!(
            !invoice.paid || confirmed || cancelled,
            "order {order} is paid and neither confirmed nor cancelled"
        );
        ensure!(
            invoice.credit_note.is_some() == cancelled,
            "order {order}: cancelled {cancelled}, credit note {:?}",
            invoice.credit_note
        );
        if let Some(number) = invoice.credit_note {
            ensure!(
                credit_numbers.insert(number),
                "two credit notes are number {number}"
            );
            books.credit_notes += 1;
        }
    }
    ensure!(invoices.is_empty(), "invoices of no order: {:?}", invoices.keys());
    for (what, numbers) in [("invoice", &numbers), ("credit note", &credit_numbers)] {
        let expected: BTreeSet<i64> = (1..=numbers.len() as i64).collect();
        let missing: Vec<_> = expected.difference(numbers).collect();
        ensure!(missing.is_empty(), "{what} numbers that are missing: {missing:?}");
    }
    Ok(books)
}

struct Invoice {
    number: i64,
    paid: bool,
    credit_note: Option<i64>,
}

impl Invoice {
    fn of(order: Uuid, events: &[Event]) -> Result<Self> {
        let mut numbers = Vec::new();
        let mut notes = Vec::new();
        let mut paid = 0;
        for event in events {
            match event {
                Event::Invoice(InvoiceEvent::Issued(issued)) => {
                    ensure!(
                        issued.order_id == order,
                        "the invoice of {order} names {}",
                        issued.order_id
                    );
                    numbers.push(issued.number);
                }
                Event::Invoice(InvoiceEvent::Paid(_)) => paid += 1,
                Event::Invoice(InvoiceEvent::CreditNoteIssued(note)) => notes.push(note.number),
                Event::Invoice(InvoiceEvent::PaymentReceived(_)) => {}
                other => bail!("the invoice of {order} has the event {other:?}"),
            }
        }
        let [number] = numbers[..] else {
            bail!("the invoice of {order} was issued {} times", numbers.len());
        };
        ensure!(notes.len() <= 1, "order {order} has credit notes {notes:?}");
        ensure!(paid <= 1, "the invoice of {order} was paid {paid} times");
        Ok(Self {
            number,
            paid: paid == 1,
            credit_note: notes.first().copied(),
        })
    }
}

/// Every stream of a kind, its events in order.
async fn streams(database: &Client, kind: AggregateType) -> Result<BTreeMap<Uuid, Vec<Event>>> {
    let rows = database
        .query(
            "SELECT stream_id, event_type, payload FROM events WHERE aggregate = $1 ORDER BY stream_id, version",
            &[&kind.as_str()],
        )
        .await?;
    let mut schemas: HashMap<String, &'static WriterSchema> = HashMap::new();
    let mut streams: BTreeMap<Uuid, Vec<Event>> = BTreeMap::new();
    for row in rows {
        let event_type: String = row.get(1);
        let schema = match schemas.get(&event_type) {
            Some(schema) => schema,
            None => {
                let schema = WriterSchema::of_type(&event_type)?;
                schemas.insert(event_type, schema);
                schema
            }
        };
        let event = Event::decode(kind, schema, row.get(2))?;
        streams.entry(row.get(0)).or_default().push(event);
    }
    Ok(streams)
}
