//! A system of a test's own: a database, topics and indices under a name that nothing else uses.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use checker::fold::{Expected, normalised};
use futures_util::future::try_join_all;
use serde_json::Value;
use stack::{ServiceBuilder, ServiceProcess, TestServers};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::api::Commands;
use crate::eventually;
use crate::queries::Queries;
use crate::{stored, topics};

const START: Duration = Duration::from_secs(60);

pub struct System {
    pub servers: TestServers,
    /// Connected as the owner.
    pub database: Client,
    name: String,
    owner_url: String,
    app_url: String,
}

impl System {
    /// Makes the database, the topics, the schemas and the indices.
    pub async fn prepare() -> Result<Self> {
        let servers = stack::for_tests()?;
        let name = unique_name();
        let owner_url = with_database(&servers.database_owner_url, &name)?;
        connect(&servers.database_owner_url)
            .await?
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await?;
        let app_url = as_user(&owner_url, "e2e_app", "e2e_app")?;
        let database = connect(&owner_url).await?;
        let system = Self {
            servers,
            database,
            name,
            owner_url,
            app_url,
        };
        stack::schemas::register(&system.servers.schema_registry, &system.topic_prefix())?;
        for service in ["command-service", "query-service"] {
            let mut setup = system.service(service, "setup").spawn()?;
            let status = setup.wait_exit(START)?;
            ensure!(
                status.success(),
                "{service} setup: {status}\n{}",
                setup.log_text()
            );
        }
        Ok(system)
    }

    pub fn topic_prefix(&self) -> String {
        format!("{}.", self.name)
    }

    pub fn topic(&self, topic: &str) -> String {
        format!("{}{topic}", self.topic_prefix())
    }

    /// The database as the services' role sees it.
    pub fn app_url(&self) -> &str {
        &self.app_url
    }

    pub fn index_prefix(&self) -> String {
        format!("{}-", self.name)
    }

    /// What the names of the projectors' consumer groups begin with.
    pub fn group(&self) -> String {
        format!("{}.projector", self.name)
    }

    /// The index that queries of a projection read.
    pub async fn queried_index(&self, projection: &str) -> Result<String> {
        let alias = format!("{}{projection}", self.index_prefix());
        let url = format!("{}/_alias/{alias}", self.servers.elasticsearch);
        let found: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
        let indices: Vec<&String> = found.as_object().context("no indices")?.keys().collect();
        ensure!(indices.len() == 1, "queries of {projection} read {indices:?}");
        Ok(indices[0].clone())
    }

    /// The consumer group that feeds that index.
    pub async fn group_of(&self, projection: &str) -> Result<String> {
        let index = self.queried_index(projection).await?;
        let generation = index.strip_prefix(&self.index_prefix());
        Ok(format!("{}.{}", self.group(), generation.unwrap_or(&index)))
    }

    /// Starts a role and waits until it is ready.
    pub fn start(&self, service: &str, role: &str) -> Result<ServiceProcess> {
        let mut process = self.service(service, role).spawn()?;
        process.wait_ready(START)?;
        Ok(process)
    }

    /// Both services with all their roles, and a client of each.
    pub fn start_all(&self) -> Result<([ServiceProcess; 2], Commands, Queries)> {
        let command = self.start("command-service", "all")?;
        let query = self.start("query-service", "all")?;
        let (commands, queries) = (
            Commands::new(&command.base_url()),
            Queries::new(&query.base_url()),
        );
        Ok(([command, query], commands, queries))
    }

    pub fn service(&self, service: &str, role: &str) -> ServiceBuilder {
        let prefix = if service == "command-service" {
            "COMMAND_SERVICE"
        } else {
            "QUERY_SERVICE"
        };
        let mut settings = vec![
            ("KAFKA__BOOTSTRAP_SERVERS", self.servers.kafka.clone()),
            ("KAFKA__TOPIC_PREFIX", self.topic_prefix()),
            ("KAFKA__PARTITIONS", "6".to_owned()),
            ("SCHEMA_REGISTRY__URL", self.servers.schema_registry.clone()),
        ];
        if service == "command-service" {
            settings.push(("DATABASE__URL", self.app_url.clone()));
            settings.push(("DATABASE__OWNER_URL", self.owner_url.clone()));
        } else {
            settings.push(("ELASTICSEARCH__URL", self.servers.elasticsearch.clone()));
            settings.push(("ELASTICSEARCH__INDEX_PREFIX", self.index_prefix()));
            settings.push(("KAFKA__GROUP_ID", self.group()));
            settings.push(("CURSOR__SECRET", "a secret of the end-to-end tests".to_owned()));
        }
        ServiceProcess::builder(service).arg(role).envs(
            settings
                .into_iter()
                .map(|(name, value)| (format!("{prefix}__{name}"), value)),
        )
    }

    /// `command-service verify` finds nothing.
    pub fn is_verified(&self, limit: Duration) -> Result<()> {
        let mut verify = self.service("command-service", "verify").spawn()?;
        let status = verify.wait_exit(limit)?;
        ensure!(status.success(), "verify: {status}\n{}", verify.log_text());
        Ok(())
    }

    /// Waits until nothing is left in the outbox.
    pub async fn everything_is_published(&self, limit: Duration) -> Result<()> {
        eventually("the outbox is empty", limit, async || {
            let row = self
                .database
                .query_one("SELECT count(*) FROM outbox", &[])
                .await?;
            Ok((row.get::<_, i64>(0) == 0).then_some(()))
        })
        .await
    }

    /// Two replicas of a role of the command service, and a client of each.
    pub fn start_two(&self, role: &str) -> Result<([ServiceProcess; 2], [Commands; 2])> {
        let processes = [
            self.start("command-service", role)?,
            self.start("command-service", role)?,
        ];
        let commands = [0, 1].map(|at: usize| Commands::new(&processes[at].base_url()));
        Ok((processes, commands))
    }

    /// Deletes every topic of events once all events are in them, and has `command-service republish` make them again.
    pub async fn lose_the_topics(&self, limit: Duration) -> Result<()> {
        self.everything_is_published(limit).await?;
        topics::delete_all(self, limit).await?;
        let mut republish = self
            .service("command-service", "republish")
            .arg("--all")
            .spawn()?;
        let status = republish.wait_exit(limit)?;
        ensure!(status.success(), "republish: {status}\n{}", republish.log_text());
        topics::check_published(self).await?;
        Ok(())
    }

    /// A query service with indices and a consumer group of its own, which reads the topics from their beginning.
    pub async fn start_queries_anew(&self) -> Result<(ServiceProcess, Queries)> {
        let anew = |role| {
            self.service("query-service", role)
                .env(
                    "QUERY_SERVICE__ELASTICSEARCH__INDEX_PREFIX",
                    format!("{}anew-", self.index_prefix()),
                )
                .env("QUERY_SERVICE__KAFKA__GROUP_ID", format!("{}.anew", self.group()))
        };
        let mut setup = anew("setup").spawn()?;
        let status = setup.wait_exit(START)?;
        ensure!(status.success(), "setup: {status}\n{}", setup.log_text());
        let mut process = anew("all").spawn()?;
        process.wait_ready(START)?;
        let queries = Queries::new(&process.base_url());
        Ok((process, queries))
    }

    /// Waits until every order's answer equals the fold of the event store. Answers how many orders were compared.
    pub async fn at_rest_everything_is_as_folded(&self, queries: &Queries, limit: Duration) -> Result<usize> {
        let expected = stored::expected(&self.database).await?;
        let orders: Vec<Uuid> = expected.order_ids().collect();
        let mut wrong = orders.clone();
        let all_equal = eventually(
            "every document equals the fold of its events",
            limit,
            async || {
                wrong = Self::differing(&expected, queries, &wrong).await?;
                Ok(wrong.is_empty().then_some(()))
            },
        )
        .await;
        if let (Err(_), Some(id)) = (&all_equal, wrong.first()) {
            let (status, answer) = queries.get(&format!("/v1/orders/{id}")).await?;
            anyhow::bail!(
                "{} of {} orders differ; the first: expected {:#}\nfound {status} {answer:#}",
                wrong.len(),
                orders.len(),
                expected.order(*id).unwrap_or_default(),
            );
        }
        all_equal?;
        // Once more, all of them: nothing that was right may have become wrong.
        let again = Self::differing(&expected, queries, &orders).await?;
        ensure!(
            again.is_empty(),
            "{} orders moved away from the fold: {again:?}",
            again.len()
        );
        Ok(orders.len())
    }

    async fn differing(expected: &Expected, queries: &Queries, ids: &[Uuid]) -> Result<Vec<Uuid>> {
        let mut differing = Vec::new();
        for part in ids.chunks(16) {
            let answers = try_join_all(part.iter().map(async |id| {
                let (status, answer) = queries.get(&format!("/v1/orders/{id}")).await?;
                let found = if status.is_success() {
                    Some(normalised(answer)?)
                } else {
                    None
                };
                anyhow::Ok((*id, found == expected.order(*id)))
            }))
            .await?;
            differing.extend(answers.into_iter().filter(|(_, equal)| !equal).map(|(id, _)| id));
        }
        Ok(differing)
    }
}

fn unique_name() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's name for itself, not an id of the domain"
    )]
    let id = Uuid::now_v7().simple().to_string();
    format!("e2e_{id}")
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("Postgres")?;
    // Ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

fn with_database(url: &str, database: &str) -> Result<String> {
    let (server, _) = url
        .rsplit_once('/')
        .context("a database URL without a database")?;
    Ok(format!("{server}/{database}"))
}

fn as_user(url: &str, user: &str, password: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").context("a database URL without a scheme")?;
    let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    Ok(format!("{scheme}://{user}:{password}@{server}"))
}
