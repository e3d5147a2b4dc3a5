//! Waking relays and workers in other processes by NOTIFY: never in the business transaction, where it would queue all commits behind
//! one lock, but afterwards, many commits as one, on a connection of its own. Nothing depends on it but time: who misses
//! a notification polls.

use std::time::Duration;

use anyhow::Context;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::{FutureExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::PostgresSettings;
use super::Wakes;
use crate::sharing::{ALL_BUCKETS, BucketMask};

const CHANNEL: &str = "outbox";
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Announces commits to buckets that are held elsewhere, at most one notification within the setting's spacing, until
/// told to stop. Connects once there is something to announce.
pub async fn announce(settings: PostgresSettings, wakes: Wakes, stop: CancellationToken) {
    let _ = stop
        .run_until_cancelled(forever("announcing commits", || {
            announce_while_connected(&settings, &wakes)
        }))
        .await;
}

/// Wakes this process's relay and worker when another process announces, until told to stop.
pub async fn listen(settings: PostgresSettings, wakes: Wakes, stop: CancellationToken) {
    let _ = stop
        .run_until_cancelled(forever("listening for commits", || {
            listen_while_connected(&settings, &wakes)
        }))
        .await;
}

async fn forever<F: Future<Output = anyhow::Result<()>>>(what: &str, attempt: impl Fn() -> F) {
    loop {
        if let Err(error) = attempt().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "{what} failed, relays and workers poll meanwhile"
            );
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

async fn announce_while_connected(settings: &PostgresSettings, wakes: &Wakes) -> anyhow::Result<()> {
    let mut news = news(wakes).await;
    let mut connection = connect(settings).await?;
    // A notification is worth nothing after a crash: its transaction need not wait for the disk.
    connection.batch_execute("SET synchronous_commit = off").await?;
    loop {
        let sent = Instant::now();
        let (outbox, queue) = news;
        let notify = diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(CHANNEL)
            .bind::<Text, _>(format!("{outbox} {queue}"));
        tokio::time::timeout(settings.statement_timeout, notify.execute(&mut connection))
            .await
            .context("the server does not answer")??;
        tokio::time::sleep_until(sent + settings.notify_spacing).await;
        news = self::news(wakes).await;
    }
}

/// Waits for work in buckets of either kind that are held elsewhere; answers all there is of both.
async fn news(wakes: &Wakes) -> (BucketMask, BucketMask) {
    tokio::select! {
        outbox = wakes.outbox.far() => (outbox, wakes.queue.far().now_or_never().unwrap_or_default()),
        queue = wakes.queue.far() => (wakes.outbox.far().now_or_never().unwrap_or_default(), queue),
    }
}

async fn listen_while_connected(settings: &PostgresSettings, wakes: &Wakes) -> anyhow::Result<()> {
    let mut connection = connect(settings).await?;
    connection.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    // What was announced before is lost.
    wakes.outbox.announced(ALL_BUCKETS);
    wakes.queue.announced(ALL_BUCKETS);
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    while let Some(notification) = notifications.next().await {
        let notification = notification?;
        // Another build may say it otherwise; then look everywhere.
        let (outbox, queue) = masks(&notification.payload).unwrap_or((ALL_BUCKETS, ALL_BUCKETS));
        wakes.outbox.announced(outbox);
        wakes.queue.announced(queue);
    }
    anyhow::bail!("the connection was closed")
}

fn masks(payload: &str) -> Option<(BucketMask, BucketMask)> {
    let (outbox, queue) = payload.split_once(' ')?;
    Some((outbox.parse().ok()?, queue.parse().ok()?))
}

async fn connect(settings: &PostgresSettings) -> anyhow::Result<AsyncPgConnection> {
    let url: &SecretString = settings.url.as_ref().context("the database's URL is not set")?;
    tokio::time::timeout(
        settings.connect_timeout,
        AsyncPgConnection::establish(url.expose_secret()),
    )
    .await
    .context("no connection in time")?
    .context("no connection")
}
