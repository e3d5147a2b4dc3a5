//! The schema registry away: when a role starts, and in mid-run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use shared_events::topic::DEAD_LETTERS;
use tokio::time::sleep;

use super::recovery::Sign;
use super::scene::Scene;
use super::topics;
use super::unknown_schema::{self, WAITS_WITHIN};
use crate::cluster::Role;

const LIVE_WITHIN: Duration = Duration::from_secs(10);

/// A relay or a projector that is started meanwhile lives and waits, and goes on when the registry is back.
pub async fn down_at_start(scene: Scene) -> Result<()> {
    let role = *scene.one_of(&[Role::Relay, Role::Projector])?;
    let replicas = scene.cluster().replicas(role);
    let process = scene.one_of(&replicas)?.clone();
    scene.began(process.name());
    scene.cluster().registry().kill().await?;
    process.kill().await?;
    process.spawn()?;
    let lives = process.await_health("live", LIVE_WITHIN).await;
    scene.expect_alone(lives, "it starts without the registry");
    scene.commands_go_on().await;
    scene.hold(500, 2_000).await;
    scene.cluster().registry().start().await?;
    let sign = match role {
        Role::Relay => Sign::Published,
        _ => Sign::Applied,
    };
    scene.overcome(Instant::now(), sign).await;
    let ready = process.await_health("ready", Duration::from_secs(15)).await;
    scene.expect_alone(ready, "it is ready when the registry is back");
    Ok(())
}

/// Known schemas go on; a record of one that is not known waits; nothing is buried. Killed where it is alone; else frozen, which
/// it needs no minute to come back from.
pub async fn down(scene: Scene) -> Result<()> {
    let registry = scene.cluster().registry();
    if !scene.is_alone() {
        scene.began("SIGSTOP");
        registry.freeze()?;
        scene.hold(1_000, 6_000).await;
        registry.thaw()?;
        scene.healed(Sign::Visible);
        return Ok(());
    }
    let letters = topics::count(scene.cluster(), DEAD_LETTERS).await?;
    let unknown = unknown_schema::register(&scene).await?;
    // The registry's own store writes half a second late: what it loses by being killed is not what this is about. And who has
    // just been given partitions has read of each kind by then.
    sleep(Duration::from_secs(2)).await;
    scene.began("SIGKILL");
    registry.kill().await?;
    let since = Instant::now();
    let next = scene.pulse().next_visible(since, Duration::from_secs(10));
    scene.expect_alone(next.await, "known schemas go on");
    unknown.plant(&scene).await?;
    let waits = unknown_schema::until_waiting(&scene, true, WAITS_WITHIN).await;
    scene.expect_alone(waits, "a record of a schema that is not known waits");
    scene.hold(1_000, 4_000).await;
    let more = topics::count(scene.cluster(), DEAD_LETTERS).await? - letters;
    scene.expect(more == 0, || format!("{more} dead letters without the registry"));
    registry.start().await.context("the registry")?;
    scene.overcome(Instant::now(), Sign::Visible).await;
    let goes_on = unknown_schema::until_waiting(&scene, false, WAITS_WITHIN).await;
    scene.expect_alone(goes_on, "it goes on when the registry is back");
    let more = topics::count(scene.cluster(), DEAD_LETTERS).await? - letters;
    scene.expect(more == 0, || {
        format!("{more} dead letters with the registry back")
    });
    Ok(())
}
