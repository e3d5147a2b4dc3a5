//! What can be set, with its default. A setting's name in the environment is `COMMAND_SERVICE__<SECTION>__<NAME>`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::inbound::http::api_document::routes_with_version;
use crate::inbound::http::authentication::Keys;
use crate::outbound::kafka::{KafkaSettings, SchemaRegistrySettings};
use crate::outbound::postgres::PostgresSettings;
use crate::relay::RelaySettings;
use crate::republishing::RepublishingSettings;
use crate::worker::WorkerSettings;

pub mod duration;
mod list;
mod loading;

pub use loading::{ConfigurationErrors, load};

/// What one process does. Roles scale apart; two replicas of any of them are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Every role in one process.
    All,
    Api,
    Relay,
    Worker,
    /// Migrations and topics, then exit.
    Setup,
    /// Sends events again, then exit.
    Republish,
    /// Looks for what breaks an invariant, then exit.
    Verify,
}

impl Role {
    pub fn serves_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    pub fn relays(self) -> bool {
        matches!(self, Self::All | Self::Relay)
    }

    pub fn works(self) -> bool {
        matches!(self, Self::All | Self::Worker)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Relay => "relay",
            Self::Worker => "worker",
            Self::Setup => "setup",
            Self::Republish => "republish",
            Self::Verify => "verify",
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub admission: AdmissionSettings,
    pub auth: AuthSettings,
    pub database: PostgresSettings,
    pub kafka: KafkaSettings,
    pub schema_registry: SchemaRegistrySettings,
    pub relay: RelaySettings,
    pub republishing: RepublishingSettings,
    pub worker: WorkerSettings,
    pub policies: PoliciesSettings,
    pub snapshots: SnapshotsSettings,
    pub telemetry: TelemetrySettings,
    pub shutdown: ShutdownSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// The address to listen on.
    pub host: String,
    /// 0 takes a free one.
    pub port: u16,
    /// Threads that serve requests; as many as there are cores if absent.
    pub workers: Option<NonZeroUsize>,
    /// Commands in work at once; one more waits, ...
    pub max_in_flight: NonZeroUsize,
    /// ... unless so many do, and is answered 503.
    pub max_waiting: usize,
    /// How long a command waits for its turn before it is answered 503.
    #[serde(with = "duration")]
    pub max_wait: Duration,
    /// How long a command may take before it is answered 503; its outcome is then unknown to the client.
    #[serde(with = "duration")]
    pub request_deadline: Duration,
    /// How long a client may take to send a request's head, and again its body, before it is answered 408.
    #[serde(with = "duration")]
    pub slow_client_timeout: Duration,
    /// How long an idle connection stays open.
    #[serde(with = "duration")]
    pub keep_alive: Duration,
    /// Connections at once; more wait to be accepted.
    pub max_connections: NonZeroUsize,
    /// Of a request's body; more is answered 413.
    pub max_body_bytes: usize,
    /// Of a request's target and headers together; more is answered 431. Above 128 KiB the server itself answers.
    pub max_head_bytes: usize,
    /// Commands that are refused (428) without `If-Match`, such as `PUT /v1/products/{id}/price`; in the environment
    /// separated by commas.
    #[serde(deserialize_with = "list::deserialize")]
    pub require_if_match: Vec<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            workers: None,
            max_in_flight: const { NonZeroUsize::new(256).unwrap() },
            max_waiting: 256,
            max_wait: Duration::from_millis(250),
            request_deadline: Duration::from_secs(10),
            slow_client_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(75),
            max_connections: const { NonZeroUsize::new(4096).unwrap() },
            max_body_bytes: 256 * 1024,
            max_head_bytes: 16 * 1024,
            require_if_match: Vec::new(),
        }
    }
}

impl HttpSettings {
    pub fn workers(&self) -> usize {
        self.workers
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}

/// The section `admission`: from when on commands are refused (503) because what they would add to is full. A tenth must
/// be free before they are taken again. Both are measured, so that what comes within `relay.backlog_interval` or
/// `worker.watch_interval` may be on top.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionSettings {
    /// Events in the outbox: about a kilobyte each in the database.
    pub outbox_rows: NonZeroU64,
    /// Commands in the queue; only those of clients are refused, never what follows from an event.
    pub queued_commands: NonZeroU64,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            outbox_rows: const { NonZeroU64::new(1_000_000).unwrap() },
            queued_commands: const { NonZeroU64::new(100_000).unwrap() },
        }
    }
}

/// Absent, every request is allowed and recorded as `anonymous`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// A JWKS document with the keys that sign tokens; read again when a token names a key that is not in it.
    pub keys_file: Option<PathBuf>,
    /// What tokens must have as `iss`; required with `keys_file`.
    pub issuer: Option<String>,
    /// What tokens must have in `aud`; required with `keys_file`.
    pub audience: Option<String>,
    /// By how much the clocks of issuer and service may differ.
    #[serde(with = "duration")]
    pub leeway: Duration,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            keys_file: None,
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(30),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Where spans are sent by OTLP over gRPC, such as `http://localhost:4317`; not sent if absent.
    pub otlp_endpoint: Option<String>,
    /// The share of the traces begun here that is recorded, 0 to 1; a caller's decision is kept.
    pub sample_ratio: f64,
    /// A filter as tracing-subscriber's `EnvFilter` reads it.
    pub log: String,
    pub log_format: LogFormat,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sample_ratio: 1.0,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// The section `policies`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoliciesSettings {
    /// How long a submitted order may wait for its invoice before that is an alarm.
    #[serde(with = "duration")]
    pub invoice_within: Duration,
}

impl Default for PoliciesSettings {
    fn default() -> Self {
        Self {
            invoice_within: Duration::from_secs(60),
        }
    }
}

/// The section `snapshots`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotsSettings {
    /// A snapshot is taken when a stream passes a multiple of so many versions; 0 takes none.
    pub every: u64,
}

impl Default for SnapshotsSettings {
    fn default() -> Self {
        Self { every: 50 }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownSettings {
    /// How long readiness answers 503 before the server stops to accept, so that balancers look elsewhere first.
    #[serde(with = "duration")]
    pub drain_delay: Duration,
    /// How long requests in flight, and what relay and worker have in work, may take to finish after that.
    #[serde(with = "duration")]
    pub grace_period: Duration,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self {
            drain_delay: Duration::from_millis(500),
            grace_period: Duration::from_secs(20),
        }
    }
}

/// More would be no difference between clocks.
const LONGEST_LEEWAY: Duration = Duration::from_secs(600);

impl Settings {
    /// What a value alone does not show: what `role` needs and has no default, and bounds.
    fn violations(&self, role: Role) -> Vec<String> {
        let mut violations = Vec::new();
        let mut must = |holds: bool, name: &str, reason: &str| {
            if !holds {
                violations.push(format!("COMMAND_SERVICE__{name}: {reason}"));
            }
        };
        let is_postgres = |url: &Option<SecretString>| {
            url.as_ref()
                .is_none_or(|url| url.expose_secret().parse::<tokio_postgres::Config>().is_ok())
        };
        let publishes = role.relays() || role == Role::Republish;
        let sets_up = role == Role::Setup;
        must(self.database.url.is_some(), "DATABASE__URL", "is required");
        must(
            is_postgres(&self.database.url),
            "DATABASE__URL",
            "is not a PostgreSQL URL [masked]",
        );
        must(
            !sets_up || self.database.owner_url.is_some(),
            "DATABASE__OWNER_URL",
            "is required by setup",
        );
        must(
            is_postgres(&self.database.owner_url),
            "DATABASE__OWNER_URL",
            "is not a PostgreSQL URL [masked]",
        );
        must(
            self.database.pool_size > 0,
            "DATABASE__POOL_SIZE",
            "must be 1 at least",
        );
        must(
            !(publishes || sets_up) || self.kafka.bootstrap_servers.is_some(),
            "KAFKA__BOOTSTRAP_SERVERS",
            "is required",
        );
        must(
            self.kafka.partitions > 0,
            "KAFKA__PARTITIONS",
            "must be 1 at least",
        );
        must(
            self.kafka.replication_factor > 0,
            "KAFKA__REPLICATION_FACTOR",
            "must be 1 at least",
        );
        must(
            !publishes || self.schema_registry.url.is_some(),
            "SCHEMA_REGISTRY__URL",
            "is required",
        );
        must(
            (0.0..=1.0).contains(&self.telemetry.sample_ratio),
            "TELEMETRY__SAMPLE_RATIO",
            "must be within 0 and 1",
        );
        for (section, heartbeat, lease_ttl) in [
            ("RELAY", self.relay.heartbeat, self.relay.lease_ttl),
            ("WORKER", self.worker.heartbeat, self.worker.lease_ttl),
        ] {
            must(
                heartbeat * 2 <= lease_ttl,
                &format!("{section}__LEASE_TTL"),
                "must be twice the heartbeat at least",
            );
        }
        for (name, every) in [
            ("RELAY__BACKLOG_INTERVAL", self.relay.backlog_interval),
            ("WORKER__WATCH_INTERVAL", self.worker.watch_interval),
            ("WORKER__CLEANUP_INTERVAL", self.worker.cleanup_interval),
            ("WORKER__COMMAND_DEADLINE", self.worker.command_deadline),
        ] {
            must(!every.is_zero(), name, "must be more than nothing");
        }
        let has_keys = self.auth.keys_file.is_some();
        for (name, value) in [
            ("AUTH__ISSUER", &self.auth.issuer),
            ("AUTH__AUDIENCE", &self.auth.audience),
        ] {
            must(
                !has_keys || value.is_some(),
                name,
                "is required with AUTH__KEYS_FILE",
            );
            must(
                has_keys || value.is_none(),
                name,
                "has no effect without AUTH__KEYS_FILE",
            );
        }
        must(
            self.auth.leeway <= LONGEST_LEEWAY,
            "AUTH__LEEWAY",
            "must be 10m at most",
        );
        if let Some(path) = self.auth.keys_file.as_deref().filter(|_| role.serves_api())
            && let Err(reason) = Keys::read(path)
        {
            must(false, "AUTH__KEYS_FILE", &reason);
        }
        if !self.http.require_if_match.is_empty() {
            let known = routes_with_version();
            for route in &self.http.require_if_match {
                let reason = format!("{route:?} is no command on something that is there already");
                must(known.contains(route), "HTTP__REQUIRE_IF_MATCH", &reason);
            }
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.telemetry.log) {
            must(false, "TELEMETRY__LOG", &error.to_string());
        }
        violations
    }
}
