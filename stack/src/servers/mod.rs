//! Gets all servers: those that are given, then Docker Compose, then native processes.

pub mod elasticsearch;
pub mod java;
pub mod kafka;
pub mod postgres;
pub mod registry;

use std::sync::{Arc, OnceLock};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::compose::{self, ComposeServer};
use crate::external::{self, Database, External};
use crate::interrupt::Interrupted;
use crate::maven::{self, Cache};
use crate::packages::{self, Need};
use crate::run::Run;
use crate::state::Servers;
use crate::{free_port, http, probe};

/// A busy machine takes minutes for what a quiet one does in seconds; a server that ends is noticed at once.
pub const START_LIMIT: Duration = Duration::from_secs(300);
const GIVEN_LIMIT: Duration = Duration::from_secs(30);

/// How servers that are not given are got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Native,
    Compose,
    /// Not at all: all of them must be given.
    External,
}

/// What is left to do once it is known which servers are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    given: External,
    mode: Mode,
}

impl Plan {
    /// Reads the environment and looks for a container engine, unless `forced` says what to use.
    pub fn make(forced: Option<Mode>) -> Result<Self> {
        let given = External::from_environment()?;
        Self::choose(given, forced, || compose::is_available(&compose::InstalledDocker))
    }

    fn choose(given: External, forced: Option<Mode>, has_compose: impl FnOnce() -> bool) -> Result<Self> {
        let missing = given.missing();
        let mode = match forced {
            _ if missing.is_empty() => Mode::External,
            Some(Mode::External) => bail!("not set: {}", missing.join(", ")),
            Some(mode) => mode,
            None if has_compose() => Mode::Compose,
            None => Mode::Native,
        };
        Ok(Self { given, mode })
    }

    /// What the servers need of the system.
    pub fn needs(&self) -> Vec<Need> {
        if self.mode != Mode::Native {
            return Vec::new();
        }
        let mut needs = Vec::new();
        if self.given.postgres.is_none() {
            needs.push(Need::Postgres);
        }
        if self.needs_java() {
            needs.extend([Need::Java, Need::Maven]);
        }
        needs
    }

    fn needs_java(&self) -> bool {
        let given = &self.given;
        given.kafka.is_none() || given.schema_registry.is_none() || given.elasticsearch.is_none()
    }

    /// Starts what is missing, all at once, and waits until every server answers.
    pub fn start(&self, run: &Run<'_>) -> Result<Servers> {
        packages::ensure(run, &self.needs())?;
        await_given(run, &self.given)?;
        let servers = match self.mode {
            Mode::External => self.given.clone().complete().context("a server is missing"),
            Mode::Compose => start_by_compose(run, &self.given),
            Mode::Native => self.start_natively(run),
        }?;
        run.change(|state| state.servers = Some(servers.clone()))?;
        Ok(servers)
    }

    fn start_natively(&self, run: &Run<'_>) -> Result<Servers> {
        let given = &self.given;
        let cache = OnceLock::new();
        let cache = || cache.get_or_init(|| maven::fetch(run).map_err(Arc::new));
        thread::scope(|scope| {
            let postgres = scope.spawn(|| part(run, &given.postgres, || postgres::start(run)));
            let kafka = scope.spawn(|| part(run, &given.kafka, || kafka::start(run, fetched(cache())?)));
            let registry = scope.spawn(|| {
                part(run, &given.schema_registry, || {
                    registry::start(run, fetched(cache())?)
                })
            });
            let search = scope.spawn(|| {
                part(run, &given.elasticsearch, || {
                    elasticsearch::start(run, fetched(cache())?)
                })
            });
            match (join(postgres), join(kafka), join(registry), join(search)) {
                (Ok(database), Ok(kafka), Ok(schema_registry), Ok(elasticsearch)) => Ok(Servers {
                    postgres: database.app_url,
                    postgres_owner: database.owner_url,
                    kafka,
                    schema_registry,
                    elasticsearch,
                }),
                (postgres, kafka, registry, search) => Err(the_cause([
                    postgres.err(),
                    kafka.err(),
                    registry.err(),
                    search.err(),
                ])),
            }
        })
    }
}

/// A given server, or one that is started; when that fails, the others give up at once.
fn part<T: Clone>(run: &Run<'_>, given: &Option<T>, start: impl FnOnce() -> Result<T>) -> Result<T> {
    match given {
        Some(given) => Ok(given.clone()),
        None => start().inspect_err(|_| run.interrupt.raise()),
    }
}

/// All servers wait for the one download; the first that asks does it.
fn fetched(cache: &Result<Cache, Arc<anyhow::Error>>) -> Result<&Cache> {
    cache.as_ref().map_err(|error| match error.is::<Interrupted>() {
        true => Interrupted.into(),
        false => anyhow!("{error:#}"),
    })
}

/// The error that says why: those that were only interrupted by it do not.
pub fn the_cause(errors: impl IntoIterator<Item = Option<anyhow::Error>>) -> anyhow::Error {
    let mut errors: Vec<anyhow::Error> = errors.into_iter().flatten().collect();
    let cause = errors
        .iter()
        .position(|error| !error.is::<Interrupted>())
        .unwrap_or(0);
    if errors.is_empty() {
        Interrupted.into()
    } else {
        errors.swap_remove(cause)
    }
}

fn await_given(run: &Run<'_>, given: &External) -> Result<()> {
    let check = |name: &str, address: &str, probe: &dyn Fn() -> bool| {
        let ready = run.interrupt.poll(GIVEN_LIMIT, || Ok(probe().then_some(())));
        ready.with_context(|| format!("{name} does not answer on {address}"))
    };
    if let Some(database) = &given.postgres {
        let address = external::address(&database.owner_url)?;
        check("the given PostgreSQL", &address, &|| probe::postgres(&address))?;
    }
    if let Some(bootstrap) = &given.kafka {
        check("the given Kafka", bootstrap, &|| {
            bootstrap.split(',').any(probe::kafka)
        })?;
    }
    if let Some(url) = &given.schema_registry {
        check("the given schema registry", url, &|| {
            http::answers(&format!("{url}/subjects"))
        })?;
    }
    if let Some(url) = &given.elasticsearch {
        check("the given Elasticsearch", url, &|| {
            http::answers(&format!("{url}/_cluster/health"))
        })?;
    }
    Ok(())
}

/// The ports outside are free ones, told to the Compose file by its variables.
fn start_by_compose(run: &Run<'_>, given: &External) -> Result<Servers> {
    run.progress
        .begin("compose", "starting the servers by Docker Compose");
    let project = compose::project_name(&run.files.name);
    run.change(|state| state.compose_project = Some(project.clone()))?;
    let mut wanted: Vec<ComposeServer> = Vec::new();
    let mut environment = Vec::new();
    let mut port_of = |server: ComposeServer| -> Result<u16> {
        let port = free_port()?;
        wanted.push(server);
        environment.push((server.port_variable.to_owned(), port.to_string()));
        Ok(port)
    };
    let mut filled = given.clone();
    if filled.postgres.is_none() {
        let (owner, password) = (compose::OWNER, compose::OWNER_PASSWORD);
        let port = port_of(compose::POSTGRES)?;
        let url = format!(
            "postgres://{owner}:{password}@127.0.0.1:{port}/{}",
            postgres::DATABASE
        );
        filled.postgres = Some(Database::of_owner(&url)?);
    }
    if filled.kafka.is_none() {
        filled.kafka = Some(format!("127.0.0.1:{}", port_of(compose::KAFKA)?));
    }
    if filled.schema_registry.is_none() {
        let port = port_of(compose::SCHEMA_REGISTRY)?;
        filled.schema_registry = Some(format!("http://127.0.0.1:{port}/apis/ccompat/v7"));
    }
    if filled.elasticsearch.is_none() {
        filled.elasticsearch = Some(format!("http://127.0.0.1:{}", port_of(compose::ELASTICSEARCH)?));
    }
    run.finish("compose", &mut compose::up(&project, &wanted, &environment))?;
    let servers = filled.complete().context("a server is missing")?;
    let answered = run.interrupt.poll(START_LIMIT, || {
        let database = external::address(&servers.postgres_owner)?;
        let ready = probe::postgres(&database)
            && probe::kafka(&servers.kafka)
            && http::answers(&format!("{}/subjects", servers.schema_registry))
            && http::answers(&format!("{}/_cluster/health", servers.elasticsearch));
        Ok(ready.then_some(()))
    });
    answered.map_err(|error| run.blame("compose", error))?;
    run.progress.done("compose", "the servers are ready");
    Ok(servers)
}

fn join<T>(handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle.join().map_err(|_| anyhow!("a starting thread panicked"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_given() -> External {
        External {
            postgres: Some(Database {
                app_url: "a".into(),
                owner_url: "o".into(),
            }),
            kafka: Some("k".into()),
            schema_registry: Some("s".into()),
            elasticsearch: Some("e".into()),
        }
    }

    #[test]
    fn given_servers_are_used_before_any_engine_is_asked() {
        let plan = Plan::choose(all_given(), None, || panic!("asked")).unwrap();
        assert_eq!((plan.mode, plan.needs()), (Mode::External, Vec::new()));
    }

    #[test]
    fn an_engine_goes_before_native_servers() {
        assert_eq!(
            Plan::choose(External::default(), None, || true).unwrap().mode,
            Mode::Compose
        );
        assert_eq!(
            Plan::choose(External::default(), None, || false).unwrap().mode,
            Mode::Native
        );
    }

    #[test]
    fn what_is_forced_is_done() {
        let native = Plan::choose(External::default(), Some(Mode::Native), || true).unwrap();
        assert_eq!(native.mode, Mode::Native);
        let error = Plan::choose(External::default(), Some(Mode::External), || true)
            .unwrap_err()
            .to_string();
        assert!(error.contains("KAFKA_BOOTSTRAP_SERVERS"), "{error}");
    }

    #[test]
    fn packages_are_needed_for_the_missing_servers_only() {
        let mut given = all_given();
        given.postgres = None;
        assert_eq!(
            Plan::choose(given.clone(), None, || false).unwrap().needs(),
            [Need::Postgres]
        );
        given.postgres = all_given().postgres;
        given.kafka = None;
        assert_eq!(
            Plan::choose(given, None, || false).unwrap().needs(),
            [Need::Java, Need::Maven]
        );
    }
}
