//! The command line: which role, with which file of settings.

mod dead_letters;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use read_model::{Kind, UnknownKind};

pub use dead_letters::{ChosenLetters, DeadLettersTask};

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
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Every role in one process
    All,
    /// Answers queries
    Api,
    /// Folds events into documents
    Projector,
    /// Creates indices and topics, then ends
    Setup,
    /// Builds a projection anew from the events, beside the one that queries read, compares both and swaps
    Rebuild(RebuildArguments),
    /// Shows, replays or discards records that could not be processed
    DeadLetters {
        #[command(subcommand)]
        task: DeadLettersTask,
    },
    /// Prints the OpenAPI document
    Openapi,
}

/// What was begun and not swapped in is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct RebuildArguments {
    /// A projection, such as `orders`, or `all`
    pub projection: Projections,
    /// Points queries back to the generation before
    #[arg(long, conflicts_with_all = ["drop_old", "force"])]
    pub rollback: bool,
    /// Deletes every generation that queries do not read
    #[arg(long, conflicts_with = "force")]
    pub drop_old: bool,
    /// Swaps although the generations differ
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projections {
    All,
    One(Kind),
}

impl Projections {
    /// Those whose names others show come first.
    pub fn kinds(self) -> Vec<Kind> {
        match self {
            Self::All => Kind::ALL.to_vec(),
            Self::One(kind) => vec![kind],
        }
    }
}

impl FromStr for Projections {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text {
            "all" => Ok(Self::All),
            name => name.parse().map(Self::One),
        }
    }
}

impl Command {
    /// `None` for what needs no settings.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::All => Some(Role::All),
            Self::Api => Some(Role::Api),
            Self::Projector => Some(Role::Projector),
            Self::Setup => Some(Role::Setup),
            Self::Rebuild(_) => Some(Role::Rebuild),
            Self::DeadLetters { .. } => Some(Role::DeadLetters),
            Self::Openapi => None,
        }
    }
}
