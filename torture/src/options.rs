//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::Parser;
use stack::{Profile, workspace};

use crate::faults::{self, FaultKind};

const DURATION: Duration = Duration::from_secs(25 * 60);
const SHORT: Duration = Duration::from_secs(5 * 60);
const CLIENTS: u32 = 45;
const CLIENTS_OF_A_SHORT_RUN: u32 = 24;
const RATE: u32 = 30;
const RATE_OF_A_SHORT_RUN: u32 = 20;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask torture",
    about = "Breaks the running system from a seeded schedule and checks what was recorded"
)]
pub struct Options {
    /// The same seed gives the same clients and the same faults
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// For how long faults are injected, such as 90s or 15m [default: 25m]
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Only these, by their names in --list; `none` for none
    #[arg(long, value_delimiter = ',')]
    faults: Vec<String>,
    /// Never several at once
    #[arg(long)]
    pub one_at_a_time: bool,
    /// Say which faults there are
    #[arg(long)]
    pub list: bool,
    /// Five minutes, fewer clients
    #[arg(long)]
    short: bool,
    /// Clients that send commands [default: 45]
    #[arg(long)]
    clients: Option<u32>,
    /// Commands a second of all of them [default: 30]
    #[arg(long)]
    rate: Option<u32>,
    /// Clients that send queries
    #[arg(long, default_value_t = 12)]
    pub readers: u32,
    /// Queries a second of all of them
    #[arg(long, default_value_t = 16)]
    pub reads: u32,
    /// Where an earlier build of both services is, to run beside this one
    #[arg(long)]
    pub old_binaries: Option<PathBuf>,
    /// Where the history goes [default: below the target folder]
    #[arg(long)]
    history: Option<PathBuf>,
    /// Where both services are, built with fail points [default: where `cargo xtask torture` builds them]
    #[arg(long, hide = true)]
    binaries: Option<PathBuf>,
}

impl Options {
    pub fn duration(&self) -> Duration {
        self.duration.unwrap_or(if self.short { SHORT } else { DURATION })
    }

    pub fn clients(&self) -> u32 {
        let usual = if self.short {
            CLIENTS_OF_A_SHORT_RUN
        } else {
            CLIENTS
        };
        self.clients.unwrap_or(usual)
    }

    pub fn rate(&self) -> u32 {
        let usual = if self.short { RATE_OF_A_SHORT_RUN } else { RATE };
        self.rate.unwrap_or(usual)
    }

    pub fn history(&self) -> PathBuf {
        self.history.clone().unwrap_or_else(|| {
            workspace::target()
                .join("torture")
                .join(format!("history-{}.jsonl", self.seed))
        })
    }

    pub fn binaries(&self) -> Result<PathBuf> {
        let built = workspace::built("command-service", Profile::Torture);
        let folder = match (&self.binaries, built.parent()) {
            (Some(folder), _) => folder.clone(),
            (None, Some(folder)) => folder.to_owned(),
            (None, None) => bail!("no folder of binaries"),
        };
        if !folder.join("command-service").is_file() {
            bail!(
                "{} holds no command-service: `cargo xtask torture` builds it",
                folder.display()
            );
        }
        Ok(folder)
    }

    /// What is asked for by name and cannot be done here is wrong; of all kinds it may be left out.
    pub fn names_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    pub fn faults(&self) -> Result<Vec<&'static FaultKind>> {
        match self.faults.as_slice() {
            [] => Ok(faults::all().iter().collect()),
            [none] if none == "none" => Ok(Vec::new()),
            names => names
                .iter()
                .map(|name| {
                    let found = faults::all().iter().find(|kind| kind.name == name);
                    found.ok_or_else(|| anyhow!("there is no fault {name:?}; --list names all"))
                })
                .collect(),
        }
    }
}

fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let number: u64 = number.parse().map_err(|_| anyhow!("such as 90s or 15m"))?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(60 * number)),
        "h" => Ok(Duration::from_secs(3_600 * number)),
        _ => bail!("such as 90s or 15m"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn durations_have_units() -> Result<()> {
        assert_eq!(duration("90s")?, Duration::from_secs(90));
        assert_eq!(duration("15m")?, Duration::from_secs(900));
        assert!(duration("15").is_err());
        Ok(())
    }

    #[test]
    fn faults_are_chosen_by_name() -> Result<()> {
        let chosen = |arguments: &[&str]| Options::try_parse_from(arguments)?.faults();
        assert_eq!(chosen(&["torture"])?.len(), faults::all().len());
        assert_eq!(chosen(&["torture", "--faults", "none"])?.len(), 0);
        assert_eq!(
            chosen(&["torture", "--faults", "broker-killed,worker-killed"])?.len(),
            2
        );
        assert!(chosen(&["torture", "--faults", "flood"]).is_err());
        Ok(())
    }
}
