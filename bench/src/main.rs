//! Measures the system on real servers, each stage beside what the raw server does with the same work in the same run.
//!
//! Started by `cargo xtask bench`, which brings the servers and builds for speed. It judges nothing: it prints.

mod commands;
mod cpu;
mod load;
mod projector;
mod queries;
mod recorder;
mod relay;
mod report;
mod visible;

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use e2e::system::System;

use crate::report::Report;

#[derive(Debug, Parser)]
#[command(about = "Figures of each stage beside those of the raw servers, in one run")]
struct Options {
    /// Seconds for each closed loop.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// HTTP clients, and pgbench's.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Commands per second in the open loop that measures visibility.
    #[arg(long, default_value_t = 100)]
    rate: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let duration = Duration::from_secs(options.seconds);
    let mut report = Report::start();
    let system = System::prepare().await?;

    // One stage after the other, each alone on the machine: the backlog that one leaves is the next one's work.
    let seed = commands::measure(&system, options.clients, duration, &mut report).await?;
    relay::measure(&system, &mut report).await?;
    projector::measure(&system, &mut report).await?;
    queries::measure(&system, options.clients, duration, &mut report).await?;
    visible::measure(&system, &seed, options.rate, duration, &mut report).await?;
    report.print();
    Ok(())
}
