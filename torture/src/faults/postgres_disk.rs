//! Postgres's disk full, and its fsync failing.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::postgres::away;
use super::recovery::Sign;
use super::scene::Scene;

const NO_SPACE: &str = "No space left on device";
const PANIC: &str = "PANIC:";
const PANIC_WITHIN: Duration = Duration::from_secs(10);
const RECOVERS_WITHIN: Duration = Duration::from_secs(20);

pub async fn full(scene: Scene) -> Result<()> {
    let Some(disk) = scene.cluster().disk() else {
        scene.left_out("this machine mounts no file system of the harness");
        return Ok(());
    };
    let log = scene.cluster().logs().join("postgres.log");
    let refused = times_in(&log, NO_SPACE);
    scene.began("every block taken");
    tokio::task::block_in_place(|| disk.fill())?;
    away(&scene, scene.span(3_000, 6_000), true).await;
    scene.expect(times_in(&log, NO_SPACE) > refused, || {
        "Postgres never lacked space".to_owned()
    });
    tokio::task::block_in_place(|| disk.make_room())?;
    up_again(&scene).await
}

/// Every fsync fails from now on: Postgres may not trust what it has in memory, panics, and recovers from its log.
pub async fn fsync_fails(scene: Scene) -> Result<()> {
    let log = scene.cluster().logs().join("postgres.log");
    let panics = times_in(&log, PANIC);
    let Some(mut strace) = inject(&scene).await? else {
        scene.left_out("strace cannot attach to Postgres here");
        return Ok(());
    };
    let since = scene.began("EIO to every fsync and fdatasync");
    // One is enough: those that come after it would keep Postgres from recovering.
    while times_in(&log, PANIC) == panics && since.elapsed() < PANIC_WITHIN {
        sleep(Duration::from_millis(20)).await;
    }
    let seen = times_in(&log, PANIC) > panics;
    detach(&mut strace).await?;
    scene.expect(seen, || {
        "Postgres did not panic although its fsync failed".to_owned()
    });
    away(&scene, Duration::from_millis(500), false).await;
    up_again(&scene).await
}

/// As whoever keeps servers running would: started where it has ended, else left to recover.
async fn up_again(scene: &Scene) -> Result<()> {
    let postgres = scene.cluster().postgres();
    // The postmaster ends a moment after what it could not recover.
    sleep(Duration::from_millis(200)).await;
    if !postgres.is_running()? || postgres.await_ready(RECOVERS_WITHIN).await.is_err() {
        postgres.kill().await?;
        postgres.start().await?;
    }
    scene.healed(Sign::Write);
    Ok(())
}

async fn inject(scene: &Scene) -> Result<Option<Child>> {
    let family = scene.cluster().postgres().family();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
    command.args(["-e", "inject=fsync,fdatasync:error=EIO"]);
    for pid in &family {
        command.args(["-p", &pid.to_string()]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut strace) = command.spawn() else {
        return Ok(None);
    };
    let pid = strace.id();
    let postmaster = scene
        .cluster()
        .postgres()
        .pid()
        .context("Postgres does not run")?;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(5) {
        if tracer_of(postmaster) == Some(pid) {
            return Ok(Some(strace));
        }
        if strace.try_wait()?.is_some() {
            return Ok(None);
        }
        sleep(Duration::from_millis(10)).await;
    }
    detach(&mut strace).await?;
    Ok(None)
}

/// Told to end, it lets go of those it traces; killed, it would take them along.
async fn detach(strace: &mut Child) -> Result<()> {
    if let Some(process) = stack::ProcessIdentity::of(strace.id()) {
        process.signal(stack::Signal::SIGTERM);
    }
    while strace.try_wait()?.is_none() {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn tracer_of(pid: i32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    line.trim().parse().ok()
}

fn times_in(log: &Path, words: &str) -> usize {
    std::fs::read_to_string(log)
        .map(|text| text.matches(words).count())
        .unwrap_or_default()
}
