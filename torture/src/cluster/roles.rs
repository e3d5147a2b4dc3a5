//! The roles of both services: two replicas of each, and what they are told.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::process::RoleProgram;

/// Of each role.
pub const REPLICAS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    CommandApi,
    Relay,
    Worker,
    QueryApi,
    Projector,
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::CommandApi,
        Self::Relay,
        Self::Worker,
        Self::QueryApi,
        Self::Projector,
    ];

    /// As its processes are called, each with a number behind it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CommandApi => "command-api",
            Self::Relay => "relay",
            Self::Worker => "worker",
            Self::QueryApi => "query-api",
            Self::Projector => "projector",
        }
    }

    pub fn service(self) -> Service {
        match self {
            Self::CommandApi | Self::Relay | Self::Worker => Service::Command,
            Self::QueryApi | Self::Projector => Service::Query,
        }
    }

    fn subcommand(self) -> &'static str {
        match self {
            Self::CommandApi | Self::QueryApi => "api",
            Self::Relay => "relay",
            Self::Worker => "worker",
            Self::Projector => "projector",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Command,
    Query,
}

impl Service {
    pub fn binary(self) -> &'static str {
        match self {
            Self::Command => "command-service",
            Self::Query => "query-service",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Command => "COMMAND_SERVICE",
            Self::Query => "QUERY_SERVICE",
        }
    }
}

/// Where the services find what they need: through proxies, but for Kafka.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub database: String,
    /// For setup alone.
    pub database_owner: String,
    pub kafka: String,
    pub schema_registry: String,
    pub elasticsearch: String,
}

/// What every process of a service is told. Waits are shorter than their defaults: what a fault does is to show in seconds.
/// Only the drain delay is longer: a full machine takes of it what balancers need.
pub fn settings(service: Service, at: &Addresses) -> BTreeMap<String, String> {
    let common = [
        ("KAFKA__BOOTSTRAP_SERVERS", at.kafka.as_str()),
        ("KAFKA__REPLICATION_FACTOR", "3"),
        ("KAFKA__PARTITIONS", "6"),
        ("SCHEMA_REGISTRY__URL", &at.schema_registry),
        ("HTTP__HOST", "127.0.0.1"),
        ("HTTP__WORKERS", "2"),
        ("HTTP__REQUEST_DEADLINE", "4s"),
        ("SHUTDOWN__DRAIN_DELAY", "2s"),
    ];
    let own: &[(&str, &str)] = match service {
        Service::Command => &[
            ("DATABASE__URL", &at.database),
            ("DATABASE__OWNER_URL", &at.database_owner),
            ("DATABASE__STATEMENT_TIMEOUT", "3s"),
            ("RELAY__HEARTBEAT", "300ms"),
            ("RELAY__LEASE_TTL", "1500ms"),
            ("WORKER__HEARTBEAT", "300ms"),
            ("WORKER__LEASE_TTL", "1500ms"),
        ],
        Service::Query => &[
            ("ELASTICSEARCH__URL", &at.elasticsearch),
            ("KAFKA__SESSION_TIMEOUT", "6s"),
            ("KAFKA__MAX_POLL_INTERVAL", "8s"),
            // Little is written here in a few seconds, and lanes that are full are to be seen, too.
            ("PROJECTOR__LANE_QUEUE_BYTES", "32768"),
            // Two processors serve everything here.
            ("ELASTICSEARCH__REFRESH_INTERVAL", "1s"),
            ("CURSOR__SECRET", "a secret of the torture runs alone"),
        ],
    };
    common
        .iter()
        .chain(own)
        .map(|(name, value)| (format!("{}__{name}", service.prefix()), (*value).to_owned()))
        .collect()
}

/// A replica with a port of its own.
pub fn program(role: Role, binaries: &Path, at: &Addresses) -> Result<RoleProgram> {
    let service = role.service();
    let port = stack::free_port()?;
    let mut settings = settings(service, at);
    settings.insert(format!("{}__HTTP__PORT", service.prefix()), port.to_string());
    Ok(RoleProgram {
        binary: binaries.join(service.binary()),
        role: role.subcommand(),
        settings,
        base_url: format!("http://127.0.0.1:{port}"),
    })
}
