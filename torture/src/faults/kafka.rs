//! Brokers killed and frozen, a topic deleted, a consumer group that finds no rest.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use shared_events::AggregateType;
use shared_events::topic::DEAD_LETTERS;
use tokio::time::sleep;

use super::recovery::Sign;
use super::scene::Scene;
use super::topics;
use crate::cluster::{Process, Role, Service, Way};

/// How soon the figures show that events do not get out.
const ALARM_WITHIN: Duration = Duration::from_secs(10);
/// What is committed while a group finds no rest is shown by then.
const PROGRESS_WITHIN: Duration = Duration::from_secs(15);

pub async fn broker_killed(scene: Scene) -> Result<()> {
    let broker = scene.one_of(scene.cluster().brokers())?.clone();
    scene.began(broker.name());
    broker.kill().await?;
    let since = Instant::now();
    scene.commands_go_on().await;
    let next = scene.pulse().next_visible(since, Duration::from_secs(15));
    scene.expect_alone(next.await, "two brokers go on without the third");
    scene.hold(0, 2_000).await;
    broker.start().await?;
    scene.healed(Sign::Visible);
    Ok(())
}

pub async fn two_brokers_killed(scene: Scene) -> Result<()> {
    let brokers = two(&scene)?;
    scene.began(names(&brokers));
    for broker in &brokers {
        broker.kill().await?;
    }
    scene.commands_go_on().await;
    scene.hold(1_000, 4_000).await;
    scene.commands_go_on().await;
    if scene.is_alone() {
        let waiting = scene.cluster().database().await?;
        let waiting: i64 = waiting
            .query_one("SELECT count(*) FROM outbox", &[])
            .await?
            .get(0);
        scene.expect(waiting > 0, || {
            "nothing waits in the outbox while one broker of three is left".to_owned()
        });
    }
    let [one, other] = &brokers;
    tokio::try_join!(one.start(), other.start())?;
    scene.healed(Sign::Published);
    Ok(())
}

pub async fn brokers_frozen(scene: Scene) -> Result<()> {
    let brokers = two(&scene)?;
    let times = 2 + scene.roll(2);
    scene.began(format!("{}, {times} times", names(&brokers)));
    for _ in 0..times {
        for broker in &brokers {
            broker.freeze()?;
        }
        scene.commands_go_on().await;
        scene.hold(500, 2_500).await;
        for broker in &brokers {
            broker.thaw()?;
        }
        scene.hold(100, 600).await;
    }
    scene.healed(Sign::Published);
    Ok(())
}

/// The figures raise the alarm, and what an operator is told to do brings the topic back.
pub async fn topic_deleted(scene: Scene) -> Result<()> {
    let aggregates = [
        AggregateType::Product,
        AggregateType::Customer,
        AggregateType::Invoice,
        AggregateType::OrderForDelivery,
        AggregateType::Order,
    ];
    let aggregate = *scene.one_of(&aggregates)?;
    scene.began(aggregate.topic());
    topics::delete(scene.cluster(), aggregate.topic()).await?;
    let alarm = alarm_of_outbox(&scene).await;
    scene.expect_alone(alarm, "the loss shows in the figures");
    scene.commands_go_on().await;
    let arguments = ["republish", "--aggregate", aggregate.as_str()];
    scene.cluster().tool(Service::Command, &arguments).await?;
    scene.healed(Sign::Published);
    Ok(())
}

/// Either how long the oldest row waits, or failures of the relay that grow.
async fn alarm_of_outbox(scene: &Scene) -> Result<()> {
    let since = Instant::now();
    let mut at_first = None;
    loop {
        let mut failures = 0.0;
        let mut oldest: f64 = 0.0;
        for process in scene.cluster().replicas(Role::Relay) {
            let base = process.address();
            failures += scene
                .probes()
                .figure(&base, "relay_failures_total")
                .await?
                .unwrap_or_default();
            let age = scene.probes().figure(&base, "outbox_oldest_age_seconds").await?;
            oldest = oldest.max(age.unwrap_or_default());
        }
        let before = *at_first.get_or_insert(failures);
        if failures > before || oldest > 3.0 {
            return Ok(());
        }
        ensure!(
            since.elapsed() < ALARM_WITHIN,
            "oldest row {oldest} s, {failures} failures after {ALARM_WITHIN:?}"
        );
        sleep(Duration::from_millis(200)).await;
    }
}

/// One projector joins and leaves every two seconds.
pub async fn group_churn(scene: Scene) -> Result<()> {
    let process = one_projector(&scene)?;
    scene.began(process.name());
    let times = 3 + scene.roll(2);
    for _ in 0..times {
        let shown = scene.pulse().next_visible(Instant::now(), PROGRESS_WITHIN);
        let (turned, shown) = tokio::join!(leave_and_join(&process), shown);
        turned?;
        scene.expect_alone(shown, "progress goes on meanwhile");
    }
    scene.healed(Sign::Visible);
    Ok(())
}

async fn leave_and_join(process: &Process) -> Result<()> {
    let turn = Instant::now();
    process.terminate(Duration::from_secs(40)).await?;
    sleep(Duration::from_secs(2).saturating_sub(turn.elapsed())).await;
    let turn = Instant::now();
    process.spawn()?;
    process.await_health("live", Duration::from_secs(30)).await?;
    sleep(Duration::from_secs(2).saturating_sub(turn.elapsed())).await;
    Ok(())
}

/// Elasticsearch takes longer than the poll interval for each answer: partitions are paused, and nobody leaves the group.
pub async fn projector_slow(scene: Scene) -> Result<()> {
    let before = topics::members(scene.cluster()).await?;
    let letters = topics::count(scene.cluster(), DEAD_LETTERS).await?;
    scene.began("three seconds for each piece of an answer");
    scene
        .cluster()
        .to_elasticsearch()
        .set(Way::Slow(Duration::from_secs(3)));
    // The poll interval is eight seconds.
    let paused = pauses(&scene, scene.span(11_000, 13_000)).await?;
    scene.commands_go_on().await;
    let after = topics::members(scene.cluster()).await?;
    if scene.is_alone() {
        scene.expect(paused, || "no partition was paused".to_owned());
        scene.expect(!before.is_empty(), || {
            "no projector was in its group before".to_owned()
        });
        let gone = before.iter().filter(|member| !after.contains(member)).count();
        scene.expect(gone == 0, || {
            format!("{gone} of {} members were put out of their groups", before.len())
        });
        let more = topics::count(scene.cluster(), DEAD_LETTERS).await? - letters;
        scene.expect(more == 0, || format!("{more} dead letters"));
    }
    scene.cluster().to_elasticsearch().set(Way::Open);
    scene.healed(Sign::Visible);
    Ok(())
}

/// Whether any projector says so within `lasting`, which passes in any case.
async fn pauses(scene: &Scene, lasting: Duration) -> Result<bool> {
    let end = Instant::now() + lasting;
    let mut paused = false;
    while Instant::now() < end {
        for process in scene.cluster().replicas(Role::Projector) {
            let told = scene
                .probes()
                .figure(&process.address(), "projector_paused")
                .await?;
            paused |= told > Some(0.0);
        }
        sleep(Duration::from_millis(250)).await;
    }
    Ok(paused)
}

fn one_projector(scene: &Scene) -> Result<Process> {
    Ok(scene.one_of(&scene.cluster().replicas(Role::Projector))?.clone())
}

fn two(scene: &Scene) -> Result<[Process; 2]> {
    let brokers = scene.cluster().brokers();
    let spared = scene.roll(brokers.len());
    let broken: Vec<Process> = brokers
        .iter()
        .enumerate()
        .filter(|(number, _)| *number != spared)
        .map(|(_, broker)| broker.clone())
        .take(2)
        .collect();
    broken.try_into().ok().context("not three brokers")
}

fn names(brokers: &[Process]) -> String {
    let names: Vec<&str> = brokers.iter().map(Process::name).collect();
    names.join(" and ")
}
