//! The worker over the ports in memory, with commands that fail when told to and workers that freeze.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use command_service::application::ports::{
    BUCKETS, CommandOutcome, CommandQueue, CommandStatus, CommandStore, Lease, Leases, StoreError, StreamId,
};
use command_service::outbound::bucket::bucket_of;
use command_service::outbound::memory::{CountingIds, ManualClock, MemoryLeases, MemoryStore};
use command_service::sharing::Wake;
use command_service::worker::{Running, Worker, WorkerSettings};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::script::{Fate, Script, Scripted, in_the_same_bucket, many_looks, queued, thawed, up_to};
use crate::support::events::new_customer;
use crate::support::{eventually, unique_id};

const LEASE_TIME: TimeDelta = TimeDelta::seconds(10);

/// The leases as one worker sees them: nothing answers while it is frozen.
struct View {
    leases: Arc<MemoryLeases>,
    frozen: watch::Receiver<bool>,
}

impl Leases for View {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        thawed(&self.frozen).await;
        self.leases.balance(owner, busy).await
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        self.leases.release(owner).await
    }

    async fn reserve(&self, owner: Uuid, buckets: &[u16]) -> Result<Vec<Lease>, StoreError> {
        self.leases.reserve(owner, buckets).await
    }

    async fn give_back(&self, owner: Uuid, buckets: &[u16]) -> Result<(), StoreError> {
        self.leases.give_back(owner, buckets).await
    }
}

struct World {
    script: Arc<Script>,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    leases: Arc<MemoryLeases>,
}

struct AtWork {
    wake: Arc<Wake>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    freeze: watch::Sender<bool>,
}

impl AtWork {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn settings() -> WorkerSettings {
    WorkerSettings {
        heartbeat: Duration::from_millis(20),
        poll_min: Duration::from_millis(1),
        poll_max: Duration::from_millis(5),
        back_off_min: Duration::from_millis(1),
        back_off_max: Duration::from_millis(10),
        // On the store's clock, unlike all others.
        retry_min: Duration::from_secs(1),
        retry_max: Duration::from_secs(4),
        attempts: NonZeroU32::new(3).unwrap(),
        command_deadline: Duration::from_secs(20),
        stop_timeout: Duration::from_millis(200),
        ..WorkerSettings::default()
    }
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self {
            script: Arc::default(),
            store: Arc::new(MemoryStore::new(Arc::clone(&clock))),
            leases: Arc::new(MemoryLeases::new(Arc::clone(&clock), LEASE_TIME)),
            clock,
        }
    }

    fn start(&self, delay: Duration, settings: &WorkerSettings) -> AtWork {
        let (freeze, frozen) = watch::channel(false);
        let wake = Arc::new(Wake::default());
        let stop = CancellationToken::new();
        let scripted = Scripted {
            script: Arc::clone(&self.script),
            store: Arc::clone(&self.store),
            frozen: frozen.clone(),
            delay,
        };
        let running = Running::new(
            Arc::clone(&self.store),
            scripted,
            Arc::clone(&self.clock),
            Arc::new(CountingIds::default()),
            settings.clone(),
        );
        let leases = View {
            leases: Arc::clone(&self.leases),
            frozen,
        };
        let worker = Worker::new(
            Arc::new(leases),
            running,
            Arc::clone(&wake),
            unique_id(),
            settings,
        );
        AtWork {
            wake,
            task: tokio::spawn(worker.run(stop.clone())),
            stop,
            freeze,
        }
    }

    fn start_worker(&self) -> AtWork {
        self.start(Duration::ZERO, &settings())
    }

    /// Queues as many commands; answers their ids, in order.
    async fn queue(&self, stream: StreamId, count: usize) -> Vec<Uuid> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let command = queued(stream);
            ids.push(command.command_id);
            self.store.enqueue(command, None).await.unwrap();
        }
        ids
    }

    /// Waits until nothing is queued, while the store's clock goes on.
    async fn drained(&self) {
        eventually("the queue is empty", async || {
            self.clock.advance(TimeDelta::milliseconds(20));
            self.store.queued().is_empty()
        })
        .await;
    }

    /// The version that each command has led to: the order in which they were decided.
    fn versions(&self, commands: &[Uuid]) -> Vec<u64> {
        let outcomes = commands.iter().map(|id| self.store.command(*id).unwrap().outcome);
        outcomes
            .map(|outcome| match outcome {
                CommandOutcome::Succeeded { version } => version,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn is_decided(&self, command: Uuid) -> bool {
        self.store.command(command).is_some()
    }
}

#[tokio::test]
async fn what_is_queued_is_run_in_order_and_leaves_the_queue() {
    let world = World::new();
    let worker = world.start_worker();
    let mut streams = Vec::new();
    for _ in 0..30 {
        streams.push((new_customer(), Vec::new()));
    }
    for _ in 0..3 {
        for (stream, commands) in &mut streams {
            commands.extend(world.queue(*stream, 3).await);
        }
    }
    world.drained().await;
    worker.stop().await;
    for (stream, commands) in streams {
        assert_eq!(world.versions(&commands), up_to(9));
        assert_eq!(world.store.events(stream).len(), 9);
    }
}

#[tokio::test]
async fn more_than_a_batch_is_run_batch_after_batch() {
    let world = World::new();
    let few = WorkerSettings {
        commands_per_bucket: NonZeroUsize::new(3).unwrap(),
        streams_at_once: NonZeroUsize::new(1).unwrap(),
        ..settings()
    };
    let (one, other) = (new_customer(), new_customer());
    let (ones, others) = (world.queue(one, 40).await, world.queue(other, 40).await);
    let worker = world.start(Duration::ZERO, &few);
    world.drained().await;
    worker.stop().await;
    assert_eq!(world.versions(&ones), up_to(40));
    assert_eq!(world.versions(&others), up_to(40));
}

#[tokio::test]
async fn a_stream_waits_behind_its_first_failure_and_others_of_its_bucket_go_on() {
    let world = World::new();
    let failing = new_customer();
    let other = in_the_same_bucket(failing);
    let commands = world.queue(failing, 3).await;
    world.script.tell(commands[1], Fate::Unavailable);
    let others = world.queue(other, 3).await;
    let worker = world.start_worker();
    eventually("the others are decided", async || {
        others.iter().all(|id| world.is_decided(*id)) && world.script.attempts(commands[1]) > 0
    })
    .await;
    many_looks().await;
    assert!(world.is_decided(commands[0]));
    assert_eq!(world.script.attempts(commands[1]), 1, "not before it is due");
    assert_eq!(world.script.attempts(commands[2]), 0);
    for waiting in &commands[1..] {
        let status = CommandStore::command(&*world.store, *waiting)
            .await
            .unwrap()
            .unwrap()
            .status;
        assert!(matches!(status, CommandStatus::Pending { .. }), "{status:?}");
    }
    world.script.heal();
    let late = world.queue(failing, 1).await;
    world.drained().await;
    worker.stop().await;
    assert_eq!(world.versions(&[&commands[..], &late].concat()), up_to(4));
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_tried_less_and_less_often_and_for_ever() {
    let world = World::new();
    let command = world.queue(new_customer(), 1).await[0];
    let conflicting = world.queue(new_customer(), 1).await[0];
    world.script.tell(command, Fate::Unavailable);
    world.script.tell(conflicting, Fate::Conflict);
    let worker = world.start_worker();
    // Pauses are between a half and all of 1, 2, 4, 4, 4 seconds.
    for (attempt, pause) in [(1, 1000), (2, 2000), (3, 4000), (4, 4000), (5, 4000)] {
        eventually("it was tried again", async || {
            world.script.attempts(command) == attempt && world.script.attempts(conflicting) == attempt
        })
        .await;
        many_looks().await;
        world.clock.advance(TimeDelta::milliseconds(pause / 2 - 1));
        many_looks().await;
        assert_eq!(
            world.script.attempts(command),
            attempt,
            "not within half of {pause} ms"
        );
        world.clock.advance(TimeDelta::milliseconds(pause / 2 + 1));
    }
    assert!(!world.is_decided(command) && !world.is_decided(conflicting));
    world.script.heal();
    world.drained().await;
    worker.stop().await;
}

#[tokio::test]
async fn what_fails_by_its_own_fault_is_given_up_and_its_successors_run() {
    for fate in [Fate::Fault, Fate::Panic] {
        let world = World::new();
        let stream = new_customer();
        let commands = world.queue(stream, 3).await;
        // That the store did not answer does not count.
        world.script.tell(commands[0], Fate::Unavailable);
        let worker = world.start_worker();
        eventually("the store was silent often enough", async || {
            world.clock.advance(TimeDelta::milliseconds(20));
            world.script.attempts(commands[0]) == 4
        })
        .await;
        many_looks().await;
        world.script.tell(commands[0], fate);
        world.drained().await;
        worker.stop().await;
        assert_eq!(world.script.attempts(commands[0]), 7);
        let record = world.store.command(commands[0]).unwrap();
        assert_eq!(record.command_type, "rename-customer");
        assert_eq!(record.stream, stream);
        let detail = "the command failed".to_owned();
        assert_eq!(record.outcome, CommandOutcome::Failed { detail });
        assert_eq!(world.versions(&commands[1..]), [1, 2]);
    }
}

#[tokio::test]
async fn a_refusal_is_an_outcome() {
    let world = World::new();
    let commands = world.queue(new_customer(), 2).await;
    world.script.tell(commands[0], Fate::Refusal);
    let worker = world.start_worker();
    world.drained().await;
    worker.stop().await;
    assert_eq!(world.script.attempts(commands[0]), 1);
    let outcome = world.store.command(commands[0]).unwrap().outcome;
    assert!(matches!(outcome, CommandOutcome::Refused(_)), "{outcome:?}");
    assert_eq!(world.versions(&commands[1..]), [1]);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_given_up_for_now() {
    let world = World::new();
    let commands = world.queue(new_customer(), 2).await;
    world.script.tell(commands[0], Fate::Hang);
    let impatient = WorkerSettings {
        command_deadline: Duration::from_millis(10),
        ..settings()
    };
    let worker = world.start(Duration::ZERO, &impatient);
    eventually("it was tried more often than a fault would be", async || {
        world.clock.advance(TimeDelta::milliseconds(100));
        world.script.attempts(commands[0]) > 4
    })
    .await;
    assert!(!world.is_decided(commands[0]));
    world.script.heal();
    world.drained().await;
    worker.stop().await;
    assert_eq!(world.versions(&commands), [1, 2]);
}

#[tokio::test]
async fn what_is_decided_elsewhere_only_leaves_the_queue() {
    let world = World::new();
    let stream = new_customer();
    let commands = world.queue(stream, 2).await;
    // Decided, with its row left behind.
    let buckets: Vec<u16> = (0..BUCKETS).collect();
    let taken = world.store.take(&buckets, 1).await.unwrap();
    let mut elsewhere = crate::support::events::append(stream, 0, 1);
    elsewhere.command.command_id = taken[0].command.command_id;
    command_service::application::ports::EventStore::commit(&*world.store, elsewhere)
        .await
        .unwrap();
    let worker = world.start_worker();
    world.drained().await;
    worker.stop().await;
    assert_eq!(world.versions(&commands), [1, 2]);
    assert_eq!(world.store.events(stream).len(), 2);
}

#[tokio::test]
async fn a_wake_is_enough() {
    let world = World::new();
    let patient = WorkerSettings {
        poll_min: Duration::from_secs(60),
        poll_max: Duration::from_secs(60),
        ..settings()
    };
    let worker = world.start(Duration::ZERO, &patient);
    eventually("it holds its buckets", async || worker.wake.held() != 0).await;
    many_looks().await;
    let stream = new_customer();
    let commands = world.queue(stream, 1).await;
    many_looks().await;
    assert!(!world.is_decided(commands[0]));
    worker.wake.committed(bucket_of(stream.id));
    world.drained().await;
    worker.stop().await;
}

#[tokio::test]
async fn who_dies_is_replaced_once_its_leases_run_out() {
    let world = World::new();
    let first = world.start(Duration::from_millis(5), &settings());
    let stream = new_customer();
    let commands = world.queue(stream, 20).await;
    eventually("it is in mid-work", async || world.is_decided(commands[3])).await;
    first.task.abort();
    assert!(first.task.await.unwrap_err().is_cancelled());
    let second = world.start_worker();
    world.clock.advance(LEASE_TIME + TimeDelta::seconds(1));
    world.drained().await;
    second.stop().await;
    assert_eq!(world.versions(&commands), up_to(20));
}

#[tokio::test]
async fn who_stops_finishes_its_batch_and_gives_its_buckets_back() {
    let world = World::new();
    let commands = world.queue(new_customer(), 2).await;
    let worker = world.start(Duration::from_millis(30), &settings());
    eventually("a batch is in work", async || world.script.all_attempts() > 0).await;
    worker.stop().await;
    assert_eq!(world.versions(&commands), [1, 2]);
    let successor = world.leases.balance(unique_id(), &[]).await.unwrap();
    assert_eq!(successor.len(), usize::from(BUCKETS));
}

#[tokio::test]
async fn a_worker_that_freezes_in_mid_batch_does_no_harm_when_it_wakes() {
    for frozen_at in 0..6 {
        let world = World::new();
        let stream = new_customer();
        let before = world.queue(stream, 6).await;
        let sleeper = world.start(Duration::from_millis(2), &settings());
        eventually("it is in mid-work", async || {
            world.script.attempts(before[frozen_at]) > 0
        })
        .await;
        sleeper.freeze.send(true).unwrap();
        world.clock.advance(LEASE_TIME + TimeDelta::seconds(1));
        let successor = world.start_worker();
        let after = world.queue(stream, 3).await;
        world.drained().await;
        let later = world.queue(stream, 3).await;
        sleeper.freeze.send(false).unwrap();
        world.drained().await;
        sleeper.stop().await;
        successor.stop().await;
        assert_eq!(world.versions(&[before, after, later].concat()), up_to(12));
        assert_eq!(world.store.events(stream).len(), 12, "one outcome each");
    }
}
