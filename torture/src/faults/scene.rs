//! What a fault has at hand while it acts, and what it tells.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use e2e::dice::Dice;
use tokio::time::sleep;

use super::probing::Probes;
use super::recovery::{RECOVERY, Sign};
use crate::cluster::Cluster;
use crate::pulse::Pulse;
use crate::recording::Recorder;

/// One fault's turn. Cheap to clone.
#[derive(Clone)]
pub struct Scene(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    pulse: Pulse,
    recorder: Recorder,
    probes: Probes,
    alone: bool,
    /// How long what takes minutes in the full size may be held.
    longest: Duration,
    dice: Mutex<Dice>,
    told: Mutex<Told>,
}

/// What became of it.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub detail: String,
    pub began: Option<Instant>,
    pub healed: Option<(Instant, Sign)>,
    /// The sign was seen already, so long after the healing.
    pub recovered: Option<Duration>,
    /// Expected behaviour that was not seen.
    pub violations: Vec<String>,
    /// Why it could not be done on this machine.
    pub left_out: Option<String>,
}

impl Scene {
    pub fn new(
        cluster: &Cluster,
        pulse: &Pulse,
        recorder: &Recorder,
        probes: &Probes,
        dice: Dice,
        alone: bool,
        longest: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            cluster: cluster.clone(),
            pulse: pulse.clone(),
            recorder: recorder.clone(),
            probes: probes.clone(),
            alone,
            longest,
            dice: Mutex::new(dice),
            told: Mutex::default(),
        }))
    }

    pub fn cluster(&self) -> &Cluster {
        &self.0.cluster
    }

    pub fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }

    pub fn recorder(&self) -> &Recorder {
        &self.0.recorder
    }

    pub fn probes(&self) -> &Probes {
        &self.0.probes
    }

    /// No other fault is on: what it does to others can be told, too.
    pub fn is_alone(&self) -> bool {
        self.0.alone
    }

    pub fn longest(&self) -> Duration {
        self.0.longest
    }

    pub fn roll(&self, below: usize) -> usize {
        lock(&self.0.dice).roll(below)
    }

    pub fn one_of<'a, T>(&self, choices: &'a [T]) -> Result<&'a T> {
        match choices {
            [] => bail!("nothing to choose from"),
            _ => Ok(&choices[self.roll(choices.len())]),
        }
    }

    /// A span from `least` to `most` milliseconds.
    pub fn span(&self, least: usize, most: usize) -> Duration {
        Duration::from_millis((least + self.roll(most - least + 1)) as u64)
    }

    pub async fn hold(&self, least: usize, most: usize) {
        sleep(self.span(least, most)).await;
    }

    /// From here on the system may be broken: told before anything is done, for what fails meanwhile fails by it.
    pub fn began(&self, detail: impl Into<String>) -> Instant {
        let now = Instant::now();
        let mut told = lock(&self.0.told);
        told.began = Some(now);
        told.detail = detail.into();
        now
    }

    /// From here on everything may work again; `sign` is what shows that it does.
    pub fn healed(&self, sign: Sign) {
        self.healed_at(Instant::now(), sign);
    }

    pub fn healed_at(&self, moment: Instant, sign: Sign) {
        lock(&self.0.told).healed = Some((moment, sign));
    }

    /// As `healed_at`, and waits for the sign where nothing else is on, before anything else is looked at: that would count
    /// as time that it took.
    pub async fn overcome(&self, moment: Instant, sign: Sign) {
        self.healed_at(moment, sign);
        if self.is_alone()
            && let Ok(after) = sign.seen(self.cluster(), self.pulse(), moment, RECOVERY).await
        {
            lock(&self.0.told).recovered = Some(after);
        }
    }

    /// Others have overcome it while it was still on.
    pub fn taken_over(&self, after: Option<Duration>) {
        lock(&self.0.told).recovered = after;
    }

    /// Notes a violation unless `holds`.
    pub fn expect(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            lock(&self.0.told).violations.push(otherwise());
        }
    }

    /// Notes a violation where an expected behaviour was not seen. With others on, it may be theirs: then it says nothing.
    pub fn expect_alone<T>(&self, seen: Result<T>, what: &str) {
        if let Err(error) = seen
            && self.0.alone
        {
            lock(&self.0.told).violations.push(format!("{what}: {error:#}"));
        }
    }

    /// It cannot be done on this machine or in this run.
    pub fn left_out(&self, reason: &str) {
        lock(&self.0.told).left_out = Some(reason.to_owned());
    }

    pub fn told(&self) -> Told {
        lock(&self.0.told).clone()
    }

    /// Commands succeed although something is broken that they do not need.
    pub async fn commands_go_on(&self) {
        let since = Instant::now();
        let next = self.pulse().next_write(since, Duration::from_secs(5)).await;
        self.expect_alone(next, "commands go on");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
