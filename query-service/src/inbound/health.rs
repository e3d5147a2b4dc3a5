//! Whether this process lives, and whether it should get requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::settings::Role;

/// A dependency that takes longer than this is down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

type Probe = Box<dyn Fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> + Send + Sync>;

/// Something outside this process that it needs.
pub struct Dependency {
    name: &'static str,
    required: bool,
    probe: Probe,
}

impl Dependency {
    /// `required`: without it the process should get no requests.
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

    async fn look(&self) -> DependencyState {
        let begun = Instant::now();
        let answer = tokio::time::timeout(PROBE_TIMEOUT, (self.probe)()).await;
        let status = match answer {
            Ok(Ok(())) => DependencyStatus::Up,
            Ok(Err(error)) => {
                tracing::warn!(dependency = self.name, "down: {error:#}");
                DependencyStatus::Down
            }
            Err(_) => {
                tracing::warn!(dependency = self.name, "down: no answer within {PROBE_TIMEOUT:?}");
                DependencyStatus::Down
            }
        };
        DependencyState {
            name: self.name,
            status,
            required: self.required,
            latency_ms: begun.elapsed().as_secs_f64() * 1_000.0,
        }
    }
}

type Figure = Box<dyn Fn() -> String + Send + Sync>;
type Gauges = Box<dyn Fn() + Send + Sync>;

pub struct Health {
    pub role: Role,
    begun: Instant,
    stopping: AtomicBool,
    dependencies: Vec<Dependency>,
    figures: Vec<(&'static str, Figure)>,
    gauges: Vec<Gauges>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Readiness {
    pub status: ReadinessStatus,
    pub dependencies: Vec<DependencyState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessStatus {
    Ready,
    NotReady,
    Stopping,
}

impl ReadinessStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Stopping => "stopping",
        }
    }
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DependencyState {
    #[schema(example = "elasticsearch")]
    pub name: &'static str,
    pub status: DependencyStatus,
    /// Without it the process is not ready.
    pub required: bool,
    pub latency_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DependencyStatus {
    Up,
    Down,
}

impl Health {
    pub fn new(role: Role, dependencies: Vec<Dependency>) -> Self {
        Self {
            role,
            begun: Instant::now(),
            stopping: AtomicBool::new(false),
            dependencies,
            figures: Vec::new(),
            gauges: Vec::new(),
        }
    }

    /// Adds a line to the page, such as the projector's lag.
    pub fn with_figure(
        mut self,
        name: &'static str,
        figure: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        self.figures.push((name, Box::new(figure)));
        self
    }

    /// Adds gauges that grow by themselves: they are set for each scrape.
    pub fn with_gauges(mut self, set: impl Fn() + Send + Sync + 'static) -> Self {
        self.gauges.push(Box::new(set));
        self
    }

    pub fn set_gauges(&self) {
        for set in &self.gauges {
            set();
        }
    }

    pub fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// From now on the process is not ready, whatever its dependencies do.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn figures(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.figures.iter().map(|(name, figure)| (*name, figure()))
    }

    pub async fn readiness(&self) -> Readiness {
        let dependencies = join_all(self.dependencies.iter().map(Dependency::look)).await;
        let down = |state: &DependencyState| state.required && state.status == DependencyStatus::Down;
        let status = if self.is_stopping() {
            ReadinessStatus::Stopping
        } else if dependencies.iter().any(down) {
            ReadinessStatus::NotReady
        } else {
            ReadinessStatus::Ready
        };
        Readiness { status, dependencies }
    }
}
