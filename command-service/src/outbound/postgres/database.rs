//! A pool of connections whose every use has a deadline.

use std::time::Duration;

use anyhow::Context;
use diesel::QueryResult;
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::error::Elapsed;

use super::PostgresSettings;
use super::error::store_error;
use crate::application::ports::StoreError;

/// How much longer than the server the client waits before it takes the server for dead.
const PATIENCE: Duration = Duration::from_millis(500);

/// Connections to the service's database, as the service's role. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    acquire_timeout: Duration,
    deadline: Duration,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Database {
    /// Connects only when a connection is first needed.
    pub fn open(settings: &PostgresSettings) -> anyhow::Result<Self> {
        let session = settings.clone();
        let deadline = settings.statement_timeout + PATIENCE;
        Self::with_connections(settings, settings.pool_size.max(1), deadline, move |url| {
            connect(url, session.clone())
        })
    }

    /// With sessions that `connect` makes.
    pub(super) fn with_connections<F>(
        settings: &PostgresSettings,
        pool_size: usize,
        deadline: Duration,
        connect: impl Fn(SecretString) -> F + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = diesel::ConnectionResult<AsyncPgConnection>> + Send + 'static,
    {
        let url = settings.url.clone().context("the database's URL is not set")?;
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |url| connect(SecretString::from(url.to_owned())).boxed());
        let manager = AsyncDieselConnectionManager::new_with_config(url.expose_secret(), config);
        let pool = Pool::builder(manager)
            .max_size(pool_size)
            .build()
            .context("the pool of connections")?;
        Ok(Self {
            pool,
            acquire_timeout: settings.acquire_timeout,
            deadline,
        })
    }

    /// One round trip.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.execute(diesel::sql_query("SELECT 1")).await.map(drop)
    }

    /// One statement, one round trip, its own transaction. Answers its rows.
    pub async fn load<'query, Q, R>(&self, statement: Q) -> Result<Vec<R>, StoreError>
    where
        Q: LoadQuery<'query, AsyncPgConnection, R> + 'query,
        R: Send,
    {
        let mut connection = self.acquire().await?;
        let outcome = tokio::time::timeout(self.deadline, statement.load(&mut *connection)).await;
        self.settle(connection, outcome)
    }

    /// One statement, one round trip, its own transaction. Answers how many rows it changed.
    pub async fn execute<'query, Q>(&self, statement: Q) -> Result<usize, StoreError>
    where
        Q: ExecuteDsl<AsyncPgConnection> + 'query,
    {
        let mut connection = self.acquire().await?;
        let outcome = tokio::time::timeout(self.deadline, Q::execute(statement, &mut *connection)).await;
        self.settle(connection, outcome)
    }

    async fn acquire(&self) -> Result<Object<AsyncPgConnection>, StoreError> {
        match tokio::time::timeout(self.acquire_timeout, self.pool.get()).await {
            Ok(got) => got.map_err(|error| StoreError::Unavailable(error.into())),
            Err(_) => Err(StoreError::Unavailable(anyhow::anyhow!(
                "no connection became free within {:?}",
                self.acquire_timeout
            ))),
        }
    }

    /// A connection goes back to the pool unless it may be broken.
    fn settle<T>(
        &self,
        connection: Object<AsyncPgConnection>,
        outcome: Result<QueryResult<T>, Elapsed>,
    ) -> Result<T, StoreError> {
        let error = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => store_error(error),
            Err(_) => StoreError::Unavailable(anyhow::anyhow!("no answer within {:?}", self.deadline)),
        };
        if matches!(error, StoreError::Unavailable(_)) {
            drop(Object::take(connection));
        }
        Err(error)
    }
}

/// How every session plans. Statements here go by key, and a plan is made once: one that was made while a table was empty
/// must not read the whole of it once it is full. So the ways to do that are off, and the compiler, which the costs that
/// they pretend would call for statements of a millisecond.
pub(super) const PLANS_BY_KEY: &str = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan";

async fn connect(
    url: SecretString,
    settings: PostgresSettings,
) -> diesel::ConnectionResult<AsyncPgConnection> {
    let connected = async {
        let mut connection = AsyncPgConnection::establish(url.expose_secret()).await?;
        let limit = settings.statement_timeout.as_millis();
        connection
            .batch_execute(&format!(
                "SET statement_timeout = {limit}; SET lock_timeout = {limit}; \
                 SET idle_in_transaction_session_timeout = {limit}; {PLANS_BY_KEY}"
            ))
            .await
            .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    };
    match tokio::time::timeout(settings.connect_timeout, connected).await {
        Ok(connected) => connected,
        Err(_) => Err(diesel::ConnectionError::BadConnection(format!(
            "no connection within {:?}",
            settings.connect_timeout
        ))),
    }
}
