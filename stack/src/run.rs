//! A run: processes that were started together, their logs and their state file.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::Signal;

use crate::account::{Account, make_folder};
use crate::identity::ProcessIdentity;
use crate::interrupt::Interrupt;
use crate::places::{RunFiles, server_folder, stack_folder};
use crate::progress::Progress;
use crate::state::{Phase, StartedProcess, State};
use crate::stopping;

const LOG_END: usize = 25;
/// For work that may take as long as it takes.
const NO_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A run that this process is starting or looking after.
pub struct Run<'a> {
    pub files: RunFiles,
    pub account: Account,
    pub progress: &'a dyn Progress,
    pub interrupt: Interrupt,
    server_folder: PathBuf,
    state: Mutex<State>,
    /// Kept to be reaped; only what a [`State`] says is ever signalled.
    children: Mutex<Vec<Child>>,
}

impl<'a> Run<'a> {
    /// Begins a run in the folder of `files`, whose earlier processes are gone. Logs of the run before are dropped.
    pub fn begin(
        files: RunFiles,
        owner: Option<ProcessIdentity>,
        progress: &'a dyn Progress,
        interrupt: Interrupt,
    ) -> Result<Self> {
        let account = Account::for_servers()?;
        if files.logs().is_dir() {
            fs::remove_dir_all(files.logs())?;
        }
        make_folder(&files.logs())?;
        let server_folder = server_folder(&account)?;
        if server_folder != stack_folder() {
            let folder = server_folder.display();
            progress.note(&format!(
                "the servers' user cannot reach this checkout: servers and data are in {folder}"
            ));
        }
        let run = Self {
            server_folder,
            account,
            progress,
            interrupt,
            state: Mutex::new(State::new(owner)),
            children: Mutex::default(),
            files,
        };
        run.change(|_| {})?;
        Ok(run)
    }

    /// Where servers are unpacked and keep their data.
    pub fn server_folder(&self) -> &Path {
        &self.server_folder
    }

    pub fn data(&self) -> PathBuf {
        self.files.data(&self.server_folder)
    }

    pub fn state(&self) -> State {
        self.lock_state().clone()
    }

    /// Changes the state and writes it down.
    pub fn change(&self, change: impl FnOnce(&mut State)) -> Result<()> {
        let mut state = self.lock_state();
        change(&mut state);
        state.save(&self.files.state())
    }

    /// Everything is up. Detached, it stays when this process ends.
    pub fn ready(&self, detached: bool) -> Result<()> {
        self.change(|state| {
            state.phase = Phase::Ready;
            if detached {
                state.owner = None;
            }
        })
    }

    /// Starts a process that stays, at the head of a process group of its own: Ctrl-C in the terminal does not reach it.
    pub fn start(&self, name: &str, command: &mut Command) -> Result<ProcessIdentity> {
        self.interrupt.check()?;
        let log_path = self.files.log(name);
        let log = append(&log_path)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let (child, identity) = self.spawn(name, command, &log_path)?;
        self.lock_children().push(child);
        Ok(identity)
    }

    /// Waits until `probe` says yes. Fails with the end of the log when the process ends or the limit passes.
    pub fn await_ready(
        &self,
        name: &str,
        process: ProcessIdentity,
        limit: Duration,
        probe: impl Fn() -> bool,
    ) -> Result<()> {
        let ready = self.interrupt.poll(limit, || {
            if !process.is_alive() {
                bail!("ended before it was ready");
            }
            Ok(probe().then_some(()))
        });
        ready.map_err(|error| self.blame(name, error))
    }

    /// Runs a command to its end, its output in the log named `name`. Ends it when the run is interrupted.
    pub fn finish(&self, name: &str, command: &mut Command) -> Result<()> {
        self.finish_watched(name, command, |_| {})
    }

    /// As [`Run::finish`]; `watch` sees the log every now and then.
    pub fn finish_watched(&self, name: &str, command: &mut Command, watch: impl FnMut(&Path)) -> Result<()> {
        let log_path = self.files.log(name);
        let log = append(&log_path)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let status = self.attend(name, command, &log_path, watch)?;
        if !status.success() {
            return Err(self.blame(name, anyhow!("ended with {status}")));
        }
        Ok(())
    }

    /// Runs a command with the terminal's output and gives its status.
    pub fn finish_visibly(&self, name: &str, command: &mut Command) -> Result<ExitStatus> {
        self.attend(name, command.stdin(Stdio::null()), &self.files.log(name), |_| {})
    }

    fn attend(
        &self,
        name: &str,
        command: &mut Command,
        log: &Path,
        mut watch: impl FnMut(&Path),
    ) -> Result<ExitStatus> {
        self.interrupt.check()?;
        let (mut child, identity) = self.spawn(name, command.process_group(0), log)?;
        let result = self.interrupt.poll(NO_LIMIT, || {
            watch(log);
            Ok(child.try_wait()?)
        });
        // What it left running goes with it: a test that was killed has not stopped its services.
        identity.signal_group(if result.is_ok() {
            Signal::SIGKILL
        } else {
            Signal::SIGTERM
        });
        if result.is_err() {
            stopping::await_end(&[identity], Duration::from_secs(5));
            identity.signal_group(Signal::SIGKILL);
            child.wait()?;
        }
        self.change(|state| state.processes.retain(|process| process.identity != identity))?;
        result
    }

    /// The state is locked over the start: whoever stops the run sees this process or prevents it.
    fn spawn(&self, name: &str, command: &mut Command, log: &Path) -> Result<(Child, ProcessIdentity)> {
        let mut state = self.lock_state();
        let child = command
            .spawn()
            .with_context(|| format!("{name}: cannot run {}", command.get_program().to_string_lossy()))?;
        let identity =
            ProcessIdentity::of(child.id()).with_context(|| format!("{name} cannot be seen in /proc"))?;
        state.processes.push(StartedProcess {
            name: name.to_owned(),
            identity,
            log: log.to_path_buf(),
        });
        state.save(&self.files.state())?;
        Ok((child, identity))
    }

    /// An error that says which part failed, with the end of its log.
    pub fn blame(&self, name: &str, error: anyhow::Error) -> anyhow::Error {
        if error.is::<crate::interrupt::Interrupted>() {
            return error;
        }
        anyhow!(
            "{name}: {error:#}\n{}",
            crate::log::tail(&self.files.log(name), LOG_END)
        )
    }

    /// How a process that was started here has ended; none while it runs. It is forgotten then: whoever ended it knows.
    #[allow(
        clippy::zombie_processes,
        reason = "looked at again until it has ended, which reaps it"
    )]
    pub fn ended(&self, process: ProcessIdentity) -> Result<Option<ExitStatus>> {
        let status = {
            let mut children = self.lock_children();
            let place = children
                .iter()
                .position(|child| i32::try_from(child.id()) == Ok(process.pid))
                .context("no process of this run")?;
            let child = children.get_mut(place).context("no process of this run")?;
            let status = child.try_wait()?;
            if status.is_some() {
                children.swap_remove(place);
            }
            status
        };
        if status.is_some() {
            self.change(|state| state.processes.retain(|started| started.identity != process))?;
        }
        Ok(status)
    }

    /// The first process that has ended although nobody stopped it.
    pub fn ended_process(&self) -> Option<String> {
        for child in self.lock_children().iter_mut() {
            // Reaps it; whether it has ended is read from the state's identities below.
            let _ = child.try_wait();
        }
        let state = self.lock_state();
        let ended = state
            .processes
            .iter()
            .find(|process| !process.identity.is_alive())?;
        Some(ended.name.clone())
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_children(&self) -> MutexGuard<'_, Vec<Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}
