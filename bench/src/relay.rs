//! The outbox drained into Kafka: the backlog that the command stage left, by one relay.

use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::eventually;
use e2e::system::System;

use crate::cpu;
use crate::report::Report;

const LIMIT: Duration = Duration::from_secs(300);

pub async fn measure(system: &System, report: &mut Report) -> Result<()> {
    let rows = backlog(system).await?;
    let mut relay = system.service("command-service", "relay").spawn()?;
    // From the first row that leaves, so that starting the process is not counted.
    let left = eventually("the relay begins", LIMIT, async || {
        let left = backlog(system).await?;
        Ok((left < rows).then_some(left))
    })
    .await?;
    let (started, cpu_before) = (Instant::now(), cpu::time_of(relay.pid()));
    eventually("the outbox is empty", LIMIT, async || {
        Ok((backlog(system).await? == 0).then_some(()))
    })
    .await?;
    let took = started.elapsed().as_secs_f64();
    let cpu = (cpu::time_of(relay.pid()) - cpu_before).as_secs_f64();
    report.row(
        "outbox drained into Kafka",
        format!("{:.0} rows/s", left as f64 / took),
        format!(
            "{left} rows in {took:.1} s; {:.1} µs of the relay's CPU a row, {:.0} MiB at most",
            cpu * 1e6 / left as f64,
            cpu::resident_mib(relay.pid())
        ),
        None,
    );
    relay.terminate(Duration::from_secs(20))?;
    Ok(())
}

async fn backlog(system: &System) -> Result<i64> {
    Ok(system
        .database
        .query_one("SELECT count(*) FROM outbox", &[])
        .await?
        .get(0))
}
