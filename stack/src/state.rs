//! What a run has started, on disk, so that another process can use it or stop it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::identity::{ProcessIdentity, boot_id};

/// Addresses of all servers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    /// For the services: a role that may only do what they need.
    pub postgres: String,
    /// For setup: may create databases, roles and tables.
    pub postgres_owner: String,
    /// `host:port`.
    pub kafka: String,
    /// The Confluent-compatible API.
    pub schema_registry: String,
    pub elasticsearch: String,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Starting,
    Ready,
}

/// One process that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedProcess {
    pub name: String,
    #[serde(flatten)]
    pub identity: ProcessIdentity,
    pub log: PathBuf,
}

/// The contents of a run's state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub boot_id: String,
    pub phase: Phase,
    /// The launcher that stays in the foreground; none when the run is detached.
    pub owner: Option<ProcessIdentity>,
    /// In the order of their start.
    pub processes: Vec<StartedProcess>,
    /// The Compose project, where Compose runs some of the servers.
    pub compose_project: Option<String>,
    pub servers: Option<Servers>,
    /// `command_api` and `query_api`.
    pub apis: BTreeMap<String, String>,
}

impl State {
    pub fn new(owner: Option<ProcessIdentity>) -> Self {
        Self {
            boot_id: boot_id(),
            phase: Phase::Starting,
            owner,
            processes: Vec::new(),
            compose_project: None,
            servers: None,
            apis: BTreeMap::new(),
        }
    }

    /// None when there is no file, or when it is from before the machine's last boot or cannot be understood.
    pub fn load(file: &Path) -> Option<Self> {
        let state: Self = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        (state.boot_id == boot_id()).then_some(state)
    }

    /// Replaces the file in one step: a reader sees the old or the new contents. Only the owner may read it: it holds
    /// passwords.
    pub fn save(&self, file: &Path) -> Result<()> {
        let partial = file.with_extension("partial");
        let text = serde_json::to_vec_pretty(self).context("state")?;
        write_private(&partial, &text)
            .and_then(|()| Ok(fs::rename(&partial, file)?))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Ready, and everything that was started still runs.
    pub fn is_usable(&self) -> bool {
        self.phase == Phase::Ready && self.processes.iter().all(|process| process.identity.is_alive())
    }

    /// Whether all its processes are gone, and Compose runs none of its servers either.
    pub fn owns_nothing_alive(&self) -> bool {
        self.compose_project.is_none()
            && !self.has_living_owner()
            && !self.processes.iter().any(|process| process.identity.group_runs())
    }

    /// Whether a launcher in the foreground still looks after this run.
    pub fn has_living_owner(&self) -> bool {
        self.owner.is_some_and(|owner| owner.is_alive())
    }
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file: File = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(contents)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_state() -> State {
        let this = ProcessIdentity::of_this_process().unwrap();
        let mut state = State::new(Some(this));
        state.processes.push(StartedProcess {
            name: "kafka".into(),
            identity: this,
            log: "kafka.log".into(),
        });
        state
    }

    fn a_file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("stack-state-{}-{name}.json", std::process::id()))
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let (state, file) = (a_state(), a_file("saved"));
        state.save(&file).unwrap();
        let loaded = State::load(&file);
        fs::remove_file(&file).unwrap();
        assert_eq!(loaded, Some(state));
    }

    #[test]
    fn a_state_from_before_the_last_boot_counts_for_nothing() {
        let file = a_file("boot");
        State {
            boot_id: "another".into(),
            ..a_state()
        }
        .save(&file)
        .unwrap();
        let loaded = State::load(&file);
        fs::remove_file(&file).unwrap();
        assert_eq!(loaded, None);
    }

    #[test]
    fn a_run_is_usable_when_ready_and_all_its_processes_live() {
        let mut state = a_state();
        assert!(!state.is_usable());
        state.phase = Phase::Ready;
        assert!(state.is_usable());
        state.processes[0].identity.start_time += 1;
        assert!(!state.is_usable());
    }
}
