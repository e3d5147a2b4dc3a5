//! `query-service dead-letters`.

use clap::{ArgGroup, Args, Subcommand};

use crate::application::ports::LetterId;
use crate::application::replaying::Selection;

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DeadLettersTask {
    /// Lists those that nobody has resolved
    List {
        /// Only those under this key: an aggregate's id
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Shows one with its headers and its whole cause
    Show {
        /// Its place, as `list` says it
        #[arg(value_name = "PARTITION:OFFSET")]
        id: LetterId,
    },
    /// Folds them into the projections that could not take them, in the order of each key; what fails again stays
    Replay(ChosenLetters),
    /// Notes that nothing is to be made of them
    Discard(ChosenLetters),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["all", "key", "ids"])))]
pub struct ChosenLetters {
    /// Every one that nobody has resolved
    #[arg(long)]
    pub all: bool,
    /// Those under this key: an aggregate's id
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// These, as `list` says them
    #[arg(value_name = "PARTITION:OFFSET")]
    pub ids: Vec<LetterId>,
    /// Says which ones are meant and does nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl ChosenLetters {
    pub fn selection(&self) -> Selection {
        match (&self.key, self.ids.is_empty()) {
            (Some(key), _) => Selection::Key(key.clone()),
            (None, false) => Selection::Ids(self.ids.clone()),
            (None, true) => Selection::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parsed(arguments: &[&str]) -> Result<DeadLettersTask, String> {
        let line = ["query-service", "dead-letters"].iter().chain(arguments);
        match Cli::try_parse_from(line)
            .map_err(|error| error.to_string())?
            .command
        {
            Some(Command::DeadLetters { task }) => Ok(task),
            other => Err(format!("{other:?}")),
        }
    }

    fn selection(arguments: &[&str]) -> Selection {
        match parsed(arguments).unwrap() {
            DeadLettersTask::Replay(chosen) | DeadLettersTask::Discard(chosen) => chosen.selection(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn which_letters_are_meant_is_said_once() {
        let ids = ["3:17".parse().unwrap(), "0:4".parse().unwrap()];
        assert_eq!(
            selection(&["replay", "3:17", "0:4"]),
            Selection::Ids(ids.to_vec())
        );
        assert_eq!(selection(&["discard", "--all", "--dry-run"]), Selection::All);
        assert_eq!(
            selection(&["replay", "--key", "7"]),
            Selection::Key("7".to_owned())
        );
        for wrong in [
            &["replay"][..],
            &["discard"],
            &["replay", "--all", "3:17"],
            &["replay", "--all", "--key", "7"],
            &["replay", "17"],
            &["show"],
            &["show", "x"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parsed(&["list"]), Ok(DeadLettersTask::List { key: None }));
    }
}
