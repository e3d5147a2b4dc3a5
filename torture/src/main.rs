//! `cargo xtask torture`: breaks the running system from a seeded schedule, and has the checker judge what was recorded.

mod asking;
mod brokers;
mod calling;
mod cluster;
mod faults;
mod figures;
mod gathering;
mod options;
mod projections;
mod pulse;
mod recording;
mod rest;
mod run;
mod tables;
mod watching;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use stack::{Interrupt, Interrupted};
use tokio::signal::unix::{SignalKind, signal};

use crate::options::Options;

/// As of a program that a signal ended.
const INTERRUPTED: u8 = 130;
/// Of the violations, so many are explained.
const EXPLAINED: usize = 10;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        print!("{}", tables::of_faults(faults::all()));
        return ExitCode::SUCCESS;
    }
    torture(&options).await.unwrap_or_else(|error| {
        if error.is::<Interrupted>() {
            eprintln!("stopped");
            return ExitCode::from(INTERRUPTED);
        }
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Fails when anything is not as it should be.
async fn torture(options: &Options) -> Result<ExitCode> {
    let interrupt = Interrupt::default();
    let raised = interrupt.clone();
    let (mut terminate, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupted.recv() => {}
        }
        raised.raise();
    });
    println!(
        "seed {}, {} s, {} clients, {} commands a second",
        options.seed,
        options.duration().as_secs(),
        options.clients(),
        options.rate()
    );
    let found = run::run(options, interrupt).await?;
    println!("\n{}", tables::of_a_run(&found));
    println!("history: {}", options.history().display());
    Ok(verdict(&found.wrongs()))
}

fn verdict(wrongs: &[String]) -> ExitCode {
    if wrongs.is_empty() {
        println!("nothing is lost");
        return ExitCode::SUCCESS;
    }
    println!("\n{} violations; the first:", wrongs.len());
    for wrong in wrongs.iter().take(EXPLAINED) {
        println!("\n{wrong}");
    }
    ExitCode::FAILURE
}
