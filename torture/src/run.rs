//! One run, from nothing to a verdict.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use checker::history::Entry;
use checker::{History, Report};
use stack::Interrupt;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cluster::{self, Cluster};
use crate::faults::{self, Injected, Moment, Rounds};
use crate::gathering;
use crate::options::Options;
use crate::pulse::Pulse;
use crate::recording::Recorder;
use crate::rest;
use crate::tables;
use crate::watching::{Lags, Memory, Rebuilds, Sightings};
use crate::workload::{self, Workload};

/// After the last fault all is to be level within that.
const LEVEL_WITHIN: Duration = Duration::from_secs(180);
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What a run found.
pub struct Found {
    pub history: History,
    pub report: Report,
    pub injected: Vec<Injected>,
    pub memory: Memory,
    pub lasted: Duration,
    /// The faults were asked for by name.
    pub named: bool,
}

impl Found {
    /// What is not as it should be, the first first.
    pub fn wrongs(&self) -> Vec<String> {
        let mut wrongs: Vec<String> = self
            .injected
            .iter()
            .flat_map(|one| {
                let told = |violation| format!("fault {} ({}): {violation}", one.name, one.detail);
                one.violations.iter().map(told)
            })
            .collect();
        let left_out = self
            .injected
            .iter()
            .filter(|_| self.named)
            .filter_map(|one| one.left_out.as_ref().map(|why| (one.name, why)));
        wrongs.extend(left_out.map(|(name, why)| format!("fault {name} was left out: {why}")));
        for verdict in self.report.broken() {
            wrongs.extend(
                verdict
                    .violations
                    .iter()
                    .map(|violation| format!("{} {}: {violation}", verdict.invariant, verdict.name)),
            );
        }
        let may_be_empty: &[&str] = match self.history.rebuilds.is_empty() {
            true => &["I12"],
            false => &[],
        };
        wrongs.extend(
            self.report
                .empty_but_for(may_be_empty)
                .iter()
                .map(|invariant| format!("{invariant}: nothing was compared")),
        );
        wrongs
    }
}

/// Starts everything, and stops it whatever comes of the run.
pub async fn run(options: &Options, interrupt: Interrupt) -> Result<Found> {
    let recorder = Recorder::create(&options.history())?;
    let cluster = Cluster::start(cluster::Options {
        binaries: options.binaries()?,
        old_binaries: options.old_binaries.clone(),
        interrupt: interrupt.clone(),
    })
    .await?;
    let found = tokio::select! {
        found = torture(&cluster, &recorder, options) => found,
        () = raised(&interrupt) => Err(stack::Interrupted.into()),
    };
    if found.is_err() {
        say(&recorder, &format!("logs: {}", cluster.logs().display()));
    }
    say(&recorder, "stopping everything");
    cluster.stop().await?;
    found
}

async fn raised(interrupt: &Interrupt) {
    while !interrupt.is_raised() {
        sleep(Duration::from_millis(100)).await;
    }
}

async fn torture(cluster: &Cluster, recorder: &Recorder, options: &Options) -> Result<Found> {
    let pulse = Pulse::start(recorder, cluster.command_apis(), cluster.query_apis()).await?;
    let mut workload = Workload::start(
        recorder,
        cluster.command_apis(),
        cluster.query_apis(),
        workload::Options {
            seed: options.seed,
            clients: options.clients(),
            rate: options.rate(),
            readers: options.readers,
            reads: options.reads,
        },
    )
    .await?;
    let began = Instant::now();
    let stop = CancellationToken::new();
    let memory = Memory::default();
    let mut watching = JoinSet::new();
    let shop = workload.shop().clone();
    let sightings = Sightings::new(recorder, cluster.elasticsearch_url(), &shop, options.seed)?;
    watching.spawn(sightings.look(stop.clone()));
    watching.spawn(Lags::new(cluster, recorder)?.watch(stop.clone()));
    watching.spawn(Rebuilds::new(cluster, recorder).order(options.duration(), stop.clone()));
    watching.spawn(tell(recorder.clone(), stop.clone()));
    let until_the_end = CancellationToken::new();
    let watching_memory = tokio::spawn(memory.clone().watch(until_the_end.clone()));

    let injected = break_things(cluster, &pulse, recorder, options).await?;
    let last_healed = injected.iter().map(|one| one.healed).max();
    let lasted = began.elapsed();

    say(recorder, "no more faults; the clients finish");
    workload.stop_asking().await?;
    pulse.stop().await;
    stop.cancel();
    while let Some(ended) = watching.join_next().await {
        ended.context("somebody who watched failed")?;
    }
    say(recorder, "waiting for rest");
    let rest = rest::wait(cluster, recorder, last_healed.unwrap_or(began), LEVEL_WITHIN).await?;
    match &rest.level_at {
        Some(_) => say(recorder, "all is level"),
        None => say(recorder, &format!("not level: {}", rest.detail)),
    }
    recorder.note(Entry::Rest(rest));
    workload.stop_listening().await?;
    until_the_end.cancel();
    watching_memory.await?;
    say(recorder, "gathering what stands in the stores");
    gathering::gather(cluster, recorder).await?;
    say(recorder, "checking");
    let history = recorder.history()?;
    let report = checker::check(&history);
    Ok(Found {
        history,
        report,
        injected,
        memory,
        lasted,
        named: options.names_faults(),
    })
}

async fn break_things(
    cluster: &Cluster,
    pulse: &Pulse,
    recorder: &Recorder,
    options: &Options,
) -> Result<Vec<Injected>> {
    let selected = options.faults()?;
    if selected.is_empty() {
        sleep(options.duration()).await;
        return Ok(Vec::new());
    }
    let progress = |moment: Moment<'_>| match moment {
        Moment::Begins(names) => say(recorder, &names.join(" + ")),
        Moment::Ends(one) => say(recorder, &tables::of_a_fault(one)),
    };
    let rounds = Rounds::new(options.seed, &selected, options.one_at_a_time);
    faults::run_schedule(cluster, pulse, recorder, rounds, options.duration(), &progress).await
}

/// A line now and then that says how many requests there were.
async fn tell(recorder: Recorder, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(SAY_EVERY)).await.is_some() {
        say(&recorder, &recorder.counts().to_string());
    }
}

pub fn say(recorder: &Recorder, line: &str) {
    let seconds = recorder.now() / 1_000_000;
    println!("{:3}:{:02}  {line}", seconds / 60, seconds % 60);
}
