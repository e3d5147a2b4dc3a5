//! From a command to its sight: an open loop sends commands at a steady rate; each is read back with its token.

use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::system::System;
use hyper::Method;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::commands::Seed;
use crate::load::{Connection, Latencies};
use crate::report::Report;

#[derive(Clone, Copy, PartialEq)]
enum Sight {
    Get,
    Search,
}

pub async fn measure(
    system: &System,
    seed: &Seed,
    rate: u32,
    duration: Duration,
    report: &mut Report,
) -> Result<()> {
    let command = system.start("command-service", "all")?;
    let query = system.start("query-service", "all")?;
    for rate in [rate, rate * 10] {
        for sight in [Sight::Get, Sight::Search] {
            // A search costs a wait for the next refresh: at the high rate only the get is measured.
            if sight == Sight::Search && rate > 100 {
                continue;
            }
            let (commands, queries) = (command.base_url(), query.base_url());
            let (mut whole, mut answered) =
                open_loop(&commands, &queries, seed, rate, duration, sight).await?;
            let name = if sight == Sight::Get {
                "get by id"
            } else {
                "search"
            };
            report.row(
                &format!("command → visible in a {name}, {rate}/s"),
                format!(
                    "p50 {:.1} ms, p99 {:.1} ms",
                    whole.quantile(0.5),
                    whole.quantile(0.99)
                ),
                format!(
                    "its POST alone: p50 {:.1} ms, p99 {:.1} ms",
                    answered.quantile(0.5),
                    answered.quantile(0.99)
                ),
                None,
            );
        }
    }
    Ok(())
}

/// Latencies from before the POST to the answer of the query, and of the POST alone. Starts are on a fixed schedule, so
/// that a slow answer does not make the next start late without being counted.
async fn open_loop(
    commands: &str,
    queries: &str,
    seed: &Seed,
    rate: u32,
    duration: Duration,
    sight: Sight,
) -> Result<(Latencies, Latencies)> {
    // Enough that each has its answer before its next turn is due, up to a second,
    // and fewer than the commands that the service takes at once.
    let lanes = rate.clamp(16, 200);
    let started = Instant::now() + Duration::from_millis(200);
    let mut tasks = JoinSet::new();
    for lane in 0..lanes {
        let (commands, queries, seed) = (commands.to_owned(), queries.to_owned(), seed.clone());
        tasks.spawn(async move {
            let mut to_commands = Connection::open(&commands).await?;
            let mut to_queries = Connection::open(&queries).await?;
            let (mut whole, mut answered) = (Latencies::default(), Latencies::default());
            for turn in 0.. {
                let due = started + Duration::from_secs_f64(f64::from(lane + turn * lanes) / f64::from(rate));
                if due > started + duration {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                let body = seed.order(lane as usize, turn as usize);
                let answer = to_commands.json(Method::POST, "/v1/orders", &[], &body).await?;
                answered.push(due.elapsed());
                let token = answer["consistency_token"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let path = match sight {
                    Sight::Get => format!("/v1/orders/{}", answer["id"].as_str().unwrap_or_default()),
                    Sight::Search => format!(
                        "/v1/orders/search?q={}&limit=1",
                        answer["id"].as_str().unwrap_or_default()
                    ),
                };
                let headers = [("Consistency-Token", token.as_str()), ("Prefer", "wait=30")];
                to_queries
                    .json(Method::GET, &path, &headers, &Value::Null)
                    .await?;
                whole.push(due.elapsed());
            }
            anyhow::Ok((whole, answered))
        });
    }
    let (mut whole, mut answered) = (Latencies::default(), Latencies::default());
    while let Some(result) = tasks.join_next().await {
        let (more_whole, more_answered) = result??;
        whole.extend(more_whole);
        answered.extend(more_answered);
    }
    Ok((whole, answered))
}
