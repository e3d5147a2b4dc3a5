//! Old and new builds of both services beside each other.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::recovery::Sign;
use super::scene::Scene;
use crate::cluster::{Process, Role};

const END: Duration = Duration::from_secs(40);

/// One replica of each role is of the earlier build for a while, as in a rolling update and the way back from it.
pub async fn mixed(scene: Scene) -> Result<()> {
    let Some(old) = scene.cluster().old_binaries().map(Path::to_owned) else {
        scene.left_out("no earlier build was given (--old-binaries)");
        return Ok(());
    };
    let chosen: Vec<Process> = Role::ALL
        .into_iter()
        .filter_map(|role| scene.cluster().replicas(role).into_iter().nth(scene.roll(2)))
        .collect();
    let new = scene.cluster().binaries().to_owned();
    scene.began(format!("{} replicas of the earlier build", chosen.len()));
    for process in &chosen {
        restart(process, &old).await?;
    }
    let since = Instant::now();
    let next = scene.pulse().next_visible(since, Duration::from_secs(30));
    scene.expect_alone(next.await, "both builds work beside each other");
    scene.hold(1_000, 4_000).await;
    for process in &chosen {
        restart(process, &new).await?;
    }
    scene.healed(Sign::Visible);
    Ok(())
}

async fn restart(process: &Process, binaries: &Path) -> Result<()> {
    process.terminate(END).await?;
    process.change_program(|program| {
        if let Some(name) = program.binary.file_name() {
            program.binary = binaries.join(name);
        }
    });
    process.start().await
}
