//! A service binary as a child process, for tests that start, pause, kill and restart replicas.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
pub use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::identity::ProcessIdentity;
use crate::{free_port, workspace};

const POLL: Duration = Duration::from_millis(20);
static STARTED: AtomicU32 = AtomicU32::new(0);

/// What to start; made by [`ServiceProcess::builder`].
#[derive(Debug, Clone)]
pub struct ServiceBuilder {
    name: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    port: Option<u16>,
    log: Option<PathBuf>,
}

impl ServiceBuilder {
    /// Adds an argument, such as the role `api`.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub fn envs<N: Into<String>, V: Into<String>>(mut self, vars: impl IntoIterator<Item = (N, V)>) -> Self {
        self.env
            .extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The HTTP port; a free one if not said.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Where output is appended; a file of its own below the target folder if not said.
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    /// Starts the process; wait for [`ServiceProcess::wait_ready`] before using it.
    pub fn spawn(self) -> Result<ServiceProcess> {
        let binary = workspace::binary(&self.name)?;
        let port = match self.port {
            Some(port) => port,
            None => free_port()?,
        };
        let log_path = match self.log {
            Some(path) => path,
            None => own_log(&self.name)?,
        };
        let log = open_log(&log_path)?;
        let prefix = workspace::shouting(&self.name);
        let child = Command::new(&binary)
            .args(&self.args)
            .env(format!("{prefix}__HTTP__HOST"), "127.0.0.1")
            .env(format!("{prefix}__HTTP__PORT"), port.to_string())
            .envs(self.env)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(ServiceProcess {
            name: self.name,
            child,
            port,
            log_path,
        })
    }
}

/// A running service. Dropping it kills it with SIGKILL and reaps it.
#[derive(Debug)]
pub struct ServiceProcess {
    name: String,
    child: Child,
    port: u16,
    log_path: PathBuf,
}

impl ServiceProcess {
    /// `name` is the binary: `command-service` or `query-service`.
    pub fn builder(name: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder {
            name: name.into(),
            args: Vec::new(),
            env: Vec::new(),
            port: None,
            log: None,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// Everything written so far.
    pub fn log_text(&self) -> String {
        std::fs::read(&self.log_path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until `/health/live` answers 200.
    pub fn wait_live(&mut self, limit: Duration) -> Result<()> {
        self.wait_for("/health/live", limit)
    }

    /// Waits until `/health/ready` answers 200.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        self.wait_for("/health/ready", limit)
    }

    /// Waits until a GET of `path` answers 200; fails at once when the process ends, with the end of its log.
    pub fn wait_for(&mut self, path: &str, limit: Duration) -> Result<()> {
        let url = format!("{}{path}", self.base_url());
        let deadline = Instant::now() + limit;
        let agent = crate::http::agent(Duration::from_secs(2));
        loop {
            if let Ok(response) = agent.get(&url).call()
                && response.status() == 200
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.log_end());
            }
            if Instant::now() > deadline {
                bail!("{url} did not answer 200 within {limit:?}:\n{}", self.log_end());
            }
            sleep(POLL);
        }
    }

    /// Sends any signal: SIGSTOP and SIGCONT pause and resume.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).context("pid")?;
        nix::sys::signal::kill(Pid::from_raw(pid), signal)
            .with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// SIGKILL, then reaps.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        if self.child.try_wait()?.is_none() {
            self.child.kill()?;
        }
        Ok(self.child.wait()?)
    }

    /// SIGTERM, then waits for the orderly end.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        if self.is_running()? {
            self.signal(Signal::SIGTERM)?;
        }
        self.wait_exit(limit)
    }

    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for the process to end by itself.
    pub fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} did not end within {limit:?}:\n{}", self.name, self.log_end());
            }
            sleep(POLL);
        }
    }

    fn log_end(&self) -> String {
        crate::log::tail(&self.log_path, 30)
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        // A process that ended already cannot be killed: nothing is left to do then.
        let _ = self.kill();
    }
}

/// Removes logs of services whose test process has ended.
pub fn remove_old_logs() {
    for entry in own_logs().read_dir().into_iter().flatten().flatten() {
        if starter(&entry.file_name().to_string_lossy()).is_some_and(|pid| ProcessIdentity::of(pid).is_none())
        {
            // Another launcher may have removed it in the meantime.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The process that started the service whose log has this name.
fn starter(log: &str) -> Option<u32> {
    log.strip_suffix(".log")?.rsplit('-').nth(1)?.parse().ok()
}

fn own_logs() -> PathBuf {
    workspace::target().join("stack/services")
}

fn own_log(name: &str) -> Result<PathBuf> {
    let folder = own_logs();
    std::fs::create_dir_all(&folder)?;
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    Ok(folder.join(format!("{name}-{}-{number}.log", std::process::id())))
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_names_the_process_that_started_the_service() {
        assert_eq!(starter("command-service-4711-3.log"), Some(4711));
        assert_eq!(starter("notes.log"), None);
    }
}
