use std::process::ExitCode;

use clap::Parser as _;
use command_service::cli::{Cli, Task};
use command_service::inbound::http::api_document;
use command_service::settings::{self, Role, Settings};
use command_service::telemetry;
use command_service::{bootstrap, failpoints};

/// The status of a process that was configured wrongly (`EX_CONFIG` of sysexits.h).
const CONFIGURATION_ERROR: u8 = 78;

fn main() -> ExitCode {
    failpoints::begin();
    let cli = Cli::parse();
    let task = cli.task.unwrap_or(Task::All);
    let Some(role) = task.role() else {
        println!("{}", api_document::text());
        return ExitCode::SUCCESS;
    };
    let settings = match settings::load(role, cli.config.as_deref(), std::env::vars_os()) {
        Ok(settings) => settings,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(CONFIGURATION_ERROR);
        }
    };
    match run(&task, role, &settings) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("command-service {}: {error:#}", role.as_str());
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task, role: Role, settings: &Settings) -> anyhow::Result<ExitCode> {
    // HTTP has threads of its own. Two at least: tonic's exporter can dead-lock on one (opentelemetry-rust 2715).
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let telemetry = telemetry::init(&settings.telemetry, role.as_str())?;
        let outcome = match task {
            Task::Republish(arguments) => bootstrap::republish(arguments, settings).await,
            Task::Verify(arguments) => bootstrap::verify(arguments, settings).await,
            _ => bootstrap::run(role, settings).await.map(|()| ExitCode::SUCCESS),
        };
        telemetry.shut_down().await;
        outcome
    })
}
