//! More than a service can take: what comes of it, how the others fare, and how soon it is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use stack::ServiceProcess;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

pub mod subjects;

pub const OVERLOADED: &str = "/problems/overloaded";
/// How often the next requests are sent, and health is asked.
const TICK: Duration = Duration::from_millis(10);
/// Requests that are under way at most: far more than a service lets in.
const UNDER_WAY: usize = 1_000;
const AT_LEAST_ONE_WITHIN: Duration = Duration::from_secs(60);
/// Below it nothing is refused on a machine that has no time for its own servers.
const AT_LEAST_PER_SECOND: f64 = 100.0;
/// An answer that is not late.
const IN_TIME: Duration = Duration::from_secs(1);

/// A connection that a client has opened and not used is ended by the services with 408 after five seconds, which must not
/// be taken for the answer to a request.
const UNUSED: Duration = Duration::from_secs(2);

/// A client for loads.
pub fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().pool_idle_timeout(UNUSED).build()?)
}

/// Makes the requests of a load.
pub type Ask = Arc<dyn Fn() -> RequestBuilder + Send + Sync>;

/// What became of the requests of a load.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Of those that were done: when, since the start, how long it took, and the id in the answer, if there is one.
    pub done: Vec<(Duration, Duration, Option<Uuid>)>,
    /// When those were answered that were refused as they should be: 503 with `Retry-After`, of these problem types; or 408
    /// without a body.
    pub refused: Vec<(Duration, String)>,
    /// Everything else: there should be none.
    pub unexpected: Vec<String>,
    pub took: Duration,
}

impl Outcomes {
    /// Requests done in a second.
    pub fn goodput(&self) -> f64 {
        self.done.len() as f64 / self.took.as_secs_f64()
    }

    /// In milliseconds, of those that were done.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut took: Vec<Duration> = self.done.iter().map(|(_, took, _)| *took).collect();
        took.sort();
        let at = (took.len().saturating_sub(1) as f64 * share).round() as usize;
        took.get(at).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    }

    pub fn refused_as(&self, kind: &str) -> usize {
        self.refused.iter().filter(|(_, found)| found == kind).count()
    }

    /// Those of which nobody knows whether they were carried out.
    pub fn unknown(&self) -> usize {
        self.refused_as("/problems/unavailable") + self.refused_as("/problems/deadline-exceeded")
    }

    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.done.iter().filter_map(|(.., id)| *id)
    }

    /// How many were refused, by problem type.
    pub fn refusals(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for (_, kind) in &self.refused {
            *counts.entry(kind.as_str()).or_default() += 1;
        }
        counts
    }

    /// When the last request was answered that was not done, or late.
    pub fn normal_after(&self) -> Duration {
        let late = self
            .done
            .iter()
            .filter(|(_, took, _)| *took > IN_TIME)
            .map(|(at, ..)| *at);
        let refused = self.refused.iter().map(|(at, _)| *at);
        refused.chain(late).max().unwrap_or_default()
    }

    fn take_in(&mut self, at: Duration, took: Duration, outcome: Result<Outcome>) {
        match outcome {
            Ok(Outcome::Done(id)) => self.done.push((at, took, id)),
            Ok(Outcome::Refused(kind)) => self.refused.push((at, kind)),
            Err(error) => self.unexpected.push(format!("{error:#}")),
        }
    }
}

enum Outcome {
    Done(Option<Uuid>),
    Refused(String),
}

async fn outcome(request: RequestBuilder) -> Result<Outcome> {
    let response = request.send().await?;
    let status = response.status();
    let retry_after = response.headers().contains_key("retry-after");
    let body = response.bytes().await?;
    let json = |body: &[u8]| -> Result<Value> {
        serde_json::from_slice(body).with_context(|| format!("{status}, not JSON"))
    };
    if status.is_success() {
        let body = json(&body)?;
        let id = body["id"].as_str().map(str::parse).transpose()?;
        return Ok(Outcome::Done(id));
    }
    // The service had no time to read it.
    if status == StatusCode::REQUEST_TIMEOUT && body.is_empty() {
        return Ok(Outcome::Refused(status.to_string()));
    }
    let body = json(&body)?;
    ensure!(
        status == StatusCode::SERVICE_UNAVAILABLE && retry_after,
        "{status}, Retry-After: {retry_after}: {body}"
    );
    let kind = body["type"].as_str().context("a problem has a type")?;
    Ok(Outcome::Refused(kind.to_owned()))
}

/// As many clients as keep all places taken: the most that is done when nobody asks for more. Each goes on until something
/// of it was done, a minute at most.
pub async fn at_capacity(ask: &Ask, clients: usize, lasts: Duration) -> Outcomes {
    let started = Instant::now();
    let clients = (0..clients).map(|_| async {
        let mut seen = Outcomes::default();
        while started.elapsed() < lasts || (seen.done.is_empty() && started.elapsed() < AT_LEAST_ONE_WITHIN) {
            let sent = Instant::now();
            let outcome = outcome(ask()).await;
            let is_refused = matches!(outcome, Ok(Outcome::Refused(_)));
            seen.take_in(started.elapsed(), sent.elapsed(), outcome);
            if is_refused {
                // Sooner than the answer asks for, but not at once.
                tokio::time::sleep(TICK).await;
            }
        }
        seen
    });
    let mut all = Outcomes::default();
    for seen in join_all(clients).await {
        all.done.extend(seen.done);
        all.refused.extend(seen.refused);
        all.unexpected.extend(seen.unexpected);
    }
    all.took = started.elapsed();
    all
}

/// So many requests in each second, whatever becomes of those before them.
pub async fn at_rate(ask: &Ask, per_second: f64, lasts: Duration) -> Outcomes {
    let started = Instant::now();
    let under_way = Arc::new(Semaphore::new(UNDER_WAY));
    let mut requests = JoinSet::new();
    let mut all = Outcomes::default();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0_u64;
    while started.elapsed() < lasts {
        ticks.tick().await;
        let due = (started.elapsed().as_secs_f64() * per_second) as u64;
        for _ in sent..due {
            let Ok(place) = Arc::clone(&under_way).try_acquire_owned() else {
                break;
            };
            let ask = Arc::clone(ask);
            requests.spawn(async move {
                let _place = place;
                let sent = Instant::now();
                let outcome = outcome(ask()).await;
                (started.elapsed(), sent.elapsed(), outcome)
            });
        }
        sent = due;
        while let Some(Ok((at, took, outcome))) = requests.try_join_next() {
            all.take_in(at, took, outcome);
        }
    }
    while let Some(Ok((at, took, outcome))) = requests.join_next().await {
        all.take_in(at, took, outcome);
    }
    // With what was under way, and the time that it took.
    all.took = started.elapsed();
    all
}

/// How health answered under load. Liveness was always 200.
#[derive(Debug, Default, Clone, Copy)]
pub struct Health {
    pub asked: usize,
    pub slowest: Duration,
    /// How often it was not ready.
    pub not_ready: usize,
    /// How often there was no answer at all.
    pub silent: usize,
}

/// What `during` answers, and how health answered meanwhile.
pub async fn with_health_asked<T>(base: &str, during: impl Future<Output = T>) -> Result<(T, Health)> {
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    // As a prober does it: each over a connection of its own.
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(10))
        .build()?;
    let asking = async {
        let mut seen = Health::default();
        while !*stopped.borrow() {
            for path in ["/health/live", "/health/ready"] {
                let sent = Instant::now();
                let answer = client.get(format!("{base}{path}")).send().await;
                seen.asked += 1;
                seen.slowest = seen.slowest.max(sent.elapsed());
                let Ok(status) = answer.map(|answer| answer.status()) else {
                    seen.silent += 1;
                    continue;
                };
                ensure!(
                    status == StatusCode::OK || path == "/health/ready",
                    "{path}: {status} under load"
                );
                seen.not_ready += usize::from(status != StatusCode::OK);
            }
            _ = tokio::time::timeout(TICK * 10, stopped.changed()).await;
        }
        Ok(seen)
    };
    let working = async {
        let done = during.await;
        stop.send_replace(true);
        Ok(done)
    };
    tokio::try_join!(working, asking)
}

/// Memory of a process, in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub now: u64,
    pub most: u64,
}

/// 0 where `/proc` does not tell.
pub fn memory(process: &ServiceProcess) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap_or_default();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    };
    Memory {
        now: mib("VmRSS:"),
        most: mib("VmHWM:"),
    }
}

/// One figure of a process, all its labels added up.
pub async fn figure(base: &str, name: &str) -> Result<f64> {
    let text = reqwest::get(format!("{base}/metrics")).await?.text().await?;
    let mut sum = None;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(name) else {
            continue;
        };
        if rest.starts_with(' ') || rest.starts_with('{') {
            let value: f64 = rest.rsplit(' ').next().context("a value")?.parse()?;
            sum = Some(sum.unwrap_or(0.0) + value);
        }
    }
    sum.with_context(|| format!("{base} has no {name}"))
}

/// What overload at `times` the capacity came to.
#[derive(Debug)]
pub struct Overloaded {
    pub warm: Outcomes,
    pub peak: Outcomes,
    pub overload: Outcomes,
    pub afterwards: Outcomes,
    pub health: Health,
}

/// How long each part lasts.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    pub peak: Duration,
    pub overload: Duration,
    pub afterwards: Duration,
}

/// Measures the peak with `clients` that ask one thing after the other, asks `times` as much, then half of the peak.
pub async fn overload(base: &str, ask: &Ask, clients: usize, times: f64, parts: Parts) -> Result<Overloaded> {
    // Connections are made and everything is met once.
    let warm = at_capacity(ask, clients, Duration::from_millis(500)).await;
    let peak = at_capacity(ask, clients, parts.peak).await;
    let rate = peak.goodput();
    let (overload, health) = with_health_asked(
        base,
        at_rate(ask, (rate * times).max(AT_LEAST_PER_SECOND), parts.overload),
    )
    .await?;
    let mut afterwards = at_rate(ask, rate / 2.0, parts.afterwards).await;
    let last = at_capacity(ask, 1, Duration::ZERO).await;
    afterwards.unexpected.extend(last.unexpected);
    afterwards.done.extend(last.done);
    afterwards.refused.extend(last.refused);
    for part in [&warm, &peak, &overload, &afterwards] {
        ensure!(
            part.unexpected.is_empty(),
            "{} unexpected answers, such as {}",
            part.unexpected.len(),
            part.unexpected[0]
        );
    }
    Ok(Overloaded {
        warm,
        peak,
        overload,
        afterwards,
        health,
    })
}

impl Overloaded {
    pub fn parts(&self) -> impl Iterator<Item = &Outcomes> {
        [&self.warm, &self.peak, &self.overload, &self.afterwards].into_iter()
    }

    /// What must hold where the machine has no other work.
    pub fn is_borne(&self) -> Result<()> {
        ensure!(
            self.peak.refused.is_empty(),
            "refused at the peak: {:?}",
            self.peak.refusals()
        );
        ensure!(self.ratio() >= 0.9, "{:.2} of the peak were done", self.ratio());
        ensure!(
            self.overload.refusals().keys().eq(&[OVERLOADED]),
            "refused as {:?}",
            self.overload.refusals()
        );
        ensure!(
            self.health.slowest <= IN_TIME && self.health.not_ready + self.health.silent == 0,
            "{:?}",
            self.health
        );
        ensure!(
            self.afterwards.normal_after() <= Duration::from_secs(5),
            "normal only {:?} after the end",
            self.afterwards.normal_after()
        );
        Ok(())
    }

    /// What was done of what was asked for, in relation to the peak.
    pub fn ratio(&self) -> f64 {
        self.overload.goodput() / self.peak.goodput()
    }

    pub fn printed(&self) -> String {
        format!(
            "peak {:.0}/s (p50 {:.0} ms, p99 {:.0} ms); asked for {:.0}/s: {:.0}/s done (p50 {:.0} ms, p99 {:.0} ms), {:.0} % of \
             the peak, {:?} refused; health within {:.0?}; normal {:.1?} after the end",
            self.peak.goodput(),
            self.peak.quantile(0.5),
            self.peak.quantile(0.99),
            (self.overload.done.len() + self.overload.refused.len()) as f64
                / self.overload.took.as_secs_f64(),
            self.overload.goodput(),
            self.overload.quantile(0.5),
            self.overload.quantile(0.99),
            100.0 * self.ratio(),
            self.overload.refusals(),
            self.health.slowest,
            self.afterwards.normal_after(),
        )
    }
}
