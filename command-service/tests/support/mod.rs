//! Real servers for a test alone: a database, topics and subjects of its own.
#![allow(dead_code, reason = "each test crate uses its share")]

pub mod events;
pub mod relaying;
pub mod topics;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use command_service::application::ports::Ids;
use command_service::outbound::postgres::{Database, PostgresSettings, setup};
use command_service::outbound::system::TimeOrderedIds;
use stack::TestServers;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// A name that no other test of this or another process has.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    format!(
        "{name}_{}_{micros}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Never the same one twice, in no process.
pub fn unique_id() -> Uuid {
    TimeOrderedIds.next()
}

/// Looks until the condition holds, a minute at most. For what tells nobody when it comes about: rows of a table, topics,
/// how far a task is.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), holds).await;
    assert!(in_time.is_ok(), "never: {what}");
}

pub async fn servers() -> TestServers {
    tokio::task::spawn_blocking(stack::for_tests)
        .await
        .unwrap()
        .unwrap()
}

/// A database with the service's schema; it goes when this is dropped.
pub struct TestDatabase {
    pub settings: PostgresSettings,
    pub owner_url: String,
    pub app_url: String,
    server_url: String,
    name: String,
}

impl TestDatabase {
    pub async fn create() -> Self {
        let server_url = servers().await.database_owner_url;
        let name = unique("command");
        connect(&server_url)
            .await
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        let owner_url = stack::with_database(&server_url, &name).unwrap();
        let app_url = stack::app_url(&owner_url).unwrap();
        let settings = PostgresSettings {
            url: Some(app_url.clone().into()),
            owner_url: Some(owner_url.clone().into()),
            pool_size: 8,
            ..PostgresSettings::default()
        };
        setup(&settings).await.unwrap();
        Self {
            settings,
            owner_url,
            app_url,
            server_url,
            name,
        }
    }

    pub fn open(&self) -> Database {
        Database::open(&self.settings).unwrap()
    }

    pub async fn as_owner(&self) -> Client {
        connect(&self.owner_url).await
    }

    pub async fn as_app(&self) -> Client {
        connect(&self.app_url).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server_url, name) = (self.server_url.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                connect(&server_url)
                    .await
                    .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await
                    .unwrap();
            });
        });
        if let (Err(_), false) = (dropped.join(), std::thread::panicking()) {
            panic!("the database {} was not dropped", self.name);
        }
    }
}

pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
