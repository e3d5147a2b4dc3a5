//! Replicas of the services killed, frozen and told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::join_all;
use tokio::time::sleep;
use uuid::Uuid;

use super::probing::Answered;
use super::recovery::{RECOVERY, Sign};
use super::scene::Scene;
use super::topics;
use crate::cluster::{Process, Role, Way};

/// A point that is passed under load is passed within this.
const POINT_WITHIN: Duration = Duration::from_secs(5);
/// What `shutdown.drain_delay` gives balancers, less what a busy machine takes of it.
const NOTICE: Duration = Duration::from_millis(500);
/// As the run sets it.
const DRAIN_DELAY: Duration = Duration::from_secs(2);
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);
/// Two lanes, each with a batch of one bucket in work.
const BATCHES_OF_A_RELAY: usize = 2 * 500;
const END: Duration = Duration::from_secs(40);

pub async fn command_api_killed(scene: Scene) -> Result<()> {
    let (replica, process) = a_replica(&scene, Role::CommandApi)?;
    let points = ["append::before_commit", "append::after_commit"];
    die_at(&scene, &process, &points).await?;
    let other = 1 - replica;
    let next = scene
        .pulse()
        .next_write_at(other, Instant::now(), Duration::from_secs(5));
    scene.expect_alone(next.await, "the other replica takes commands");
    start_again(&scene, &process, Sign::WriteAt(replica)).await
}

pub async fn relay_killed_before_mark(scene: Scene) -> Result<()> {
    let (_, process) = a_replica(&scene, Role::Relay)?;
    let before = ends_where_alone(&scene).await?;
    let died = die_at(&scene, &process, &["relay::after_acknowledged"]).await?;
    taken_over(&scene, died, Sign::Published).await;
    if let Some(before) = before {
        let again = topics::sent_again(scene.cluster(), before).await?;
        scene.expect(
            (1..=BATCHES_OF_A_RELAY).contains(&again.events) && again.most == 2,
            || format!("of what was acknowledged and not marked, this was sent again: {again:?}"),
        );
    }
    start_again(&scene, &process, Sign::Published).await
}

pub async fn relay_frozen(scene: Scene) -> Result<()> {
    let (_, process) = a_replica(&scene, Role::Relay)?;
    let before = ends_where_alone(&scene).await?;
    let since = scene.began(process.name());
    process.freeze()?;
    if scene.is_alone() {
        let taken = buckets_taken_over(&scene, since).await;
        scene.expect_alone(taken, "the other relay takes every bucket");
    }
    taken_over(&scene, since, Sign::Published).await;
    // Longer than its leases live, so that it wakes up believing in leases that others hold.
    scene.hold(2_000, 4_000).await;
    process.thaw()?;
    scene.healed(Sign::Published);
    let awake = process.await_health("live", Duration::from_secs(10)).await;
    scene.expect_alone(awake, "the relay that woke up goes on");
    if let Some(before) = before {
        let drained = Sign::Published.seen(scene.cluster(), scene.pulse(), Instant::now(), RECOVERY);
        scene.expect_alone(drained.await, "both relays publish on");
        let again = topics::sent_again(scene.cluster(), before).await?;
        scene.expect(again.events <= BATCHES_OF_A_RELAY && again.most <= 2, || {
            format!("the relay that woke up was not fenced, this was sent again: {again:?}")
        });
    }
    Ok(())
}

pub async fn worker_killed(scene: Scene) -> Result<()> {
    let (_, process) = a_replica(&scene, Role::Worker)?;
    let points = [
        "worker::after_taking",
        "worker::before_commit",
        "worker::after_commit",
    ];
    let died = die_at(&scene, &process, &points).await?;
    taken_over(&scene, died, Sign::Worked).await;
    start_again(&scene, &process, Sign::Worked).await
}

pub async fn projector_killed(scene: Scene) -> Result<()> {
    let (_, process) = a_replica(&scene, Role::Projector)?;
    die_at(
        &scene,
        &process,
        &["projector::after_bulk", "projector::after_told"],
    )
    .await?;
    scene.hold(0, 1_500).await;
    start_again(&scene, &process, Sign::Applied).await
}

pub async fn projector_frozen(scene: Scene) -> Result<()> {
    let (_, process) = a_replica(&scene, Role::Projector)?;
    let members = match scene.is_alone() {
        true => topics::members(scene.cluster()).await?.len(),
        false => 0,
    };
    scene.began(process.name());
    process.freeze()?;
    // Past its session of six seconds: others have its partitions when it wakes.
    scene.hold(7_500, 9_500).await;
    if scene.is_alone() {
        let left = topics::members(scene.cluster()).await?.len();
        scene.expect(left < members, || {
            format!("{left} members are left of {members}: its session did not end")
        });
    }
    let since = Instant::now();
    process.thaw()?;
    scene.healed_at(since, Sign::Applied);
    let awake = process.await_health("live", Duration::from_secs(10)).await;
    scene.expect_alone(awake, "the projector that woke up goes on");
    Ok(())
}

pub async fn query_api_killed(scene: Scene) -> Result<()> {
    let (replica, process) = a_replica(&scene, Role::QueryApi)?;
    scene.began(process.name());
    process.kill().await?;
    let url = format!("{}/v1/orders?limit=1", scene.cluster().query_apis()[1 - replica]);
    let answer = scene.probes().get(&url).await?;
    if scene.is_alone() {
        scene.expect(answer.status == 200, || {
            format!("the other replica answered {answer:?}")
        });
    }
    scene.hold(200, 2_000).await;
    start_again(&scene, &process, Sign::VisibleAt(replica)).await
}

/// One replica of any role is told to end while requests come in: it says so first, finishes what it has, and ends with 0.
pub async fn sigterm_under_load(scene: Scene) -> Result<()> {
    let role = *scene.one_of(&Role::ALL)?;
    let (replica, process) = a_replica(&scene, role)?;
    let told = Arc::new(AtomicBool::new(false));
    let clients = join_all((0..6).map(|_| requests_until_told(&scene, &process, role, told.clone())));
    let ending = async {
        sleep(Duration::from_millis(300)).await;
        scene.began(process.name());
        let ending = process.clone();
        let ended = tokio::spawn(async move { ending.terminate(END).await });
        let since = Instant::now();
        let turned = readiness_turns(&scene, role, replica).await;
        // Balancers look elsewhere from here on.
        sleep(NOTICE.saturating_sub(since.elapsed())).await;
        told.store(true, Ordering::Relaxed);
        let (late, ended) = tokio::join!(a_long_request(&scene, &process, role, since), ended);
        (turned, late, ended)
    };
    let (results, (turned, late, ended)) = tokio::join!(clients, ending);
    scene.expect_alone(turned, "readiness turns before the end");
    scene.expect_alone(
        late,
        "a request that lasts longer than the drain delay is finished",
    );
    for result in results {
        scene.expect_alone(result, "a request in flight is finished");
    }
    let status = ended??;
    scene.expect(status.success(), || {
        format!("{} ended with {status}", process.name())
    });
    let sign = match role {
        Role::CommandApi => Sign::WriteAt(replica),
        Role::Relay => Sign::Published,
        Role::Worker => Sign::Work,
        Role::QueryApi => Sign::VisibleAt(replica),
        Role::Projector => Sign::Applied,
    };
    start_again(&scene, &process, sign).await
}

async fn readiness_turns(scene: &Scene, role: Role, replica: usize) -> Result<()> {
    let process = scene
        .cluster()
        .replicas(role)
        .get(replica)
        .cloned()
        .context("no such replica")?;
    let url = format!("{}/health/ready", process.address());
    let since = Instant::now();
    loop {
        let answer = scene
            .probes()
            .get(&url)
            .await
            .context("it went away without a word")?;
        if answer.status == 503 {
            return Ok(());
        }
        ensure!(
            since.elapsed() < Duration::from_secs(5),
            "still ready: {answer:?}"
        );
        sleep(Duration::from_millis(10)).await;
    }
}

/// One that is in work when the listener closes, and is answered all the same.
async fn a_long_request(scene: &Scene, process: &Process, role: Role, told_to_end: Instant) -> Result<()> {
    let base = process.address();
    let answer = match role {
        Role::CommandApi => {
            let postgres = scene.cluster().to_postgres();
            postgres.set(Way::Slow(Duration::from_millis(500)));
            let answer = scene.probes().command(&base).await;
            postgres.set(Way::Open);
            answer?
        }
        Role::QueryApi => {
            let nobody = Uuid::new_v5(&Uuid::NAMESPACE_OID, base.as_bytes());
            let token = format!("product:{nobody}:1");
            let url = format!("{base}/v1/products/{nobody}");
            let headers = [("Consistency-Token", token.as_str()), ("Prefer", "wait=3")];
            scene.probes().get_with(&url, &headers).await?
        }
        Role::Relay | Role::Worker | Role::Projector => return Ok(()),
    };
    ensure!(
        told_to_end.elapsed() > DRAIN_DELAY,
        "it was answered before: {answer:?}"
    );
    is_an_answer(&answer)
}

/// What clients are promised, and nothing that a process says because it ends.
fn is_an_answer(answer: &Answered) -> Result<()> {
    match answer.status {
        503 => answer.check_unavailable(),
        status => {
            ensure!(status < 500, "{answer:?}");
            Ok(())
        }
    }
}

/// Each request on a connection of its own; every one that is sent is answered.
async fn requests_until_told(
    scene: &Scene,
    process: &Process,
    role: Role,
    told: Arc<AtomicBool>,
) -> Result<()> {
    let base = process.address();
    while !told.load(Ordering::Relaxed) {
        let answer = match role {
            Role::CommandApi => scene.probes().command(&base).await?,
            Role::QueryApi => scene.probes().get(&format!("{base}/v1/orders?limit=3")).await?,
            _ => scene.probes().get(&format!("{base}/health/live")).await?,
        };
        is_an_answer(&answer)?;
    }
    Ok(())
}

fn a_replica(scene: &Scene, role: Role) -> Result<(usize, Process)> {
    let replicas = scene.cluster().replicas(role);
    let number = scene.roll(replicas.len());
    let replica = replicas.into_iter().nth(number).context("no such replica")?;
    Ok((number, replica))
}

/// Has the process die at one of its fail points; where none is passed in time, it is killed wherever it is. Tells when.
async fn die_at(scene: &Scene, process: &Process, points: &[&str]) -> Result<Instant> {
    let point = *scene.one_of(points)?;
    let url = format!("{}/test/failpoints/{point}", process.address());
    // Not always at the first pass: what is in work then differs.
    let action = *scene.one_of(&["1*return", "30%return", "10%return"])?;
    let set = scene.probes().put(&url, action).await?;
    if !matches!(set, 200 | 204) {
        bail!(
            "the build of {} has no fail points: {url} answered {set}",
            process.name()
        );
    }
    scene.began(format!("{} at {point} ({action})", process.name()));
    let mut ended = process.await_end(POINT_WITHIN).await;
    if ended.is_err() && scene.is_alone() {
        scene.probes().put(&url, "1*return").await?;
        ended = process.await_end(POINT_WITHIN).await;
    }
    if ended.is_err() {
        scene.began(format!("{} killed, {point} was not passed", process.name()));
        process.kill().await?;
        scene.expect_alone(ended, "the point is passed");
    }
    Ok(Instant::now())
}

/// Until one relay holds every bucket, by the leases.
async fn buckets_taken_over(scene: &Scene, since: Instant) -> Result<()> {
    let database = scene.cluster().database().await?;
    loop {
        let row = database
            .query_one(
                "SELECT count(*), count(*) FILTER (WHERE owner IS NOT NULL AND expires_at > clock_timestamp()),
                        count(DISTINCT owner)
                 FROM relay_leases",
                &[],
            )
            .await?;
        let (all, held, owners): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        if held == all && owners == 1 {
            return Ok(());
        }
        ensure!(
            since.elapsed() < TAKEN_OVER_WITHIN,
            "{held} of {all} buckets are held, by {owners}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// What is published from now on can be told from what was before, where no other fault has a part in it.
async fn ends_where_alone(scene: &Scene) -> Result<Option<topics::Ends>> {
    match scene.is_alone() {
        true => topics::ends(scene.cluster()).await.map(Some),
        false => Ok(None),
    }
}

/// The other replica does the work of the one that is gone: nobody has to help. Measured from the moment it went.
async fn taken_over(scene: &Scene, since: Instant, sign: Sign) {
    if scene.is_alone() {
        let seen = sign
            .seen(scene.cluster(), scene.pulse(), since, TAKEN_OVER_WITHIN)
            .await;
        scene.taken_over(seen.as_ref().ok().copied());
        scene.expect_alone(seen, "the other replica takes over");
    }
}

/// As whoever keeps processes running would.
async fn start_again(scene: &Scene, process: &Process, sign: Sign) -> Result<()> {
    scene.hold(0, 500).await;
    let since = Instant::now();
    process.start().await?;
    scene.healed_at(since, sign);
    Ok(())
}
