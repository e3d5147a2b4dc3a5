//! The command line: which role, with which file of settings.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::settings::Role;

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Answers listings, searches and details from what it folds events into"
)]
pub struct Cli {
    /// A TOML file of settings; `QUERY_SERVICE__…` in the environment wins over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Without one: `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Every role in one process
    All,
    /// Answers queries
    Api,
    /// Folds events into documents
    Projector,
    /// Creates indices and topics, then ends
    Setup,
    /// Prints the OpenAPI document
    Openapi,
}

impl Command {
    /// `None` for what needs no settings.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::All => Some(Role::All),
            Self::Api => Some(Role::Api),
            Self::Projector => Some(Role::Projector),
            Self::Setup => Some(Role::Setup),
            Self::Openapi => None,
        }
    }
}
