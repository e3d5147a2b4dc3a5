//! One run: everything that happens follows from its seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clients::{Client, apis};
use crate::gate::Pool;
use crate::processes::Slot;
use crate::world::{Planted, World};

/// What of a run is looked at afterwards.
pub struct Run {
    pub seed: u64,
    pub hash: u64,
    pub trace: Vec<String>,
    pub violations: Vec<String>,
}

/// Within which everything has to come to rest once nothing fails any more. Leases and pauses are shorter, and so is what
/// a jump of the clock adds to them.
const REST_WITHIN: Duration = Duration::from_secs(300);

pub fn run(seed: u64, planted: Option<Planted>) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let world = runtime.block_on(async {
        let world = Arc::new(World::new(seed, planted));
        whole(&world).await;
        world
    });
    drop(runtime);
    let hash = world.hash();
    let mut noted = world.noted();
    Run {
        seed,
        hash,
        trace: std::mem::take(&mut noted.trace),
        violations: std::mem::take(&mut noted.violations),
    }
}

async fn whole(world: &Arc<World>) {
    let mut slots: Vec<Slot> = [
        (Pool::Relays, world.roll(2) + 2),
        (Pool::Workers, world.roll(2) + 2),
    ]
    .into_iter()
    .flat_map(|(pool, count)| (0..count as usize).map(move |at| Slot::new(pool, at)))
    .collect();
    for slot in &mut slots {
        slot.start(world);
    }
    let clients: Vec<Arc<Client>> = (0..u128::from(3 + world.roll(6)))
        .map(|at| Arc::new(Client::new(at)))
        .collect();
    let apis = apis(world);
    let mut work = JoinSet::new();
    for client in &clients {
        work.spawn(Arc::clone(client).work(Arc::clone(world), apis.clone()));
    }
    trouble(world, &mut slots).await;
    world.trace("from here on nothing fails".to_owned());
    {
        let mut noted = world.noted();
        noted.healed = true;
        noted.broker_is_up = true;
    }
    for slot in &mut slots {
        slot.freeze(world, false);
        slot.start(world);
    }
    let rest = async {
        while let Some(ended) = work.join_next().await {
            ended.unwrap();
        }
        while !world.unpublished().await.is_empty() || !world.store.queued().is_empty() {
            // Rest is a state of all of it, which nobody announces; simulated time.
            tokio::time::sleep(Duration::from_millis(200)).await;
            // Who was told to stop has stopped by now.
            for slot in &mut slots {
                slot.start(world);
            }
        }
    };
    if tokio::time::timeout(REST_WITHIN, rest).await.is_err() {
        let (rows, commands) = (world.unpublished().await.len(), world.store.queued().len());
        world.violated(format!(
            "no rest within {REST_WITHIN:?}: {rows} rows and {commands} commands are left"
        ));
        return;
    }
    let streams: Vec<_> = clients.iter().map(|client| client.stream).collect();
    world.check_topic(&streams);
    for client in &clients {
        client.check(world);
    }
}

/// Processes die, freeze and wake, the broker comes and goes, the store's clock jumps.
async fn trouble(world: &Arc<World>, slots: &mut [Slot]) {
    let (steps, pause) = (10 + world.roll(30), 100 + world.roll(2_500));
    for _ in 0..steps {
        tokio::time::sleep(Duration::from_millis(world.roll(pause))).await;
        let slot = &mut slots[world.roll(slots.len() as u64) as usize];
        match world.roll(12) {
            0 | 1 => slot.kill(world),
            2 => slot.stop(world),
            3 | 4 => slot.freeze(world, true),
            5 | 6 => slot.freeze(world, false),
            7 => world.jump(),
            8 => {
                let up = world.roll(3) > 0;
                world.noted().broker_is_up = up;
                world.trace(format!("the broker is up: {up}"));
            }
            _ => slot.start(world),
        }
    }
}

/// Runs the seeds from `first` on and answers those whose run violates something, by seed.
pub fn runs(first: u64, count: u64, planted: Option<Planted>) -> Vec<Run> {
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= first + count {
                            return failed;
                        }
                        let run = run(seed, planted);
                        if !run.violations.is_empty() {
                            failed.push(run);
                        }
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    failed.sort_by_key(|run| run.seed);
    failed
}

impl Run {
    /// For a person: where it went wrong, and what led there.
    pub fn told(&self) -> String {
        let first = self.trace.iter().position(|line| line.contains("VIOLATED"));
        let until = first.map_or(self.trace.len(), |at| at + 1);
        let from = until.saturating_sub(150);
        let path = std::env::temp_dir().join(format!("simulation-{}.trace", self.seed));
        let whole = match std::fs::write(&path, self.trace.join("\n")) {
            Ok(()) => path.display().to_string(),
            Err(error) => format!("nowhere: {error}"),
        };
        format!(
            "seed {} violates: {:#?}\n{}\nThe whole trace of {} lines is in {whole}; again with SEED={}",
            self.seed,
            self.violations,
            self.trace[from..until].join("\n"),
            self.trace.len(),
            self.seed,
        )
    }
}
