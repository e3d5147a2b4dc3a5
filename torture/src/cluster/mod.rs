//! The system that is tortured: three brokers, Postgres, Elasticsearch, the registry, and two replicas of each role, all of
//! them native processes of a run of their own.

mod disk;
mod overloaded;
mod process;
mod proxy;
mod roles;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::future::try_join_all;
use stack::{DataFolder, Interrupt, NativeServers, PlainLines, Run};
use tokio::task::spawn_blocking;
use tokio_postgres::{Client, NoTls};

use self::disk::Disk;
pub use self::process::Process;
pub use self::proxy::{Proxy, Way};
use self::roles::Addresses;
pub use self::roles::{REPLICAS, Role, Service};

const BROKERS: u16 = 3;
const RUN: &str = "torture";
const MENDED: Duration = Duration::from_secs(240);

#[derive(Debug, Clone)]
pub struct Options {
    /// Where `command-service` and `query-service` are, built with fail points.
    pub binaries: PathBuf,
    /// Where an earlier build of both is, to run beside this one.
    pub old_binaries: Option<PathBuf>,
    /// Raised when the user wants it to stop.
    pub interrupt: Interrupt,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    options: Options,
    run: Arc<Run<'static>>,
    postgres: Process,
    brokers: Vec<Process>,
    elasticsearch: Process,
    registry: Process,
    roles: Vec<(Role, Process)>,
    command_apis: Vec<String>,
    query_apis: Vec<String>,
    /// Past the proxies.
    direct: Addresses,
    /// As the services are told.
    proxied: Addresses,
    to_postgres: Proxy,
    to_elasticsearch: Proxy,
    disk: Option<Disk>,
    topics_deleted: AtomicU64,
}

impl Cluster {
    /// Starts everything, prepares database, topics, schemas and indices, and returns when every role is ready.
    pub async fn start(options: Options) -> Result<Self> {
        let interrupt = options.interrupt.clone();
        let (run, disk, servers) = spawn_blocking(move || prepare(interrupt)).await??;
        let direct = Addresses {
            database: servers.database.app_url.clone(),
            database_owner: servers.database.owner_url.clone(),
            kafka: servers
                .brokers
                .iter()
                .map(|broker| broker.address())
                .collect::<Vec<_>>()
                .join(","),
            schema_registry: servers.registry.address().to_owned(),
            elasticsearch: servers.elasticsearch.address().to_owned(),
        };
        let to_postgres = Proxy::before(servers.postgres.address()).await?;
        let elasticsearch = without_scheme(&direct.elasticsearch)?;
        let to_elasticsearch = Proxy::before(elasticsearch).await?;
        let proxied = Addresses {
            database: direct
                .database
                .replace(servers.postgres.address(), &to_postgres.address),
            elasticsearch: format!("http://{}", to_elasticsearch.address),
            ..direct.clone()
        };
        let server = |native| Process::server(&run, native);
        let postgres = server(servers.postgres);
        let brokers: Vec<Process> = servers.brokers.into_iter().map(server).collect();
        let (elasticsearch, registry) = (server(servers.elasticsearch), server(servers.registry));
        let mut roles = Vec::new();
        for role in Role::ALL {
            for number in 1..=REPLICAS {
                let program = roles::program(role, &options.binaries, &proxied)?;
                let name = format!("{}-{number}", role.name());
                roles.push((role, Process::role(&run, name, program)));
            }
        }
        let urls = |wanted| {
            roles
                .iter()
                .filter(|(role, _)| *role == wanted)
                .map(|(_, process)| process.address())
                .collect()
        };
        let cluster = Self(Arc::new(Inner {
            command_apis: urls(Role::CommandApi),
            query_apis: urls(Role::QueryApi),
            options,
            run,
            postgres,
            brokers,
            elasticsearch,
            registry,
            roles,
            direct,
            proxied,
            to_postgres,
            to_elasticsearch,
            disk,
            topics_deleted: AtomicU64::new(0),
        }));
        if let Err(error) = cluster.bring_up().await {
            // The start's error says more than one of the clean-up.
            let _ = cluster.stop().await;
            return Err(error);
        }
        Ok(cluster)
    }

    async fn bring_up(&self) -> Result<()> {
        let inner = &self.0;
        inner.run.progress.begin(RUN, "starting the servers");
        let servers = self.servers();
        try_join_all(servers.iter().map(Process::start)).await?;
        inner.run.progress.begin(RUN, "tables, topics, indices, schemas");
        let registry = inner.direct.schema_registry.clone();
        let schemas = async { spawn_blocking(move || stack::schemas::register(&registry, "")).await? };
        tokio::try_join!(
            self.tool(Service::Command, &["setup"]),
            self.tool(Service::Query, &["setup"]),
            schemas,
        )?;
        inner.run.progress.begin(RUN, "starting the roles");
        try_join_all(inner.roles.iter().map(|(_, process)| process.start())).await?;
        inner.run.ready(false)?;
        inner.run.progress.done(RUN, "everything is ready");
        Ok(())
    }

    /// Runs a task of a service to its end, as an operator would; its error has the end of what it wrote.
    pub async fn tool(&self, service: Service, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.0.options.binaries.join(service.binary()));
        command
            .args(arguments)
            .envs(roles::settings(service, &self.0.proxied))
            .current_dir(stack::workspace::root());
        let name = format!(
            "{}-{}",
            service.binary(),
            arguments.first().copied().unwrap_or("task")
        );
        let run = self.0.run.clone();
        spawn_blocking(move || run.finish(&name, &mut command)).await?
    }

    /// Base URLs of the command api's replicas: the same whatever happens to them.
    pub fn command_apis(&self) -> &[String] {
        &self.0.command_apis
    }

    pub fn query_apis(&self) -> &[String] {
        &self.0.query_apis
    }

    /// Every replica of every role: its name, such as `relay-2`, and its base URL, where `/metrics` and `/health` are.
    pub fn roles(&self) -> Vec<(String, String)> {
        self.0
            .roles
            .iter()
            .map(|(_, process)| (process.name().to_owned(), process.address()))
            .collect()
    }

    pub fn replicas(&self, wanted: Role) -> Vec<Process> {
        self.0
            .roles
            .iter()
            .filter(|(role, _)| *role == wanted)
            .map(|(_, process)| process.clone())
            .collect()
    }

    /// No broker knows a topic any more that the harness deleted.
    pub fn topic_is_gone(&self) {
        self.0.topics_deleted.fetch_add(1, Ordering::SeqCst);
    }

    /// How many the harness has deleted: what was seen of topics before may be of others than those that are there now.
    pub fn topics_deleted(&self) -> u64 {
        self.0.topics_deleted.load(Ordering::SeqCst)
    }

    pub fn postgres(&self) -> &Process {
        &self.0.postgres
    }

    pub fn brokers(&self) -> &[Process] {
        &self.0.brokers
    }

    pub fn elasticsearch(&self) -> &Process {
        &self.0.elasticsearch
    }

    pub fn registry(&self) -> &Process {
        &self.0.registry
    }

    pub fn servers(&self) -> Vec<Process> {
        let inner = &self.0;
        let others = [&inner.postgres, &inner.elasticsearch, &inner.registry];
        inner.brokers.iter().chain(others).cloned().collect()
    }

    /// Between the services and Postgres.
    pub fn to_postgres(&self) -> &Proxy {
        &self.0.to_postgres
    }

    pub fn to_elasticsearch(&self) -> &Proxy {
        &self.0.to_elasticsearch
    }

    /// Postgres as its owner, past the proxy.
    pub fn owner_url(&self) -> &str {
        &self.0.direct.database_owner
    }

    /// Postgres as the services' role, past the proxy.
    pub fn app_url(&self) -> &str {
        &self.0.direct.database
    }

    pub fn bootstrap_servers(&self) -> &str {
        &self.0.direct.kafka
    }

    /// Past the proxy.
    pub fn elasticsearch_url(&self) -> &str {
        &self.0.direct.elasticsearch
    }

    /// Of the Confluent-compatible API.
    pub fn registry_url(&self) -> &str {
        &self.0.direct.schema_registry
    }

    pub fn old_binaries(&self) -> Option<&Path> {
        self.0.options.old_binaries.as_deref()
    }

    pub fn binaries(&self) -> &Path {
        &self.0.options.binaries
    }

    /// Where every process writes its log.
    pub fn logs(&self) -> PathBuf {
        self.0.run.files.logs()
    }

    pub(crate) fn disk(&self) -> Option<&Disk> {
        self.0.disk.as_ref()
    }

    /// A connection as the owner, past the proxy; it ends when the client is dropped.
    pub async fn database(&self) -> Result<Client> {
        connect(self.owner_url()).await
    }

    /// Thaws and starts whatever is frozen or gone, and opens every way: after a fault that could not be healed as it should.
    pub async fn mend(&self) -> Result<()> {
        let inner = &self.0;
        inner.to_postgres.set(Way::Open);
        inner.to_elasticsearch.set(Way::Open);
        if let Some(disk) = &inner.disk {
            disk.make_room()?;
        }
        let roles = inner.roles.iter().map(|(_, process)| process.clone());
        let all: Vec<Process> = self.servers().into_iter().chain(roles).collect();
        for process in all {
            process.thaw()?;
            process.change_program(|program| {
                if let Some(name) = program.binary.file_name() {
                    program.binary = inner.options.binaries.join(name);
                }
            });
            match process.is_running()? {
                true => process.await_ready(MENDED).await?,
                false => process.start().await?,
            }
        }
        Ok(())
    }

    /// Ends everything and removes its data; logs stay.
    pub async fn stop(&self) -> Result<()> {
        for process in self.servers() {
            process.thaw()?;
        }
        let files = self.0.run.files.clone();
        spawn_blocking(move || stack::stop(&files, DataFolder::Wiped)).await??;
        // Not left to the drop: a task that outlives the run may hold the cluster.
        if let Some(disk) = &self.0.disk {
            disk.unmount();
        }
        Ok(())
    }
}

fn prepare(interrupt: Interrupt) -> Result<(Arc<Run<'static>>, Option<Disk>, NativeServers)> {
    let progress: &'static PlainLines = Box::leak(Box::default());
    let run = stack::begin_own(RUN, progress, interrupt)?;
    let folder = run.server_folder().join(&run.files.name);
    let mount = folder.join("disk");
    std::fs::create_dir_all(run.data())?;
    let disk = Disk::mount(&mount, &run.data().join("disk.img"))?;
    let postgres = match disk {
        Some(_) => mount.join("postgres"),
        None => run.data().join("postgres"),
    };
    let servers = NativeServers::prepare(&run, BROKERS, &postgres)?;
    Ok((Arc::new(run), disk, servers))
}

fn without_scheme(url: &str) -> Result<&str> {
    url.strip_prefix("http://")
        .ok_or_else(|| anyhow!("{url} is not of HTTP"))
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("Postgres")?;
    tokio::spawn(connection);
    Ok(client)
}
