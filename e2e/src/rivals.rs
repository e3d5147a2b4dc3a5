//! Writers that all want to change the version that they saw.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::api::Commands;

/// `rounds` times: `writers` at once with one `If-Match`, round robin over the replicas. Exactly one succeeds each time, by
/// exactly one version, and every other is told that it is stale.
pub async fn exactly_one_succeeds(replicas: &[Commands], writers: usize, rounds: usize) -> Result<()> {
    let first = replicas.first().context("no replica")?;
    let customer = first.register_customer("Ada Lovelace").await?;
    let path = format!("/v1/customers/{}/name", customer.id);
    let path = path.as_str();
    let mut version = customer.version;
    for round in 0..rounds {
        let if_match = format!("\"{version}\"");
        let if_match = if_match.as_str();
        let answers = try_join_all((0..writers).map(|writer| async move {
            let body = json!({"name": format!("Writer {writer} of round {round}")});
            replicas[writer % replicas.len()]
                .ask(Method::PUT, path, &[("If-Match", if_match)], Some(&body))
                .await
        }))
        .await?;
        let won: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == StatusCode::OK)
            .collect();
        ensure!(
            won.len() == 1,
            "round {round}: {} of {writers} succeeded",
            won.len()
        );
        let stale = answers
            .iter()
            .filter(|answer| answer.status == StatusCode::PRECONDITION_FAILED)
            .count();
        ensure!(
            stale == writers - 1,
            "round {round}: {stale} of {} losers were told 412: {answers:?}",
            writers - 1
        );
        let now = won[0].json()?["version"].as_u64().context("no version")?;
        ensure!(
            now == version + 1,
            "round {round}: from version {version} to {now}"
        );
        version = now;
    }
    Ok(())
}
