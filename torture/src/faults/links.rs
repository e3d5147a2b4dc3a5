//! Links that are slow and lossy, and everything behind the command service gone at once.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;

use super::probing::{check_alive, commands_are_shed};
use super::reads::{self, Kept, Reads};
use super::recovery::Sign;
use super::scene::Scene;
use crate::cluster::{Process, Role, Way};

pub async fn slow(scene: Scene) -> Result<()> {
    let cluster = scene.cluster();
    let delay = scene.span(10, 60);
    let lasting = scene.span(3_000, 6_000);
    let (to_postgres, to_elasticsearch) = match scene.roll(3) {
        0 => (true, false),
        1 => (false, true),
        _ => (true, true),
    };
    scene.began(match (to_postgres, to_elasticsearch) {
        (true, false) => format!("to Postgres, {delay:?} each way"),
        (false, _) => format!("to Elasticsearch, {:?} each way", delay * 4),
        (true, true) => format!("to both, {delay:?} and more each way"),
    });
    if to_postgres {
        cluster.to_postgres().set(Way::Slow(delay));
    }
    if to_elasticsearch {
        cluster.to_elasticsearch().set(Way::Slow(delay * 4));
    }
    if scene.is_alone() {
        let answered = commands_are_shed(&scene, lasting).await;
        scene.expect_alone(answered, "what commands are answered");
        scene.commands_go_on().await;
    } else {
        tokio::time::sleep(lasting).await;
    }
    cluster.to_postgres().set(Way::Open);
    cluster.to_elasticsearch().set(Way::Open);
    scene.healed(Sign::Visible);
    Ok(())
}

/// Kafka, Elasticsearch and the registry: commands go on for as long as it lasts, and queries show what is kept.
pub async fn everything_down(scene: Scene) -> Result<()> {
    let cluster = scene.cluster();
    let gone: Vec<Process> = cluster
        .servers()
        .into_iter()
        .filter(|server| server.name() != cluster.postgres().name())
        .collect();
    let kept = Kept::read(&scene).await?;
    let lasting = scene.longest();
    let since = scene.began(format!("{} servers for {lasting:.0?}", gone.len()));
    try_join_all(gone.iter().map(Process::kill)).await?;
    while since.elapsed() < lasting {
        let asked = Instant::now();
        scene.commands_go_on().await;
        for role in Role::ALL {
            let alive = check_alive(&scene, role).await;
            scene.expect_alone(alive, "every role lives on");
        }
        let left = Duration::from_secs(1).saturating_sub(asked.elapsed());
        let answered = reads::are_answered(&scene, left, Reads::Fail, kept).await;
        scene.expect_alone(answered, "what queries are answered");
    }
    try_join_all(gone.iter().map(Process::start)).await?;
    scene.healed(Sign::Published);
    Ok(())
}
