//! Servers for the tests of other crates.

use anyhow::Result;

use crate::external::External;
use crate::interrupt::Interrupt;
use crate::launch::{answer, begin_detached};
use crate::places::RunFiles;
use crate::progress::{PlainLines, say};
use crate::servers::Plan;
use crate::state::{Servers, State};
use crate::stopping::{self, DataFolder};

/// The run that tests share when no environment names servers.
pub const SHARED_RUN: &str = "test";

/// Addresses of real servers that tests may use. They are shared: a test isolates itself by a database, a topic prefix and
/// an index prefix of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestServers {
    /// `postgres://…`: a role that may create databases and roles. See [`crate::with_database`] and [`crate::app_url`].
    pub database_owner_url: String,
    /// `host:port`.
    pub kafka: String,
    /// The Confluent-compatible API, such as `http://127.0.0.1:18081/apis/ccompat/v7`.
    pub schema_registry: String,
    /// `http://host:port`.
    pub elasticsearch: String,
}

impl From<Servers> for TestServers {
    fn from(servers: Servers) -> Self {
        Self {
            database_owner_url: servers.postgres_owner,
            kafka: servers.kafka,
            schema_registry: servers.schema_registry,
            elasticsearch: servers.elasticsearch,
        }
    }
}

/// The servers of the environment, else those of the running test stack, else of one started now, which stays until
/// `cargo xtask down`. Whoever comes while another process starts it waits.
pub fn for_tests() -> Result<TestServers> {
    let given = External::from_environment()?;
    if let Some(servers) = given.clone().complete() {
        return Ok(servers.into());
    }
    let files = RunFiles::new(SHARED_RUN);
    let lock = stopping::lock(&files)?;
    let running = State::load(&files.state())
        .filter(State::is_usable)
        .and_then(|state| state.servers);
    if let Some(servers) = running.map(|servers| given.over(servers)).filter(answer) {
        return Ok(servers.into());
    }
    stopping::stop(&files, DataFolder::Wiped)?;
    say("starting servers for tests; `cargo xtask down` stops them");
    let progress = PlainLines::default();
    let run = begin_detached(files, &progress, Interrupt::default())?;
    let servers = Plan::make(None)
        .and_then(|plan| plan.start(&run))
        .and_then(|servers| run.ready(true).map(|()| servers))
        .inspect_err(|_| {
            // The start's error says more than one of the clean-up.
            let _ = stopping::stop(&run.files, DataFolder::Wiped);
        })?;
    drop(lock);
    Ok(servers.into())
}
