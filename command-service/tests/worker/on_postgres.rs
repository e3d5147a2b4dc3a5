//! Several workers on a real server.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use command_service::application::ports::{
    CommandOutcome, CommandStatus, CommandStore, EventStore, StreamId,
};
use command_service::outbound::postgres::{PgEventStore, PgLeases, Wakes, Workers};
use command_service::outbound::system::{SystemClock, TimeOrderedIds};
use command_service::worker::{Running, Worker, WorkerSettings};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::script::{Fate, Script, Scripted, queued};
use crate::support::events::new_customer;
use crate::support::{TestDatabase, eventually, unique_id};

struct AtWork {
    stop: CancellationToken,
    task: JoinHandle<()>,
    _thawed: watch::Sender<bool>,
}

struct World {
    database: TestDatabase,
    script: Arc<Script>,
    store: Arc<PgEventStore>,
}

impl World {
    async fn create() -> Self {
        let database = TestDatabase::create().await;
        Self {
            store: Arc::new(PgEventStore::new(database.open(), Wakes::default())),
            script: Arc::default(),
            database,
        }
    }

    fn start(&self, delay: Duration) -> AtWork {
        let settings = WorkerSettings {
            commands_per_bucket: NonZeroUsize::new(10).unwrap(),
            retry_min: Duration::from_millis(20),
            retry_max: Duration::from_millis(40),
            ..WorkerSettings::default()
        };
        let (thawed, frozen) = watch::channel(false);
        let wakes = Wakes::default();
        let database = self.database.open();
        let store = Arc::new(PgEventStore::new(database.clone(), wakes.clone()));
        let scripted = Scripted {
            script: Arc::clone(&self.script),
            store: Arc::clone(&store),
            frozen,
            delay,
        };
        let running = Running::new(
            store,
            scripted,
            Arc::new(SystemClock),
            Arc::new(TimeOrderedIds),
            settings.clone(),
        );
        let leases = PgLeases::<Workers>::new(database, settings.lease_ttl);
        let worker = Worker::new(Arc::new(leases), running, wakes.queue, unique_id(), &settings);
        let stop = CancellationToken::new();
        AtWork {
            task: tokio::spawn(worker.run(stop.clone())),
            stop,
            _thawed: thawed,
        }
    }

    async fn queue(&self, streams: &[StreamId], each: usize) -> Vec<(StreamId, Vec<Uuid>)> {
        let mut all: Vec<_> = streams.iter().map(|stream| (*stream, Vec::new())).collect();
        for _ in 0..each {
            for (stream, commands) in &mut all {
                let command = queued(*stream);
                commands.push(command.command_id);
                self.store.enqueue(command, None).await.unwrap();
            }
        }
        all
    }

    async fn count(&self, what: &str) -> i64 {
        let owner = self.database.as_owner().await;
        let row = owner
            .query_one(&format!("SELECT count(*) FROM {what}"), &[])
            .await;
        row.unwrap().get(0)
    }

    async fn until(&self, what: &str, expected: i64) {
        let condition = format!("{expected} in {what}");
        eventually(&condition, async || self.count(what).await == expected).await;
    }

    async fn drained(&self) {
        self.until("command_queue", 0).await;
    }

    async fn outcome(&self, command: Uuid) -> CommandOutcome {
        match self.store.command(command).await.unwrap().unwrap().status {
            CommandStatus::Decided { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// Each command has one record, they led to the versions in their order, and nothing else was appended.
    async fn all_in_order(&self, all: &[(StreamId, Vec<Uuid>)]) {
        let mut commands = 0;
        for (stream, ids) in all {
            for (id, version) in ids.iter().zip(1..) {
                assert_eq!(self.outcome(*id).await, CommandOutcome::Succeeded { version });
            }
            let read = self.store.read(&[*stream], None).await.unwrap();
            assert_eq!(read[0].version(), ids.len() as u64);
            commands += ids.len() as i64;
        }
        assert_eq!(self.count("commands").await, commands);
    }
}

impl AtWork {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn customers(count: usize) -> Vec<StreamId> {
    (0..count).map(|_| new_customer()).collect()
}

/// The least that one of the workers holds.
const LEAST_HELD: &str = "worker_leases WHERE expires_at > clock_timestamp() AND owner = (SELECT owner FROM worker_leases \
                          WHERE expires_at > clock_timestamp() GROUP BY owner ORDER BY count(*) LIMIT 1)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_the_queue_and_one_that_dies_in_mid_work_is_replaced() {
    let world = World::create().await;
    let first = world.start(Duration::from_millis(5));
    let second = world.start(Duration::from_millis(5));
    world.until(LEAST_HELD, 8).await;
    let queued = world.queue(&customers(40), 6).await;
    second.task.abort();
    assert!(second.task.await.unwrap_err().is_cancelled());
    let died = Instant::now();
    world.drained().await;
    let drained = died.elapsed();
    println!("drained {drained:?} after a worker died");
    assert!(drained < Duration::from_secs(20), "{drained:?}");
    world.all_in_order(&queued).await;
    world.until(LEAST_HELD, 16).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_hands_over_at_once() {
    let world = World::create().await;
    let first = world.start(Duration::from_millis(2));
    let queued = world.queue(&customers(10), 30).await;
    first.stop().await;
    assert_eq!(world.count("worker_leases WHERE owner IS NOT NULL").await, 0);
    let second = world.start(Duration::ZERO);
    world.drained().await;
    second.stop().await;
    world.all_in_order(&queued).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_by_its_own_fault_is_given_up_and_its_successors_run() {
    let world = World::create().await;
    let queued = world.queue(&customers(1), 3).await;
    let (stream, commands) = &queued[0];
    world.script.tell(commands[0], Fate::Fault);
    world.script.tell(commands[1], Fate::Refusal);
    let worker = world.start(Duration::ZERO);
    world.drained().await;
    worker.stop().await;
    assert_eq!(world.script.attempts(commands[0]), 10);
    assert!(matches!(
        world.outcome(commands[0]).await,
        CommandOutcome::Failed { .. }
    ));
    assert!(matches!(
        world.outcome(commands[1]).await,
        CommandOutcome::Refused(_)
    ));
    assert_eq!(
        world.outcome(commands[2]).await,
        CommandOutcome::Succeeded { version: 1 }
    );
    assert_eq!(world.store.read(&[*stream], None).await.unwrap()[0].version(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_waits_is_pending_with_its_error_and_so_is_what_is_behind_it() {
    let world = World::create().await;
    let queued = world.queue(&customers(1), 2).await;
    let commands = &queued[0].1;
    world.script.tell(commands[0], Fate::Conflict);
    let worker = world.start(Duration::ZERO);
    world
        .until("command_queue WHERE attempts > 12 AND faults = 0", 1)
        .await;
    worker.stop().await;
    let first = world.store.command(commands[0]).await.unwrap().unwrap().status;
    assert!(
        matches!(&first, CommandStatus::Pending { attempts: 13.., last_error: Some(error) } if error.contains("changed by others")),
        "{first:?}"
    );
    let second = world.store.command(commands[1]).await.unwrap().unwrap().status;
    assert_eq!(
        second,
        CommandStatus::Pending {
            attempts: 0,
            last_error: None
        }
    );
}
