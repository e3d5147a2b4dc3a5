//! The command line: roles as subcommands.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand};
use shared_events::AggregateType;

use crate::application::ports::StreamId;
use crate::settings::{Role, duration};

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

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
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
    /// Sends events to Kafka again, in order, from the event store; makes topics that are gone.
    Republish(RepublishArguments),
    /// Looks through the whole event store and reports what breaks an invariant.
    Verify(VerifyArguments),
    /// Prints the OpenAPI document.
    Openapi,
}

impl Task {
    /// `None` for what needs no settings.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::All => Some(Role::All),
            Self::Api => Some(Role::Api),
            Self::Relay => Some(Role::Relay),
            Self::Worker => Some(Role::Worker),
            Self::Setup => Some(Role::Setup),
            Self::Republish(_) => Some(Role::Republish),
            Self::Verify(_) => Some(Role::Verify),
            Self::Openapi => None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["all", "stream", "aggregate"])))]
pub struct RepublishArguments {
    /// Every stream.
    #[arg(long)]
    pub all: bool,
    /// One stream; may be given again.
    #[arg(long, value_name = "AGGREGATE:ID", value_parser = stream)]
    pub stream: Vec<StreamId>,
    /// Every stream of one kind, such as `order`.
    #[arg(long, value_name = "AGGREGATE")]
    pub aggregate: Option<AggregateType>,
    /// Events a second at most; the setting's if absent.
    #[arg(long, value_name = "EVENTS")]
    pub rate: Option<NonZeroU32>,
    /// Goes on with the last run of the same scope, after the last stream that it sent whole.
    #[arg(long, conflicts_with = "stream")]
    pub resume: bool,
    /// Says what would be sent, and sends nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct VerifyArguments {
    /// The report as JSON.
    #[arg(long)]
    pub json: bool,
    /// How long a row may wait in the outbox or the queue of commands.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = wait)]
    pub outbox_older_than: Duration,
    /// How long an order may wait for its invoice, its credit note or its confirmation.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = wait)]
    pub invoice_within: Duration,
}

fn wait(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "expected a whole number with the unit ms, s, m or h".to_owned())
}

fn stream(text: &str) -> Result<StreamId, String> {
    let (aggregate, id) = text
        .split_once(':')
        .ok_or("expected an aggregate and an id, such as order:0190b5a0-1111-7000-8000-000000000001")?;
    Ok(StreamId {
        aggregate: aggregate
            .parse()
            .map_err(|error: shared_events::topic::UnknownAggregateType| error.to_string())?,
        id: id.parse().map_err(|error| format!("the id: {error}"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn republish(arguments: &[&str]) -> Result<RepublishArguments, String> {
        let line = ["command-service", "republish"].iter().chain(arguments);
        match Cli::try_parse_from(line).map_err(|error| error.to_string())?.task {
            Some(Task::Republish(arguments)) => Ok(arguments),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn what_to_republish_is_said_once() {
        let id = "0190b5a0-1111-7000-8000-000000000001";
        let two = republish(&[
            "--stream",
            &format!("order:{id}"),
            "--stream",
            &format!("customer:{id}"),
        ])
        .unwrap();
        assert_eq!(two.stream.len(), 2);
        assert_eq!(two.stream[0].aggregate, AggregateType::Order);
        assert!(republish(&["--all", "--rate", "100", "--resume"]).unwrap().all);
        let one = republish(&["--aggregate", "order_for_delivery"]).unwrap();
        assert_eq!(one.aggregate, Some(AggregateType::OrderForDelivery));
        for wrong in [
            &[][..],
            &["--all", "--aggregate", "order"],
            &["--stream", "order"],
            &["--stream", "orders:0190b5a0-1111-7000-8000-000000000001"],
            &["--stream", "order:7"],
            &["--all", "--rate", "0"],
        ] {
            assert!(republish(wrong).is_err(), "{wrong:?}");
        }
    }
}
