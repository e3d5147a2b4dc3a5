use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use query_service::cli::{Cli, Command};
use query_service::inbound::http::api_document;
use query_service::settings::Settings;

/// The projector spends a third of its time in the system's allocator: records are freed by other threads than took them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As sysexits has it: the configuration is wrong.
const EX_CONFIG: u8 = 78;

fn main() -> ExitCode {
    query_service::failpoints::begin();
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::All);
    let Some(role) = command.role() else {
        return match std::io::stdout().write_all(api_document::text().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    };
    let settings = match Settings::load(cli.config.as_deref(), std::env::vars_os()) {
        Ok(settings) => settings,
        Err(errors) => {
            eprintln!("query-service: {errors}");
            return ExitCode::from(EX_CONFIG);
        }
    };
    match query_service::bootstrap::run(command, role, settings) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("query-service: {error:#}");
            ExitCode::FAILURE
        }
    }
}
