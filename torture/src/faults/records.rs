//! Records put into topics: events again and shuffled, garbage, an event that the mapping refuses.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use reqwest::Client;
use serde_json::Value;
use shared_events::topic::DEAD_LETTERS;
use shared_events::{AggregateType, EventMetadata, codec, wire};
use tokio::time::sleep;
use uuid::Uuid;

use super::recovery::Sign;
use super::scene::Scene;
use super::topics::{self, Raw};

const BURIED_WITHIN: Duration = Duration::from_secs(15);
/// Of each partition.
const DOUBLED: i64 = 40;
const TIMES: usize = 5;

/// What was published last, of all topics, five times more and shuffled.
pub async fn doubled(scene: Scene) -> Result<()> {
    let mut records = topics::last_events(scene.cluster(), DOUBLED).await?;
    // What the harness planted is nothing that a relay would send.
    records.retain(|(_, raw)| raw.headers.iter().all(|(key, _)| key != topics::PLANTED));
    let mut all: Vec<(String, Raw)> = (0..TIMES).flat_map(|_| records.clone()).collect();
    for at in (1..all.len()).rev() {
        all.swap(at, scene.roll(at + 1));
    }
    scene.began(format!("{} events, {TIMES} times", records.len()));
    topics::plant(scene.cluster(), &all).await?;
    scene.healed(Sign::Visible);
    Ok(())
}

/// Records that are no events: each is buried once by each projection that reads the topic, and nothing else waits for it.
pub async fn broken(scene: Scene) -> Result<()> {
    let (metadata, body) = a_product(&scene).await?;
    let id = schema_id(&scene, &metadata).await?;
    let framed = wire::frame(id, &body);
    let headers = |of: &EventMetadata| owned_headers(of);
    let nobody = |number: usize| EventMetadata {
        aggregate_id: another(&scene, number),
        ..metadata.clone()
    };
    let keyed = |of: &EventMetadata, payload: Option<Vec<u8>>, headers: Vec<(String, Vec<u8>)>| Raw {
        key: of.aggregate_id.to_string().into_bytes(),
        payload,
        headers,
    };
    let mut lying = framed.clone();
    // The length of the first text says that there is more than there is.
    if let Some(length) = lying.get_mut(5..7) {
        length.copy_from_slice(&[0xfe, 0x7f]);
    }
    let mut garbage = Vec::new();
    type Broken = fn(Vec<u8>) -> Option<Vec<u8>>;
    let kinds: [(&str, Broken); 5] = [
        ("empty", |_| None),
        ("without magic byte", |_| Some(b"not an event".to_vec())),
        ("truncated", |framed| {
            Some(framed.get(..framed.len() / 2)?.to_vec())
        }),
        ("with trailing bytes", |framed| {
            Some([framed, vec![7; 9]].concat())
        }),
        ("without headers", Some),
    ];
    for (number, (name, make)) in kinds.into_iter().enumerate() {
        let of = nobody(number);
        let with = if name == "without headers" {
            Vec::new()
        } else {
            headers(&of)
        };
        garbage.push(keyed(&of, make(framed.clone()), with));
    }
    let of = nobody(10);
    garbage.push(keyed(&of, Some(lying), headers(&of)));
    let version_0 = headers(&nobody(11))
        .into_iter()
        .map(|(key, value)| match key.contains("version") && value == b"1" {
            true => (key, b"0".to_vec()),
            false => (key, value),
        })
        .collect();
    garbage.push(keyed(&nobody(11), Some(framed), version_0));
    let some = 1 + scene.roll(garbage.len());
    garbage.rotate_left(scene.roll(some));
    garbage.truncate(some);
    bury(&scene, garbage, "no events").await
}

/// An event that is one, but of a time that the mapping's dates do not reach.
pub async fn document_refused(scene: Scene) -> Result<()> {
    let (metadata, body) = a_product(&scene).await?;
    let id = schema_id(&scene, &metadata).await?;
    let other = another(&scene, 20);
    let refused = EventMetadata {
        event_id: Uuid::new_v5(&other, b"event"),
        aggregate_id: other,
        occurred_at: beyond_nanoseconds()?,
        ..metadata.clone()
    };
    let text = String::from_utf8_lossy(&body).find(&metadata.aggregate_id.to_string());
    let mut body = body;
    if let Some(at) = text {
        let id = other.to_string().into_bytes();
        body.splice(at..at + id.len(), id);
    }
    let raw = Raw {
        key: other.to_string().into_bytes(),
        payload: Some(wire::frame(id, &body)),
        headers: owned_headers(&refused),
    };
    bury(&scene, vec![raw], "refused by the mapping").await
}

/// Puts records into the topic of products, which one projection reads, and waits until each is among the dead letters.
async fn bury(scene: &Scene, garbage: Vec<Raw>, what: &str) -> Result<()> {
    let before = topics::count(scene.cluster(), DEAD_LETTERS).await?;
    let topic = AggregateType::Product.topic();
    let wanted = i64::try_from(garbage.len())?;
    scene.began(format!("{wanted} records, {what}"));
    let garbage: Vec<_> = garbage.into_iter().map(|raw| (topic.to_owned(), raw)).collect();
    topics::plant(scene.cluster(), &garbage).await?;
    let since = Instant::now();
    scene.overcome(since, Sign::Visible).await;
    loop {
        let buried = topics::count(scene.cluster(), DEAD_LETTERS).await? - before;
        if buried >= wanted {
            // One for each generation that is fed.
            return Ok(());
        }
        if since.elapsed() > BURIED_WITHIN {
            scene.expect(false, || {
                format!("{buried} of {wanted} records were buried within {BURIED_WITHIN:?}")
            });
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// The first event of a product, as it is stored.
pub(super) async fn a_product(scene: &Scene) -> Result<(EventMetadata, Vec<u8>)> {
    let row = scene
        .cluster()
        .database()
        .await?
        .query_one(
            "SELECT event_id, event_type, stream_id, version, occurred_at, actor, command_id, causation_id,
                    correlation_id, payload
             FROM events WHERE aggregate = 'product' AND version = 1 LIMIT 1",
            &[],
        )
        .await
        .context("no product to take after")?;
    let metadata = EventMetadata {
        event_id: row.get(0),
        event_type: row.get(1),
        aggregate: AggregateType::Product,
        aggregate_id: row.get(2),
        version: row.get::<_, i64>(3).unsigned_abs(),
        occurred_at: row.get(4),
        actor: row.get(5),
        command_id: row.get(6),
        causation_id: row.get(7),
        correlation_id: row.get(8),
        traceparent: None,
    };
    Ok((metadata, row.get(9)))
}

async fn schema_id(scene: &Scene, metadata: &EventMetadata) -> Result<u32> {
    let found = latest_schema(scene, metadata).await?;
    Ok(u32::try_from(found["id"].as_u64().context("no schema id")?)?)
}

/// As the registry tells it: its id and its text, among others.
pub(super) async fn latest_schema(scene: &Scene, metadata: &EventMetadata) -> Result<Value> {
    let subject = codec::subject(metadata.aggregate.topic(), &metadata.event_type);
    let url = format!(
        "{}/subjects/{subject}/versions/latest",
        scene.cluster().registry_url()
    );
    Ok(of_registry()?
        .get(&url)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?)
}

pub(super) fn of_registry() -> Result<Client> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10));
    Ok(client.build()?)
}

/// An aggregate that no command has made.
fn another(scene: &Scene, number: usize) -> Uuid {
    let name = format!("{} {number} {}", scene.recorder().now(), scene.roll(usize::MAX));
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

pub(super) fn owned_headers(metadata: &EventMetadata) -> Vec<(String, Vec<u8>)> {
    metadata
        .to_headers()
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn beyond_nanoseconds() -> Result<DateTime<Utc>> {
    let moment: DateTime<Utc> = "2300-01-01T00:00:00Z".parse()?;
    ensure!(moment.timestamp_nanos_opt().is_none(), "within reach");
    Ok(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_time_is_beyond_what_nanoseconds_reach() {
        assert!(beyond_nanoseconds().is_ok());
    }
}
