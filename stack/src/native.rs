//! Servers as processes on this machine, each of which can be ended and started again on the same ports and data.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use crate::external::Database;
use crate::identity::ProcessIdentity;
use crate::maven;
use crate::packages::{self, Need};
use crate::run::Run;
use crate::servers::{START_LIMIT, elasticsearch, java, kafka, postgres, registry};

/// How a server is started, and how one sees that it is ready.
pub struct Native {
    name: String,
    address: String,
    command: Mutex<Command>,
    ready: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Native {
    pub(crate) fn new(
        name: impl Into<String>,
        command: Command,
        address: String,
        ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            address,
            command: Mutex::new(command),
            ready: Box::new(ready),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `host:port`, or a URL for servers of HTTP.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether it answers now.
    pub fn is_ready(&self) -> bool {
        (self.ready)()
    }

    /// Starts it and waits for nothing.
    pub fn spawn(&self, run: &Run<'_>) -> Result<ProcessIdentity> {
        let mut command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
        run.start(&self.name, &mut command)
    }

    /// Starts it and waits until it is ready.
    pub fn start(&self, run: &Run<'_>) -> Result<ProcessIdentity> {
        let process = self.spawn(run)?;
        run.await_ready(&self.name, process, START_LIMIT, &self.ready)?;
        Ok(process)
    }
}

/// Every server that the two services need.
pub struct NativeServers {
    pub postgres: Native,
    pub database: Database,
    pub brokers: Vec<Native>,
    /// Its address is that of the Confluent-compatible API.
    pub registry: Native,
    pub elasticsearch: Native,
}

impl NativeServers {
    /// Fetches and formats what is needed; starts nothing. The database's files come below `postgres_folder`.
    pub fn prepare(run: &Run<'_>, brokers: u16, postgres_folder: &Path) -> Result<Self> {
        packages::ensure(run, &[Need::Postgres, Need::Java, Need::Maven])?;
        let cache = maven::fetch(run)?;
        let (postgres, database) = postgres::prepare(run, postgres_folder)?;
        Ok(Self {
            postgres,
            database,
            brokers: kafka::prepare(run, &cache, brokers)?,
            registry: registry::prepare(run, &cache)?,
            // It is started again and again, and has little to do.
            elasticsearch: elasticsearch::prepare(run, &cache, &java::QUICK_START[..1])?,
        })
    }
}
