//! A record of a schema that no projector knows yet.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shared_events::{AggregateType, wire};
use tokio::time::sleep;

use super::records::{self, a_product};
use super::scene::Scene;
use super::topics::{self, Raw};
use crate::cluster::Role;

pub const WAITS_WITHIN: Duration = Duration::from_secs(15);

/// An event that is there already, framed as of a schema of its own: to be superseded when it can be read.
pub struct Unknown(Raw);

/// Takes the registry.
pub async fn register(scene: &Scene) -> Result<Unknown> {
    let (metadata, body) = a_product(scene).await?;
    let known = records::latest_schema(scene, &metadata).await?;
    let mut schema: Value = serde_json::from_str(known["schema"].as_str().context("no schema")?)?;
    let moment = scene.recorder().now();
    schema["doc"] = json!(format!("as of {moment}"));
    let url = format!(
        "{}/subjects/torture-{moment}/versions",
        scene.cluster().registry_url()
    );
    let said: Value = records::of_registry()?
        .post(url)
        .json(&json!({"schema": schema.to_string()}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let id = u32::try_from(said["id"].as_u64().context("no schema id")?)?;
    ensure!(
        Some(u64::from(id)) != known["id"].as_u64(),
        "the registry takes another text for the same schema"
    );
    Ok(Unknown(Raw {
        key: metadata.aggregate_id.to_string().into_bytes(),
        payload: Some(wire::frame(id, &body)),
        headers: records::owned_headers(&metadata),
    }))
}

impl Unknown {
    pub async fn plant(self, scene: &Scene) -> Result<()> {
        let topic = AggregateType::Product.topic().to_owned();
        topics::plant(scene.cluster(), &[(topic, self.0)]).await
    }
}

/// Until projectors say that records wait for a schema, or that none does.
pub async fn until_waiting(scene: &Scene, wanted: bool, limit: Duration) -> Result<()> {
    let since = Instant::now();
    loop {
        let mut bytes = 0.0;
        for process in scene.cluster().replicas(Role::Projector) {
            let told = scene
                .probes()
                .figure(&process.address(), "projector_waiting_for_schema_bytes")
                .await?;
            bytes += told.unwrap_or_default();
        }
        if (bytes > 0.0) == wanted {
            return Ok(());
        }
        ensure!(since.elapsed() < limit, "{bytes} bytes wait for a schema");
        sleep(Duration::from_millis(100)).await;
    }
}
