//! The command line: roles as subcommands.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::settings::Role;

/// Takes commands over REST, decides them in event-sourced aggregates, publishes their events to Kafka.
#[derive(Debug, Parser)]
#[command(name = "command-service", version, about)]
pub struct Cli {
    /// A TOML file with settings; the environment (`COMMAND_SERVICE__<SECTION>__<NAME>`) wins over it.
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// `all` if absent.
    #[command(subcommand)]
    pub task: Option<Task>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Task {
    /// Every role in one process.
    All,
    /// Takes commands over HTTP.
    Api,
    /// Publishes committed events to Kafka.
    Relay,
    /// Runs queued commands.
    Worker,
    /// Migrates the database as its owner, creates the topics, and exits.
    Setup,
    /// Prints the OpenAPI document.
    Openapi,
}

impl Task {
    /// `None` for what needs no settings.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::All => Some(Role::All),
            Self::Api => Some(Role::Api),
            Self::Relay => Some(Role::Relay),
            Self::Worker => Some(Role::Worker),
            Self::Setup => Some(Role::Setup),
            Self::Openapi => None,
        }
    }
}
