//! What can be set, with its default. A setting's name in the environment is `QUERY_SERVICE__<SECTION>__<NAME>`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use elasticsearch::http::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::application::caching::CacheSettings;
use crate::application::projecting::ProjectorSettings;
use crate::application::pushing::PushSettings;
use crate::outbound::elasticsearch::ElasticsearchSettings;
use crate::outbound::kafka::{KafkaSettings, SchemaRegistrySettings};

pub mod duration;
mod loading;

pub use loading::ConfigurationErrors;

const PREFIX: &str = "QUERY_SERVICE";

/// Settings whose values are never repeated. URLs may hold a password.
const SECRETS: &[&str] = &[
    "cursor.secret",
    "elasticsearch.url",
    "elasticsearch.password",
    "kafka.sasl_password",
    "schema_registry.url",
    "schema_registry.password",
];

/// What one process does. Roles scale apart; two replicas of any of them are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Every role in one process.
    All,
    Api,
    Projector,
    /// Indices and topics, then exit.
    Setup,
    /// A projection anew, then exit.
    Rebuild,
    /// Records that could not be processed, looked through and resolved, then exit.
    DeadLetters,
}

impl Role {
    pub fn serves_api(self) -> bool {
        matches!(self, Self::All | Self::Api)
    }

    pub fn projects(self) -> bool {
        matches!(self, Self::All | Self::Projector)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Projector => "projector",
            Self::Setup => "setup",
            Self::Rebuild => "rebuild",
            Self::DeadLetters => "dead-letters",
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub elasticsearch: ElasticsearchSettings,
    pub kafka: KafkaSettings,
    pub schema_registry: SchemaRegistrySettings,
    pub projector: ProjectorSettings,
    pub cursor: CursorSettings,
    pub consistency: ConsistencySettings,
    pub cache: CacheSettings,
    pub push: PushSettings,
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
    /// Queries in work at once; one more waits, ...
    pub max_in_flight: NonZeroUsize,
    /// ... unless so many do, and is answered 503.
    pub max_waiting: usize,
    /// How long a query waits for its turn before it is answered 503.
    #[serde(with = "duration")]
    pub max_wait: Duration,
    /// How long a query may take beside its wait for a consistency token, before it is answered 503.
    #[serde(with = "duration")]
    pub request_deadline: Duration,
    /// How long a client may take to send a request's head before it is answered 408.
    #[serde(with = "duration")]
    pub slow_client_timeout: Duration,
    /// How long an idle connection stays open.
    #[serde(with = "duration")]
    pub keep_alive: Duration,
    /// Connections at once; more wait to be accepted. A client that is told of changes has one for as long.
    pub max_connections: NonZeroUsize,
    /// Of a request's target and headers together; more is answered 431. Above 128 KiB the server itself answers.
    pub max_head_bytes: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8081,
            workers: None,
            max_in_flight: const { NonZeroUsize::new(1024).unwrap() },
            max_waiting: 256,
            max_wait: Duration::from_millis(250),
            request_deadline: Duration::from_secs(5),
            slow_client_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(75),
            max_connections: const { NonZeroUsize::new(8192).unwrap() },
            max_head_bytes: 32 * 1024,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CursorSettings {
    /// Signs the cursors: the same in every replica, at least 16 bytes. The default is for development only.
    pub secret: SecretString,
    /// How long the point in time of a walk by cursor is kept since the last page of it.
    #[serde(with = "duration")]
    pub point_keep_alive: Duration,
    /// Points in time that a process keeps open at once.
    pub max_points: NonZeroUsize,
}

impl CursorSettings {
    const DEVELOPMENT: &'static str = "query-service-development-only";

    pub fn is_development(&self) -> bool {
        self.secret.expose_secret() == Self::DEVELOPMENT
    }
}

impl Default for CursorSettings {
    fn default() -> Self {
        Self {
            secret: Self::DEVELOPMENT.into(),
            point_keep_alive: Duration::from_secs(120),
            max_points: const { NonZeroUsize::new(200).unwrap() },
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsistencySettings {
    /// Queries that wait for a token at once; one more is answered 503. Below `http.max_in_flight`, so that waiting
    /// queries alone cannot keep others out.
    pub max_waiting: NonZeroUsize,
    /// How often it is asked whether what is waited for can be found by a search.
    #[serde(with = "duration")]
    pub search_check: Duration,
    /// The first and the longest pause between looks at a document whose change nobody announced.
    #[serde(with = "duration")]
    pub recheck_first: Duration,
    #[serde(with = "duration")]
    pub recheck_longest: Duration,
}

impl Default for ConsistencySettings {
    fn default() -> Self {
        Self {
            max_waiting: const { NonZeroUsize::new(512).unwrap() },
            search_check: Duration::from_millis(20),
            recheck_first: Duration::from_millis(50),
            recheck_longest: Duration::from_millis(250),
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

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownSettings {
    /// How long readiness answers 503 before the server stops to accept, so that balancers look elsewhere first.
    #[serde(with = "duration")]
    pub drain_delay: Duration,
    /// How long requests in flight and the projector's batch may take to finish after that.
    #[serde(with = "duration")]
    pub grace_period: Duration,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self {
            drain_delay: Duration::from_millis(500),
            grace_period: Duration::from_secs(35),
        }
    }
}

impl Settings {
    /// Defaults, then the file, then the environment: the later wins.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigurationErrors> {
        let mut errors = Vec::new();
        let mut ours = HashMap::new();
        for (name, value) in environment {
            // One underscore alone (`QUERY_SERVICE_PORT_8081_TCP`, as Kubernetes sets for a service of that name) is not ours.
            let Some(name) = name.to_str().filter(|name| name.starts_with("QUERY_SERVICE__")) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => _ = ours.insert(name.to_owned(), value),
                Err(_) => errors.push(format!("{name}: the value is not UTF-8")),
            }
        }
        let (settings, found) = loading::load::<Self>(file, ours, PREFIX, SECRETS);
        errors.extend(found);
        errors.extend(settings.violations());
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigurationErrors(errors))
        }
    }

    /// What is wrong beyond a value's type.
    fn violations(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut require = |holds: bool, key: &str, rule: String| {
            if !holds {
                let variable = format!("{PREFIX}__{}", key.to_uppercase().replace('.', "__"));
                violations.push(format!("{key} ({variable}): {rule}"));
            }
        };
        require(
            self.cursor.secret.expose_secret().len() >= 16,
            "cursor.secret",
            "at least 16 bytes are needed [masked]".to_owned(),
        );
        require(
            (0.0..=1.0).contains(&self.telemetry.sample_ratio),
            "telemetry.sample_ratio",
            format!("{} is not within 0 and 1", self.telemetry.sample_ratio),
        );
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.telemetry.log) {
            require(false, "telemetry.log", error.to_string());
        }
        require(
            self.consistency.max_waiting < self.http.max_in_flight,
            "consistency.max_waiting",
            format!(
                "{} is not below http.max_in_flight ({})",
                self.consistency.max_waiting, self.http.max_in_flight
            ),
        );
        for (key, url) in [
            ("elasticsearch.url", &self.elasticsearch.url),
            ("schema_registry.url", &self.schema_registry.url),
        ] {
            let usable = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            require(
                usable,
                key,
                "an address of http or https is needed [masked]".to_owned(),
            );
        }
        let protocol = self.kafka.security_protocol.as_str();
        require(
            ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&protocol),
            "kafka.security_protocol",
            format!("{protocol:?} is none of plaintext, ssl, sasl_plaintext and sasl_ssl"),
        );
        require(
            self.kafka.partitions > 0,
            "kafka.partitions",
            format!("{} is not above 0", self.kafka.partitions),
        );
        require(
            self.projector.retry_min <= self.projector.retry_max,
            "projector.retry_min",
            "must not be longer than projector.retry_max".to_owned(),
        );
        for (key, pause) in [
            ("projector.retry_min", self.projector.retry_min),
            ("projector.pause_after", self.projector.pause_after),
            ("projector.gap_check", self.projector.gap_check),
            ("projector.repair_first", self.projector.repair_first),
            (
                "projector.offset_commit_interval",
                self.projector.offset_commit_interval,
            ),
            ("consistency.search_check", self.consistency.search_check),
            ("consistency.recheck_first", self.consistency.recheck_first),
            ("consistency.recheck_longest", self.consistency.recheck_longest),
            ("http.request_deadline", self.http.request_deadline),
            ("push.heartbeat", self.push.heartbeat),
            ("push.catch_up_within", self.push.catch_up_within),
        ] {
            require(!pause.is_zero(), key, "must be longer than nothing".to_owned());
        }
        violations
    }
}
