//! Postgres killed, frozen, and cut off: commands are answered 503 as promised, and go on by themselves.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::probing::commands_are_shed;
use super::recovery::Sign;
use super::scene::Scene;
use crate::cluster::Way;

pub async fn killed(scene: Scene) -> Result<()> {
    let postgres = scene.cluster().postgres();
    scene.began("SIGKILL to every process of it");
    postgres.kill().await?;
    away(&scene, scene.span(1_000, 4_000), true).await;
    postgres.start().await?;
    scene.healed(Sign::Write);
    Ok(())
}

pub async fn frozen(scene: Scene) -> Result<()> {
    let postgres = scene.cluster().postgres();
    // As long as the promise says: by its name, and else now and then where it is alone.
    let lasting = match scene.roll(8) {
        _ if scene.longest() > Duration::from_secs(30) => Duration::from_secs(30),
        0 if scene.is_alone() => Duration::from_secs(30),
        _ => scene.span(5_000, 8_000),
    };
    scene.began(format!("for {lasting:.1?}"));
    postgres.freeze()?;
    away(&scene, lasting, true).await;
    postgres.thaw()?;
    scene.healed(Sign::Write);
    Ok(())
}

pub async fn connections_cut(scene: Scene) -> Result<()> {
    let proxy = scene.cluster().to_postgres();
    scene.began("every connection after 100 ms");
    proxy.set(Way::CutEvery(Duration::from_millis(100)));
    // Some commands get through between two cuts.
    away(&scene, scene.span(2_000, 5_000), false).await;
    proxy.set(Way::Open);
    scene.healed(Sign::Write);
    Ok(())
}

/// For `lasting`, commands are shed as promised. `wholly`: none can be done, so that some must be shed.
pub(super) async fn away(scene: &Scene, lasting: Duration, wholly: bool) {
    if !scene.is_alone() {
        sleep(lasting).await;
        return;
    }
    match commands_are_shed(scene, lasting).await {
        Ok(shed) => scene.expect(shed || !wholly, || {
            "no command was answered 503 while the database was away".to_owned()
        }),
        Err(error) => scene.expect_alone(Err::<(), _>(error), "what commands are answered"),
    }
}
