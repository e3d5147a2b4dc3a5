//! Projectors that start, freeze, wake, stop and die: a pipeline for each projection, as the service has it, with a
//! simulated consumer in the place of librdkafka's.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use query_service::application::ports::Generations;
use query_service::application::projecting::aside::Aside;
use query_service::application::projecting::gaps::Gaps;
use query_service::application::projecting::patience::Patience;
use query_service::application::projecting::tally::Tally;
use query_service::application::projecting::{
    Acknowledge, Announcing, Incoming, Lanes, Ports, Position, ProjectorSettings, lane,
};
use query_service::inbound::kafka::decoding::{Received, decode, schema_id, undecodable};
use query_service::inbound::kafka::offsets::{Offsets, Partition};
use query_service::outbound::memory::generations::MemoryGenerations;
use read_model::Kind;
use shared_events::WriterSchema;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::group::Member;
use crate::ports::{Process, Stores, Topics};
use crate::record::raw;
use crate::world::{Ends, Planted, Published, SimulatedClock, World};

/// The place of one process, which is taken by one after another.
pub struct Slot {
    name: String,
    lives: u64,
    alive: Option<Alive>,
}

struct Alive {
    process: Arc<Process>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Slot {
    pub fn new(at: usize) -> Self {
        Self {
            name: format!("P{at}"),
            lives: 0,
            alive: None,
        }
    }

    /// Unless there is one.
    pub fn start(&mut self, world: &Arc<World>) {
        if self.alive.as_ref().is_some_and(|alive| !alive.task.is_finished()) {
            return;
        }
        self.lives += 1;
        let name = format!("{}.{}", self.name, self.lives);
        world.trace(format!("{name} starts"));
        let process = Arc::new(Process::new(Arc::clone(world), name));
        let stop = CancellationToken::new();
        let mut pipelines = JoinSet::new();
        for kind in &world.kinds {
            let pipeline = Pipeline::new(Arc::clone(&process), *kind);
            pipelines.spawn(pipeline.run(stop.clone()));
        }
        let task = tokio::spawn(async move { while pipelines.join_next().await.is_some() {} });
        self.alive = Some(Alive { process, stop, task });
    }

    pub fn kill(&mut self, world: &World) {
        if let Some(alive) = self.alive.take() {
            world.trace(format!("{} dies", alive.process.name));
            alive.task.abort();
        }
    }

    pub fn stop(&self, world: &World) {
        if let Some(alive) = &self.alive {
            world.trace(format!("{} is told to stop", alive.process.name));
            alive.stop.cancel();
        }
    }

    pub fn freeze(&self, world: &World, frozen: bool) {
        if let Some(alive) = &self.alive
            && alive.process.is_frozen() != frozen
        {
            world.trace(format!("{} is frozen: {frozen}", alive.process.name));
            alive.process.set_frozen(frozen);
        }
    }
}

/// What is done and may be committed.
#[derive(Default)]
struct Standing {
    offsets: Mutex<Offsets>,
    stored: Mutex<BTreeMap<Partition, i64>>,
}

impl Acknowledge for Standing {
    fn done(&self, positions: &[Position]) {
        let moved = self.offsets.lock().expect("no panic").done(positions);
        self.stored.lock().expect("no panic").extend(moved);
    }
}

struct Pipeline {
    process: Arc<Process>,
    kind: Kind,
    member: Member,
    standing: Arc<Standing>,
    /// The next offset to read of each partition that it has.
    next: BTreeMap<Partition, i64>,
}

impl Pipeline {
    fn new(process: Arc<Process>, kind: Kind) -> Self {
        let member = process.world.noted().dice.any();
        Self {
            process,
            kind,
            member,
            standing: Arc::default(),
            next: BTreeMap::new(),
        }
    }

    fn world(&self) -> &Arc<World> {
        &self.process.world
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        let settings = settings();
        let (abandon, gaps_stopped) = (CancellationToken::new(), CancellationToken::new());
        let clock = Arc::new(SimulatedClock(Arc::clone(self.world())));
        let announcing = Arc::new(Announcing::default());
        announcing.set_queried(true);
        let generation = MemoryGenerations::first(self.kind);
        let topics = || Arc::new(Topics(Arc::clone(&self.process), self.kind));
        let ports = Ports {
            generation,
            tally: Arc::new(Tally::new(generation)),
            generations: Arc::new(Stores(Arc::clone(&self.process))),
            announcing: Arc::clone(&announcing),
            dead_letters: topics(),
            changes: topics(),
            acknowledge: Arc::clone(&self.standing),
        };
        let patience = Patience::new(&settings, abandon.clone(), clock.clone());
        let lanes = lane::start(&settings, &ports, &mut tasks, &patience);
        let looking = Patience::new(&settings, gaps_stopped.clone(), clock);
        let gaps = Gaps::new(
            generation,
            Arc::new(Generations::store(&*ports.generations, generation)),
            Topics(Arc::clone(&self.process), self.kind),
            topics(),
            Aside::new(
                &settings,
                generation,
                &ports.generations,
                &ports.changes,
                &announcing,
                &looking,
            ),
            looking,
            settings.clone(),
        );
        drop(ports);
        let (standing, kind) = (Arc::clone(&self.standing), self.kind);
        let first = (kind.aggregate(), 0);
        let ours = move || !kind.is_create_only() && standing.offsets.lock().expect("no panic").has(first);
        let mut looking = JoinSet::new();
        looking.spawn(gaps.run(ours, gaps_stopped.clone()));

        stop.run_until_cancelled(self.read(&lanes)).await;
        gaps_stopped.cancel();
        while looking.join_next().await.is_some() {}
        drop(lanes);
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(settings.shutdown_grace, ended)
            .await
            .is_err()
        {
            abandon.cancel();
            while tasks.join_next().await.is_some() {}
        }
        self.commit(None).await;
        self.world()
            .noted()
            .groups
            .entry(self.kind)
            .or_default()
            .leave(self.member);
    }

    async fn read(&mut self, lanes: &Lanes) {
        let mut rounds = 0_u64;
        loop {
            let pause = Duration::from_millis(20 + self.world().roll(300));
            self.process.pause(pause).await;
            rounds += 1;
            self.join().await;
            if rounds.is_multiple_of(4) {
                self.commit(None).await;
            }
            for incoming in self.fetch() {
                let lane = match &incoming {
                    Incoming::Event(record) => lanes.of(record.target),
                    Incoming::Undecodable { position, .. } | Incoming::Ignored(position) => {
                        position.partition.unsigned_abs() as usize % lanes.len()
                    }
                };
                let queue = lanes.queue(lane);
                let Ok(room) = queue.room_for(incoming.bytes()).await else {
                    return;
                };
                if queue.push(vec![incoming], room).is_err() {
                    return;
                }
            }
        }
    }

    /// Says that it lives, and takes part in what moves.
    async fn join(&mut self) {
        let had: Vec<Partition> = self.next.keys().copied().collect();
        let world = Arc::clone(self.world());
        let now = world.elapsed();
        let turn = world
            .noted()
            .groups
            .entry(self.kind)
            .or_default()
            .turn(self.member, now, &had);
        if turn.fenced {
            for partition in had {
                self.lose(partition);
            }
        }
        for partition in turn.give_up {
            self.commit(Some(partition)).await;
            self.lose(partition);
            let mut noted = world.noted();
            let group = noted.groups.entry(self.kind).or_default();
            group.given_up(self.member, partition);
        }
        for (partition, committed) in turn.assigned {
            let name = &self.process.name;
            let from = match world.planted(Planted::ResumesBehindOthers) {
                true => world.noted().groups.entry(self.kind).or_default().read(partition),
                false => committed,
            };
            world.trace(format!("{name} {}: {partition:?} from {from}", self.kind));
            self.standing.offsets.lock().expect("no panic").assign(partition);
            self.next.insert(partition, from);
        }
    }

    fn lose(&mut self, partition: Partition) {
        self.standing.offsets.lock().expect("no panic").revoke(partition);
        self.standing.stored.lock().expect("no panic").remove(&partition);
        self.next.remove(&partition);
    }

    /// What is done, of one partition or all. What does not arrive is committed with what comes next, or read again.
    async fn commit(&self, only: Option<Partition>) {
        let world = self.world();
        let stored: Vec<(Partition, i64)> = {
            let stored = self.standing.stored.lock().expect("no panic");
            let all = stored.iter().map(|(partition, next)| (*partition, *next));
            all.filter(|(partition, _)| only.is_none_or(|only| only == *partition))
                .collect()
        };
        for (partition, next) in stored {
            let fate = world.fate();
            self.process.pause(fate.before).await;
            if matches!(fate.ends, Ends::Unsent | Ends::Partly) {
                continue;
            }
            let before = {
                let mut noted = world.noted();
                let group = noted.groups.entry(self.kind).or_default();
                group.commit(self.member, partition, next)
            };
            if let Some(before) = before {
                let name = &self.process.name;
                world.trace(format!(
                    "{name} {} commits {partition:?} {before}..{next}",
                    self.kind
                ));
                world.passed(self.kind, partition, before, next);
            }
        }
    }

    fn fetch(&mut self) -> Vec<Incoming> {
        let world = Arc::clone(&self.process.world);
        let mut all = Vec::new();
        for (partition, next) in &mut self.next {
            let most = world.roll(20) as usize;
            let records: Vec<Published> = {
                let noted = world.noted();
                let records = noted.topics.get(partition).into_iter().flatten();
                let unread = records.filter(|record| record.offset >= *next);
                unread.take(most).cloned().collect()
            };
            for record in records {
                *next = record.offset + 1;
                let begun =
                    self.standing
                        .offsets
                        .lock()
                        .expect("no panic")
                        .begin(*partition, record.offset, 0);
                let Some(position) = begun else { continue };
                if world.planted(Planted::CommitsEarly) {
                    self.standing.done(&[position]);
                }
                all.push(self::decoded(self.kind, position, record));
            }
            let mut noted = world.noted();
            let group = noted.groups.entry(self.kind).or_default();
            group.has_read(*partition, *next);
        }
        all
    }
}

fn decoded(kind: Kind, position: Position, record: Published) -> Incoming {
    let event_type = record.told.as_ref().map(|told| told.event.event_type());
    let received = Received {
        position,
        raw: raw(position.topic, record.told),
    };
    match schema_id(&received.raw) {
        Err(error) => undecodable(received, error),
        Ok(_) => {
            let schema = WriterSchema::of_type(event_type.expect("framed")).expect("of this build");
            decode(kind, received, schema)
        }
    }
}

fn settings() -> ProjectorSettings {
    let few = |count| NonZeroUsize::new(count).expect("some");
    ProjectorSettings {
        batch_records: few(8),
        // Small enough to fill, and to forget.
        lane_queue_bytes: 24 * 1024,
        recent_documents_bytes: 16 * 1024,
        renaming_page: few(2),
        retry_max: Duration::from_secs(2),
        gap_check: Duration::from_secs(2),
        repair_longest: Duration::from_secs(8),
        ..ProjectorSettings::default()
    }
}
