//! The launcher. `cargo xtask --help` lists what it does.

mod checks;
mod console;
mod demo;
mod status;
mod torture;
mod up;

use std::process::{ExitCode, ExitStatus};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use stack::{ApiPorts, DataFolder, Interrupt, Interrupted, Mode, Profile, RunFiles, SHARED_RUN, SYSTEM_RUN};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Starts, stops and tests the whole system")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the whole system, from nothing, and stay until Ctrl-C
    Up(UpOptions),
    /// Stop what `up --detach` and tests have started
    Down,
    /// Say what runs, and where; fails when nothing does
    Status {
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the tests of every crate on real servers of their own
    Test(TestOptions),
    /// Check formatting, lints and documentation, without servers
    Lint,
    /// Measure a release build beside the raw servers: the program of the crate `bench`
    Bench(PassOnOptions),
    /// Run the tests of full size, on services built for release: those of `e2e/tests/accept.rs` that are ignored otherwise
    Accept(PassOnOptions),
    /// Break the running system from a seeded schedule and check that nothing is lost: `cargo xtask torture --help`
    #[command(disable_help_flag = true)]
    Torture {
        /// Given on to the program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The events' schemas
    #[command(subcommand)]
    Schemas(SchemasCommand),
}

#[derive(Debug, Args)]
pub struct ServersOption {
    /// How servers that the environment does not name are got [default: compose where an engine runs, else native]
    #[arg(long, value_enum)]
    servers: Option<ServersChoice>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ServersChoice {
    /// As processes of this machine
    Native,
    /// By Docker Compose
    Compose,
    /// Not at all: DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, ELASTICSEARCH_URL name them all
    External,
}

impl ServersOption {
    fn mode(&self) -> Option<Mode> {
        self.servers.map(|choice| match choice {
            ServersChoice::Native => Mode::Native,
            ServersChoice::Compose => Mode::Compose,
            ServersChoice::External => Mode::External,
        })
    }
}

#[derive(Debug, Args)]
pub struct UpOptions {
    /// Return when everything is ready; `cargo xtask down` stops it
    #[arg(long)]
    detach: bool,
    /// Put sample data in and show an order's way through the system
    #[arg(long)]
    demo: bool,
    /// Throw the data of the last time away
    #[arg(long)]
    fresh: bool,
    /// Build the services for speed
    #[arg(long)]
    release: bool,
    #[arg(long, default_value_t = 8080)]
    command_port: u16,
    #[arg(long, default_value_t = 8081)]
    query_port: u16,
    #[command(flatten)]
    servers: ServersOption,
}

impl UpOptions {
    fn ports(&self) -> ApiPorts {
        ApiPorts {
            command: self.command_port,
            query: self.query_port,
        }
    }
}

#[derive(Debug, Args)]
pub struct TestOptions {
    /// Only tests whose names contain one of these
    filters: Vec<String>,
    /// Only the tests of this crate; may be given again
    #[arg(short, long)]
    package: Vec<String>,
    /// Check lints and documentation before, as `lint` does
    #[arg(long)]
    lint: bool,
    #[command(flatten)]
    servers: ServersOption,
}

#[derive(Debug, Args)]
pub struct PassOnOptions {
    #[command(flatten)]
    servers: ServersOption,
    /// Given on to the program, after --
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum SchemasCommand {
    /// Register every schema of schemas/ under its subject
    Register {
        /// The registry's Confluent-compatible API [default: that of the running system]
        #[arg(long)]
        url: Option<String>,
        /// Put before each topic's name
        #[arg(long, default_value = "")]
        topic_prefix: String,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let interrupt = Interrupt::default();
    let raised = interrupt.clone();
    if let Err(error) = ctrlc::set_handler(move || raised.raise()) {
        eprintln!("cannot watch for Ctrl-C: {error}");
        return ExitCode::FAILURE;
    }
    match run(cli.command, &interrupt) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("stopped");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, interrupt: &Interrupt) -> Result<ExitCode> {
    match command {
        Command::Up(options) => up::up(&options, interrupt),
        Command::Down => down(),
        Command::Status { json } => Ok(status::print(json)),
        Command::Test(options) => checks::test(&options, interrupt),
        Command::Lint => checks::lint(interrupt),
        Command::Bench(options) => checks::bench(&options, interrupt),
        Command::Accept(options) => checks::accept(&options, interrupt),
        Command::Torture { arguments } => torture::torture(&arguments, Profile::Torture, interrupt),
        Command::Schemas(SchemasCommand::Register { url, topic_prefix }) => register(url, &topic_prefix),
    }
}

fn down() -> Result<ExitCode> {
    let system = stack::take_down(&RunFiles::new(SYSTEM_RUN), DataFolder::Kept)?;
    let tests = stack::take_down(&RunFiles::new(SHARED_RUN), DataFolder::Wiped)?;
    stack::clean_up_remains()?;
    match (system, tests) {
        (false, false) => eprintln!("nothing was running"),
        (system, tests) => {
            for (stopped, what) in [(system, "the system"), (tests, "the servers for tests")] {
                if stopped {
                    eprintln!("stopped {what}");
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn register(url: Option<String>, topic_prefix: &str) -> Result<ExitCode> {
    let url = match url {
        Some(url) => url,
        None => {
            status::running_servers()
                .context("nothing runs; give --url")?
                .schema_registry
        }
    };
    let count = stack::schemas::register(&url, topic_prefix)?;
    println!("{count} schemas are registered");
    Ok(ExitCode::SUCCESS)
}

/// The program's own code; one that was killed by a signal has none.
fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code().map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        _ => ExitCode::FAILURE,
    }
}
