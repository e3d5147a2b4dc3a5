//! When all that was done has had its effects.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use checker::history::Rest;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::brokers::Brokers;
use crate::calling::http_client;
use crate::cluster::{Cluster, Role};
use crate::figures;
use crate::projections;
use crate::recording::Recorder;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A look that takes longer has seen nothing.
const LOOK: Duration = Duration::from_secs(20);
const BROKERS: Duration = Duration::from_secs(5);
/// So many looks in a row: what was under way between two places is in one of them by then.
const LEVEL: usize = 3;

/// Waits until outbox and queue are empty, every group has done all there is, and no document waits for an event.
pub async fn wait(
    cluster: &Cluster,
    recorder: &Recorder,
    last_fault_healed: Instant,
    limit: Duration,
) -> Result<Rest> {
    let http = http_client()?;
    let mut brokers = Brokers::connect(cluster.bootstrap_servers(), BROKERS)?;
    let began = Instant::now();
    let mut level = 0;
    let mut level_since = None;
    let mut detail = String::new();
    while level < LEVEL && began.elapsed() < limit {
        let looked_at = Instant::now();
        let (back, left) = match timeout(LOOK, look(cluster, &http, brokers)).await {
            Ok(looked) => looked?,
            Err(_) => (
                Brokers::connect(cluster.bootstrap_servers(), BROKERS)?,
                vec![format!("nothing could be seen within {LOOK:?}")],
            ),
        };
        brokers = back;
        if left.is_empty() {
            level += 1;
            level_since.get_or_insert(looked_at);
        } else {
            (level, level_since) = (0, None);
            detail = left.join("; ");
            sleep(LOOK_EVERY).await;
        }
    }
    let level_at = level_since.filter(|_| level == LEVEL);
    Ok(Rest {
        last_fault_healed: recorder.at(last_fault_healed),
        level_at: level_at.map(|moment| recorder.at(moment)),
        limit: u64::try_from(limit.as_micros())?,
        detail: if level_at.is_some() { String::new() } else { detail },
    })
}

/// What is left to do.
async fn look(
    cluster: &Cluster,
    http: &reqwest::Client,
    mut brokers: Brokers,
) -> Result<(Brokers, Vec<String>)> {
    let mut left = Vec::new();
    match rows(cluster).await {
        Ok([0, 0]) => {}
        Ok([outbox, queue]) => left.push(format!("{outbox} rows in the outbox, {queue} in the queue")),
        Err(error) => left.push(format!("the database: {error:#}")),
    }
    match projections::fed(http, cluster.elasticsearch_url()).await {
        Err(error) => left.push(format!("Elasticsearch: {error:#}")),
        Ok(fed) => {
            let (back, behind) = spawn_blocking(move || {
                let mut behind = Vec::new();
                for of in fed {
                    match brokers.behind(&of.group, &of.topics) {
                        Ok(partitions) => {
                            let records: i64 = partitions.iter().map(|behind| behind.records).sum();
                            if records > 0 {
                                behind.push(format!("{} is {records} records behind", of.index));
                            }
                        }
                        Err(error) => behind.push(format!("{}: {error:#}", of.index)),
                    }
                }
                (brokers, behind)
            })
            .await?;
            brokers = back;
            left.extend(behind);
        }
    }
    for projector in cluster.replicas(Role::Projector) {
        match figures::of(http, &projector.address(), BROKERS).await {
            Err(error) => left.push(format!("{}: {error:#}", projector.name())),
            Ok(figures) => {
                let waiting: f64 = figures
                    .iter()
                    .filter(|figure| figure.name == "projector_waiting_aggregates")
                    .map(|figure| figure.value)
                    .sum();
                if waiting > 0.0 {
                    left.push(format!(
                        "{}: {waiting} documents wait for events",
                        projector.name()
                    ));
                }
            }
        }
    }
    Ok((brokers, left))
}

/// Of outbox and queue.
async fn rows(cluster: &Cluster) -> Result<[i64; 2]> {
    let row = cluster
        .database()
        .await?
        .query_one(
            "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM command_queue)",
            &[],
        )
        .await
        .context("counting")?;
    Ok([row.get(0), row.get(1)])
}
