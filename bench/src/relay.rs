//! The outbox drained into Kafka: the backlog that the command stage left, by one relay.

use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::eventually;
use e2e::system::System;

use crate::cpu;
use crate::report::Report;

const LIMIT: Duration = Duration::from_secs(300);

pub async fn measure(system: &System, report: &mut Report) -> Result<()> {
    let rows: i64 = system
        .database
        .query_one("SELECT count(*) FROM outbox", &[])
        .await?
        .get(0);
    let http = reqwest::Client::new();
    let mut relay = system.service("command-service", "relay").spawn()?;
    relay.wait_live(Duration::from_secs(60))?;
    // From the first rows that leave, so that starting the process is not counted.
    let first = eventually("the relay begins", LIMIT, async || {
        let published = metric(&http, &relay.base_url(), "relay_published_total").await?;
        Ok((published > 0.0).then_some(published))
    })
    .await?;
    let (started, cpu_before) = (Instant::now(), cpu::time_of(relay.pid()));
    eventually("the outbox is drained", LIMIT, async || {
        let published = metric(&http, &relay.base_url(), "relay_published_total").await?;
        Ok((published >= rows as f64).then_some(()))
    })
    .await?;
    let took = started.elapsed().as_secs_f64();
    let cpu = (cpu::time_of(relay.pid()) - cpu_before).as_secs_f64();
    let measured = rows as f64 - first;
    report.row(
        "outbox drained into Kafka",
        format!("{:.0} events/s", measured / took),
        format!(
            "{measured:.0} of {rows} rows in {took:.1} s; {:.1} µs of the relay's CPU a row, {:.0} MiB at most",
            cpu * 1e6 / measured,
            cpu::resident_mib(relay.pid())
        ),
        None,
    );
    relay.terminate(Duration::from_secs(20))?;
    Ok(())
}

/// The sum of a service's samples whose line begins with `name`.
pub async fn metric(http: &reqwest::Client, service: &str, name: &str) -> Result<f64> {
    let text = http
        .get(format!("{service}/metrics"))
        .send()
        .await?
        .text()
        .await?;
    let samples = text.lines().filter(|line| line.starts_with(name));
    Ok(samples
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}
