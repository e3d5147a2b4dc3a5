//! One process of the system: a server or a replica of a role. It can be killed, frozen, thawed and started again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stack::{Native, ProcessIdentity, Run, Signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A killed process is gone within this, or something is very wrong.
const DEATH: Duration = Duration::from_secs(20);
/// A busy machine takes minutes for what a quiet one does in seconds.
const START: Duration = Duration::from_secs(400);

/// Cheap to clone.
#[derive(Clone)]
pub struct Process(Arc<Inner>);

struct Inner {
    name: String,
    run: Arc<Run<'static>>,
    program: Program,
    /// What runs now; none where it was ended and nobody has started it again.
    current: Mutex<Option<ProcessIdentity>>,
}

enum Program {
    Server(Native),
    Role(Mutex<RoleProgram>),
}

/// How a replica of a role is started.
#[derive(Debug, Clone)]
pub struct RoleProgram {
    pub binary: PathBuf,
    pub role: &'static str,
    pub settings: BTreeMap<String, String>,
    /// Where its HTTP is, which stays the same.
    pub base_url: String,
}

impl Process {
    pub fn server(run: &Arc<Run<'static>>, native: Native) -> Self {
        Self::new(run, native.name().to_owned(), Program::Server(native))
    }

    pub fn role(run: &Arc<Run<'static>>, name: String, program: RoleProgram) -> Self {
        Self::new(run, name, Program::Role(Mutex::new(program)))
    }

    fn new(run: &Arc<Run<'static>>, name: String, program: Program) -> Self {
        Self(Arc::new(Inner {
            name,
            run: run.clone(),
            program,
            current: Mutex::default(),
        }))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it answers: `host:port` or a URL.
    pub fn address(&self) -> String {
        match &self.0.program {
            Program::Server(native) => native.address().to_owned(),
            Program::Role(program) => lock(program).base_url.clone(),
        }
    }

    /// Changes how a role is started from the next time on.
    pub fn change_program(&self, change: impl FnOnce(&mut RoleProgram)) {
        if let Program::Role(program) = &self.0.program {
            change(&mut lock(program));
        }
    }

    /// Starts it and waits until it is ready: a server until it answers, a role until its readiness is 200.
    pub async fn start(&self) -> Result<()> {
        self.spawn()?;
        self.await_ready(START).await
    }

    /// Starts it and waits for nothing.
    pub fn spawn(&self) -> Result<()> {
        let mut current = lock(&self.0.current);
        let started = match &self.0.program {
            Program::Server(native) => {
                let server = native.spawn(&self.0.run)?;
                put_first(server);
                server
            }
            Program::Role(program) => {
                let program = lock(program).clone();
                let mut command = Command::new(&program.binary);
                command
                    .arg(program.role)
                    .envs(&program.settings)
                    .current_dir(stack::workspace::root());
                self.0.run.start(&self.0.name, &mut command)?
            }
        };
        *current = Some(started);
        Ok(())
    }

    /// Waits until `/health/{what}` answers 200.
    pub async fn await_health(&self, what: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if self.health(what).await == Some(200) {
                return Ok(());
            }
            if !self.is_running()? {
                bail!("{} ended before its health was {what}; see its log", self.name());
            }
            if Instant::now() > deadline {
                bail!("{} was not {what} within {limit:?}", self.name());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The status of `/health/{what}`; none where no answer came within two seconds.
    pub async fn health(&self, what: &str) -> Option<u16> {
        let url = format!("{}/health/{what}", self.address());
        let request = reqwest::Client::builder().no_proxy().build().ok()?.get(url);
        let answer = request.timeout(Duration::from_secs(2)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Whether it answers now.
    pub async fn is_ready(&self) -> bool {
        match &self.0.program {
            Program::Role(_) => self.health("ready").await == Some(200),
            Program::Server(_) => {
                let process = self.clone();
                let asked = spawn_blocking(move || match &process.0.program {
                    Program::Server(native) => native.is_ready(),
                    Program::Role(_) => false,
                });
                asked.await.unwrap_or(false)
            }
        }
    }

    /// Waits until it answers; fails at once when it ends.
    pub async fn await_ready(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !self.is_ready().await {
            if !self.is_running()? {
                bail!("{} ended before it was ready; see its log", self.name());
            }
            if Instant::now() > deadline {
                bail!("{} was not ready within {limit:?}", self.name());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    pub fn pid(&self) -> Option<i32> {
        (*lock(&self.0.current)).map(|process| process.pid)
    }

    /// Whether it runs, frozen or not.
    pub fn is_running(&self) -> Result<bool> {
        let mut current = lock(&self.0.current);
        let Some(process) = *current else {
            return Ok(false);
        };
        if self.0.run.ended(process)?.is_some() {
            *current = None;
        }
        Ok(current.is_some())
    }

    /// SIGKILL to it and to whatever it has started; returns when nothing of it is left.
    pub async fn kill(&self) -> Result<()> {
        let Some(process) = *lock(&self.0.current) else {
            return Ok(());
        };
        // Frozen first: nothing of it can start anything while its family is looked for.
        let family = self.signal_family(process, Signal::SIGSTOP);
        for one in &family {
            one.signal(Signal::SIGKILL);
        }
        process.signal_group(Signal::SIGKILL);
        let deadline = Instant::now() + DEATH;
        while self.is_running()? || family.iter().any(ProcessIdentity::is_alive) {
            if Instant::now() > deadline {
                bail!("{} does not die", self.name());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// SIGTERM, then waits for the end.
    pub async fn terminate(&self, limit: Duration) -> Result<ExitStatus> {
        let process = (*lock(&self.0.current)).with_context(|| format!("{} does not run", self.name()))?;
        process.signal(Signal::SIGTERM);
        self.await_end(limit).await
    }

    /// Waits until it has ended by itself.
    pub async fn await_end(&self, limit: Duration) -> Result<ExitStatus> {
        let process = (*lock(&self.0.current)).with_context(|| format!("{} does not run", self.name()))?;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.run.ended(process)? {
                *lock(&self.0.current) = None;
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} did not end within {limit:?}", self.name());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// SIGSTOP to it and to whatever it has started.
    pub fn freeze(&self) -> Result<()> {
        let process = (*lock(&self.0.current)).with_context(|| format!("{} does not run", self.name()))?;
        self.signal_family(process, Signal::SIGSTOP);
        Ok(())
    }

    pub fn thaw(&self) -> Result<()> {
        if let Some(process) = *lock(&self.0.current) {
            self.signal_family(process, Signal::SIGCONT);
        }
        Ok(())
    }

    /// It, and all whom it has started, directly or not: Postgres's are no longer in its process group.
    fn signal_family(&self, process: ProcessIdentity, signal: Signal) -> Vec<ProcessIdentity> {
        let mut reached: Vec<ProcessIdentity> = Vec::new();
        // Again, until nobody new is found: one may have started another in between.
        loop {
            let family = family_of(process);
            let new: Vec<_> = family.into_iter().filter(|one| !reached.contains(one)).collect();
            if new.is_empty() {
                return reached;
            }
            for one in new {
                one.signal(signal);
                reached.push(one);
            }
        }
    }

    /// The numbers of the process and of those that it has started.
    pub fn family(&self) -> Vec<i32> {
        let current = *lock(&self.0.current);
        let family = current.map(family_of).unwrap_or_default();
        family.into_iter().map(|process| process.pid).collect()
    }
}

/// Lets a server and whatever it will start go before the roles and the harness, as if it had a machine of its own: on two
/// processors that all share Elasticsearch would take minutes to start. Only root may; else it has its share, as all.
fn put_first(server: ProcessIdentity) {
    let group = server.pid.to_string();
    _ = Command::new("renice").args(["-n", "-10", "-g", &group]).output();
}

fn family_of(process: ProcessIdentity) -> Vec<ProcessIdentity> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some((pid, parent)) = parent_of(&entry.file_name().to_string_lossy()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut open = vec![process.pid];
    while let Some(pid) = open.pop() {
        if found.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found
        .into_iter()
        .filter_map(|pid| ProcessIdentity::of(u32::try_from(pid).ok()?))
        .filter(|found| found.pid != process.pid || *found == process)
        .collect()
}

fn parent_of(pid: &str) -> Option<(i32, i32)> {
    let number = pid.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, tail) = stat.rsplit_once(')')?;
    Some((number, tail.split_whitespace().nth(1)?.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
