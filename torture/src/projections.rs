//! Which index queries of a projection read, and which group of consumers feeds it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::topics::PROJECTIONS;
use serde_json::Value;

const GROUP: &str = "query-service.projector";
const LIMIT: Duration = Duration::from_secs(5);

/// A projection as it is fed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fed {
    pub projection: &'static str,
    pub index: String,
    pub group: String,
    pub topics: Vec<String>,
}

/// By the aliases: a rebuild points them elsewhere.
pub async fn fed(http: &reqwest::Client, elasticsearch: &str) -> Result<Vec<Fed>> {
    let mut all = Vec::new();
    for (projection, aggregates) in PROJECTIONS {
        let index = queried_index(http, elasticsearch, projection).await?;
        all.push(Fed {
            projection,
            group: format!("{GROUP}.{index}"),
            index,
            topics: aggregates
                .iter()
                .map(|aggregate| aggregate.topic().to_owned())
                .collect(),
        });
    }
    Ok(all)
}

async fn queried_index(http: &reqwest::Client, elasticsearch: &str, projection: &str) -> Result<String> {
    let url = format!("{elasticsearch}/_alias/{projection}");
    let answer = http.get(url).timeout(LIMIT).send().await?.error_for_status()?;
    let found: Value = answer.json().await?;
    let indices: Vec<&String> = found.as_object().context("no indices")?.keys().collect();
    ensure!(indices.len() == 1, "queries of {projection} read {indices:?}");
    Ok(indices[0].clone())
}
