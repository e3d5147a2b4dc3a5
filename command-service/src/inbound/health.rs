//! How this process and what it depends on are doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::application::backlog::SeenBacklog;
use crate::application::ports::{Backlog, Waiting};
use crate::settings::Role;

/// A dependency that does not answer within this is down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Probes are not repeated within this, so that whoever polls the page puts no load on the dependencies.
const FRESH: Duration = Duration::from_millis(500);

type HeldBuckets = Box<dyn Fn() -> Vec<u16> + Send + Sync>;

type Probe<T> = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<T>> + Send + Sync>;

/// Something this process needs.
pub struct Dependency {
    name: &'static str,
    /// Whether this process is not ready without it. The command API works without Kafka.
    required: bool,
    probe: Probe<()>,
}

impl Dependency {
    pub fn new<F>(name: &'static str, required: bool, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self {
            name,
            required,
            probe: Box::new(move || Box::pin(probe())),
        }
    }

    async fn check(&self) -> DependencyReport {
        let started = Instant::now();
        let answer = tokio::time::timeout(PROBE_TIMEOUT, (self.probe)()).await;
        let status = match answer {
            Ok(Ok(())) => DependencyStatus::Up,
            Ok(Err(error)) => {
                // At debug: whoever uses the dependency reports its failure.
                tracing::debug!(
                    dependency = self.name,
                    error = format!("{error:#}"),
                    "probe failed"
                );
                DependencyStatus::Down
            }
            Err(_) => DependencyStatus::Down,
        };
        DependencyReport {
            name: self.name,
            status,
            required: self.required,
            latency_ms: started.elapsed().as_secs_f64() * 1000.0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DependencyStatus {
    Up,
    Down,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DependencyReport {
    #[schema(example = "database")]
    pub name: &'static str,
    pub status: DependencyStatus,
    /// Whether this process is not ready without it.
    pub required: bool,
    pub latency_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessStatus {
    Ready,
    NotReady,
    /// The process was asked to stop: it finishes what it has and takes nothing new.
    Stopping,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    pub status: ReadinessStatus,
    pub dependencies: Vec<DependencyReport>,
}

/// One for each process.
pub struct Health {
    pub role: Role,
    started: Instant,
    stopping: AtomicBool,
    dependencies: Vec<Dependency>,
    backlog: Option<Probe<Backlog>>,
    pub seen_backlog: Arc<SeenBacklog>,
    queue: Option<Probe<Vec<Waiting>>>,
    /// The buckets that each role of this process holds.
    leases: Vec<(&'static str, HeldBuckets)>,
    last: Mutex<Option<(Instant, Vec<DependencyReport>)>>,
}

impl Health {
    pub fn new(role: Role, dependencies: Vec<Dependency>) -> Self {
        Self {
            role,
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            dependencies,
            backlog: None,
            seen_backlog: Arc::default(),
            queue: None,
            leases: Vec::new(),
            last: Mutex::new(None),
        }
    }

    /// Where the outbox's depth and age come from.
    pub fn with_backlog<F>(mut self, backlog: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<Backlog>> + Send + 'static,
    {
        self.backlog = Some(Box::new(move || Box::pin(backlog())));
        self
    }

    /// What tells how many commands wait, and for how long.
    pub fn with_queue<F>(mut self, queue: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<Vec<Waiting>>> + Send + 'static,
    {
        self.queue = Some(Box::new(move || Box::pin(queue())));
        self
    }

    /// The buckets that `role` holds in this process.
    pub fn with_leases(
        mut self,
        role: &'static str,
        leases: impl Fn() -> Vec<u16> + Send + Sync + 'static,
    ) -> Self {
        self.leases.push((role, Box::new(leases)));
        self
    }

    /// From now on the process is not ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub async fn readiness(&self) -> Readiness {
        let dependencies = self.dependencies().await;
        let missing = |report: &DependencyReport| report.required && report.status == DependencyStatus::Down;
        let status = if self.is_stopping() {
            ReadinessStatus::Stopping
        } else if dependencies.iter().any(missing) {
            ReadinessStatus::NotReady
        } else {
            ReadinessStatus::Ready
        };
        Readiness { status, dependencies }
    }

    async fn dependencies(&self) -> Vec<DependencyReport> {
        // Held while probing: those who ask meanwhile wait for the same answer.
        let mut last = self.last.lock().await;
        if let Some((at, reports)) = &*last
            && at.elapsed() < FRESH
        {
            return reports.clone();
        }
        let reports = join_all(self.dependencies.iter().map(Dependency::check)).await;
        *last = Some((Instant::now(), reports.clone()));
        reports
    }

    /// `None` where it cannot be told: an old figure could be below the truth.
    pub async fn backlog(&self) -> Option<Backlog> {
        let probe = self.backlog.as_ref()?;
        let asked = tokio::time::Instant::now();
        let backlog = tokio::time::timeout(PROBE_TIMEOUT, probe()).await.ok()?.ok()?;
        self.seen_backlog.see(asked, backlog);
        Some(backlog)
    }

    /// `None` where it cannot be told.
    pub async fn queue(&self) -> Option<Vec<Waiting>> {
        let probe = self.queue.as_ref()?;
        tokio::time::timeout(PROBE_TIMEOUT, probe()).await.ok()?.ok()
    }

    /// The buckets that each role holds which shares work; empty where this process has none.
    pub fn leases(&self) -> Vec<(&'static str, Vec<u16>)> {
        self.leases
            .iter()
            .map(|(role, leases)| (*role, leases()))
            .collect()
    }
}
