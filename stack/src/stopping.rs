//! Stops what a run has started, whoever started it.

use std::fs::{self, File};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::account::{Account, make_folder};
use crate::compose;
use crate::identity::ProcessIdentity;
use crate::places::{RunFiles, server_folder, stack_folder};
use crate::state::{StartedProcess, State};

const POLL: Duration = Duration::from_millis(20);
/// How long a process may take to end in good order.
const GRACE: Duration = Duration::from_secs(20);

/// What becomes of the data of a run that is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFolder {
    Kept,
    Wiped,
}

/// Names of the processes that are stopped before the servers that they use.
const SERVICES: [&str; 2] = ["command-service", "query-service"];

/// Takes the run's lock, which waits for another process that starts or stops the same run.
pub fn lock(files: &RunFiles) -> Result<File> {
    make_folder(&stack_folder())?;
    let path = files.lock();
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// Stops every process of the run's state file and removes that file. True when something was running.
pub fn stop(files: &RunFiles, data: DataFolder) -> Result<bool> {
    let mut ran = false;
    if let Some(state) = State::load(&files.state()) {
        ran = stop_processes(&state, data);
        if let Some(project) = &state.compose_project {
            compose::down(project, data == DataFolder::Wiped)?;
            ran = true;
        }
    }
    match fs::remove_file(files.state()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    if data == DataFolder::Wiped {
        wipe(files)?;
    }
    Ok(ran)
}

/// Removes the run's data.
pub fn wipe(files: &RunFiles) -> Result<()> {
    let folder = files.data(&server_folder(&Account::for_servers()?)?);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn stop_processes(state: &State, data: DataFolder) -> bool {
    let (services, servers): (Vec<_>, Vec<_>) = state
        .processes
        .iter()
        .partition(|process| SERVICES.contains(&process.name.as_str()));
    let services_ran = stop_together(&services, data);
    let servers_ran = stop_together(&servers, data);
    services_ran || servers_ran
}

fn stop_together(processes: &[&StartedProcess], data: DataFolder) -> bool {
    let mut running = Vec::new();
    for process in processes {
        if process.identity.signal_group(stop_signal(&process.name, data)) {
            running.push(process.identity);
        }
    }
    if !await_end(&running, GRACE) {
        for identity in &running {
            identity.signal_group(Signal::SIGKILL);
        }
        await_end(&running, GRACE);
    }
    !running.is_empty()
}

/// The signal that ends a process in good order, or, when its data is thrown away, at once. PostgreSQL is never killed
/// first: it would leave its shared memory behind.
fn stop_signal(name: &str, data: DataFolder) -> Signal {
    match (name, data) {
        ("postgres", DataFolder::Kept) => Signal::SIGINT,
        ("postgres", DataFolder::Wiped) => Signal::SIGQUIT,
        (_, DataFolder::Kept) => Signal::SIGTERM,
        (name, DataFolder::Wiped) if SERVICES.contains(&name) => Signal::SIGTERM,
        (_, DataFolder::Wiped) => Signal::SIGKILL,
    }
}

/// Waits until nothing of these groups runs. False when the limit has passed.
pub fn await_end(identities: &[ProcessIdentity], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while identities.iter().any(ProcessIdentity::group_runs) {
        if Instant::now() > deadline {
            return false;
        }
        sleep(POLL);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_is_never_killed_first() {
        for data in [DataFolder::Kept, DataFolder::Wiped] {
            assert_ne!(stop_signal("postgres", data), Signal::SIGKILL);
        }
    }

    #[test]
    fn servers_whose_data_stays_end_in_good_order() {
        for name in ["kafka", "elasticsearch", "schema-registry", "command-service"] {
            assert_eq!(stop_signal(name, DataFolder::Kept), Signal::SIGTERM);
        }
    }
}
