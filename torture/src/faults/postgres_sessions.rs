//! What Postgres refuses, or lets wait: no connection to be had, no right to log in, a transaction that does not end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::postgres::away;
use super::recovery::Sign;
use super::scene::Scene;

const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE usename = 'command_service' AND application_name <> 'torture'";

const THEIRS: &str = "SELECT count(*) FROM pg_stat_activity
                      WHERE usename = 'command_service' AND application_name <> 'torture'";
const AT_ONCE: usize = 25;
const TAKEN_WITHIN: Duration = Duration::from_secs(40);

/// Other clients have taken every connection.
pub async fn exhausted(scene: Scene) -> Result<()> {
    // Superusers have some connections reserved: this one is had before.
    let owner = scene.cluster().database().await?;
    scene.began("every connection taken");
    let url = format!("{}?application_name=torture", scene.cluster().app_url());
    let mut taken: Vec<Client> = Vec::new();
    let begun = Instant::now();
    // Until the services, who try all the time too, have lost every race.
    loop {
        ensure!(
            begun.elapsed() < TAKEN_WITHIN,
            "the services still have connections after {TAKEN_WITHIN:?}"
        );
        let had = taken.len();
        let connects = join_all((0..AT_ONCE).map(|_| tokio_postgres::connect(&url, NoTls)));
        for (client, connection) in connects.await.into_iter().flatten() {
            tokio::spawn(connection);
            taken.push(client);
        }
        if taken.len() == had {
            let theirs: i64 = owner.query_one(THEIRS, &[]).await?.get(0);
            if theirs == 0 {
                break;
            }
            owner.batch_execute(CUT).await?;
        }
    }
    away(&scene, scene.span(1_500, 3_000), true).await;
    drop(taken);
    scene.healed(Sign::Write);
    Ok(())
}

/// The services' role may not log in, or may not write.
pub async fn credentials_revoked(scene: Scene) -> Result<()> {
    let owner = scene.cluster().database().await?;
    let ways = [
        (
            "login",
            "ALTER ROLE command_service NOLOGIN",
            "ALTER ROLE command_service LOGIN",
        ),
        (
            "the right to append",
            "REVOKE INSERT ON events, commands FROM command_service",
            "GRANT INSERT ON events, commands TO command_service",
        ),
    ];
    let (what, revoke, grant) = *scene.one_of(&ways)?;
    scene.began(what);
    owner.batch_execute(revoke).await?;
    owner.batch_execute(CUT).await?;
    away(&scene, scene.span(1_500, 4_000), true).await;
    owner.batch_execute(grant).await?;
    scene.healed(Sign::Write);
    Ok(())
}

/// A transaction has appended a product and does not commit. Everything else flows; what it commits late is not skipped.
pub async fn transaction_left_open(scene: Scene) -> Result<()> {
    let mut client = scene.cluster().database().await?;
    let id = Uuid::from_u64_pair(
        scene.recorder().now() ^ 0x746f_7274_7572_6500,
        (scene.roll(usize::MAX) as u64) | 1 << 63,
    );
    let transaction = client.transaction().await?;
    let source = transaction
        .query_one(
            "SELECT stream_id, payload FROM events
             WHERE aggregate = 'product' AND version = 1 AND event_type LIKE '%ProductAddedV1' LIMIT 1",
            &[],
        )
        .await
        .context("no product to take after")?;
    let (like, payload): (Uuid, Vec<u8>) = (source.get(0), source.get(1));
    let payload = renamed(payload, like, id)?;
    let (event, command) = (Uuid::new_v5(&id, b"event"), Uuid::new_v5(&id, b"command"));
    transaction
        .execute(
            "INSERT INTO events (aggregate, stream_id, version, event_id, event_type, payload, actor, command_id,
                                 causation_id, correlation_id, occurred_at)
             SELECT aggregate, $2, 1, $3, event_type, $5, actor, $4, $4, $4, clock_timestamp()
             FROM events WHERE aggregate = 'product' AND stream_id = $1 AND version = 1",
            &[&like, &id, &event, &command, &payload],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO commands (command_id, command_type, aggregate, stream_id, actor, received_at, body, causation_id,
                                   correlation_id, outcome, version, decided_at)
             SELECT $3, command_type, aggregate, $2, actor, clock_timestamp(), body, $3, $3, 'succeeded', 1,
                    clock_timestamp()
             FROM commands WHERE command_id = (SELECT command_id FROM events WHERE aggregate = 'product'
                                               AND stream_id = $1 AND version = 1)",
            &[&like, &id, &command],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO outbox (bucket, topic, aggregate, stream_id, version, event_id, event_type, payload, actor,
                                 command_id, causation_id, correlation_id, occurred_at)
             SELECT $2, 'ordering.products', aggregate, stream_id, version, event_id, event_type, payload, actor,
                    command_id, causation_id, correlation_id, occurred_at
             FROM events WHERE aggregate = 'product' AND stream_id = $1",
            &[&id, &(scene.roll(16) as i16)],
        )
        .await?;
    let lasting = scene.span(3_000, 8_000).max(scene.longest() / 3);
    let since = scene.began(format!("for {lasting:.1?}"));
    others_flow(&scene).await;
    tokio::time::sleep(lasting.saturating_sub(since.elapsed())).await;
    others_flow(&scene).await;
    transaction.commit().await?;
    scene.overcome(Instant::now(), Sign::Published).await;
    if scene.is_alone() {
        let shown = shown_late(&scene, id).await;
        scene.expect_alone(shown, "what was committed late is not skipped");
    }
    Ok(())
}

async fn others_flow(scene: &Scene) {
    if scene.is_alone() {
        let since = Instant::now();
        let next = scene.pulse().next_visible(since, Duration::from_secs(8));
        scene.expect_alone(next.await, "other aggregates flow");
        let next = scene.pulse().next_work(since, Duration::from_secs(8));
        scene.expect_alone(next.await, "other commands of the queue are done");
    }
}

/// The body of the event, of another product.
fn renamed(mut payload: Vec<u8>, from: Uuid, to: Uuid) -> Result<Vec<u8>> {
    let (from, to) = (from.to_string(), to.to_string());
    let at = payload
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .context("the event does not name its product")?;
    payload.splice(at..at + from.len(), to.into_bytes());
    Ok(payload)
}

async fn shown_late(scene: &Scene, product: Uuid) -> Result<()> {
    let base = scene.cluster().query_apis().first().context("no query api")?;
    let since = Instant::now();
    loop {
        let answer = scene
            .probes()
            .get(&format!("{base}/v1/products/{product}"))
            .await?;
        if answer.status == 200 {
            return Ok(());
        }
        ensure!(
            since.elapsed() < Duration::from_secs(15),
            "the product {product} is not shown: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_body_gets_another_id() -> Result<()> {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let body = [b"H".as_slice(), one.to_string().as_bytes(), b"name"].concat();
        let renamed = renamed(body, one, other)?;
        assert!(renamed.starts_with(&[b"H", other.to_string().as_bytes()].concat()));
        assert!(renamed.ends_with(b"name"));
        Ok(())
    }
}
