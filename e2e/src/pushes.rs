//! Changes as they are pushed: a client that reconnects again and again, beside what stands in the changes topic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::Value;
use shared_events::topic::CHANGES;
use tokio::time::timeout;
use uuid::Uuid;

use crate::queries::Queries;
use crate::system::System;
use crate::topics;

const LIMIT: Duration = Duration::from_secs(60);

/// One `order-changed`.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// To resume after.
    pub id: String,
    /// The order's summary.
    pub data: Value,
}

impl Pushed {
    pub fn order(&self) -> Result<Uuid> {
        Ok(self.data["id"]
            .as_str()
            .context("a push without an id")?
            .parse()?)
    }

    pub fn version(&self) -> Result<u64> {
        self.data["version"].as_u64().context("a push without a version")
    }
}

/// An open stream of Server-Sent Events.
pub struct Subscription {
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl Subscription {
    /// From now on, or from what followed `last_event_id`.
    pub async fn open(queries: &Queries, path: &str, last_event_id: Option<&str>) -> Result<Self> {
        let mut request = reqwest::Client::new()
            .get(format!("{}{path}", queries.base_url()))
            .header("Accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await?;
        let status = response.status();
        ensure!(
            status == StatusCode::OK,
            "{path}: {status} {}",
            response.text().await?
        );
        let media_type = response.headers().get("content-type").cloned();
        ensure!(
            media_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream")),
            "{path}: not a stream of events"
        );
        Ok(Self {
            response,
            unread: Vec::new(),
        })
    }

    /// The next change; `None` where the server ends the stream.
    pub async fn next(&mut self) -> Result<Option<Pushed>> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(pushed) = parse(std::str::from_utf8(&block)?)? {
                    return Ok(Some(pushed));
                }
            }
            let chunk = timeout(LIMIT, self.response.chunk())
                .await
                .context("no push and no heartbeat in time")??;
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            self.unread.extend_from_slice(&chunk);
        }
    }
}

/// `None` for a heartbeat.
fn parse(block: &str) -> Result<Option<Pushed>> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
    };
    let (Some(event), Some(data)) = (field("event"), field("data")) else {
        return Ok(None);
    };
    ensure!(event == "order-changed", "an unknown event: {block}");
    let id = field("id").context("a push without an id")?;
    Ok(Some(Pushed {
        id: id.to_owned(),
        data: serde_json::from_str(data)?,
    }))
}

/// What the client saw.
#[derive(Debug)]
pub struct Watched {
    pub pushes: usize,
    pub reconnects: usize,
}

/// Follows all orders, and reconnects after each `every` changes, to the next replica each time, until `until` resolves and
/// the versions that it answers have come. Whatever stands in the changes topic must have come, and nothing twice: the first
/// stream is to be opened before the first order's change.
pub async fn watch(
    system: &System,
    replicas: &[Queries],
    mut subscription: Subscription,
    every: usize,
    until: impl Future<Output = Result<BTreeMap<Uuid, u64>>>,
) -> Result<Watched> {
    let mut seen: BTreeMap<Uuid, BTreeSet<u64>> = BTreeMap::new();
    let mut watched = Watched {
        pushes: 0,
        reconnects: 0,
    };
    let mut ids = BTreeSet::new();
    let mut finally: Option<BTreeMap<Uuid, u64>> = None;
    let mut until = std::pin::pin!(until);
    loop {
        let has_come = |(order, version): (&Uuid, &u64)| {
            seen.get(order).is_some_and(|versions| versions.contains(version))
        };
        if finally.as_ref().is_some_and(|all| all.iter().all(has_come)) {
            break;
        }
        let pushed = tokio::select! {
            pushed = subscription.next() => pushed?,
            versions = &mut until, if finally.is_none() => {
                finally = Some(versions?);
                continue;
            }
        };
        let pushed = pushed.context("the server ended the stream")?;
        ensure!(ids.insert(pushed.id.clone()), "{} came twice", pushed.id);
        seen.entry(pushed.order()?).or_default().insert(pushed.version()?);
        watched.pushes += 1;
        if watched.pushes.is_multiple_of(every) {
            watched.reconnects += 1;
            let replica = &replicas[watched.reconnects % replicas.len()];
            subscription = Subscription::open(replica, "/v1/orders/changes", Some(&pushed.id)).await?;
        }
    }
    for (order, version) in announced(system)? {
        ensure!(
            seen.get(&order)
                .is_some_and(|versions| versions.contains(&version)),
            "order {order}: version {version} was announced and never pushed"
        );
    }
    Ok(watched)
}

/// The orders' changes that stand in the changes topic.
fn announced(system: &System) -> Result<Vec<(Uuid, u64)>> {
    let mut announced = Vec::new();
    for change in topics::values(system, CHANGES)? {
        let change: Value = serde_json::from_slice(&change)?;
        if change["aggregate"] == "order" {
            let id = change["id"].as_str().context("a change without an id")?.parse()?;
            let version = change["version"].as_u64().context("a change without a version")?;
            announced.push((id, version));
        }
    }
    Ok(announced)
}

/// The last version of each order.
pub async fn versions(system: &System) -> Result<BTreeMap<Uuid, u64>> {
    let rows = system
        .database
        .query(
            "SELECT stream_id, max(version) FROM events WHERE aggregate = 'order' GROUP BY stream_id",
            &[],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), row.get::<_, i64>(1).unsigned_abs()))
        .collect())
}
