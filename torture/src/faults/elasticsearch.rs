//! Elasticsearch killed, frozen, overloaded, closed to writes, without an index, without room: the projector waits and buries
//! nothing; queries answer from the cache, or 503.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use shared_events::topic::DEAD_LETTERS;
use tokio::time::sleep;

use super::reads::{self, Kept, Reads};
use super::recovery::Sign;
use super::scene::Scene;
use super::topics;
use crate::cluster::{Service, Way};

/// In which Elasticsearch sees that its disk is full: it looks every 30 s, every 10 s from the look after it was told so, and
/// slowly where the machine has much to do.
const DISK_SEEN_WITHIN: Duration = Duration::from_secs(60);
/// The index of a projection that few queries read, so that the others can be looked at meanwhile.
const LOSABLE: [&str; 4] = ["customers", "products", "deliveries", "invoices"];

pub async fn killed(scene: Scene) -> Result<()> {
    let before = Before::look(&scene).await?;
    let server = scene.cluster().elasticsearch();
    scene.began("SIGKILL");
    server.kill().await?;
    away(&scene, scene.span(1_500, 4_000), Reads::Fail, before).await;
    server.start().await?;
    // It answers before its shards are there, and is back when they are.
    let health = "/_cluster/health?wait_for_status=yellow&timeout=60s";
    ask(&scene, Method::GET, health, None).await?;
    scene.healed(Sign::Visible);
    nothing_is_buried(&scene, before).await
}

pub async fn frozen(scene: Scene) -> Result<()> {
    let before = Before::look(&scene).await?;
    let server = scene.cluster().elasticsearch();
    let lasting = match scene.roll(6) {
        0 if scene.is_alone() => scene.span(14_000, 18_000),
        _ => scene.span(3_000, 7_000),
    };
    scene.began(format!("for {lasting:.1?}"));
    server.freeze()?;
    away(&scene, lasting, Reads::Fail, before).await;
    server.thaw()?;
    scene.healed(Sign::Visible);
    nothing_is_buried(&scene, before).await
}

pub async fn too_many_requests(scene: Scene) -> Result<()> {
    let before = Before::look(&scene).await?;
    scene.began("429 to every request and every item of a bulk");
    scene.cluster().to_elasticsearch().set(Way::Overloaded);
    away(&scene, scene.span(2_500, 5_000), Reads::Fail, before).await;
    scene.cluster().to_elasticsearch().set(Way::Open);
    scene.healed(Sign::Visible);
    nothing_is_buried(&scene, before).await
}

pub async fn write_block(scene: Scene) -> Result<()> {
    let before = Before::look(&scene).await?;
    let indices = queried_indices(&scene).await?;
    scene.began(format!("on {} indices", indices.len()));
    block(&scene, &indices, json!(true)).await?;
    away(&scene, scene.span(2_500, 5_000), Reads::GoOn, before).await;
    block(&scene, &indices, Value::Null).await?;
    scene.healed(Sign::Visible);
    nothing_is_buried(&scene, before).await
}

/// The index of one projection is gone. What an operator is told to do brings it back.
pub async fn index_missing(scene: Scene) -> Result<()> {
    let before = Before::look(&scene).await?;
    let projection = *scene.one_of(&LOSABLE)?;
    let index = queried_index(&scene, projection).await?;
    scene.began(index.as_str());
    ask(&scene, Method::DELETE, &format!("/{index}"), None).await?;
    away(&scene, scene.span(2_000, 4_000), Reads::GoOn, before).await;
    nothing_is_buried(&scene, before).await?;
    scene.cluster().tool(Service::Query, &["setup"]).await?;
    scene.overcome(Instant::now(), Sign::Visible).await;
    let again = filled_again(&scene, projection).await;
    scene.expect_alone(again, "the index is filled again");
    Ok(())
}

/// By the real watermarks: the flood stage sets a block on every index, and lifts it when there is room again.
pub async fn disk_full(scene: Scene) -> Result<()> {
    let before = Before::look(&scene).await?;
    let watermarks = |wanted: Value, enabled: Value| {
        json!({"persistent": {
            "cluster.routing.allocation.disk.threshold_enabled": enabled,
            "cluster.routing.allocation.disk.watermark.low": wanted,
            "cluster.routing.allocation.disk.watermark.high": wanted,
            "cluster.routing.allocation.disk.watermark.flood_stage": wanted,
            "cluster.info.update.interval": "10s",
        }})
    };
    // As much room as no machine has.
    let none_left = watermarks(json!("900tb"), json!(true));
    let since = scene.began("below the flood stage");
    ask(&scene, Method::PUT, "/_cluster/settings", Some(none_left)).await?;
    let blocked = loop {
        if is_blocked(&scene).await? {
            break true;
        }
        if since.elapsed() > DISK_SEEN_WITHIN {
            break false;
        }
        sleep(Duration::from_millis(100)).await;
    };
    if blocked {
        away(&scene, scene.span(2_000, 4_000), Reads::GoOn, before).await;
    }
    let room = watermarks(Value::Null, Value::Null);
    ask(&scene, Method::PUT, "/_cluster/settings", Some(room)).await?;
    let lift = json!({"index.blocks.read_only_allow_delete": null});
    ask(
        &scene,
        Method::PUT,
        "/_all/_settings?expand_wildcards=all",
        Some(lift),
    )
    .await?;
    ensure!(blocked, "no index was blocked within {DISK_SEEN_WITHIN:?}");
    scene.healed(Sign::Visible);
    nothing_is_buried(&scene, before).await
}

async fn is_blocked(scene: &Scene) -> Result<bool> {
    let settings = ask(scene, Method::GET, "/_all/_settings/index.blocks.*", None).await?;
    Ok(settings.to_string().contains("read_only_allow_delete"))
}

/// Commands go on, and queries answer what they can.
async fn away(scene: &Scene, lasting: Duration, reads: Reads, before: Option<Before>) {
    let Some(before) = before else {
        sleep(lasting).await;
        return;
    };
    let since = Instant::now();
    scene.commands_go_on().await;
    let left = lasting.saturating_sub(since.elapsed());
    let answered = reads::are_answered(scene, left, reads, before.kept).await;
    scene.expect_alone(answered, "what queries are answered");
}

/// How it was before; none where brokers may be away, too: then it cannot be told.
#[derive(Debug, Clone, Copy)]
struct Before {
    letters: i64,
    kept: Option<Kept>,
}

impl Before {
    async fn look(scene: &Scene) -> Result<Option<Self>> {
        if !scene.is_alone() {
            return Ok(None);
        }
        Ok(Some(Self {
            letters: topics::count(scene.cluster(), DEAD_LETTERS).await?,
            kept: Kept::read(scene).await?,
        }))
    }
}

async fn nothing_is_buried(scene: &Scene, before: Option<Before>) -> Result<()> {
    if let Some(before) = before {
        let more = topics::count(scene.cluster(), DEAD_LETTERS).await? - before.letters;
        scene.expect(more == 0, || {
            format!("{more} dead letters while Elasticsearch was away")
        });
    }
    Ok(())
}

async fn filled_again(scene: &Scene, projection: &str) -> Result<()> {
    let since = Instant::now();
    loop {
        let index = queried_index(scene, projection).await?;
        let count = ask(scene, Method::GET, &format!("/{index}/_count"), None).await?;
        if count["count"].as_u64() > Some(0) {
            return Ok(());
        }
        ensure!(since.elapsed() < Duration::from_secs(20), "{index} stays empty");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn block(scene: &Scene, indices: &[String], on: Value) -> Result<()> {
    // A rebuild may drop one of them meanwhile.
    let path = format!("/{}/_settings?ignore_unavailable=true", indices.join(","));
    ask(scene, Method::PUT, &path, Some(json!({"index.blocks.write": on}))).await?;
    Ok(())
}

async fn queried_indices(scene: &Scene) -> Result<Vec<String>> {
    let aliases = ask(scene, Method::GET, "/_alias", None).await?;
    Ok(aliases
        .as_object()
        .context("no indices")?
        .iter()
        .filter(|(_, index)| {
            index["aliases"]
                .as_object()
                .is_some_and(|aliases| !aliases.is_empty())
        })
        .map(|(name, _)| name.clone())
        .collect())
}

async fn queried_index(scene: &Scene, projection: &str) -> Result<String> {
    let found = ask(scene, Method::GET, &format!("/_alias/{projection}"), None).await?;
    let name = found
        .as_object()
        .and_then(|indices| indices.keys().next().cloned());
    name.with_context(|| format!("queries of {projection} read no index"))
}

/// Past the proxy.
async fn ask(scene: &Scene, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
    let url = format!("{}{path}", scene.cluster().elasticsearch_url());
    let mut request = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(90))
        .build()?
        .request(method, &url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    ensure!(status.is_success(), "{url} answered {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}
