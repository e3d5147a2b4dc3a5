//! Relays and workers that start, freeze, wake, stop and die.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use command_service::application::bus::{Answered, CommandBus, CommandError, KeysInFlight, RetryPolicy};
use command_service::application::ports::TakenCommand;
use command_service::application::stored::run_stored;
use command_service::outbound::memory::{CountingIds, ManualClock};
use command_service::relay::{Relay, RelaySettings};
use command_service::sharing::Wake;
use command_service::worker::{RunStored, Running, Worker, WorkerSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::gate::{Gate, Ice, Pool};
use crate::world::World;

pub type Bus = CommandBus<Gate, ManualClock, CountingIds>;

struct StoredCommands(Bus);

impl RunStored for StoredCommands {
    async fn run_stored(&self, taken: &TakenCommand) -> Result<Answered, CommandError> {
        run_stored(&self.0, taken).await
    }
}

pub fn bus(world: &World, store: Arc<Gate>) -> Bus {
    CommandBus::new(
        store,
        Arc::clone(&world.clock),
        Arc::clone(&world.ids),
        RetryPolicy::default(),
        KeysInFlight::default(),
    )
}

/// The place of one process, which is taken by one after another.
pub struct Slot {
    pool: Pool,
    name: String,
    lives: u32,
    alive: Option<Alive>,
}

struct Alive {
    task: JoinHandle<()>,
    stop: CancellationToken,
    ice: Arc<Ice>,
}

impl Slot {
    pub fn new(pool: Pool, at: usize) -> Self {
        Self {
            pool,
            name: format!("{pool:?}-{at}"),
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
        let ice: Arc<Ice> = Arc::default();
        let gate = Arc::new(Gate {
            world: Arc::clone(world),
            name: name.clone(),
            pool: self.pool,
            ice: Arc::clone(&ice),
            leases: Default::default(),
        });
        let owner = Uuid::from_u128(u128::from(world.noted().dice.any()));
        let (wake, stop) = (Arc::new(Wake::default()), CancellationToken::new());
        let stopped = stop.clone();
        let (role, task) = match self.pool {
            Pool::Relays => {
                let relay = Relay::new(
                    Arc::clone(&gate),
                    Arc::clone(&gate),
                    gate,
                    Arc::clone(&wake),
                    owner,
                    &relaying(),
                );
                ("relay", tokio::spawn(relay.run(stopped)))
            }
            Pool::Workers => {
                let running = Running::new(
                    Arc::clone(&gate),
                    StoredCommands(bus(world, Arc::clone(&gate))),
                    Arc::clone(&world.clock),
                    Arc::clone(&world.ids),
                    working(),
                );
                let worker = Worker::new(gate, running, Arc::clone(&wake), owner, &working());
                ("worker", tokio::spawn(worker.run(stopped)))
            }
        };
        world.noted().wakes.push((role, wake));
        world.trace(format!("{name} starts"));
        self.alive = Some(Alive { task, stop, ice });
    }

    /// It is not polled any more. What it has sent may still arrive.
    pub fn kill(&mut self, world: &World) {
        if let Some(alive) = self.alive.take() {
            world.trace(format!("{} dies", self.name));
            alive.task.abort();
        }
    }

    pub fn stop(&mut self, world: &World) {
        if let Some(alive) = &self.alive {
            world.trace(format!("{} is told to stop", self.name));
            alive.stop.cancel();
        }
    }

    pub fn freeze(&mut self, world: &World, frozen: bool) {
        if let Some(alive) = &self.alive
            && alive.ice.is_frozen() != frozen
        {
            world.trace(format!("{} is frozen: {frozen}", self.name));
            alive.ice.set_frozen(frozen);
        }
    }
}

fn some(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// As in service, but for smaller batches, the store's longer leases, and fewer looks at nothing.
fn relaying() -> RelaySettings {
    RelaySettings {
        rows_per_bucket: some(5),
        heartbeat: Duration::from_secs(2),
        lease_ttl: Duration::from_secs(10),
        poll_max: Duration::from_secs(2),
        ..RelaySettings::default()
    }
}

fn working() -> WorkerSettings {
    WorkerSettings {
        lanes: some(4),
        commands_per_bucket: some(4),
        streams_at_once: some(4),
        heartbeat: Duration::from_secs(2),
        lease_ttl: Duration::from_secs(10),
        poll_max: Duration::from_secs(2),
        // No command fails by its own fault: one that is given up is a fault of the service.
        attempts: NonZeroU32::new(3).unwrap(),
        ..WorkerSettings::default()
    }
}
