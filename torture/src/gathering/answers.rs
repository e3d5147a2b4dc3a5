//! What the query service answers of everything that there is.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use checker::history::{Entry, Shown};
use e2e::queries::Queries;
use e2e::recorded::{DOCUMENTS, LISTS};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::recording::Recorder;

/// Queries at once: both replicas answer.
const AT_ONCE: usize = 8;
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// Words that names have; see the workload.
const SEARCHED: [&str; 4] = ["Ada", "Grace", "Loom", "Teapot"];

pub async fn note(cluster: &Cluster, recorder: &Recorder) -> Result<()> {
    let replicas: Vec<Queries> = cluster.query_apis().iter().map(|url| Queries::new(url)).collect();
    let database = cluster.database().await?;
    for (kind, path, aggregate) in DOCUMENTS {
        let ids = database
            .query(
                "SELECT stream_id FROM events WHERE aggregate = $1 AND version = 1",
                &[&aggregate],
            )
            .await?;
        let ids: Vec<Uuid> = ids.iter().map(|row| row.get(0)).collect();
        each(&ids, &replicas, async |id, queries| {
            let found = detail(queries, &format!("{path}/{id}")).await?;
            shown(recorder, kind, &id.to_string(), found);
            Ok(())
        })
        .await
        .context(kind)?;
        if kind == "orders" {
            each(&ids, &replicas, async |id, queries| {
                let items = queries.list(&format!("/v1/orders/{id}/history"), None).await?;
                shown(recorder, "order-history", &id.to_string(), Some(json!(items)));
                Ok(())
            })
            .await
            .context("order-history")?;
        }
    }
    let first = replicas.first().context("no replica")?;
    for (kind, path, key) in LISTS {
        for item in first.list(path, None).await.context(kind)? {
            let id = item[key].as_str().unwrap_or_default().to_owned();
            shown(recorder, kind, &id, Some(item));
        }
    }
    for word in SEARCHED {
        for item in first.list(&format!("/v1/orders/search?q={word}"), None).await? {
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            shown(recorder, "search", &id, Some(item));
        }
    }
    Ok(())
}

/// Several at once, through the replicas in turn.
async fn each(
    ids: &[Uuid],
    replicas: &[Queries],
    ask: impl AsyncFn(Uuid, &Queries) -> Result<()>,
) -> Result<()> {
    stream::iter(ids.iter().enumerate())
        .map(|(number, id)| ask(*id, &replicas[number % replicas.len()]))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// `None` where there is no such document. At rest nothing else than an answer is expected; but it may be in haste.
async fn detail(queries: &Queries, path: &str) -> Result<Option<Value>> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match queries.get(path).await {
            Ok((status, body)) if status.is_success() => return Ok(Some(body)),
            Ok((status, _)) if status == 404 => return Ok(None),
            Ok((status, body)) => last = format!("{status} {body}"),
            Err(error) => last = format!("{error:#}"),
        }
        sleep(PAUSE).await;
    }
    bail!("{path}: {last}")
}

fn shown(recorder: &Recorder, kind: &str, id: &str, body: Option<Value>) {
    if let Some(body) = body {
        recorder.note(Entry::Answer(Shown {
            kind: kind.to_owned(),
            id: id.to_owned(),
            body,
        }));
    }
}
