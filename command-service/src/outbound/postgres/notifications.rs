//! Waking relays in other processes by NOTIFY: never in the business transaction, where it would queue all commits behind
//! one lock, but afterwards, many commits as one, on a connection of its own. Nothing depends on it but time: who misses
//! a notification polls.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::PostgresSettings;
use crate::relay::{ALL_BUCKETS, BucketMask, Wake};

const CHANNEL: &str = "outbox";
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Announces commits to buckets that are held elsewhere, at most one notification within the setting's spacing, until
/// told to stop. Connects once there is something to announce.
pub async fn announce(settings: PostgresSettings, wake: Arc<Wake>, stop: CancellationToken) {
    let _ = stop
        .run_until_cancelled(forever("announcing commits", || {
            announce_while_connected(&settings, &wake)
        }))
        .await;
}

/// Wakes this process's relay when another process announces, until told to stop.
pub async fn listen(settings: PostgresSettings, wake: Arc<Wake>, stop: CancellationToken) {
    let _ = stop
        .run_until_cancelled(forever("listening for commits", || {
            listen_while_connected(&settings, &wake)
        }))
        .await;
}

async fn forever<F: Future<Output = anyhow::Result<()>>>(what: &str, attempt: impl Fn() -> F) {
    loop {
        if let Err(error) = attempt().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "{what} failed, relays poll meanwhile"
            );
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

async fn announce_while_connected(settings: &PostgresSettings, wake: &Wake) -> anyhow::Result<()> {
    let mut buckets = wake.far().await;
    let mut connection = connect(settings).await?;
    // A notification is worth nothing after a crash: its transaction need not wait for the disk.
    connection.batch_execute("SET synchronous_commit = off").await?;
    loop {
        let sent = Instant::now();
        let notify = diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(CHANNEL)
            .bind::<Text, _>(buckets.to_string());
        tokio::time::timeout(settings.statement_timeout, notify.execute(&mut connection))
            .await
            .context("the server does not answer")??;
        tokio::time::sleep_until(sent + settings.notify_spacing).await;
        buckets = wake.far().await;
    }
}

async fn listen_while_connected(settings: &PostgresSettings, wake: &Wake) -> anyhow::Result<()> {
    let mut connection = connect(settings).await?;
    connection.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    // What was announced before is lost.
    wake.announced(ALL_BUCKETS);
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    while let Some(notification) = notifications.next().await {
        let notification = notification?;
        // Another build may say more; then look everywhere.
        wake.announced(notification.payload.parse::<BucketMask>().unwrap_or(ALL_BUCKETS));
    }
    anyhow::bail!("the connection was closed")
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
