//! Servers for the tests of other crates.

use anyhow::{Context, Result};

/// Addresses of real servers that tests may use. They are shared: a test isolates itself by a database, a topic prefix and
/// an index prefix of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestServers {
    /// `postgres://…`: a role that may create databases and roles.
    pub database_owner_url: String,
    /// `host:port`.
    pub kafka: String,
    /// The Confluent-compatible API, such as `http://127.0.0.1:18081/apis/ccompat/v7`.
    pub schema_registry: String,
    /// `http://host:port`.
    pub elasticsearch: String,
}

/// The servers of the environment, else those of the running test stack, else of one started now, which stays until
/// `cargo xtask down`.
pub fn for_tests() -> Result<TestServers> {
    let var = |name: &str| std::env::var(name).with_context(|| name.to_owned());
    Ok(TestServers {
        database_owner_url: var("DATABASE_OWNER_URL")?,
        kafka: var("KAFKA_BOOTSTRAP_SERVERS")?,
        schema_registry: var("SCHEMA_REGISTRY_URL")?,
        elasticsearch: var("ELASTICSEARCH_URL")?,
    })
}
