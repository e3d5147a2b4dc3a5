//! One run: everything that happens follows from its seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use query_service::application::ports::DocumentStore as _;
use read_model::Kind;
use shared_events::AggregateType;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::dice::Dice;
use crate::events::{Told, id};
use crate::process::Slot;
use crate::shop::{ADA, ENGINE, End, expected, order, story};
use crate::world::{Planted, World};

/// What of a run is looked at afterwards.
pub struct Run {
    pub seed: u64,
    pub hash: u64,
    pub trace: Vec<String>,
    pub violations: Vec<String>,
}

/// Within which everything has to come to rest once nothing fails any more.
const REST_WITHIN: Duration = Duration::from_secs(200);

pub fn run(seed: u64, planted: Option<Planted>) -> Run {
    // The pauses after a failure are drawn from it.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let world = runtime.block_on(async {
        let world = Arc::new(World::new(seed, planted));
        whole(&world, seed).await;
        world
    });
    drop(runtime);
    let mut noted = world.noted();
    Run {
        seed,
        hash: noted.hash,
        trace: std::mem::take(&mut noted.trace),
        violations: std::mem::take(&mut noted.violations),
    }
}

async fn whole(world: &Arc<World>, seed: u64) {
    let story = longer_story(seed);
    let mut slots: Vec<Slot> = (0..2 + world.roll(2) as usize).map(Slot::new).collect();
    for slot in &mut slots {
        slot.start(world);
    }
    let mut background = JoinSet::new();
    background.spawn(refresh(Arc::clone(world)));
    background.spawn(answer_requests(Arc::clone(world), story.clone()));
    let mut publishing = JoinSet::new();
    let mut streams: BTreeMap<(AggregateType, Uuid), Vec<Told>> = BTreeMap::new();
    for told in &story {
        let stream = streams.entry((told.event.aggregate(), told.id)).or_default();
        stream.push(told.clone());
    }
    for stream in streams.into_values() {
        publishing.spawn(publish(Arc::clone(world), stream));
    }
    trouble(world, &mut slots).await;
    world.trace("from here on nothing fails".to_owned());
    world.noted().healed = true;
    for slot in &mut slots {
        slot.freeze(world, false);
        slot.start(world);
    }
    let rest = async {
        while publishing.join_next().await.is_some() {}
        while !is_at_rest(world) {
            // Rest is a state of all of it, which nobody announces; simulated time.
            tokio::time::sleep(Duration::from_millis(500)).await;
            for slot in &mut slots {
                slot.start(world);
            }
        }
    };
    if tokio::time::timeout(REST_WITHIN, rest).await.is_err() {
        let waits: Vec<_> = world
            .kinds
            .iter()
            .flat_map(|kind| {
                world
                    .documents(*kind)
                    .into_iter()
                    .map(move |(id, body)| (*kind, id, body))
            })
            .filter(|(.., body)| body.get("waits_since").is_some())
            .map(|(kind, id, body)| format!("{kind} {id} at {}", body["version"]))
            .collect();
        world.violated(format!("no rest within {REST_WITHIN:?}; {waits:?} wait"));
        return;
    }
    compare(world, &story);
    world.assert_all_told();
}

/// The tests' story, with more orders.
fn longer_story(seed: u64) -> Vec<Told> {
    let mut dice = Dice::of(!seed);
    let mut all = story();
    for n in 0..u128::from(dice.roll(6)) {
        let end = dice.one_of(&[
            End::Submitted,
            End::Confirmed,
            End::Delivered,
            End::CancelledUnpaid,
            End::CancelledWhenConfirmed,
        ]);
        all.extend(order(106 + n, end));
    }
    all
}

/// In order, as a relay does; some come again, and some do not come at all but for a later one.
async fn publish(world: Arc<World>, stream: Vec<Told>) {
    for (at, told) in stream.iter().enumerate() {
        // The relay's pace, in simulated time.
        tokio::time::sleep(Duration::from_millis(world.roll(4_000))).await;
        let topic = told.event.aggregate();
        let is_lost = at + 1 < stream.len() && world.roll(100) < 4;
        world.noted().committed.insert((topic, told.id), told.version);
        if is_lost {
            world.trace(format!("{topic} {} {} is lost", told.id, told.version));
            world.noted().gapped.insert((topic, told.id));
        } else {
            world.publish(topic, told.id, Some(told.clone()));
        }
        match world.roll(100) {
            0..3 => world.publish(topic, told.id, None),
            3..15 => {
                let again = world.roll(at as u64 + 1) as usize;
                if !is_lost || again < at {
                    world.publish(topic, told.id, Some(stream[again].clone()));
                }
            }
            _ => {}
        }
    }
}

/// As the command service does, which may be away.
async fn answer_requests(world: Arc<World>, story: Vec<Told>) {
    loop {
        // How long an answer takes, in simulated time.
        tokio::time::sleep(Duration::from_millis(300 + world.roll(1_000))).await;
        let requests = std::mem::take(&mut world.noted().requests);
        for request in requests {
            let is_away = !world.noted().healed && world.roll(3) == 0;
            if is_away || world.planted(Planted::RepairsUnanswered) {
                continue;
            }
            let known = world
                .noted()
                .committed
                .get(&(request.aggregate, request.id))
                .copied();
            let stream = story.iter().filter(|told| {
                (told.event.aggregate(), told.id) == (request.aggregate, request.id)
                    && (request.from_version..=known.unwrap_or(0)).contains(&told.version)
            });
            let mut stream: Vec<Told> = stream.cloned().collect();
            stream.sort_by_key(|told| told.version);
            for told in stream {
                world.publish(request.aggregate, request.id, Some(told));
            }
        }
    }
}

async fn refresh(world: Arc<World>) {
    loop {
        // The store's refresh interval, in simulated time.
        tokio::time::sleep(Duration::from_secs(1)).await;
        for kind in world.kinds.clone() {
            world.stores.queried(kind).refresh().await.expect("memory");
        }
    }
}

/// Processes die, freeze and wake; clocks jump.
async fn trouble(world: &Arc<World>, slots: &mut [Slot]) {
    let (steps, pause) = (8 + world.roll(20), 200 + world.roll(3_000));
    for _ in 0..steps {
        // Between one trouble and the next, in simulated time.
        tokio::time::sleep(Duration::from_millis(world.roll(pause))).await;
        let slot = &mut slots[world.roll(slots.len() as u64) as usize];
        match world.roll(11) {
            0 | 1 => slot.kill(world),
            2 => slot.stop(world),
            3 | 4 => slot.freeze(world, true),
            5 | 6 => slot.freeze(world, false),
            7 => {
                let seconds = world.roll(40) as i64 - 20;
                world.noted().skew = TimeDelta::seconds(seconds);
                world.trace(format!("clocks are {seconds} s ahead"));
            }
            _ => slot.start(world),
        }
    }
}

fn is_at_rest(world: &World) -> bool {
    let level = world.kinds.iter().all(|kind| {
        let partitions = world.noted().groups.get(kind).map(|group| group.partitions());
        let mut partitions = partitions.into_iter().flatten();
        partitions.all(|partition| {
            let end = world.end(partition);
            let noted = world.noted();
            noted
                .groups
                .get(kind)
                .is_some_and(|group| group.committed(partition) == end)
        })
    });
    let waits = |kind: &Kind| {
        let documents = world.documents(*kind);
        documents.values().any(|body| body.get("waits_since").is_some())
    };
    level && !world.kinds.iter().any(waits)
}

/// With a fold of the tests' own.
fn compare(world: &World, story: &[Told]) {
    let expected = expected(story);
    for kind in world.kinds.clone() {
        let found = world.documents(kind);
        let wanted: Vec<Uuid> = expected
            .keys()
            .filter(|(of, _)| *of == kind)
            .map(|(_, id)| *id)
            .collect();
        if found.keys().copied().collect::<Vec<_>>() != wanted {
            world.violated(format!("there are other {kind} than expected"));
        }
        for (id, document) in found {
            let Some(fields) = expected.get(&(kind, id)).and_then(|fields| fields.as_object()) else {
                continue;
            };
            for (name, value) in fields {
                if &document[name] != value {
                    let is = &document[name];
                    world.violated(format!("{kind} {id} {name} is {is}, expected {value}"));
                }
            }
            if kind == Kind::Order {
                let lines = document["items"].as_array().into_iter().flatten();
                let of_it = |line: &&serde_json::Value| line["product_id"] == id_of_engine().as_str();
                for line in lines.filter(of_it) {
                    if line["product_name"] != "Analytical engine" {
                        world.violated(format!("{kind} {id} shows {line}"));
                    }
                }
            }
        }
    }
    for (kind, id) in [(Kind::Customer, id(ADA)), (Kind::Product, id(ENGINE))] {
        let carried = &world.document(kind, id)["propagated_version"];
        if carried != 3 {
            world.violated(format!("the name of {kind} {id} was carried up to {carried}"));
        }
    }
}

fn id_of_engine() -> String {
    id(ENGINE).to_string()
}

/// Runs the seeds from `first` on and answers those whose run violates something, by seed.
pub fn runs(first: u64, count: u64, planted: Option<Planted>) -> Vec<Run> {
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failed = std::thread::scope(|scope| {
        let work = || {
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
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        ended.flatten().collect::<Vec<_>>()
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
        let path = std::env::temp_dir().join(format!("projector-simulation-{}.trace", self.seed));
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
