use anyhow::{Result, ensure};
use e2e::system::System;
use e2e::topics;
use shared_events::AggregateType;
use uuid::Uuid;

use crate::LIMIT;

/// What a build before this one stored and published is read, where it is decided on and where it is shown.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_the_first_version_is_still_read() -> Result<()> {
    let system = System::prepare().await?;
    let (_services, commands, queries) = system.start_all()?;
    let (customer, body) = a_registration_of_the_first_version()?;
    let row = "INSERT INTO {table} (aggregate, stream_id, version, event_id, event_type, payload, actor, command_id,
               causation_id, correlation_id, occurred_at {more})
               VALUES ('customer', $1, 1, $1, 'ordering.customers.CustomerRegisteredV1', $2, 'anonymous', $1, $1, $1, now() {values})";
    for (table, more, values) in [
        ("events", "", ""),
        ("outbox", ", bucket, topic", ", 0, 'ordering.customers'"),
    ] {
        let sql = row
            .replace("{table}", table)
            .replace("{more}", more)
            .replace("{values}", values);
        system.database.execute(&sql, &[&customer, &body]).await?;
    }
    let product = commands.add_product("Loom", 700).await?;
    let order = commands.create_order(customer, &[(product.id, 1)]).await?;
    let shown = queries.order(order.id, &order.token).await?;
    ensure!(shown["customer_name"] == "Ada Lovelace", "{shown:#}");
    system.everything_is_published(LIMIT).await?;
    let renamed = commands.rename_customer(customer, "Ada King").await?;
    ensure!(renamed.version == 2, "{renamed:?}");
    let shown = queries.order(order.id, &renamed.token).await?;
    ensure!(shown["customer_name"] == "Ada King", "{shown:#}");
    topics::check_published(&system).await?;
    Ok(())
}

/// The id of the customer, and the golden bytes that register it.
fn a_registration_of_the_first_version() -> Result<(Uuid, Vec<u8>)> {
    let file = stack::workspace::root()
        .join("shared-events/tests/golden/ordering.customers.CustomerRegisteredV1.own-delivery-address.hex");
    let hex = std::fs::read_to_string(file)?;
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let body = digits
        .chunks(2)
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect::<Result<Vec<u8>>>()?;
    let schema = shared_events::WriterSchema::of_type("ordering.customers.CustomerRegisteredV1")?;
    match shared_events::Event::decode(AggregateType::Customer, schema, &body)? {
        shared_events::Event::Customer(shared_events::CustomerEvent::Registered(event)) => {
            Ok((event.customer_id, body))
        }
        other => anyhow::bail!("the golden file holds {other:?}"),
    }
}
